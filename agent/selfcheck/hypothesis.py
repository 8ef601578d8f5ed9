"""One mistake, and how the readings would look without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.selfcheck.numbers import Key, Series
from drivers.profiles import Register
from drivers.vocabulary import vocabulary


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """cost: how much less likely than a usual slip, in units of one confirming relation."""

    cause: str
    device: str
    quantities: tuple[str, ...]
    text: str
    cost: float
    series: Mapping[Key, Series]
    rows: Mapping[Key, Register] = field(default_factory=dict)
    tag: str = ""  # hypotheses with one tag are variants of one mistake
    option: str = ""  # stands in the text where OPTIONS is, together with those of its variants
    factor: float = 1.0  # by which all series were multiplied, and their resolution with them


def scaled(column: Series, factor: float) -> Series:
    return [None if value is None else value * factor for value in column]


def counts(row: Register) -> bool:
    return vocabulary()[row.name].kind == "counter"

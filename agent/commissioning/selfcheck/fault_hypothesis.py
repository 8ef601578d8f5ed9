"""A possible mistake, and the readings as they would be without it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from agent.commissioning.selfcheck.decoding import Key, Series
from drivers.profiles import Register
from drivers.reasons import Reason
from drivers.vocabulary import vocabulary


class Hypothesis(Struct, frozen=True):
    """One possible mistake.

    reason: the likely cause that is reported when the hypothesis is the best.
    quantities: those of the device that the mistake makes wrong.
    cost: how much less likely it is than a common mistake, in units of one confirming relation.
    series: the readings without the mistake.
    rows: the registers without the mistake, where they differ.
    tag: hypotheses with the same tag are variants of one mistake; their `corrections` are reported together.
    factor: factor of all series, and of their resolution.
    """

    reason: Reason
    quantities: tuple[str, ...]
    cost: float
    series: Mapping[Key, Series]
    rows: Mapping[Key, Register] = field(default_factory=dict)
    tag: str = ""
    factor: float = 1.0

    @property
    def device(self) -> str:
        return str(self.reason.data["device"])

    @property
    def variant_of(self) -> tuple[str, ...]:
        """A key that is equal for variants of one mistake."""
        return (self.tag,) if self.tag else (self.reason.code, self.device, *self.quantities)


def scaled(column: Series, factor: float) -> Series:
    return [None if value is None else value * factor for value in column]


def counts(row: Register) -> bool:
    return vocabulary()[row.name].kind == "counter"

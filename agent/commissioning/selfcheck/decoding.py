"""Convert words of registers to values, and series of values to one value."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable

from agent.commissioning.selfcheck.register_reader import Memory, words_of
from drivers.profiles import Register
from drivers.registers import decode
from drivers.vocabulary import vocabulary

Key = tuple[str, str]  # device, quantity
Series = list[float | None]


def median(column: Iterable[float | None]) -> float | None:
    numbers = [value for value in column if value is not None]
    return statistics.median(numbers) if numbers else None


def number_of(row: Register, memory: Memory, rating_kw: float | None) -> float | None:
    """The value of a register in the memory; None without one, and for texts."""
    words = words_of(memory, row)
    if words is None or row.type == "string":
        return None
    scale_word = None
    if row.scale_from and row.scale_from.offset is None:
        scale_word = memory.get((row.function, row.scale_from.address))
    value = decode(row, words, rating_kw, scale_word=scale_word, verified=True)[0]
    return float(value) if isinstance(value, int | float) else None


def decade_of(row: Register, memory: Memory, rating_kw: float | None) -> float:
    """The present power of ten in the scale register, computed from the value of a raw 1."""
    start = row.address + row.at
    ones = {(row.function, start + k): 0 for k in range(row.own_words)}
    ones[row.function, start + (row.own_words - 1 if row.big_words_first else 0)] = 1
    one, plain = number_of(row, memory | ones, rating_kw), row.scale_for(rating_kw)
    return math.log10(abs((one - row.offset) / plain)) if one is not None and plain and one != row.offset else 0.0


def is_measured(name: str) -> bool:
    return vocabulary()[name].kind in ("gauge", "setting")

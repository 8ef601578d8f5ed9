"""Values that a register of a profile can hold, computed independently of the code that encodes and decodes them."""

from __future__ import annotations

import math

from drivers.profiles import Profile, Register
from drivers.vocabulary import vocabulary

RATING_KW = 55.0
EXPONENT = {"exponent": -1, "decimals": -2}


def exponents(profile: Profile) -> dict[tuple[int, int], int]:
    rows = [row for row in profile.registers if row.scale_from]
    return {(row.function, row.scale_from.address): EXPONENT[row.scale_from.kind] for row in rows if row.scale_from}


def step_of(row: Register) -> float:
    """Value of one count."""
    if row.parts:
        return min(part.scale for part in row.parts)
    scale = row.scale_for(RATING_KW)
    assert scale is not None
    return scale * 10 ** EXPONENT[row.scale_from.kind] if row.scale_from else scale


def raw_range(row: Register) -> tuple[float, float]:
    if row.parts:
        return 0, 999 * max(part.scale for part in row.parts) / step_of(row)
    if row.type[0] == "f":
        return -1e7, 1e7
    if row.mask is not None:
        return 0, row.mask // (row.mask & -row.mask)
    bits = min(16 * row.own_words, 48)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if row.type[0] == "i" else (0, 2**bits - 1)
    if row.full_scale is not None:
        low, high = max(low, 1 - row.full_scale), min(high, row.full_scale - 1)
    if row.invalid_high_word is not None:
        high = min(high, row.invalid_high_word * 65536 - 1)
    return low, high


def example(row: Register, share: float) -> float:
    """A value that the register can hold and that is plausible for the quantity. share: 0 lowest, 1 highest."""
    quantity, step = vocabulary()[row.name], step_of(row)
    low, high = row.window or (quantity.low, quantity.high)
    least, most = raw_range(row)
    ends = sorted((least * step + row.offset, most * step + row.offset))
    low = ends[0] if low is None else max(ends[0], low)
    high = ends[1] if high is None else min(ends[1], high)
    raw = (low + (high - low) * share - row.offset) / step
    whole = math.ceil(raw) if share < 0.5 else math.floor(raw)
    if whole in row.invalid:
        whole += 1 if share < 0.5 else -1
    return (whole if row.type[0] in "iu" else raw) * step + row.offset

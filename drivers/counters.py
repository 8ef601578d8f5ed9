"""What a counter did between two readings: went on, went round, or began anew. Pure functions of the two values."""

from __future__ import annotations

import math
from dataclasses import dataclass

from drivers.profiles import Register

_MANTISSA = {"f32": 24, "f64": 53}


@dataclass(frozen=True, slots=True)
class Step:
    """kind: increment | wrap | reset | jump. grown: what was counted meanwhile, never negative.

    After a reset `grown` is only what was counted since; before it some may be lost. A jump is more than can be
    true (a counter was set or a meter exchanged): nothing is counted.
    """

    kind: str
    grown: float


def step(before: float, after: float, wraps_at: float | None = None, most: float = math.inf) -> Step:
    """From one reading of a counter to the next, both in its unit.

    wraps_at: where it starts again at 0 (`Register.wraps_at`); None when it is not known or the counter is a float.
    most: the largest growth that can be true, such as rated power times the time between; without it a counter is
    taken to have gone round when that means less than half of its range.
    """
    if after >= before:
        return Step("increment", after - before) if after - before <= most else Step("jump", 0.0)
    if wraps_at is not None and before < wraps_at:
        grown = after + wraps_at - before
        if grown <= (most if most < math.inf else wraps_at / 2):
            return Step("wrap", grown)
    return Step("reset", after if after <= most else 0.0)


def resolution(row: Register, value: float, rating_kw: float | None = None) -> float:
    """The least change that the register can show at that value, in its unit; NaN where the scale is not known.

    Floats lose resolution as they grow: a float32 in Wh counts single Wh up to 16.8 MWh only, then 2, 4 … Wh.
    """
    scale = min((part.scale for part in row.parts), default=0.0) or row.scale_for(rating_kw)
    if scale is None or row.scale_from:
        return math.nan
    if row.type not in _MANTISSA:
        return abs(scale)
    raw = abs((value - row.offset) / scale)
    exponent = math.frexp(raw)[1] if raw else -125
    return abs(scale) * math.ldexp(1.0, exponent - _MANTISSA[row.type])

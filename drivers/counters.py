"""Change of a counter register between two readings: increment, wrap-around, reset or jump. Pure functions."""

from __future__ import annotations

import math

from msgspec import Struct

from drivers.profiles import Register

_MANTISSA = {"f32": 24, "f64": 53}


class RegisterStep(Struct, frozen=True):
    """Change of a counter between two readings.

    kind: increment | wrap | reset | jump. A jump is an implausible change (counter preset, meter replaced).
    grown: counted amount in the unit of the counter, never negative. After a reset: only the amount since the reset;
        the amount before it is unknown. After a jump: 0.
    """

    kind: str
    grown: float


def step(before: float, after: float, wraps_at: float | None = None, most: float = math.inf) -> RegisterStep:
    """The change from `before` to `after`, both in the unit of the counter.

    wraps_at: value at which the counter starts again at 0 (`Register.wraps_at`); None if unknown or a float.
    most: largest plausible change, for example rated power times elapsed time. Without it, a decrease counts as a
        wrap-around if the resulting change is less than half of the range.
    """
    if after >= before:
        return RegisterStep("increment", after - before) if after - before <= most else RegisterStep("jump", 0.0)
    if wraps_at is not None and before < wraps_at:
        grown = after + wraps_at - before
        if grown <= (most if most < math.inf else wraps_at / 2):
            return RegisterStep("wrap", grown)
    return RegisterStep("reset", after if after <= most else 0.0)


def resolution(row: Register, value: float, rating_kw: float | None = None) -> float:
    """Smallest change that the register can represent at `value`, in its unit; NaN if the scale is unknown.

    rating_kw: rated power of the drive, for scales that depend on it; None if unknown.
    The resolution of floats decreases with the value: a float32 in Wh counts 1 Wh up to 16.8 MWh, then 2, 4 … Wh.
    """
    scale = min((part.scale for part in row.parts), default=0.0) or row.scale_for(rating_kw)
    if scale is None or row.scale_from:
        return math.nan
    if row.type not in _MANTISSA:
        return abs(scale)
    raw = abs((value - row.offset) / scale)
    exponent = math.frexp(raw)[1] if raw else -125
    return abs(scale) * math.ldexp(1.0, exponent - _MANTISSA[row.type])

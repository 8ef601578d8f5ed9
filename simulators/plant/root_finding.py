"""Root of a scalar function."""

from __future__ import annotations

from collections.abc import Callable


def root(f: Callable[[float], float], low: float, high: float, *, width: float, enough: float) -> float:
    """Return a point between low and high where |f| ≤ enough, or where the bracket is no wider than `width`.

    Regula falsi in the Illinois form, with bisection every fourth step: a fifth of the evaluations of bisection alone.
    Raises ValueError if f has the same sign at both ends.
    """
    f_low, f_high = f(low), f(high)
    if f_low * f_high > 0:
        raise ValueError(f"no change of sign between {low} and {high}")
    side, middle = 0, low
    for number in range(400):
        middle = high - f_high * (high - low) / (f_high - f_low) if number % 4 != 3 else (low + high) / 2
        value = f(middle)
        if abs(value) <= enough or high - low <= width:
            break
        if (value > 0) == (f_low > 0):
            low, f_low = middle, value
            f_high, side = (f_high / 2 if side == 1 else f_high), 1
        else:
            high, f_high = middle, value
            f_low, side = (f_low / 2 if side == -1 else f_low), -1
    return middle

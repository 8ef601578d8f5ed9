"""One root of one function."""

from __future__ import annotations

from collections.abc import Callable


def root(f: Callable[[float], float], low: float, high: float, *, width: float, enough: float) -> float:
    """A point between low and high where |f| ≤ enough, or where the bracket is no wider than `width`.

    f must differ in sign at the ends. Bisection that guesses along the secant (Illinois form of regula falsi), with a
    plain halving every fourth time: a fifth of the calls of bisection alone.
    """
    f_low, f_high = f(low), f(high)
    if f_low * f_high > 0:
        raise ValueError(f"no change of sign between {low} and {high}")
    kept, middle = 0, low
    for number in range(400):
        middle = high - f_high * (high - low) / (f_high - f_low) if number % 4 != 3 else (low + high) / 2
        value = f(middle)
        if abs(value) <= enough or high - low <= width:
            break
        if (value > 0) == (f_low > 0):
            low, f_low = middle, value
            f_high, kept = (f_high / 2 if kept == 1 else f_high), 1
        else:
            high, f_high = middle, value
            f_low, kept = (f_low / 2 if kept == -1 else f_low), -1
    return middle

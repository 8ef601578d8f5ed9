"""Random series: autocorrelated influences, and levels that are held for a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def ornstein_uhlenbeck(rng: np.random.Generator, n: int, step_s: float, decay_s: float) -> Array:
    """Stationary series of n steps with standard deviation 1 and autocorrelation exp(−lag / decay_s)."""
    kept = float(np.exp(-step_s / decay_s))
    shocks = (rng.standard_normal(n) * np.sqrt(1 - kept * kept)).tolist()
    value, found = float(rng.standard_normal()), []
    for shock in shocks:
        value = kept * value + shock
        found.append(value)
    return np.array(found)


def held_levels(
    rng: np.random.Generator, n: int, hold: tuple[int, int], draw: Callable[[np.random.Generator], float], grid: int = 1
) -> Array:
    """Levels that are constant for a time, n steps.

    hold: shortest and longest time in steps (log-uniform).
    draw: returns the next level.
    grid: every change is at a multiple of this number of steps.
    """
    found, at = np.empty(n), 0
    while at < n:
        steps = np.exp(rng.uniform(np.log(hold[0]), np.log(hold[1])))
        end = at + max(grid, round(steps / grid) * grid)
        found[at:end] = draw(rng)
        at = end
    return found


def first_order(x: Array, step_s: float, constant_s: float) -> Array:
    """Response of a first-order element with this time constant; it starts in equilibrium."""
    share = 1 - float(np.exp(-step_s / constant_s))
    value, found = float(x[0]), []
    for target in x.tolist():
        value += share * (target - value)
        found.append(value)
    return np.array(found)

"""Slowly varying random values."""

from __future__ import annotations

import math
from random import Random


class RandomWalk:
    """Ornstein-Uhlenbeck process of mean 0, smoothed by a first-order lag so that it has no steps.

    sigma: standard deviation before the lag, exact for any step width: two half steps have the statistics of one.
        The lag is not exact: in steps well below it the standard deviation is σ·√(τ/(τ + lag)), in steps well above
        it has no effect.
    tau_s: time constant of the process, seconds.
    lag_s: time constant of the lag, seconds.
    """

    def __init__(self, rng: Random, sigma: float, tau_s: float, lag_s: float = 0.0) -> None:
        self._rng, self._sigma, self._tau_s, self._lag_s = rng, sigma, tau_s, lag_s
        self._raw = rng.gauss(0, sigma)
        self.value = self._raw

    def step(self, dt_s: float) -> float:
        keep = math.exp(-dt_s / self._tau_s)
        self._raw = self._raw * keep + self._rng.gauss(0, self._sigma * math.sqrt(1 - keep**2))
        stay = math.exp(-dt_s / self._lag_s) if self._lag_s else 0.0
        self.value = self.value * stay + self._raw * (1 - stay)
        return self.value


def soft_limit(value: float, low: float, high: float) -> float:
    """Return the value limited smoothly to (low, high); almost unchanged near the middle."""
    middle, half = (low + high) / 2, (high - low) / 2
    return middle + half * math.tanh((value - middle) / half)

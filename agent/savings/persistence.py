"""How long residuals hang together, and so how few independent ones they are worth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LAGS_FROM = 200  # residuals, from which longer lags than the first are asked
LAST_LAG = 8  # of n, that the longest lag reaches; as many independent ones are left of any n
LAGS, TIMES = 24, 60  # tried, each evenly in its logarithm
TIME_LEAST, TIME_MOST = 0.4, 6  # intervals at least, a sixth of n at most, in which the slow part decays to 1/e
ROUNDS = 4  # of finding its share, which the loss of the mean depends on


class Slow(NamedTuple):
    """share: of the variance, at lag 0. time: in intervals, in which it decays to 1/e."""

    share: float
    time: float

    @property
    def tau(self) -> float:
        """1 + 2·Σ c·φᵏ over all lags k from 1."""
        phi = np.exp(-1 / self.time)
        return float(1 + 2 * self.share * phi / (1 - phi))


def persistence(left: Array) -> tuple[float, float]:
    """Lag-1 correlation of residuals, and by how much it lessens their number: (1+ρ)/(1−ρ), at least 1.

    What is partly white and partly slow hangs together for longer than its first lag tells: then τ is that of the slow
    part that fits all lags best, where that is larger. At most n/8: no fewer than eight independent ones are believed
    in, for their own number could not be told any more.
    """
    n = len(left)
    if n < 4 or float(np.ptp(left)) < 1e-9 * (1 + float(np.abs(left).max())):
        return 0.0, 1.0
    apart = min(np.ptp(left[1:]), np.ptp(left[:-1])) > 1e-9 * np.ptp(left)  # not where only an end differs
    rho = float(np.corrcoef(left[1:], left[:-1])[0, 1]) if apart else 0.0
    held = min(max(rho, 0.0), 0.99)
    tau = (1 + held) / (1 - held)
    if n >= LAGS_FROM and held > 3 / np.sqrt(n):
        tau = max(tau, slow_part(left).tau)
    return rho, max(min(tau, n / LAST_LAG), 1.0)


def slow_part(left: Array) -> Slow:
    """ρₖ = c·φᵏ, the correlogram of an AR(1) seen through white noise (an ARMA(1,1)), by least squares over lags up to
    n/8 [M: Box and Jenkins].

    The mean of the residuals is zero, so their own correlogram lies too low by the variance of that mean, τ/n: it
    shows (c·φᵏ − τ/n)/(1 − τ/n) [M: Kendall 1954]. Without it a memory of days would not be seen in two weeks.
    """
    n = len(left)
    lags = np.unique(np.geomspace(1, n // LAST_LAG, LAGS).round().astype(int))
    around = left - left.mean()
    seen = np.array([around[k:] @ around[:-k] for k in lags]) / (around @ around)
    times = np.geomspace(TIME_LEAST, n / TIME_MOST, TIMES)
    phi = np.exp(-1 / times)
    decay, sums = phi[:, None] ** lags, 2 * phi / (1 - phi)
    weight = (decay**2).sum(axis=1)
    share = np.clip(decay @ seen / weight, 0, 1)
    for _ in range(ROUNDS):
        lost = ((1 + share * sums) / n)[:, None]
        share = np.clip((decay * (seen * (1 - lost) + lost)).sum(axis=1) / weight, 0, 1)
    lost = ((1 + share * sums) / n)[:, None]
    missed = (((share[:, None] * decay - lost) / (1 - lost) - seen) ** 2).sum(axis=1)
    best = int(missed.argmin())
    return Slow(float(share[best]), float(times[best]))

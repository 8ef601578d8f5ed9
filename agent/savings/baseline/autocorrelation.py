"""Autocorrelation of residuals: their equivalent number of independent samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LAGS_FROM = 200  # residuals from which lags above the first are used
LAST_LAG = 8  # n divided by the longest lag; also the smallest number of independent samples
LAGS, TIMES = 24, 60  # tried, in logarithmic steps
# Shortest time, and n divided by the longest time, in which the slow component decays to 1/e
TIME_LEAST, TIME_MOST = 0.4, 6
# Relative excess of the squared error of a component that fits as well: 50 times its time over the length of the data.
# With AR(1) and white noise of 16 days U95 of a difference then covers in 95 % at 50 h, and in 89 % without it.
DOUBT, DOUBT_MOST = 50.0, 5.0
ROUNDS = 4  # iterations of its share, which depends on the bias


class SlowComponent(NamedTuple):
    """The slow component of residuals.

    share: of the variance, at lag 0.
    time: in intervals, in which its correlation decays to 1/e.
    """

    share: float
    time: float

    @property
    def tau(self) -> float:
        """1 + 2·Σ c·φᵏ over all lags k from 1."""
        phi = np.exp(-1 / self.time)
        return float(1 + 2 * self.share * phi / (1 - phi))


def autocorrelation_of(residuals: Array) -> tuple[float, float]:
    """Lag-1 autocorrelation of residuals, and the factor τ by which it reduces their number: (1+ρ)/(1−ρ), at least 1.

    Residuals that are partly white and partly slow are correlated for longer than lag 1 indicates: then τ is that of
    the slow component that fits all lags best, if that is larger. At most n/8: with fewer than eight independent
    samples their number could not be estimated.
    """
    n = len(residuals)
    if n < 4 or float(np.ptp(residuals)) < 1e-9 * (1 + float(np.abs(residuals).max())):
        return 0.0, 1.0
    apart = min(np.ptp(residuals[1:]), np.ptp(residuals[:-1])) > 1e-9 * np.ptp(residuals)  # not if only one end differs
    rho = float(np.corrcoef(residuals[1:], residuals[:-1])[0, 1]) if apart else 0.0
    rho_used = min(max(rho, 0.0), 0.99)
    tau = (1 + rho_used) / (1 - rho_used)
    if n >= LAGS_FROM and rho_used > 3 / np.sqrt(n):
        tau = max(tau, slow_component(residuals).tau)
    return rho, max(min(tau, n / LAST_LAG), 1.0)


def slow_component(residuals: Array) -> SlowComponent:
    """ρₖ = c·φᵏ, the correlogram of an AR(1) with white noise (an ARMA(1,1)), by least squares over lags up to n/8
    [M: Box and Jenkins].

    The mean of the residuals is zero, so their correlogram is biased by the variance of that mean, τ/n: it is
    (c·φᵏ − τ/n)/(1 − τ/n) [M: Kendall 1954]. Without this correction, a correlation time of days is not
    detected in two weeks of data. The longer it is, the fewer periods of it the data contain, and the less
    certain the correlogram is: of the components that fit almost as well as the best, the one with the largest τ
    counts.
    """
    n = len(residuals)
    lags = np.unique(np.geomspace(1, n // LAST_LAG, LAGS).round().astype(int))
    centred = residuals - residuals.mean()
    correlogram = np.array([centred[k:] @ centred[:-k] for k in lags]) / (centred @ centred)
    times = np.geomspace(TIME_LEAST, n / TIME_MOST, TIMES)
    phi = np.exp(-1 / times)
    decay, sums = phi[:, None] ** lags, 2 * phi / (1 - phi)
    weight = (decay**2).sum(axis=1)
    share = np.clip(decay @ correlogram / weight, 0, 1)
    for _ in range(ROUNDS):
        bias = ((1 + share * sums) / n)[:, None]
        share = np.clip((decay * (correlogram * (1 - bias) + bias)).sum(axis=1) / weight, 0, 1)
    bias = ((1 + share * sums) / n)[:, None]
    errors = (((share[:, None] * decay - bias) / (1 - bias) - correlogram) ** 2).sum(axis=1)
    best = int(errors.argmin())
    doubt = min(DOUBT * float(times[best]) / n, DOUBT_MOST)
    alike = np.flatnonzero(errors <= (1 + doubt) * errors[best])
    longest = int(max(alike, key=lambda k: share[k] * sums[k]))
    return SlowComponent(float(share[longest]), float(times[longest]))

"""Demand: the largest mean power of a month, of measured energy or of an adjusted baseline."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from agent.config.tariff import DemandCharge

STEPS_PER_SIGMA = 20  # of the scatter: rounding of the windows and of the integral; 0.05 σ
BELOW, ABOVE = 5.0, 7.0  # limits of the integral around the largest window, in σ: Φ(−5) = 3e-7


class BilledInterval(NamedTuple):
    """One interval of a bill.

    start_ms: UTC. wh, varh: active and reactive energy; varh None: unknown. length_s: its length.
    """

    start_ms: int
    wh: float
    varh: float | None
    length_s: int = 900


class Scatter(NamedTuple):
    """Scatter of measured intervals around a model.

    wh: standard deviation of one interval. length_s: its length. correlation: with the next interval, lag 1.
    """

    wh: float
    length_s: int
    correlation: float


class Demand(NamedTuple):
    """The demand of a month.

    kw: largest mean power; kVA for a charge per kVA.
    u95_kw: U95 by the scatter; 0 for measured energy.
    start_ms, end_ms: the averaging window with the largest mean power.
    """

    kw: float
    u95_kw: float
    start_ms: int
    end_ms: int


def demand_of(charge: DemandCharge, rows: Sequence[BilledInterval], scatter: Scatter | None = None) -> Demand | None:
    """The demand of the complete averaging windows; None without any.

    scatter: of a model. The largest of many measured values includes the largest of their deviations. A model gives
        mean values, whose largest is lower; with scatter, kw is the expected largest value of intervals that deviate
        from the model. Correlated normal deviations have a lower largest value than independent ones (Slepian 1962
        [M]), and a higher one than one independent value in (1+ρ)/(1−ρ) windows: kw is in the middle, and
        u95_kw contains half the distance. None: the rows are measured.
    Reactive energy counts for a charge per kVA only; unknown reactive energy counts as 0.
    A window of which an interval is missing does not count. An interval longer than the window is its own window.
    """
    windows: dict[tuple[int, int], list[float]] = {}
    for start_ms, wh, varh, length_s in rows:
        size_s = max(charge.window_s, length_s)
        sums = windows.setdefault((start_ms // (1000 * size_s), size_s), [0.0, 0.0, 0.0])
        for k, part in enumerate((wh, varh or 0.0, length_s)):
            sums[k] += part
    powers = {
        (number * size_s * 1000, size_s): (math.hypot(wh, varh) if charge.per == "kVA" else wh) * 3.6 / size_s
        for (number, size_s), (wh, varh, length_s) in windows.items()
        if length_s >= size_s
    }
    if not powers:
        return None
    (start_ms, size_s), kw = max(powers.items(), key=lambda item: item[1])
    u95_kw = 0.0
    if scatter is not None and scatter.wh > 0:
        count = max(size_s / scatter.length_s, 1.0)
        sigma_kw = scatter.wh * min(size_s / scatter.length_s, 1.0) * _of_sum(count, scatter.correlation) * 3.6 / size_s
        by_interval: dict[int, float] = {}  # windows in one interval of the model share its deviation
        for (begin_ms, _), power in powers.items():
            number = begin_ms // (1000 * max(size_s, scatter.length_s))
            by_interval[number] = max(power, by_interval.get(number, power))
        tops = [by_interval[number] for number in sorted(by_interval)]
        rho = min(max(scatter.correlation, 0.0), 0.99) ** count
        block = round((1 + rho) / (1 - rho))
        peaks = [max(tops[k : k + block]) for k in range(0, len(tops), block)]
        (low_kw, u95_low_kw), (high_kw, u95_high_kw) = (_expected_largest(each, sigma_kw) for each in (peaks, tops))
        kw = (low_kw + high_kw) / 2
        u95_kw = math.hypot(max(u95_low_kw, u95_high_kw), (high_kw - low_kw) / 2)
    return Demand(kw, u95_kw, start_ms, start_ms + 1000 * size_s)


def _of_sum(count: float, correlation: float) -> float:
    """Standard deviation of the sum of `count` consecutive values, in those of one."""
    n, rho = round(count), min(max(correlation, 0.0), 0.99)
    return math.sqrt(n + 2 * sum((n - lag) * rho**lag for lag in range(1, n)))


def _expected_largest(means: Sequence[float], sigma: float) -> tuple[float, float]:
    """Mean of the largest of independent normal values with these means, and its U95: the larger distance from the mean
    to the quantiles of 2.5 and 97.5 %, because the distribution is skewed.

    P(largest ≤ x) = Π Φ((x − mean)/σ); mean = ∫ (1 − P) dx from a limit below all values.
    """
    step, top = sigma / STEPS_PER_SIGMA, max(means)
    counts = Counter(round((mean - top) / step) for mean in means)
    below = -round(BELOW * STEPS_PER_SIGMA)
    beyond, between = 0.0, list[float]()  # ∫ (1 − P), and the steps between the quantiles
    for k in range(round((BELOW + ABOVE) * STEPS_PER_SIGMA)):
        x = below + k + 0.5
        log_p = sum(
            n * math.log(max(_phi((x - mean) / STEPS_PER_SIGMA), 1e-300))
            for mean, n in counts.items()
            if x - mean < ABOVE * STEPS_PER_SIGMA
        )
        beyond -= math.expm1(log_p)
        if 0.025 < math.exp(log_p) < 0.975:
            between.append(k + 0.5)
    return top + (below + beyond) * step, max(beyond - between[0], between[-1] - beyond) * step


def _phi(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))

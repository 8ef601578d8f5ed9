"""Uncertainty of an energy that is integrated from polls of a varying power.

Between two polls the power is not known. How far a poll is from the line between its neighbours shows how much of the
variation the polls do not resolve; a smooth power, or a constant one with noise of the meter, has little. Such errors
are independent from poll to poll, so that their share of an energy falls with the square root of the number of polls,
unless the polls meet the same phases of a regular cycle again and again: then each repetition has the same error, and
the share remains. A cycle as long as the poll interval itself looks constant; polls cannot show it.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

LAGS = 36  # polls; a repetition after up to a third of them is found
MEMORY = 64  # polls over which the variation is averaged
LEAST = 16  # pairs of polls before a repetition is accepted: by chance one independent series in 40 is
REPEATS = 0.3  # of the variance that independent polls would have
NEGLIGIBLE = 1e-3  # of the magnitude: noise of any meter


class SamplingU(NamedTuple):
    """Rates of the uncertainty, to be integrated over time.

    common_w: U (k = 2) of the part that all repetitions share, W; its integral adds linearly.
    variance_w2s: variance of the independent part, W²·s; its integral is a variance in J².
    """

    common_w: float
    variance_w2s: float


class SamplingError:
    """Follows one polled power. gap_max_s: longest interval between two polls that is interpolated."""

    def __init__(self, gap_max_s: float) -> None:
        self._gap_max_s = gap_max_s
        self._clear()

    def _clear(self) -> None:
        self._polls: deque[tuple[float, float]] = deque(maxlen=LAGS + 1)  # the newest first
        self._variance = self._count = 0.0
        self._steps = [0.0] * LAGS  # mean square of the difference at each lag
        self._pairs = 0  # pairs of polls at the shortest lag; at each longer one there is one pair less

    def add(self, time_s: float, power_w: float, scale_w: float | None = None) -> SamplingU:
        """The rates of U after this poll; zero before the third, and the first poll after a gap starts again.

        scale_w: variation below NEGLIGIBLE of it is not counted; None: the power itself.
        """
        polls = self._polls
        if polls and not 0 < time_s - polls[0][0] <= self._gap_max_s:
            self._clear()
            polls = self._polls
        self._add_steps(power_w)
        polls.appendleft((time_s, power_w))
        if len(polls) < 3:
            return SamplingU(0.0, 0.0)
        (end_s, end_w), (middle_s, middle_w), (start_s, start_w) = polls[0], polls[1], polls[2]
        part = (middle_s - start_s) / (end_s - start_s)
        # Of independent polls with variance s² the residual has s²·(1 + part² + (1 − part)²).
        residual_w = middle_w - start_w - part * (end_w - start_w)
        unresolved = residual_w**2 / (1 + part**2 + (1 - part) ** 2)
        self._count = min(self._count + 1, MEMORY)
        self._variance += (unresolved - self._variance) / self._count
        if self._variance <= (NEGLIGIBLE * (power_w if scale_w is None else scale_w)) ** 2:
            return SamplingU(0.0, 0.0)
        spread = min(self._variance, sum(self._steps) / (2 * LAGS))  # half the mean square difference is the variance
        lag = self._repetition(REPEATS * 2 * spread)
        if lag is not None:
            return SamplingU(_student(lag - 1) * math.sqrt(spread / lag), 0.0)
        return SamplingU(0.0, unresolved * (end_s - start_s) / 2)

    def _add_steps(self, power_w: float) -> None:
        """Adds the differences from the earlier polls; this is the inner loop of each reading."""
        if self._polls:
            self._pairs += 1
        if self._pairs >= LAGS + MEMORY:
            pairs = zip(self._steps, self._polls, strict=False)
            self._steps = [step + ((power_w - before_w) ** 2 - step) / MEMORY for step, (_, before_w) in pairs]
            return
        for back, (_, before_w) in zip(range(LAGS), self._polls, strict=False):
            weight = min(self._pairs - back, MEMORY)
            self._steps[back] += ((power_w - before_w) ** 2 - self._steps[back]) / weight

    def _repetition(self, limit: float) -> int | None:
        """Number of polls after which they repeat, also several times; None if they do not.

        limit: largest mean square of the difference, W². Polls that slip against the cycle do not repeat several times.
        """
        for lag in range(2, LAGS // 3 + 1):
            last = LAGS // lag * lag
            if self._pairs - (last - 1) >= LEAST and max(self._steps[lag - 1], self._steps[last - 1]) < limit:
                return lag
        return None


def _student(degrees: int) -> float:
    """Quantile of Student's t for 95 %: so few different phases underestimate their own spread.

    Cornish-Fisher expansion (Abramowitz and Stegun, 26.7.5), within 3 % from two degrees of freedom.
    """
    return 1.96 + 2.372 / degrees + 2.823 / degrees**2 + 2.556 / degrees**3


class RatioError:
    """The same for losses over power: what remains of the losses after a constant share of the power is subtracted.

    Losses and power are read together and vary together, so that their ratio is sampled better than either.
    """

    def __init__(self, gap_max_s: float) -> None:
        self._rest = SamplingError(gap_max_s)
        self._loss_w = self._power_w = self._count = 0.0

    def add(self, time_s: float, loss_w: float, power_w: float) -> SamplingU:
        """The rates of U of the losses at a given energy, W and W²·s; the sign of the power is ignored."""
        self._count = min(self._count + 1, MEMORY)
        self._loss_w += (loss_w - self._loss_w) / self._count
        self._power_w += (abs(power_w) - self._power_w) / self._count
        share = self._loss_w / self._power_w if self._power_w > 0 else 0.0
        return self._rest.add(time_s, loss_w - share * abs(power_w), loss_w)

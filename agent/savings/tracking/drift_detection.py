"""Comparison of energies with earlier ones at the same load: a constant factor is a wrong transformer ratio, a drift is
a load shift.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import NamedTuple

from agent.savings.baseline.models import numeric_drivers
from agent.savings.reasons import ENERGY_FACTOR, LOAD_SHIFT_DOWN, LOAD_SHIFT_UP
from agent.savings.records.model import Baseline, Interval
from drivers.reasons import Reason

LEARNED_MIN = 48  # intervals before the comparison starts
MEMORY = 2000.0  # memory of the curve in intervals: three weeks
FACTOR, SIGMAS = 0.25, 6.0  # of ln(energy/expected), for a ratio: two intervals in a row
BLOCK, BLOCKS = 24, 20  # intervals in a block of the CUSUM, and blocks before it can detect
SLACK, FAR = 0.5, 8.0  # slack and limit of the CUSUM in standard deviations of a block
SLOW = 0.05
# Variance of a coefficient at first, and at most when it is not excited for long: rows and columns are scaled together,
# because limiting single elements would destroy the matrix.
VARIANCE_MAX = 1e6
MISSING_MAX = 96  # intervals without its driver before the curve is learned without it


class LoadModel(NamedTuple):
    """What energies are compared by.

    numbers: numeric drivers; empty: the first driver by name of those with a value.
    scales: middle and half width of each, where there are several.
    state: a driver with one curve for each of its states; "": none.
    states, within: the states, and the largest distance of a mean from its state.
    """

    numbers: tuple[str, ...] = ()
    scales: tuple[tuple[float, float], ...] = ()
    state: str = ""
    states: tuple[float, ...] = ()
    within: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.numbers, self.state) if self.state else self.numbers


def load_of(baseline: Baseline) -> LoadModel:
    """The drivers that the model takes."""
    numbers, shape = numeric_drivers(baseline), baseline.shape
    state = (baseline.drivers[-1], tuple(shape["states"]), shape["within"]) if "states" in shape else ("", (), 0.0)
    if len(baseline.drivers) < 2:
        return LoadModel(numbers, (), *state)
    spans = [baseline.ranges[name] for name in numbers]
    return LoadModel(numbers, tuple(((low + high) / 2, (high - low) / 2 or 1.0) for low, high in spans), *state)


class DriftDetector:
    """Compares energies at the same load.

    The load is given by all drivers of the baseline: slowly adapting quadratic curves, one for each state. Without a
    driver the curve is a mean, and its spread prevents false alarms. The curve is that of the present plant, because
    the retrofit changed how the energy depends on each driver. Means of six hours remove autocorrelation over an hour
    or two.

    ratio_suspected: True if the last two energies differ from the expected ones by a factor.
    """

    def __init__(self, load: LoadModel = LoadModel()) -> None:  # noqa: B008  (a tuple)
        self._restart(load)

    def restarted(self) -> DriftDetector:
        """The same drivers, without learned data."""
        return DriftDetector(self.load)

    def _restart(self, load: LoadModel) -> None:
        """Discards what was learned."""
        self.load = load
        self._curves: dict[float, _Curve] = {}
        self._spread2, self._seen = 0.0, 0
        self._block: list[float] = []
        self._block2, self._blocks = 0.0, 0
        self._up = self._down = 0.0
        self._deviating = 0
        self._missing = 0
        self.ratio_suspected = False

    def compare(self, item: Interval, comparable: bool = True) -> tuple[Reason | None, Reason | None]:
        """(cause of a ct_ratio event, cause of a load_shift event); None: no such event. comparable: no flag is set."""
        coverage = min(item.coverage, 1.0)
        if not comparable or item.energy_wh is None or coverage < 0.5 or item.energy_wh <= 0:
            return None, None
        if item.running_s is not None and item.running_s < 0.9 * item.length_s * coverage:
            return None, None
        if (found := self._curve_of(item)) is None:
            return None, None
        curve, values = found
        power_w = 3600 * item.energy_wh / item.energy_s  # imported intervals have other lengths than measured ones
        expected_w = curve.at(values)
        if expected_w is None or expected_w <= 0:
            curve.learn(values, power_w)
            return None, None
        deviation = math.log(power_w / expected_w)
        sigma = math.sqrt(self._spread2) if self._seen > LEARNED_MIN else math.inf
        deviates = abs(deviation) > max(FACTOR, SIGMAS * sigma)
        self._deviating = self._deviating + 1 if deviates else 0
        self.ratio_suspected = self._deviating >= 2
        if deviates:  # not used to learn
            return ENERGY_FACTOR(factor=math.exp(deviation)) if self.ratio_suspected else None, None
        self._spread2 += (deviation**2 - self._spread2) * max(1 / (self._seen + 1), 1 / MEMORY)
        self._seen += 1
        curve.learn(values, power_w)
        return None, self._shift(deviation)

    def _curve_of(self, item: Interval) -> tuple[_Curve, tuple[float, ...]] | None:
        """The curve and the position on it; None while a driver is missing or its state is unknown.

        When a driver stays missing, the comparison restarts with the remaining drivers.
        """
        complete = all(name in item.drivers for name in self.load.names)
        self._missing += not complete
        if not complete and self._missing < MISSING_MAX:
            return None
        if not complete or (not self.load.names and item.drivers):
            remaining = [name for name in self.load.numbers if name in item.drivers] or sorted(item.drivers)
            self._restart(LoadModel(tuple(remaining[:1])))
        self._missing = 0
        load, state = self.load, 0.0
        if load.state:
            mean = item.drivers[load.state].mean
            state = min(load.states, key=lambda known: abs(known - mean))
            if abs(state - mean) > load.within:
                return None
        values = tuple(item.drivers[name].mean for name in load.numbers)
        return self._curves.setdefault(state, _Curve(len(values), load.scales)), values

    def _shift(self, deviation: float) -> Reason | None:
        self._block.append(deviation)
        if len(self._block) < BLOCK or self._seen < 4 * BLOCK:
            return None
        mean = sum(self._block) / len(self._block)
        self._block.clear()
        if self._blocks >= BLOCKS and self._block2 > 0:
            z = max(min(mean / math.sqrt(self._block2), 6.0), -6.0)
            self._up, self._down = max(0.0, self._up + z - SLACK), max(0.0, self._down - z - SLACK)
            if max(self._up, self._down) > FAR:
                code = LOAD_SHIFT_UP if self._up > self._down else LOAD_SHIFT_DOWN
                self._restart(self.load)
                return code()
        self._block2 += (mean**2 - self._block2) * max(1 / (self._blocks + 1), SLOW)
        self._blocks += 1
        return None


class _Curve:
    """Mean power over the drivers, quadratic (a + b·u + c·u² for one), by exponentially weighted recursive least
    squares.

    scales: empty: each driver is scaled by its first value.
    """

    def __init__(self, drivers: int, scales: Sequence[tuple[float, float]] = ()) -> None:
        self._pairs = list(combinations_with_replacement(range(drivers), 2))
        size = 1 + drivers + len(self._pairs)
        self._beta = [0.0] * size
        self._p = [[VARIANCE_MAX if i == j else 0.0 for j in range(size)] for i in range(size)]
        self._least = LEARNED_MIN * max(size / 3, 1.0)
        self._ranges: list[tuple[float, float]] | None = None
        self._scales, self._n = list(scales), 0

    def at(self, values: Sequence[float]) -> float | None:
        """Mean power at these values, W; None before enough was learned, and outside the range."""
        if self._n < self._least or self._ranges is None:
            return None
        if not all(low <= value <= high for value, (low, high) in zip(values, self._ranges, strict=True)):
            return None
        return sum(b * x for b, x in zip(self._beta, self._terms(values), strict=True))

    def learn(self, values: Sequence[float], w: float) -> None:
        if self._ranges is None:
            self._ranges = [(value, value) for value in values]
            self._scales = self._scales or [(0.0, abs(value) or 1.0) for value in values]
        self._ranges = [
            (min(low, value), max(high, value)) for value, (low, high) in zip(values, self._ranges, strict=True)
        ]
        x, forget = self._terms(values), 1 - 1 / MEMORY
        size = range(len(x))
        px = [sum(row[j] * x[j] for j in size) for row in self._p]
        gain = [value / (forget + sum(a * b for a, b in zip(x, px, strict=True))) for value in px]
        missed = w - sum(b * t for b, t in zip(self._beta, x, strict=True))
        self._beta = [b + g * missed for b, g in zip(self._beta, gain, strict=True)]
        grown = [[(self._p[i][j] - gain[i] * px[j]) / forget for j in size] for i in size]
        limits = [math.sqrt(VARIANCE_MAX / max(grown[i][i], VARIANCE_MAX)) for i in size]
        self._p = [[grown[i][j] * limits[i] * limits[j] for j in size] for i in size]
        self._n += 1

    def _terms(self, values: Sequence[float]) -> list[float]:
        u = [(value - middle) / half for value, (middle, half) in zip(values, self._scales, strict=True)]
        return [1.0, *u, *(u[i] * u[j] for i, j in self._pairs)]

"""Energies beside those of the same load before: a factor tells a forgotten ratio, a drift another plant."""

from __future__ import annotations

import math

from agent.savings.types import Interval

LEARNT = 48  # intervals before anything is compared
MEMORY = 2000.0  # intervals that the curve remembers: three weeks
FACTOR, SIGMAS = 0.25, 6.0  # of ln(energy/before), for a ratio: two intervals in a row
BLOCK, BLOCKS = 24, 20  # intervals in a block of the CUSUM, and blocks before it speaks
SLACK, FAR = 0.5, 8.0  # of the CUSUM in spreads of a block, both sides
SLOW = 0.05
GONE = 96  # intervals without its driver, before what is usual is learnt anew without it


class Likeness:
    """What the load is: one driver, by a parabola that follows slowly; without a driver there is only a mean, and a
    spread that keeps it from crying. Blocks of six hours make what hangs together for an hour or two independent.

    driver: the one that the baseline takes first; empty: the first by name of those that are there.
    """

    def __init__(self, driver: str = "") -> None:
        self._begin(driver)

    def _begin(self, driver: str) -> None:
        """What is usual begins anew."""
        self.driver = driver
        self._curve = _Curve()
        self._spread2, self._seen = 0.0, 0
        self._block: list[float] = []
        self._block2, self._blocks = 0.0, 0
        self._up = self._down = 0.0
        self._strange = 0
        self._missing = 0
        self.off = False

    def take(self, item: Interval, comparable: bool = True) -> tuple[str, str]:
        """(what a wrong ratio looks like, what a shift looks like), each empty where it does not."""
        if not comparable or item.energy_wh is None or item.coverage < 0.5 or item.energy_wh <= 0:
            return "", ""
        if item.running_s is not None and item.running_s < 0.9 * item.length_s * min(item.coverage, 1.0):
            return "", ""
        power = item.energy_wh / min(item.coverage, 1.0) if item.filled_wh == 0 else item.energy_wh
        if (value := self._load(item)) is None:
            return "", ""
        usual = self._curve.at(value)
        if usual is None or usual <= 0:
            self._curve.learn(value, power)
            return "", ""
        told = math.log(power / usual)
        sigma = math.sqrt(self._spread2) if self._seen > LEARNT else math.inf
        strange = abs(told) > max(FACTOR, SIGMAS * sigma)
        self._strange = self._strange + 1 if strange else 0
        self.off = self._strange >= 2
        if strange:  # not learnt from
            said = f"{math.exp(told):.2f} times what the same load used before: a transformer ratio?"
            return (said if self.off else ""), ""
        self._spread2 += (told**2 - self._spread2) * max(1 / (self._seen + 1), 1 / MEMORY)
        self._seen += 1
        self._curve.learn(value, power)
        return "", self._shift(told)

    def _load(self, item: Interval) -> float | None:
        """The driver by which is compared, 0 where there is none. None while it is missing: another one's number, or
        none at all, is no load on its curve."""
        if self.driver and self.driver not in item.drivers:
            self._missing += 1
            if self._missing < GONE:
                return None
        if self.driver not in item.drivers and (self.driver or item.drivers):
            another = min(item.drivers, default="")
            self._begin(another)
        self._missing = 0
        return item.drivers[self.driver].mean if self.driver else 0.0

    def _shift(self, told: float) -> str:
        self._block.append(told)
        if len(self._block) < BLOCK or self._seen < 4 * BLOCK:
            return ""
        mean = sum(self._block) / len(self._block)
        self._block.clear()
        way = ""
        if self._blocks >= BLOCKS and self._block2 > 0:
            z = max(min(mean / math.sqrt(self._block2), 6.0), -6.0)
            self._up, self._down = max(0.0, self._up + z - SLACK), max(0.0, self._down - z - SLACK)
            if max(self._up, self._down) > FAR:
                way = "more" if self._up > self._down else "less"
                self._begin(self.driver)
                return f"since about a day {way} than the same load used before"
        self._block2 += (mean**2 - self._block2) * max(1 / (self._blocks + 1), SLOW)
        self._blocks += 1
        return ""


class _Curve:
    """Energy over the driver, a + b·u + c·u², by recursive least squares that forgets."""

    def __init__(self) -> None:
        self._beta = [0.0, 0.0, 0.0]
        self._p = [[1e6 if i == j else 0.0 for j in range(3)] for i in range(3)]
        self._range: tuple[float, float] | None = None
        self._unit, self._n = 1.0, 0

    def at(self, value: float) -> float | None:
        """None before enough was learnt, and beyond what was seen."""
        if self._n < LEARNT or self._range is None or not self._range[0] <= value <= self._range[1]:
            return None
        return sum(b * x for b, x in zip(self._beta, self._terms(value), strict=True))

    def learn(self, value: float, wh: float) -> None:
        if self._range is None:
            self._range, self._unit = (value, value), abs(value) or 1.0
        self._range = min(self._range[0], value), max(self._range[1], value)
        x, forget = self._terms(value), 1 - 1 / MEMORY
        px = [sum(row[j] * x[j] for j in range(3)) for row in self._p]
        gain = [value / (forget + sum(a * b for a, b in zip(x, px, strict=True))) for value in px]
        missed = wh - sum(b * t for b, t in zip(self._beta, x, strict=True))
        self._beta = [b + g * missed for b, g in zip(self._beta, gain, strict=True)]
        self._p = [[min((self._p[i][j] - gain[i] * px[j]) / forget, 1e6) for j in range(3)] for i in range(3)]
        self._n += 1

    def _terms(self, value: float) -> tuple[float, float, float]:
        u = value / self._unit
        return 1.0, u, u * u

"""Linear interpolation of drivers that are missing for at most one hour.

The energy of the gap is measured; only the driver is uncertain. The history of the baseline gives the standard
uncertainty of an interpolation over the same number of intervals (`straight_u` in its shape).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import NamedTuple

from agent.savings.records.model import Baseline, Driver, Interval

INTERPOLATED_MS_MAX = 3_600_000  # longest gap of a driver that is interpolated


class InterpolatedDriver(NamedTuple):
    """Interpolation of one driver.

    since_ms: start of the last interval with a value, UTC.
    intervals: length of the gap.
    step: absolute difference of the values on both sides, in the unit of the driver.
    """

    since_ms: int
    intervals: int
    step: float


@dataclass(frozen=True, slots=True)
class InterpolatedInterval(Interval):
    """An interval with interpolated drivers, by name. It is never stored."""

    interpolated: Mapping[str, InterpolatedDriver] = field(default_factory=dict)


def with_interpolated_drivers(found: Sequence[Interval]) -> list[Interval]:
    """The intervals with interpolated drivers. found: in order."""
    names = {name for item in found for name in item.drivers}
    result = list(found)
    for name in names:
        last: int | None = None
        for k, item in enumerate(result):
            if name not in item.drivers:
                continue
            if last is not None and k - last > 1 and item.start_ms - result[last].start_ms <= INTERPOLATED_MS_MAX:
                before, reach_ms = result[last], item.start_ms - result[last].start_ms
                a, b = before.drivers[name], item.drivers[name]
                gap = InterpolatedDriver(before.start_ms, reach_ms // (1000 * item.length_s) - 1, abs(b.mean - a.mean))
                for j in range(last + 1, k):
                    share = (result[j].start_ms - before.start_ms) / reach_ms
                    result[j] = _with(result[j], name, Driver(a.mean + share * (b.mean - a.mean), max(a.u, b.u)), gap)
            last = k
    return result


def _with(item: Interval, name: str, driver: Driver, gap: InterpolatedDriver) -> InterpolatedInterval:
    known = {each.name: getattr(item, each.name) for each in fields(item)}
    drivers, gaps = {**item.drivers, name: driver}, {**known.pop("interpolated", {}), name: gap}
    return InterpolatedInterval(**{**known, "drivers": drivers}, interpolated=gaps)


def interpolations_of(baseline: Baseline, item: Interval) -> dict[str, InterpolatedDriver]:
    """The interpolated drivers that the model takes."""
    found = item.interpolated if isinstance(item, InterpolatedInterval) else {}
    return {name: gap for name, gap in found.items() if name in baseline.drivers}


class InterpolationUncertainty:
    """Uncertainty of interpolated drivers, Wh: fully correlated within a gap, independent between gaps."""

    __slots__ = ("_closed_wh2", "_gaps")

    def __init__(self, drivers: int) -> None:
        self._gaps = [(0, 0.0)] * drivers  # (start of the gap, its sum in Wh) of each driver
        self._closed_wh2 = 0.0

    def add(self, k: int, since_ms: int, u_wh: float) -> None:
        """Adds an interval of driver k; the gaps of a driver come one after the other."""
        known_ms, wh = self._gaps[k]
        if known_ms != since_ms:
            self._closed_wh2 += wh * wh
            wh = 0.0
        self._gaps[k] = since_ms, wh + u_wh

    @property
    def u_wh(self) -> float:
        return math.sqrt(self._closed_wh2 + sum(wh * wh for _, wh in self._gaps))

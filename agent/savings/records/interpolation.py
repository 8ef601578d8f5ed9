"""Drivers as the model takes them: interpolated where they are missing for at most one hour, and lagged.

The energy of the gap is measured; only the driver is uncertain. The history of the baseline gives the standard
uncertainty of an interpolation over the same number of intervals (`straight_u` in its shape).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from msgspec import field
from msgspec.structs import fields, replace

from agent.savings.records.model import Baseline, Driver, Interval

INTERPOLATED_MS_MAX = 3_600_000  # longest gap of a driver that is interpolated
LAG_S_MAX = 14_400.0  # longest time by which an energy follows or precedes its driver
LAG_COVERED = 0.99  # share of the earlier time from which a lagged driver is known


class InterpolatedDriver(NamedTuple):
    """Interpolation of one driver.

    since_ms: start of the last interval with a value, UTC.
    intervals: length of the gap.
    step: absolute difference of the values on both sides, in the unit of the driver.
    """

    since_ms: int
    intervals: int
    step: float


class PreparedInterval(Interval, frozen=True):
    """An interval with drivers as the model takes them. It is never stored.

    interpolated: drivers that are interpolated, by name.
    transition: the motor started or stopped in it.
    """

    interpolated: Mapping[str, InterpolatedDriver] = field(default_factory=dict)
    transition: bool = False


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


def with_lagged_drivers(
    found: Sequence[Interval], lags_s: Mapping[str, float], windows_s: Mapping[str, float] = MappingProxyType({})
) -> list[Interval]:
    """The intervals with the values that each driver had a time earlier (negative: later), averaged over the interval.

    found: in order, also of other lengths.
    lags_s: by driver.
    windows_s: by driver, by how much longer than the interval the time is over which it is averaged.
    A driver is missing where its values do not cover the whole of the time.
    """
    result = list(found)
    for name in lags_s.keys() | windows_s.keys():
        known = [item for item in found if name in item.drivers]
        starts_ms, lag_ms = [item.start_ms for item in known], round(1000 * lags_s.get(name, 0.0))
        half_ms = round(500 * windows_s.get(name, 0.0))
        for k, item in enumerate(found if lag_ms or half_ms else ()):
            begin_ms, end_ms = item.start_ms - lag_ms - half_ms, item.end_ms - lag_ms + half_ms
            parts = []
            for source in known[max(bisect_right(starts_ms, begin_ms) - 1, 0) : bisect_left(starts_ms, end_ms)]:
                overlap_ms = min(source.end_ms, end_ms) - max(source.start_ms, begin_ms)
                if overlap_ms > 0:
                    parts.append((overlap_ms, source))
            if sum(ms for ms, _ in parts) < LAG_COVERED * (end_ms - begin_ms):
                parts = []
            result[k] = _lagged(result[k], name, parts)
    return result


def _lagged(item: Interval, name: str, parts: Sequence[tuple[int, Interval]]) -> Interval:
    """The interval with the mean of the parts (overlap in ms, interval) as driver; without the driver if empty."""
    if isinstance(item, PreparedInterval):
        item = replace(item, interpolated={other: gap for other, gap in item.interpolated.items() if other != name})
    if not parts:
        return replace(item, drivers={other: value for other, value in item.drivers.items() if other != name})
    total_ms = sum(ms for ms, _ in parts)
    mean, u = (sum(ms * source.drivers[name][k] for ms, source in parts) / total_ms for k in (0, 1))
    gaps = [source.interpolated[name] for _, source in parts
            if isinstance(source, PreparedInterval) and name in source.interpolated]  # fmt: skip
    driver = Driver(mean, u)
    return _with(item, name, driver, gaps[0]) if gaps else replace(item, drivers={**item.drivers, name: driver})


def _with(item: Interval, name: str, driver: Driver, gap: InterpolatedDriver) -> PreparedInterval:
    known = item.interpolated if isinstance(item, PreparedInterval) else {}
    return _prepared(item, drivers={**item.drivers, name: driver}, interpolated={**known, name: gap})


def with_transitions(found: Sequence[Interval], near: Sequence[bool]) -> list[Interval]:
    """near: whether the motor started or stopped, by interval."""
    return [_prepared(item, transition=True) if flag else item for item, flag in zip(found, near, strict=True)]


def is_transition(item: Interval) -> bool:
    return isinstance(item, PreparedInterval) and item.transition


def _prepared(item: Interval, **changed: Any) -> PreparedInterval:
    return PreparedInterval(**{each.name: getattr(item, each.name) for each in fields(item)} | changed)


def interpolations_of(baseline: Baseline, item: Interval) -> dict[str, InterpolatedDriver]:
    """The interpolated drivers that the model takes."""
    found = item.interpolated if isinstance(item, PreparedInterval) else {}
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

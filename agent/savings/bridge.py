"""Drivers that are missing for an hour at most, drawn straight between what was before and after.

The meter told the energy meanwhile; what is doubtful is the driver. The baseline's own history tells by how much a
straight line over as many quarter hours misses it (`straight_u` of its shape, standard).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, NamedTuple

from agent.savings.types import Baseline, Driver, Interval

if TYPE_CHECKING:
    from agent.savings.fit import Array

BRIDGED_MS = 3_600_000  # a driver that is missing no longer is drawn


class Drawn(NamedTuple):
    """Of one driver: since when it is missing, over how many intervals, and by how much it moved meanwhile."""

    since_ms: int
    intervals: int
    step: float


@dataclass(frozen=True, slots=True)
class Bridged(Interval):
    """An interval with drivers that are drawn, by name. Never kept."""

    drawn: Mapping[str, Drawn] = field(default_factory=dict)


def bridged(found: Sequence[Interval]) -> list[Interval]:
    """found: in order."""
    names = {name for item in found for name in item.drivers}
    result = list(found)
    for name in names:
        last: int | None = None
        for k, item in enumerate(result):
            if name not in item.drivers:
                continue
            if last is not None and k - last > 1 and item.start_ms - result[last].start_ms <= BRIDGED_MS:
                before, reach_ms = result[last], item.start_ms - result[last].start_ms
                a, b = before.drivers[name], item.drivers[name]
                told = Drawn(before.start_ms, reach_ms // (1000 * item.length_s) - 1, abs(b.mean - a.mean))
                for j in range(last + 1, k):
                    share = (result[j].start_ms - before.start_ms) / reach_ms
                    result[j] = _with(result[j], name, Driver(a.mean + share * (b.mean - a.mean), max(a.u, b.u)), told)
            last = k
    return result


def _with(item: Interval, name: str, driver: Driver, told: Drawn) -> Bridged:
    known = {each.name: getattr(item, each.name) for each in fields(item)}
    drivers, drawn = {**item.drivers, name: driver}, {**known.pop("drawn", {}), name: told}
    return Bridged(**{**known, "drivers": drivers}, drawn=drawn)


def drawn_of(baseline: Baseline, item: Interval) -> dict[str, Drawn]:
    """Of the drivers that the model takes."""
    found = item.drawn if isinstance(item, Bridged) else {}
    return {name: told for name, told in found.items() if name in baseline.drivers}


def straight_u(x: Array, starts_ms: Sequence[int], length_s: int) -> list[float]:
    """Root mean square of what a line over 1, 2, … missing intervals misses of their mean, standard: as it would have
    been drawn over each run of the history. A length that no run has is as the one before, at first as the spread."""
    import numpy as np

    at, found = np.asarray(starts_ms), [float(x.std())]
    for missing in range(1, BRIDGED_MS // (1000 * length_s)):
        reach = missing + 1
        runs = np.flatnonzero(at[reach:] - at[:-reach] == 1000 * length_s * reach)
        if len(runs):
            inner = sum(x[runs + k] for k in range(1, reach)) / missing
            found.append(float(np.sqrt(np.mean((inner - (x[runs] + x[runs + reach]) / 2) ** 2))))
        else:
            found.append(found[-1])
    return found[1:]


class LineDoubt:
    """What the drawn drivers leave open, Wh: alike within one gap, by chance from one to the next."""

    __slots__ = ("_closed_wh2", "_gaps")

    def __init__(self, drivers: int) -> None:
        self._gaps = [(0, 0.0)] * drivers  # (since when, sum of the gap) of each driver
        self._closed_wh2 = 0.0

    def add(self, k: int, since_ms: int, u_wh: float) -> None:
        """Of driver k in one interval; gaps come one after the other."""
        known_ms, wh = self._gaps[k]
        if known_ms != since_ms:
            self._closed_wh2 += wh * wh
            wh = 0.0
        self._gaps[k] = since_ms, wh + u_wh

    def copy(self) -> LineDoubt:
        found = LineDoubt(0)
        found._gaps, found._closed_wh2 = list(self._gaps), self._closed_wh2
        return found

    @property
    def u_wh(self) -> float:
        return math.sqrt(self._closed_wh2 + sum(wh * wh for _, wh in self._gaps))

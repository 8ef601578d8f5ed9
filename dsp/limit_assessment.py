"""Compare the values of days and weeks with power quality limits, one finding per limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from dsp.aggregate import FREQUENCY_S, AggregationInterval, Percentiles, columns
from dsp.limits import Limit, LimitFinding
from dsp.results import ORDERS

_LEAST_USE = 1e-4  # of a limit: smaller values count as zero


class Assessment:
    """Collect intervals and report which share of each limit was used, at the percentile that the limit specifies.

    which: limits, from limits.limits().
    nominal_v: nominal line-to-line voltage, V.
    demand_a: maximum demand load current IL of IEEE 519, A; None: limits in percent of IL are not assessed.
    nominal_hz: nominal frequency, Hz.
    The worst phase decides. Flagged intervals are omitted (IEC 61000-4-30, 4.7 [M]) and counted. Memory is bounded
    whatever the length of the period; the use of a limit is rounded up by at most 0.5 % (classes of Percentiles).
    """

    def __init__(
        self, which: Iterable[Limit], nominal_v: float, *, demand_a: float | None = None, nominal_hz: float = 50.0
    ) -> None:
        self._u, self._hz, self._demand_a = nominal_v / math.sqrt(3.0), nominal_hz, demand_a or math.nan
        self._at = columns()
        self._groups: dict[tuple[int, int], tuple[list[Limit], Percentiles, list[int]]] = {}
        by_period: dict[tuple[int, int], list[Limit]] = {}
        for limit in which:
            by_period.setdefault((limit.statistic.interval_s, limit.statistic.period_s), []).append(limit)
        for key, members in by_period.items():
            self._groups[key] = (members, Percentiles(len(members), _LEAST_USE), [0, 0])

    def add(self, interval: AggregationInterval) -> None:
        """Add one 3 s or 10 min interval of Aggregator.of_windows()."""
        self._take(interval.seconds, interval.flagged, lambda limit: self._value(limit, interval))

    def add_plt(self, value: float, flagged: bool) -> None:
        """Add one long-term flicker severity Plt (2 h) of the worst phase."""
        self._take(7200, flagged, lambda limit: value if limit.quantity == "plt" else math.nan)

    def add_frequency(self, hertz: float) -> None:
        """Add one 10 s frequency, Hz."""
        deviation = 100.0 * (hertz / self._hz - 1.0)
        self._take(FREQUENCY_S, False, lambda limit: deviation if limit.quantity == "frequency" else math.nan)

    def findings(self, period_s: int) -> list[LimitFinding]:
        """Close a period: return the findings of all limits with that period, and clear their distributions.

        Limits without a value have use NaN and held None.
        """
        out = []
        for (_, period), (members, distribution, counted) in self._groups.items():
            if period != period_s:
                continue
            used = {percent: distribution.value(percent) for percent in {m.statistic.percent for m in members}}
            for k, limit in enumerate(members):
                use = float(used[limit.statistic.percent][k])
                held = None if math.isnan(use) else use <= 1.0
                out.append(LimitFinding(limit, use * limit.high, use, held))
            distribution.clear()
            counted[:] = [0, 0]
        return out

    def counted(self, interval_s: int, period_s: int) -> tuple[int, int]:
        """Number of intervals assessed, and omitted because flagged, since the last findings of that period."""
        taken, left_out = self._groups[interval_s, period_s][2]
        return taken, left_out

    def _take(self, interval_s: int, flagged: bool, value: Callable[[Limit], float]) -> None:
        for (seconds, _), (members, distribution, counted) in self._groups.items():
            if seconds != interval_s:
                continue
            counted[1 if flagged else 0] += 1
            if not flagged:
                distribution.add(np.array([_use(limit, value(limit)) for limit in members]))

    def _value(self, limit: Limit, interval: AggregationInterval) -> float:
        """Value of the worst phase in the unit of the limit; a deviation keeps its sign; NaN where not measured."""
        v, at, order = interval.values, self._at, limit.order

        def worst(values: Any, per: float) -> float:
            known = values[np.isfinite(values)]
            return float(known.max()) / per if len(known) else math.nan

        def table(name: str) -> Any:
            return v[at[name]].reshape(3, ORDERS)[:, order]

        if limit.quantity in ("h_u", "isg_u"):
            return worst(table("sg_u_v" if limit.quantity == "h_u" else "isg_u_v"), self._u / 100.0)
        if limit.quantity == "h_i":
            return worst(table("sg_i_a"), self._demand_a / 100.0 if limit.unit == "% of IL" else 1.0)
        if limit.quantity in ("thd_u", "tdd", "u2"):
            return worst(v[at[{"thd_u": "thd_u_pct", "tdd": "tdd_pct", "u2": "u2_pct"}[limit.quantity]]], 1.0)
        if limit.quantity == "u":
            deviation = 100.0 * (v[at["u_rms_v"]] / self._u - 1.0)
            return (
                float(max(deviation, key=lambda d: _use(limit, float(d))))
                if not np.isnan(deviation).any()
                else math.nan
            )
        return math.nan


def _use(limit: Limit, value: float) -> float:
    if math.isnan(value):
        return math.nan
    return max(value / limit.high, value / limit.low if value < 0.0 and math.isfinite(limit.low) else 0.0)

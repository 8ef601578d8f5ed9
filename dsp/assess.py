"""How the values of days and weeks stand against limits: shares of intervals from aggregate.py, finding by finding."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from dsp.aggregate import FREQUENCY_S, Interval, Percentiles, columns
from dsp.limits import Finding, Limit
from dsp.results import ORDERS

_LEAST_USE = 1e-4  # of a limit: what lies below is nothing


class Assessment:
    """Collects intervals and says for each limit which part of it was used, at the percentage that counts.

    which: from limits.limits(). nominal_v: line voltage. demand_a: IL of IEEE 519. nominal_hz: for the frequency.
    The worst phase counts. Flagged intervals are left out (IEC 61000-4-30, 4.7 [M]) and counted. Memory is bounded,
    whatever the period; the use is read in classes of 0.5 %, from above.
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

    def add(self, interval: Interval) -> None:
        """One 3 s or 10 min interval of Aggregator.of_windows()."""
        self._take(interval.seconds, interval.flagged, lambda limit: self._value(limit, interval))

    def add_plt(self, value: float, flagged: bool) -> None:
        """One long-term flicker severity of two hours, of the worst phase."""
        self._take(7200, flagged, lambda limit: value if limit.quantity == "plt" else math.nan)

    def add_frequency(self, hertz: float) -> None:
        """One 10 s frequency."""
        deviation = 100.0 * (hertz / self._hz - 1.0)
        self._take(FREQUENCY_S, False, lambda limit: deviation if limit.quantity == "frequency" else math.nan)

    def findings(self, period_s: int) -> list[Finding]:
        """The findings of all limits over that period, which ends now: their values are forgotten."""
        out = []
        for (_, period), (members, distribution, counted) in self._groups.items():
            if period != period_s:
                continue
            used = {percent: distribution.value(percent) for percent in {m.statistic.percent for m in members}}
            for k, limit in enumerate(members):
                use = float(used[limit.statistic.percent][k])
                held = None if math.isnan(use) else use <= 1.0
                out.append(Finding(limit, use * limit.high, use, held))
            distribution.clear()
            counted[:] = [0, 0]
        return out

    def counted(self, interval_s: int, period_s: int) -> tuple[int, int]:
        """Intervals taken and left out (flagged) since the last findings of that period."""
        taken, left_out = self._groups[interval_s, period_s][2]
        return taken, left_out

    def _take(self, interval_s: int, flagged: bool, value: Callable[[Limit], float]) -> None:
        for (seconds, _), (members, distribution, counted) in self._groups.items():
            if seconds != interval_s:
                continue
            counted[1 if flagged else 0] += 1
            if not flagged:
                distribution.add(np.array([_use(limit, value(limit)) for limit in members]))

    def _value(self, limit: Limit, interval: Interval) -> float:
        """The worst phase of what is limited, in the limit's unit; a deviation keeps its sign."""
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

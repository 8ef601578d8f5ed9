"""How a recording stands against limits, where limits apply: never at a drive's output."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from agent.replay.lines import number
from agent.replay.source import Settings
from agent.replay.summary import Summary
from drivers.errors import FileError

STANDARDS = {
    "en50160": ("en50160",),
    "ieee519": ("ieee519",),
    "gbt": ("gbt14549", "gbt15543", "gbt24337"),
    "iec61000-2-4": ("iec61000-2-4",),
}
MARKS = {"S": "the number stands in public sources", "M": "from memory of the standard"}
_MAINS_HZ = (42.5, 69.0)
PULSES_PCT = 25.0  # of the fundamental: no mains is that distorted, a drive's output always is
_TABLE_OF = {
    "h_u": "sg_u_v",
    "isg_u": "isg_u_v",
    "h_i": "sg_i_a",
    "thd_u": "thd_u_pct",
    "tdd": "tdd_pct",
    "u2": "u2_pct",
}


@dataclass(frozen=True, slots=True)
class Where:
    """What the limits of a place depend on. nominal_v: line voltage; reference_v: what 100 % of a measured one is."""

    standards: tuple[str, ...]
    nominal_v: float
    reference_v: float
    demand_a: float | None = None
    isc_over_il: float | None = None
    short_circuit_mva: float | None = None
    plant_class: int = 2


def where(
    names: Iterable[str],
    how: Settings,
    nominal_v: float | None,
    isc_over_il: float | None,
    short_circuit_mva: float | None,
    plant_class: int,
) -> Where:
    """Raises FileError, saying which option is missing."""
    chosen = tuple(name for group in names for name in STANDARDS[group])
    if how.nominal == "drive":
        raise FileError("--limits: there are none at a drive's output; leave out --limits or --nominal drive")
    if isc_over_il is not None and how.demand_a is None:
        raise FileError("--isc-il: the current limits of IEEE 519 are in percent of IL; give it too with --demand-a")
    if how.supply_v is not None:
        two = how.wiring == "3P3W-2"
        line_v = how.supply_v if two else math.sqrt(3.0) * how.supply_v
        reference_v = how.supply_v / math.sqrt(3.0) if two else how.supply_v
    elif nominal_v is not None:
        line_v, reference_v = nominal_v, nominal_v / math.sqrt(3.0)
    else:
        raise FileError("--limits: in percent of which voltage? give the line voltage with --nominal-v, or --supply")
    return Where(chosen, nominal_v or line_v, reference_v, how.demand_a, isc_over_il, short_circuit_mva, plant_class)


def verdict(summary: Summary, place: Where, seconds: float) -> list[dict[str, Any]]:
    """For each standard: whether it applies, and every limit with its value."""
    from dsp.limits import about, judge

    f_hz = summary.fundamental_hz()
    reason = not_mains(f_hz, summary.rest_pct())
    out = []
    for standard in place.standards:
        which = about(standard)
        one: dict[str, Any] = {"standard": which.title, "place": which.places[0], "nominal_v": place.nominal_v,
                               "source": which.source}  # fmt: skip
        found = () if reason else limits_of(standard, place, f_hz)
        if not found:
            why = reason or f"it does not cover a line voltage of {place.nominal_v:g} V"
            out.append(one | {"applies": False, "reason": why, "findings": []})
            continue
        values = {(limit.quantity, limit.order, limit.statistic): value(summary, place, limit, f_hz) for limit in found}
        findings = judge(found, values)
        longest_s = max(limit.statistic.period_s for limit in found if limit.quantity != "frequency")
        out.append(
            one
            | {
                "applies": True,
                "kept": sum(item.held is True for item in findings),
                "exceeded": sum(item.held is False for item in findings),
                "not_measured": sum(item.held is None for item in findings),
                "measured_s": number(seconds),
                "indicative": seconds < longest_s,
                "flagged_left_out": sum(
                    interval.flagged
                    for length_s in sorted({limit.statistic.interval_s for limit in found} & {3, 600})
                    for interval in summary.intervals[length_s]
                ),
                "findings": [_finding(item) for item in findings],
            }
        )
    return out


def not_mains(f_hz: float, rest_pct: float) -> str:
    """Why no limit applies to what was measured; empty when it may be mains."""
    if not math.isfinite(f_hz):
        return "no frequency was found"
    if not _MAINS_HZ[0] <= f_hz <= _MAINS_HZ[1]:
        return f"{f_hz:.4g} Hz is no mains: limits do not hold at a drive's output"
    if rest_pct > PULSES_PCT:
        return f"the voltage is pulses ({rest_pct:.0f} % besides the fundamental), as at a drive's output"
    return ""


def limits_of(standard: str, place: Where, f_hz: float) -> tuple[Any, ...]:
    from dsp.limits import about, limits

    return limits(
        standard,
        about(standard).places[0],
        place.nominal_v,
        isc_over_il=place.isc_over_il,
        short_circuit_mva=place.short_circuit_mva,
        plant_class=place.plant_class,
        nominal_hz=nominal_hz(f_hz),
    )


def nominal_hz(f_hz: float) -> float:
    return 60.0 if f_hz > 55.0 else 50.0


def value(summary: Summary, place: Where, limit: Any, f_hz: float) -> float | tuple[float, float]:
    """The limit's statistic of the worst phase, from unflagged intervals; a pair for what is limited on both sides."""
    if limit.quantity == "plt":
        every = np.array([plt for _, plt in summary.plt()]).reshape(-1, 3)
        return _worst(every, limit.statistic.percent)
    if limit.quantity == "frequency":
        nominal = nominal_hz(f_hz)
        return _beyond(np.array([[100.0 * (f / nominal - 1.0)] for _, f in summary.frequency_hz]), limit)
    rows = usable(summary.intervals[limit.statistic.interval_s])
    if limit.quantity == "u":
        return _beyond(
            np.array([100.0 * (summary.column(k, "u_rms_v") / place.reference_v - 1.0) for k in rows]), limit
        )
    name = _TABLE_OF[limit.quantity]
    every = np.array([summary.column(k, name) for k in rows])
    if limit.quantity in ("h_u", "isg_u", "h_i"):
        every = every[:, :, limit.order] if len(every) else every
    if limit.quantity in ("h_u", "isg_u"):
        every = 100.0 * every / place.reference_v
    elif limit.unit == "% of IL" and limit.quantity == "h_i":
        every = 100.0 * every / (place.demand_a or math.nan)
    return _worst(every, limit.statistic.percent)


def usable(intervals: list[Any]) -> list[Any]:
    """Those without a flag (IEC 61000-4-30, 4.7 [M]); one that is not whole counts only where there is no other."""
    clean = [interval for interval in intervals if not interval.flagged]
    return [interval for interval in clean if interval.whole] or clean


def _worst(every: Any, percent: float) -> float:
    from dsp.aggregate import percentile

    found = [percentile(phase, percent) for phase in every.T] if len(every) else []
    return max((one for one in found if not math.isnan(one)), default=math.nan)


def _beyond(every: Any, limit: Any) -> tuple[float, float]:
    """The deviation that `percent` of the values do not exceed, each measured by the limit of its own side."""
    worst = (math.nan, math.nan)
    most = -1.0
    for phase in every.T if len(every) else ():
        known = phase[np.isfinite(phase)]
        if not len(known):
            continue
        use = np.where(known < 0.0, known / limit.low, known / limit.high)
        at = np.argsort(use)[max(math.ceil(len(use) * limit.statistic.percent / 100.0 - 1e-9), 1) - 1]
        if use[at] > most:
            most, dev = float(use[at]), float(known[at])
            worst = (dev, 0.0) if dev < 0.0 else (0.0, dev)
    return worst


def _finding(item: Any) -> dict[str, Any]:
    limit = item.limit
    return {
        "quantity": limit.quantity,
        "order": limit.order,
        "interval_s": limit.statistic.interval_s,
        "percent_of_values": limit.statistic.percent,
        "period_s": limit.statistic.period_s,
        "low": number(limit.low),
        "high": number(limit.high),
        "unit": limit.unit,
        "value": number(item.value),
        "use_pct": number(100.0 * item.use),
        "held": item.held,
        "mark": limit.mark,
    }

"""Compares a recording with the limits of standards. No limits apply at a drive's output."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from msgspec import Struct

from agent.analysis.recordings import reasons as codes
from agent.analysis.recordings.reader import RecordingSettings
from agent.analysis.recordings.reasons import ReplayError
from agent.analysis.recordings.rows import number
from agent.analysis.recordings.summary import RecordingSummary
from agent.core.text import N_
from drivers.reasons import Reason

STANDARDS = {
    "en50160": ("en50160",),
    "ieee519": ("ieee519",),
    "gbt": ("gbt14549", "gbt15543", "gbt24337"),
    "iec61000-2-4": ("iec61000-2-4",),
}
MARKS = {"S": N_("value from public sources"), "M": N_("value quoted from memory, not checked against the standard")}
_MAINS_HZ = (42.5, 69.0)
PULSES_PCT = 25.0  # of the fundamental: mains voltage is always less distorted, a drive's output always more
_TABLE_OF = {
    "h_u": "sg_u_v",
    "isg_u": "isg_u_v",
    "h_i": "sg_i_a",
    "thd_u": "thd_u_pct",
    "tdd": "tdd_pct",
    "u2": "u2_pct",
}


class MeasurementPoint(Struct, frozen=True):
    """Parameters of the limits at a place.

    standards: keys of `dsp.limits`.
    nominal_v: nominal line voltage, volts.
    reference_v: voltage that counts as 100 % for a measured voltage, volts.
    demand_a: maximum demand load current, amperes. None: no current limits in percent of it.
    isc_over_il: ratio of short-circuit to demand current, for IEEE 519. None: no current limits of IEEE 519.
    short_circuit_mva: short-circuit capacity, for GB/T 14549. None: no current limits of GB/T 14549.
    plant_class: environment class of IEC 61000-2-4, 1 to 3.
    """

    standards: tuple[str, ...]
    nominal_v: float
    reference_v: float
    demand_a: float | None = None
    isc_over_il: float | None = None
    short_circuit_mva: float | None = None
    plant_class: int = 2


def place_of(
    names: Iterable[str],
    settings: RecordingSettings,
    nominal_v: float | None,
    isc_over_il: float | None,
    short_circuit_mva: float | None,
    plant_class: int,
) -> MeasurementPoint:
    """The parameters of the limits from the options of the command. names: keys of STANDARDS.

    Raises ReplayError if an option is missing or excludes limits.
    """
    chosen = tuple(name for group in names for name in STANDARDS[group])
    if settings.nominal == "drive":
        raise ReplayError(codes.LIMITS_AT_DRIVE_OUTPUT)
    if isc_over_il is not None and settings.demand_a is None:
        raise ReplayError(codes.DEMAND_CURRENT_MISSING)
    if settings.supply_v is not None:
        two = settings.wiring == "3P3W-2"
        line_v = settings.supply_v if two else math.sqrt(3.0) * settings.supply_v
        reference_v = settings.supply_v / math.sqrt(3.0) if two else settings.supply_v
    elif nominal_v is not None:
        line_v, reference_v = nominal_v, nominal_v / math.sqrt(3.0)
    else:
        raise ReplayError(codes.LIMIT_VOLTAGE_MISSING)
    return MeasurementPoint(
        chosen, nominal_v or line_v, reference_v, settings.demand_a, isc_over_il, short_circuit_mva, plant_class
    )


def compare_with_limits(summary: RecordingSummary, place: MeasurementPoint, seconds: float) -> list[dict[str, Any]]:
    """For each standard: whether it applies, and every limit with the measured value.

    Objects have the keys of docs/how-to/replay.md; `reason` is a `Reason`.
    seconds: length of the recording.
    """
    from dsp.limits import about, compare

    f_hz = summary.fundamental_hz()
    reason = not_mains(f_hz, summary.rest_pct())
    out = []
    for standard in place.standards:
        info = about(standard)
        one: dict[str, Any] = {"standard": info.title, "place": info.places[0], "nominal_v": place.nominal_v,
                               "source": info.source}  # fmt: skip
        found = () if reason else limits_of(standard, place, f_hz)
        if not found:
            not_covered = codes.LINE_VOLTAGE_NOT_COVERED(nominal_v=place.nominal_v)
            out.append(one | {"applies": False, "reason": reason or not_covered, "findings": []})
            continue
        values = {(limit.quantity, limit.order, limit.statistic): value(summary, place, limit, f_hz) for limit in found}
        findings = compare(found, values)
        longest_s = max(limit.statistic.period_s for limit in found if limit.quantity != "frequency")
        out.append(
            one
            | {
                "applies": True,
                "kept": sum(item.complies is True for item in findings),
                "exceeded": sum(item.complies is False for item in findings),
                "not_measured": sum(item.complies is None for item in findings),
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


def not_mains(f_hz: float, rest_pct: float) -> Reason | None:
    """Why no limit applies to the measured voltage; None if it can be mains."""
    if not math.isfinite(f_hz):
        return codes.FREQUENCY_NOT_FOUND()
    if not _MAINS_HZ[0] <= f_hz <= _MAINS_HZ[1]:
        return codes.FREQUENCY_NOT_MAINS(frequency_hz=float(f_hz))
    return codes.VOLTAGE_NOT_MAINS(rest_pct=rest_pct) if rest_pct > PULSES_PCT else None


def limits_of(standard: str, place: MeasurementPoint, f_hz: float) -> tuple[Any, ...]:
    """The limits of a standard; empty if it does not cover the voltage. f_hz: measured frequency."""
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
    """The nominal frequency of mains with a measured frequency."""
    return 60.0 if f_hz > 55.0 else 50.0


def value(summary: RecordingSummary, place: MeasurementPoint, limit: Any, f_hz: float) -> float | tuple[float, float]:
    """The statistic of a limit for the worst phase, from intervals without flags.

    A pair (low, high) for a limit on both sides; NaN if it was not measured.
    """
    if limit.quantity == "plt":
        every = np.array([plt for _, plt in summary.plt()]).reshape(-1, 3)
        return _worst(every, limit.statistic.percent)
    if limit.quantity == "frequency":
        deviations = [[100.0 * (measured_hz / nominal_hz(f_hz) - 1.0)] for _, measured_hz in summary.frequency_hz]
        return _beyond(np.array(deviations), limit)
    rows = usable(summary.intervals[limit.statistic.interval_s])
    if limit.quantity == "u":
        return _beyond(
            np.array([100.0 * (summary.column(k, "u_rms_v") / place.reference_v - 1.0) for k in rows]), limit
        )
    every = np.array([summary.column(k, _TABLE_OF[limit.quantity]) for k in rows])
    if limit.quantity in ("h_u", "isg_u", "h_i"):
        every = every[:, :, limit.order] if len(every) else every
    if limit.quantity in ("h_u", "isg_u"):
        every = 100.0 * every / place.reference_v
    elif limit.unit == "% of IL" and limit.quantity == "h_i":
        every = 100.0 * every / (place.demand_a or math.nan)
    return _worst(every, limit.statistic.percent)


def usable(intervals: list[Any]) -> list[Any]:
    """Intervals without a flag (IEC 61000-4-30, 4.7 [M]); incomplete ones only if no other exists."""
    clean = [interval for interval in intervals if not interval.flagged]
    return [interval for interval in clean if interval.complete] or clean


def _worst(every: Any, percent: float) -> float:
    from dsp.aggregate import percentile

    phases = [percentile(phase, percent) for phase in every.T] if len(every) else []
    return max((value for value in phases if not math.isnan(value)), default=math.nan)


def _beyond(every: Any, limit: Any) -> tuple[float, float]:
    """The deviation that `percent` of the values do not exceed, each relative to the limit on its side."""
    worst, most = (math.nan, math.nan), -1.0
    for phase in every.T if len(every) else ():
        finite = phase[np.isfinite(phase)]
        if not len(finite):
            continue
        use = np.where(finite < 0.0, finite / limit.low, finite / limit.high)
        at = np.argsort(use)[max(math.ceil(len(use) * limit.statistic.percent / 100.0 - 1e-9), 1) - 1]
        if use[at] > most:
            most, deviation = float(use[at]), float(finite[at])
            worst = (deviation, 0.0) if deviation < 0.0 else (0.0, deviation)
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
        "held": item.complies,
        "mark": limit.mark,
    }

"""Savings and non-routine events as messages."""

from __future__ import annotations

from collections.abc import Sequence

from agent.core.messages import Message, codes, event
from agent.savings.records.model import Interval, NonRoutineEvent, Saving
from drivers.reading import Quality
from drivers.reasons import Reason


def interval_values(interval: Interval, period: str, expected_wh: float | None) -> dict[str, object]:
    """Metric → value, of one interval.

    period: name of the period in which it is; "": none.
    expected_wh: its adjusted baseline energy; None: it is not compared.
    """
    measured = None if interval.energy_wh is None else interval.energy_wh + interval.auxiliary_wh
    return {
        "interval_energy_wh": rounded_wh(measured), "interval_adjusted_baseline_wh": rounded_wh(expected_wh),
        "interval_coverage_pct": round(100 * min(interval.coverage, 1.0), 1),
        "savings_period": period or None,
        "interval_saved_wh": None if measured is None or expected_wh is None else round(expected_wh - measured, 1),
    }  # fmt: skip


def saving_values(saving: Saving) -> dict[str, object]:
    """Metric → value, of the sum since the start of the reporting period."""
    values: dict[str, object] = {
        "adjusted_baseline_energy_wh": round(saving.adjusted_wh), "measured_energy_wh": round(saving.measured_wh),
        "saved_energy_wh": round(saving.adjusted_wh) - round(saving.measured_wh),
        "saved_share_pct": round(100 * saving.share, 3), "savings_verdict": saving.verdict,
        "savings_assumptions": codes([item.reason for item in saving.assumptions]),
        "saved_energy_u90_wh": round(saving.u90_wh), "saved_energy_u80_wh": round(saving.u80_wh),
        "savings_caveats": codes(saving.caveats), "savings_advice": codes([saving.advice]) if saving.advice else None,
        "savings_coverage_pct": round(100 * saving.coverage, 1), "excluded_energy_wh": round(saving.excluded_wh),
        "nre_open": saving.open_events, "speed_creep_wh": rounded_wh(saving.speed_creep_wh),
        "baseline_hash": saving.baseline_hash[:16] or None,
    }  # fmt: skip
    values |= {f"savings_{name}_wh": round(part.wh) for name, part in saving.parts.items()}
    return values


def saving_reasons(saving: Saving) -> dict[str, Sequence[Reason]]:
    """Metric → its reasons."""
    return {
        "savings_assumptions": [item.reason for item in saving.assumptions], "savings_caveats": saving.caveats,
        "savings_advice": [saving.advice] if saving.advice else [],
    }  # fmt: skip


def saving_uncertainties(saving: Saving) -> dict[str, float]:
    """Metric → U95."""
    found = {"saved_energy_wh": float(f"{saving.u95_wh:.4g}")}
    if saving.adjusted_wh > 0:
        found["saved_share_pct"] = float(f"{100 * saving.u95_wh / saving.adjusted_wh:.4g}")
    return found | {f"savings_{name}_wh": float(f"{part.u95_wh:.4g}") for name, part in saving.parts.items()}


def event_message(found: NonRoutineEvent, quality: Quality) -> Message:
    """The message of an event that opened (to_ms None) or ended."""
    values: dict[str, object] = {
        "event_state": "begin" if found.to_ms is None else "end", "event_start_ms": found.from_ms,
        "event_number": found.number,
    }  # fmt: skip
    if found.to_ms is not None:
        values["event_duration_s"] = (found.to_ms - found.from_ms) / 1000
    return event(found.asset, found.to_ms or found.from_ms, f"nre_{found.kind}", [found.cause], values, quality)


def rounded_wh(wh: float | None) -> float | None:
    return None if wh is None else round(wh, 1)

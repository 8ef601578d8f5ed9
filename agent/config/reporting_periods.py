"""The periods of a retrofit: baseline, commissioning, reporting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from itertools import pairwise

from agent.core.local_time import zone_of
from agent.savings.reasons import BASELINE_PERIOD_AHEAD, PERIOD_ORDER
from agent.savings.records.model import Baseline, ReportingPhase
from drivers.reasons import InvalidValue, Reason

NAMES = ("baseline", "commissioning", "reporting")


def phases_of(begins: Mapping[str, date], zone: str) -> tuple[ReportingPhase, ...]:
    """Each period starts at its date (midnight in the time zone of the plant, or the given time) and ends where the
    next one starts, the last at `end`, if there is one. Raises InvalidValue for a wrong order.
    """
    known = [(name, begin_ms(begins[name], zone)) for name in (*NAMES, "end") if begins.get(name) is not None]
    for (name, at), (later, then) in pairwise(known):
        if then <= at:
            raise InvalidValue(PERIOD_ORDER, later=later, earlier=name)
    found = []
    for k, (name, at) in enumerate(known):
        if name != "end":
            found.append(ReportingPhase(name, at, known[k + 1][1] if k + 1 < len(known) else None))
    return tuple(found)


def ahead(begins: Mapping[str, date], today: date) -> Reason | None:
    """The reason if the baseline period is in the future; None if it has started or has no date."""
    begin = begins.get("baseline")
    if begin is None or (days := ((begin.date() if isinstance(begin, datetime) else begin) - today).days) <= 0:
        return None
    return BASELINE_PERIOD_AHEAD(days=days)


def phase_at(phases: tuple[ReportingPhase, ...], t_ms: int, baseline: Baseline | None) -> str:
    """Name of the period; without dated periods the reporting period follows the frozen baseline. "": none."""
    if not phases:
        return "reporting" if baseline is not None and t_ms >= baseline.to_ms else ""
    return next((phase.name for phase in phases if phase.holds(t_ms)), "")


def reporting_of(phases: tuple[ReportingPhase, ...], baseline: Baseline) -> ReportingPhase:
    """The reporting period. It never starts before the baseline period ends."""
    for phase in phases:
        if phase.name == "reporting":
            return phase._replace(from_ms=max(phase.from_ms, baseline.to_ms))
    return ReportingPhase("reporting", baseline.to_ms)


def begin_ms(begin: date, zone: str) -> int:
    """UTC; of a date its midnight; in the given time zone unless it has one."""
    moment = begin if isinstance(begin, datetime) else datetime.combine(begin, time())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone_of(zone))
    return round(moment.timestamp() * 1000)

"""The dated phases of a retrofit: baseline, commissioning, reporting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

from agent.savings.reasons import BASELINE_PERIOD_AHEAD, PERIOD_ORDER
from agent.savings.types import Baseline, Phase
from drivers.reasons import InvalidValue, Reason

NAMES = ("baseline", "commissioning", "reporting")


def phases_of(begins: Mapping[str, date], zone: str) -> tuple[Phase, ...]:
    """Each begins at its date (midnight of the plant's time zone, or the time that is given) and ends where the next
    begins, the last at `end` if there is one. Raises ValueError for an order that cannot be."""
    known = [(name, begin_ms(begins[name], zone)) for name in (*NAMES, "end") if begins.get(name) is not None]
    for (name, at), (later, then) in pairwise(known):
        if then <= at:
            raise InvalidValue(PERIOD_ORDER, later=later, earlier=name)
    found = []
    for k, (name, at) in enumerate(known):
        if name != "end":
            found.append(Phase(name, at, known[k + 1][1] if k + 1 < len(known) else None))
    return tuple(found)


def ahead(begins: Mapping[str, date], today: date) -> Reason | None:
    """That the baseline period has not started; None when it has, or has no date."""
    begin = begins.get("baseline")
    if begin is None or (days := ((begin.date() if isinstance(begin, datetime) else begin) - today).days) <= 0:
        return None
    return BASELINE_PERIOD_AHEAD(days=days)


def phase_at(phases: tuple[Phase, ...], t_ms: int, baseline: Baseline | None) -> str:
    """Its name; where no phases are dated a frozen baseline is followed by reporting. Empty: none."""
    if not phases:
        return "reporting" if baseline is not None and t_ms >= baseline.to_ms else ""
    return next((phase.name for phase in phases if phase.holds(t_ms)), "")


def reporting_of(phases: tuple[Phase, ...], baseline: Baseline) -> Phase:
    """When savings are claimed. Never before the baseline ends."""
    for phase in phases:
        if phase.name == "reporting":
            return phase._replace(from_ms=max(phase.from_ms, baseline.to_ms))
    return Phase("reporting", baseline.to_ms)


def begin_ms(begin: date, zone: str) -> int:
    """UTC; of a date its midnight, in the zone where it names none."""
    moment = begin if isinstance(begin, datetime) else datetime.combine(begin, time())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=place_of(zone))
    return round(moment.timestamp() * 1000)


def place_of(zone: str) -> tzinfo:
    """The zone; UTC on a system without time zone data, which `check` lets pass."""
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return UTC

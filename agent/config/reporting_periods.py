"""The periods of a retrofit: baseline, commissioning, reporting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from itertools import pairwise
from typing import NamedTuple

from agent.config.reasons import BASELINE_PERIOD_AHEAD, PERIOD_ORDER
from agent.core.local_time import zone_of
from drivers.reasons import InvalidValue, Reason

NAMES = ("baseline", "commissioning", "reporting")


class ReportingPhase(NamedTuple):
    """A period of the retrofit, UTC ms. name: baseline | commissioning | reporting. to_ms: None: it has not ended."""

    name: str
    from_ms: int
    to_ms: int | None = None

    def contains(self, t_ms: int) -> bool:
        return self.from_ms <= t_ms and (self.to_ms is None or t_ms < self.to_ms)


def phases_of(begins: Mapping[str, date], zone: str) -> tuple[ReportingPhase, ...]:
    """Each period starts at its date (midnight in the time zone of the plant, or the given time) and ends where the
    next one starts, the last at `end`, if there is one. Raises InvalidValue for a wrong order.
    """
    dates = [(name, begin_ms(begins[name], zone)) for name in (*NAMES, "end") if begins.get(name) is not None]
    for (name, from_ms), (later, to_ms) in pairwise(dates):
        if to_ms <= from_ms:
            raise InvalidValue(PERIOD_ORDER, later=later, earlier=name)
    ends = (*(begin for _, begin in dates[1:]), None)
    return tuple(
        ReportingPhase(name, begin, end) for (name, begin), end in zip(dates, ends, strict=False) if name != "end"
    )


def ahead(begins: Mapping[str, date], today: date) -> Reason | None:
    """The reason if the baseline period is in the future; None if it has started or has no date."""
    begin = begins.get("baseline")
    if begin is None or (days := ((begin.date() if isinstance(begin, datetime) else begin) - today).days) <= 0:
        return None
    return BASELINE_PERIOD_AHEAD(days=days)


def begin_ms(begin: date, zone: str) -> int:
    """UTC; of a date its midnight; in the given time zone unless it has one."""
    moment = begin if isinstance(begin, datetime) else datetime.combine(begin, time())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone_of(zone))
    return round(moment.timestamp() * 1000)

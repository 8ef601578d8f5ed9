"""One train before and after its retrofit: what runs when, in seconds of the plant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from simulators.clock import START_UTC_NS
from simulators.endpoints import Endpoints
from simulators.scenarios.records import LifeRecord


@dataclass(frozen=True, slots=True)
class Turns:
    """The old motor runs up to retrofit_s, the new one from runs_s on; nothing between."""

    retrofit: date
    start_utc_ns: int
    retrofit_s: float
    runs_s: float
    end_s: float
    production: float

    def is_old(self, now_s: float) -> bool:
        return now_s <= self.retrofit_s

    def stands(self, now_s: float) -> bool:
        return self.retrofit_s < now_s <= self.runs_s


@dataclass(frozen=True, slots=True)
class Life:
    """For whoever runs it. after: the agent's configuration since the retrofit. month: the first whole one of the new
    motor that lies before the end, "YYYY-MM"."""

    turns: Turns
    asset: str
    timezone: str
    month: str
    after: Callable[[Endpoints, str, str], str]

    def turn_s(self, now_s: float) -> float | None:
        """When the next thing changes: the retrofit, the end; None behind it."""
        return next((at for at in (self.turns.retrofit_s, self.turns.end_s) if at > now_s), None)

    def month_ms(self) -> tuple[int, int]:
        """UTC, of its first and its last moment."""
        begin = date.fromisoformat(f"{self.month}-01")
        first, last = (round(1000 * _utc_s(day, self.timezone)) for day in (begin, _next_month(begin)))
        return first, last

    def local(self, now_s: float) -> str:
        utc_s = self.turns.start_utc_ns / 1e9 + now_s
        return f"{datetime.fromtimestamp(utc_s, ZoneInfo(self.timezone)):%Y-%m-%d %H:%M}"


def turns_of(life: LifeRecord, timezone: str) -> Turns:
    """Raises ValueError: one line that names the key."""
    for name, day in (("retrofit", life.retrofit), ("reporting", life.reporting)):
        if isinstance(day, datetime):
            raise ValueError(f"life.{name}: a whole day, as the agent's phases are, got {day}; stands_h gives hours")
    start_s, retrofit_s, reporting_s, end_s = (
        _utc_s(day, timezone) for day in (life.start, life.retrofit, life.reporting, life.end)
    )
    runs_s = retrofit_s + 3600 * life.stands_h
    if not start_s < retrofit_s:
        raise ValueError("life.retrofit: must be after life.start")
    if not (life.stands_h >= 0 and runs_s <= reporting_s):
        raise ValueError("life.reporting: must not be before the new motor runs, life.stands_h after life.retrofit")
    if not reporting_s < end_s:
        raise ValueError("life.end: must be after life.reporting")
    if not 0.1 <= life.production <= 1.2:
        raise ValueError(f"life.production: a share of before, 0.1 to 1.2, got {life.production:g}")
    return Turns(
        life.retrofit, round(1e9 * start_s), retrofit_s - start_s, runs_s - start_s, end_s - start_s, life.production
    )  # fmt: skip


def first_month(life: LifeRecord) -> str:
    """Of which reporting sees the first day, or the next one."""
    day = life.reporting
    if day.day > 1:
        day = _next_month(day)
    return f"{day:%Y-%m}"


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def start_of(turns: Turns | None) -> int:
    return turns.start_utc_ns if turns else START_UTC_NS


def _utc_s(day: date, timezone: str) -> float:
    moment = day if isinstance(day, datetime) else datetime.combine(day, time())
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))).timestamp()

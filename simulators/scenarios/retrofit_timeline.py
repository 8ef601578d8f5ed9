"""Retrofit of one train: which motor runs when, in seconds of the plant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from simulators import reasons as codes
from simulators.endpoints import Endpoints
from simulators.reasons import require
from simulators.scenarios.records import RetrofitRecord

PRODUCTION_MIN, PRODUCTION_MAX = 0.1, 1.2  # limits of the production after the retrofit, as a share of before


@dataclass(frozen=True, slots=True)
class RetrofitTimes:
    """Times of a retrofit: the old motor runs up to retrofit_s, the new one from runs_s on, none between.

    retrofit: day of the retrofit.
    start_utc_ns: UTC time of second 0.
    retrofit_s, runs_s, end_s: seconds since the start of the plant.
    production: production after the retrofit relative to the production before it.
    """

    retrofit: date
    start_utc_ns: int
    retrofit_s: float
    runs_s: float
    end_s: float
    production: float

    def is_old(self, now_s: float) -> bool:
        return now_s <= self.retrofit_s

    def is_stopped(self, now_s: float) -> bool:
        return self.retrofit_s < now_s <= self.runs_s


@dataclass(frozen=True, slots=True)
class RetrofitTimeline:
    """A retrofit, for the program that runs the scenario.

    times: its times.
    asset: name of the train.
    timezone: IANA name of the site's time zone.
    month: the first complete calendar month of the reporting period, "YYYY-MM".
    after: returns the agent's configuration since the retrofit.
    """

    times: RetrofitTimes
    asset: str
    timezone: str
    month: str
    after: Callable[[Endpoints, str, str], str]

    def next_change_s(self, now_s: float) -> float | None:
        """Return the time of the next change (the retrofit, the end), seconds; None after the end."""
        return next((at for at in (self.times.retrofit_s, self.times.end_s) if at > now_s), None)

    def month_ms(self) -> tuple[int, int]:
        """Return the UTC times of the beginning and the end of the month, milliseconds."""
        begin = date.fromisoformat(f"{self.month}-01")
        first, last = (round(1000 * _utc_s(day, self.timezone)) for day in (begin, _next_month(begin)))
        return first, last

    def local(self, now_s: float) -> str:
        utc_s = self.times.start_utc_ns / 1e9 + now_s
        return f"{datetime.fromtimestamp(utc_s, ZoneInfo(self.timezone)):%Y-%m-%d %H:%M}"


def times_of(life: RetrofitRecord, timezone: str) -> RetrofitTimes:
    """Return the times of a life. Raises InvalidValue."""
    for name, day in (("retrofit", life.retrofit), ("reporting", life.reporting)):
        require(not isinstance(day, datetime), f"life.{name}", codes.DAY_EXPECTED, value=str(day))
    start_s, retrofit_s, reporting_s, end_s = (
        _utc_s(day, timezone) for day in (life.start, life.retrofit, life.reporting, life.end)
    )
    runs_s = retrofit_s + 3600 * life.stands_h
    require(start_s < retrofit_s, "life.retrofit", codes.RETROFIT_BEFORE_START)
    require(life.stands_h >= 0 and runs_s <= reporting_s, "life.reporting", codes.REPORTING_BEFORE_MOTOR)
    require(reporting_s < end_s, "life.end", codes.END_BEFORE_REPORTING)
    require(
        PRODUCTION_MIN <= life.production <= PRODUCTION_MAX,
        "life.production",
        codes.PRODUCTION_SHARE,
        low=PRODUCTION_MIN,
        high=PRODUCTION_MAX,
        value=life.production,
    )
    return RetrofitTimes(
        life.retrofit, round(1e9 * start_s), retrofit_s - start_s, runs_s - start_s, end_s - start_s, life.production
    )  # fmt: skip


def first_month(life: RetrofitRecord) -> str:
    """Return the first month that is completely in the reporting period."""
    day = life.reporting
    if day.day > 1:
        day = _next_month(day)
    return f"{day:%Y-%m}"


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _utc_s(day: date, timezone: str) -> float:
    moment = day if isinstance(day, datetime) else datetime.combine(day, time())
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))).timestamp()

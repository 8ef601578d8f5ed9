"""The clock of a meter: its offset against a clock of which the test knows the difference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agent.core.meter_clock import clock_offset, is_invalid, with_clock_offset
from drivers.reading import Quality, Reading, Value

SHANGHAI = "Asia/Shanghai"  # UTC+8
BEGIN = datetime(2018, 12, 29, 10, 53, 0, tzinfo=UTC)  # 18:53:00 in Shanghai
DURATION_S = 4.0


def ns(moment: datetime) -> int:
    return round(moment.timestamp()) * 10**9 + moment.microsecond * 1000


def reading_of(date: Value, time: Value, begin: datetime = BEGIN) -> Reading:
    end = begin + timedelta(seconds=DURATION_S)
    return Reading("m", ns(begin), ns(end), {"clock_date": date, "clock_time": time, "active_power": 1.0})


@pytest.mark.parametrize("off_s", [-7201.5, -61.0, 0.0, 0.9, 40.0, 86400.0, 400 * 86400.0])
@pytest.mark.parametrize("read_after_s", [0.0, 2.0, DURATION_S])
def test_the_offset_is_found_within_its_uncertainty(off_s: float, read_after_s: float) -> None:
    """Whenever during the poll the clock was read; it shows whole seconds."""
    shown = BEGIN + timedelta(hours=8, seconds=off_s + read_after_s)
    found = clock_offset(reading_of(int(f"{shown:%y%m%d}06"), int(f"{shown:%H%M%S}")), SHANGHAI)
    assert found is not None
    assert abs(found.seconds - off_s) <= found.u_s == DURATION_S / 2 + 0.5


def test_a_clock_of_another_time_zone_is_off_by_whole_hours() -> None:
    found = clock_offset(reading_of(18122906, 185302), "UTC")
    assert found is not None
    assert round(found.seconds / 3600, 3) == 8.0


def test_in_the_hour_that_occurs_twice_the_offset_is_that_of_the_wall_clock() -> None:
    """Berlin, 2026-10-25: 01:30 UTC is the second 02:30."""
    begin = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    found = clock_offset(reading_of(26102500, 23002, begin), "Europe/Berlin")
    assert found is not None
    assert abs(found.seconds) <= found.u_s


def test_just_after_midnight_nothing_is_concluded() -> None:
    """The date 29 was read before midnight, the time after it: off by a day if taken together."""
    begin = datetime(2018, 12, 29, 15, 59, 58, tzinfo=UTC)
    assert clock_offset(reading_of(18122906, 1, begin), SHANGHAI) is None
    assert not is_invalid(reading_of(18122906, 1, begin))


@pytest.mark.parametrize(("date", "time"), [(0, 0), (18132906, 185302), (18122906, 246000), (None, 185302)])
def test_no_date_is_invalid_and_has_no_offset(date: Value, time: Value) -> None:
    reading = reading_of(date, time)
    assert is_invalid(reading)
    assert with_clock_offset(reading, SHANGHAI).values == {"active_power": 1.0, "clock_offset": None}


def test_the_offset_replaces_date_and_time() -> None:
    found = with_clock_offset(reading_of(18122906, 185302), SHANGHAI)
    assert found.values == {"active_power": 1.0, "clock_offset": 0.5}


def test_a_meter_without_response_has_no_offset_and_no_invalid_clock() -> None:
    silent = Reading("m", 0, 0, {"clock_date": None, "clock_time": None}, Quality.NO_REPLY)
    assert not is_invalid(silent)
    assert with_clock_offset(silent, SHANGHAI).values == {"clock_offset": None}


def test_other_readings_stay_the_same_objects() -> None:
    reading = Reading("m", 0, 0, {"active_power": 1.0})
    assert with_clock_offset(reading, SHANGHAI) is reading

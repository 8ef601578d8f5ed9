"""Local time: against dates of the IANA database that are widely published."""

from __future__ import annotations

import time

import pytest

from agent.core.local_time import format_date, format_minute, format_second, local_datetime, zone_of

SUMMER_ENDS_MS = 1_792_890_000_000  # 2026-10-25 01:00 UTC: clocks in Berlin go back from 03:00 to 02:00


@pytest.mark.parametrize(("offset_ms", "text"), [(-1000, "02:59:59"), (0, "02:00:00"), (3_600_000, "03:00:00")])
def test_the_end_of_summer_time(offset_ms: int, text: str) -> None:
    assert format_second(SUMMER_ENDS_MS + offset_ms, "Europe/Berlin") == f"2026-10-25 {text}"


def test_a_date_is_that_of_the_plant() -> None:
    late_ms = SUMMER_ENDS_MS + 16 * 3_600_000  # 17:00 UTC
    assert format_date(late_ms, "Asia/Shanghai") == "2026-10-26"
    assert format_date(late_ms, "UTC") == "2026-10-25"
    assert format_minute(late_ms, "Asia/Shanghai") == "2026-10-26 01:00"


def test_without_a_zone_the_time_is_that_of_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XXX-05:30")
    time.tzset()
    try:
        assert format_minute(SUMMER_ENDS_MS) == "2026-10-25 06:30"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("name", ["", "Nowhere/Town", "..", "Europe", "x" * 300])
def test_an_unknown_zone_is_utc(name: str) -> None:
    assert zone_of(name).utcoffset(None) == local_datetime(0, "UTC").utcoffset()

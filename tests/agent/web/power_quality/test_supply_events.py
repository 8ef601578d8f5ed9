"""Events of the supply: which are below the curve, and what happened last night on the plant's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.core.text import Catalogue
from agent.web.power_quality.supply_events import SupplyEvent, last_night_ms, night_headline, supply_event, worst_event
from dsp.voltage_tolerance import tolerance_curve

CURVE = tolerance_curve("semi-f47")
SHANGHAI = ZoneInfo("Asia/Shanghai")
EN = Catalogue("en", SHANGHAI)


def ms(day: int, hour: int, minute: int = 0, zone: Any = SHANGHAI) -> int:
    return round(datetime(2026, 10, day, hour, minute, tzinfo=zone).timestamp() * 1000)


def event(start_ms: int, pct: float = 62.0, duration_s: float = 0.14, kind: str = "dip") -> SupplyEvent:
    values = {"event_kind": kind, "event_start_ms": start_ms, "event_duration_s": duration_s,
              "event_extreme_pct": pct, "event_phases": [2, 3], "event_reference_v": 230.0}  # fmt: skip
    found = supply_event(start_ms + round(1000 * duration_s), values, False, CURVE, EN)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "pct", "duration_s", "below"),
    [
        ("dip", 62.0, 0.14, False), ("dip", 41.0, 0.26, True), ("dip", 69.9, 0.3, True), ("dip", 70.0, 0.3, False),
        ("interruption", 0.0, 0.02, False), ("interruption", 0.0, 0.03, True), ("swell", 112.0, 5.0, None),
        ("rapid_change", 4.0, 1.0, None),
    ],
)  # fmt: skip
def test_a_dip_is_below_the_curve_or_not(kind: str, pct: float, duration_s: float, below: bool | None) -> None:
    assert event(ms(19, 2), pct, duration_s, kind).below_curve is below


def test_events_that_are_not_of_the_supply_are_left_out() -> None:
    assert supply_event(0, {"event_kind": "clock_step"}, False, CURVE, EN) is None
    assert supply_event(0, {}, False, CURVE, EN) is None
    bare = supply_event(7, {"event_kind": "dip"}, False, CURVE, EN)
    assert bare is not None
    assert (bare.start_ms, bare.below_curve, bare.phases) == (7, None, [])


def test_the_worst_is_the_deepest_then_the_longest() -> None:
    events = [event(0, 80.0), event(1, 41.0, 0.1), event(2, 41.0, 0.2), event(3, 112.0, 9.0, "swell")]
    assert worst_event(events) is events[2]
    assert worst_event(events[3:]) is None


def test_the_night_is_that_of_the_plant() -> None:
    begin_ms, end_ms = last_night_ms(ms(19, 14, 32), SHANGHAI)
    assert (begin_ms, end_ms) == (ms(18, 20), ms(19, 8))
    assert last_night_ms(ms(19, 23, 59), SHANGHAI) == (ms(18, 20), ms(19, 8))


def test_the_night_in_which_the_clock_is_put_back_has_an_hour_more() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    begin_ms, end_ms = last_night_ms(ms(25, 12, zone=berlin), berlin)
    assert end_ms - begin_ms == timedelta(hours=13) / timedelta(milliseconds=1)


@pytest.mark.text
def test_last_night_in_words() -> None:
    now_ms = ms(19, 14)
    night = event(ms(19, 2, 14))
    headline = night_headline([night], now_ms, EN)
    assert (headline.title, headline.detail) == ("Last night: voltage dip", "02:14:00, 62 %, 0.14 s, L2 L3")
    night.outcome = "stopped"
    assert night_headline([night], now_ms, EN).detail.endswith(", motor stopped")
    several = night_headline([event(ms(18, 21)), event(ms(19, 3), 41.0), event(ms(19, 13))], now_ms, EN)
    assert several.title == "Last night: 2 events"
    assert several.detail == "worst: 03:00:00, 41 %, 0.14 s, L2 L3; since then: 1"
    assert night_headline([event(ms(19, 13))], now_ms, EN).title == "Today: voltage dip"
    assert night_headline([], now_ms, EN).detail == "none in 30 days"
    assert Catalogue("zh_CN")("Last night: no event") == "昨夜：无事件"


def test_an_older_event_is_named_with_its_day() -> None:
    headline = night_headline([event(ms(7, 4))], ms(19, 14), EN)
    assert "2026-10-07" in headline.detail
    assert night_headline([event(ms(17, 4)), event(ms(7, 4))], ms(19, 14), EN).detail.count("2026-10-17") == 1


def test_times_are_shown_on_the_clock_of_the_plant() -> None:
    start = datetime(2026, 10, 18, 18, 14, tzinfo=UTC)  # 02:14 in Shanghai
    assert "02:14:00" in night_headline([event(round(start.timestamp() * 1000))], ms(19, 14), EN).detail

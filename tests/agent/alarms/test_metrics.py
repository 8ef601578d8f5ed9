"""Metrics of EEMUA 191 from announcements at chosen times; expected figures by hand."""

from __future__ import annotations

import pytest

from agent.alarms.announcements import Announcement
from agent.alarms.metrics import metrics_of
from agent.alarms.model import AlarmKey

DAY_S = 86_400


def announced(*times_s: float, code: str = "hot", priority: str = "low") -> list[Announcement]:
    return [Announcement(at_s, round(1000 * at_s), AlarmKey("m", code), priority) for at_s in times_s]


def test_rates_of_an_even_load() -> None:
    found = metrics_of(announced(*range(0, 2 * DAY_S, 1800)), 0, 2 * DAY_S * 1000)  # every half hour
    assert (found.announced, found.per_day, found.per_hour, found.hour_max) == (96, 48, 2, 2)
    assert found.per_10min == pytest.approx(1 / 3)
    assert (found.window_max, found.windows_above_10_pct, found.flood_pct) == (1, 0, 0)


def test_a_minute_is_not_extrapolated_to_a_day() -> None:
    found = metrics_of(announced(30), 0, 55_000)
    assert (found.per_day, found.per_hour, found.per_10min) == (1, 1, 1)


def test_a_burst_of_12() -> None:
    """One each 5 s. The 11th, at 50 s, begins the flood; at 635 s the 8th leaves the 10 min and 4 remain."""
    found = metrics_of(announced(*range(0, 60, 5)), 0, DAY_S * 1000)
    assert found.window_max == found.hour_max == 12
    assert found.windows_above_10_pct == pytest.approx(100 / 144)
    assert found.flood_pct == pytest.approx(100 * 585 / DAY_S)
    assert found.hours_above_30_pct == 0


def test_two_floods_and_one_that_has_not_ended() -> None:
    bursts = [*range(0, 11), *range(5000, 5011), *range(9000, 9011)]
    found = metrics_of(announced(*bursts), 0, 9_100_000)
    # from the 11th to 10 min after the 7th: 596 s; the third lasts until the end of the span
    assert found.flood_pct == pytest.approx(100 * (596 + 596 + 90) / 9100)


def test_an_hour_with_more_than_30() -> None:
    found = metrics_of(announced(*range(3600, 7200, 116)), 0, DAY_S * 1000)  # 32 of them
    assert found.hour_max == 32
    assert found.hours_above_30_pct == pytest.approx(100 / 24)


def test_the_most_frequent_and_the_priorities() -> None:
    items = announced(*range(0, 9000, 1000), code="hot") + announced(500, code="cold", priority="high")
    found = metrics_of(items, 0, DAY_S * 1000)
    assert found.top_ten == [(AlarmKey("m", "hot"), 9), (AlarmKey("m", "cold"), 1)]
    assert found.top_ten_pct == 100
    assert found.by_priority_pct == {"safety": 0, "high": 10, "medium": 0, "low": 90}


@pytest.mark.parametrize(("times_s", "chattering"), [((0, 30, 60), 1), ((0, 30, 61), 0), ((0, 0), 0)])
def test_three_within_60_s_chatter(times_s: tuple[float, ...], chattering: int) -> None:
    assert metrics_of(announced(*times_s), 0, DAY_S * 1000).chattering == chattering


def test_what_is_outside_the_span_does_not_count() -> None:
    found = metrics_of(announced(0, 10, 20), 10_000, 20_000)
    assert found.announced == 1
    with pytest.raises(ValueError, match="no time"):
        metrics_of([], 5, 5)

"""Hours until the spool is full, on a simulated clock."""

from __future__ import annotations

import pytest
from support.basics import HandClock

from agent.delivery.spool_forecast import SpoolForecast


def test_spool_hours_left_follow_the_growth(clock: HandClock) -> None:
    """10 a minute and 400 left: 40 minutes."""
    forecast = SpoolForecast(clock)
    assert forecast.hours_left(0, 500) is None
    for used in range(10, 101, 10):
        clock.move(60)
        hours = forecast.hours_left(used, 500)
    assert hours == pytest.approx(400 / 10 / 60)
    clock.move(60)
    assert forecast.hours_left(500, 500) == 0.0


def test_a_shrinking_spool_has_no_hours_left(clock: HandClock) -> None:
    forecast = SpoolForecast(clock)
    forecast.hours_left(100, 500)
    clock.move(60)
    assert forecast.hours_left(90, 500) is None

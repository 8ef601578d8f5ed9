"""Hours until the spool is full, on a simulated clock."""

from __future__ import annotations

import pytest
from support.basics import HandClock

from agent.delivery.spool_forecast import SpoolForecast


def test_spool_hours_left_follow_the_growth(clock: HandClock) -> None:
    """2 % a minute and 80 % left: 40 minutes."""
    forecast = SpoolForecast(clock)
    assert forecast.hours_left(0) is None
    for used_pct in range(2, 21, 2):
        clock.move(60)
        hours = forecast.hours_left(used_pct)
    assert hours == pytest.approx(80 / 2 / 60)
    clock.move(60)
    assert forecast.hours_left(100) == 0.0


def test_a_shrinking_spool_has_no_hours_left(clock: HandClock) -> None:
    forecast = SpoolForecast(clock)
    forecast.hours_left(20)
    clock.move(60)
    assert forecast.hours_left(18) is None

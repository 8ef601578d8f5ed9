"""A fan whose power falls slowly at equal speed; a damper, warm air and another speed are none."""

from __future__ import annotations

import json

import pytest
from support.condition.steady_rows import Watched, machine

FAN = machine(application="fan")
CODE = "clogged_filter"


def loaded(watched: Watched, share: float, seconds: int = 60, **values: float) -> Watched:
    return watched.feed(
        seconds, p_out_kw=5.5 * share, p_in_kw=5.8 * share, torque_pct=60 * share, i_out_a=12.4 * share, **values
    )


def fall(watched: Watched, per_minute: float, minutes: int, start: float = 1.0) -> Watched:
    for minute in range(minutes):
        loaded(watched, start - per_minute * minute)
    return watched


def test_a_slow_fall_of_power_is_found() -> None:
    watched = fall(loaded(Watched(FAN), 1.0, 800), 0.005, 40)
    assert list(watched.found) == ["clogged_filter", "low_flow"][: len(watched.found)]
    assert watched.found[CODE].value is not None
    assert watched.found[CODE].value < -7


def test_a_damper_moves_at_once() -> None:
    watched = loaded(loaded(Watched(FAN), 1.0, 800), 0.85, 2400)
    assert CODE not in watched.found


@pytest.mark.parametrize("offset_s", range(0, 60, 10))
def test_a_damper_that_moves_within_a_mean_is_none_either(offset_s: int) -> None:
    """It closes by 4 % in the middle of a minute and opens at the beginning of one, again and again."""
    watched = loaded(Watched(FAN), 1.0, 800 + offset_s)
    for _ in range(8):
        loaded(loaded(watched, 0.96, 150), 1.0, 150)
    assert CODE not in loaded(watched, 0.96, 1200).found


def test_warm_air_is_thin() -> None:
    """From 22 to 52 °C the density falls by 9.2 %, within half an hour."""
    watched = loaded(Watched(FAN), 1.0, 800)
    for minute in range(30):
        loaded(watched, 295.15 / (295.15 + minute), ambient_degc=22.0 + minute)
    assert CODE not in loaded(watched, 295.15 / 325.15, 1200, ambient_degc=52.0).found


def test_a_fall_over_weeks_survives_restarts() -> None:
    share, state = 1.0, loaded(Watched(FAN), 1.0, 800).condition.state()
    for _ in range(5):
        watched = Watched(FAN, json.loads(json.dumps(state)))
        share -= 0.02
        state = loaded(watched, share, 1300).condition.state()
    assert CODE in watched.found

"""Winding and bearing temperatures: limits of the class, and what losses and ambient temperature do not explain."""

from __future__ import annotations

import pytest
from support.condition.steady_rows import Watched, machine

from agent.analysis.condition.answers import Clear, NotObservable, Severity


@pytest.mark.parametrize(
    ("winding_class", "degc", "severity"),
    [
        ("F", 128.0, None), ("F", 134.0, Severity.WARNING), ("F (155 °C)", 149.0, Severity.ALARM),
        ("B", 108.0, Severity.WARNING), ("155", 134.0, Severity.WARNING), ("H", 149.0, None),
    ],
)  # fmt: skip
def test_limits_of_the_class(winding_class: str, degc: float, severity: Severity | None) -> None:
    watched = Watched(machine(winding_class=winding_class)).feed(150, winding_degc=degc)
    (found,) = [one for one in watched.condition.answers() if one.code == "over_temperature"]
    assert getattr(found, "severity", None) is severity


def test_a_hot_minute_is_none() -> None:
    assert "over_temperature" not in Watched().feed(100, winding_degc=125.0).feed(40, winding_degc=134.0).found


@pytest.mark.parametrize("garbage", [-3276.8, 3276.7, 850.0, float("nan"), 0.0])
def test_garbage_is_no_temperature(garbage: float) -> None:
    watched = Watched().feed(120)
    for _ in range(40):
        watched.feed(8).feed(2, winding_degc=garbage)
    assert "over_temperature" not in watched.found
    assert isinstance(watched.answer("over_temperature"), Clear)


def test_a_sensor_that_is_gone_makes_it_not_observable() -> None:
    watched = Watched().feed(120).feed(300, winding_degc=850.0)
    assert list(watched.found) == ["sensor_fault"]
    assert isinstance(watched.answer("over_temperature"), NotObservable)


def test_a_jump_that_no_winding_can_make_is_a_sensor_fault() -> None:
    watched = Watched().feed(120).feed(200, winding_degc=199.0)
    assert list(watched.found) == ["sensor_fault"]


def test_without_class_or_sensor_it_is_not_observable() -> None:
    assert isinstance(Watched(machine(winding_class=None)).feed(120).answer("over_temperature"), NotObservable)
    assert isinstance(Watched().feed(120, winding_degc=None).answer("over_temperature"), NotObservable)


def drift(watched: Watched, minutes: int, **per_minute: float) -> Watched:
    """The usual row, with values that rise evenly by this much each minute."""
    usual = {"winding_degc": 70.0, "ambient_degc": 22.0, "bearing_de_degc": 45.0}
    for minute in range(minutes):
        watched.feed(60, **{name: usual[name] + minute * step for name, step in per_minute.items()})
    return watched


def test_lost_cooling_is_found_long_before_the_limit() -> None:
    watched = drift(Watched().feed(700), 45, winding_degc=0.8)
    assert list(watched.found) == ["cooling_reduced"]


def test_a_hot_room_is_no_lost_cooling() -> None:
    watched = drift(Watched().feed(700), 45, winding_degc=0.4, ambient_degc=0.4, bearing_de_degc=0.4)
    assert list(watched.found) == ["ambient_high"]


def test_a_larger_load_is_no_lost_cooling() -> None:
    """Twice the copper losses: the rise of 48 K becomes at most 96 K."""
    watched = Watched().feed(700).feed(
        3000, winding_degc=112.0, i_out_a=12.4 * 1.42, torque_pct=85.0, p_out_kw=7.8, p_in_kw=8.2
    )  # fmt: skip
    assert "cooling_reduced" not in watched.found


def test_a_winding_that_cools_down_after_a_restart_of_the_agent_is_none() -> None:
    state = Watched().feed(700).condition.state()
    assert "cooling" in state
    light = {"i_out_a": 7.0, "torque_pct": 35.0, "p_out_kw": 3.3, "p_in_kw": 3.6}
    watched = Watched(state=state)
    for minute in range(60):  # from 95 °C with 40 min
        watched.feed(60, winding_degc=38.0 + 57.0 * 0.5 ** (minute / 28), **light)
    assert "cooling_reduced" not in watched.found


def test_a_winding_that_still_warms_up_is_not_learned() -> None:
    watched = drift(Watched(), 30, winding_degc=0.5)
    assert isinstance(watched.answer("cooling_reduced"), NotObservable)


def test_a_winding_too_hot_from_the_start_is_not_learned() -> None:
    """55 K at half the current would be some 120 K at rated load: no sound motor of class B."""
    watched = Watched(machine(winding_class="B")).feed(700, winding_degc=77.0)
    answer = watched.answer("cooling_reduced")
    assert isinstance(answer, NotObservable)
    assert answer.reason.code == "condition_row_hot_from_the_start"


def test_a_hot_bearing_is_found_and_the_winding_is_not_blamed() -> None:
    watched = drift(Watched().feed(700), 45, bearing_de_degc=0.6)
    assert list(watched.found) == ["bearing_temperature"]


def test_a_bearing_that_follows_its_winding_is_none() -> None:
    watched = drift(Watched().feed(700), 45, bearing_de_degc=0.2, winding_degc=0.45)
    assert "bearing_temperature" not in watched.found


def test_a_bearing_at_96_degrees_is_an_alarm_without_a_baseline() -> None:
    assert Watched().feed(150, bearing_de_degc=96.5).found["bearing_temperature"].severity is Severity.ALARM


def test_a_winding_that_is_hardly_warm_does_not_show_its_cooling() -> None:
    """12 K above the air: cooling that lost a third adds 4 K, half of the limit."""
    watched = Watched().feed(2400, winding_degc=34.0)
    answer = watched.answer("cooling_reduced")
    assert isinstance(answer, NotObservable)
    assert answer.reason.code == "condition_row_rise_too_small"
    assert isinstance(Watched().feed(2400).answer("cooling_reduced"), Clear)

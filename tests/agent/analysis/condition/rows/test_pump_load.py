"""Dry running against the learned power at a speed; throttling, another speed and a start are none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.condition.steady_rows import Watched, machine, row, stopped

from agent.analysis.condition.answers import Clear, NotObservable

DRY = {"p_out_kw": 2.0, "torque_pct": 21.0, "p_in_kw": 2.2, "i_out_a": 5.0}  # 36 % of the usual power


def at_speed(share: float, load: float = 1.0) -> dict[str, float | None]:
    """The pump at a share of its usual speed: power by the cube law, torque by the square."""
    return {
        "speed_rpm": 1200 * share, "f_out_hz": 60 * share, "p_out_kw": 5.5 * load * share**3,
        "p_in_kw": 5.8 * load * share**3, "torque_pct": 60 * load * share**2, "u_out_v": 281 * share,
    }  # fmt: skip


def learned() -> Watched:
    return Watched().feed(300)


def test_dry_running_is_found_within_thirty_seconds() -> None:
    watched = learned().feed(20, **DRY)
    assert watched.found["dry_run"].at_s - 300 <= 30
    assert "dry_run" in watched.condition.active()


def test_it_returns_with_the_water() -> None:
    assert "dry_run" not in learned().feed(20, **DRY).feed(20).condition.active()


def test_it_is_found_from_torque_when_there_is_no_power() -> None:
    none = {"p_out_kw": None, "p_in_kw": None}
    assert "dry_run" in Watched().feed(300, **none).feed(20, **(DRY | none)).found


@pytest.mark.parametrize("share", [0.45, 0.55, 0.7, 0.9, 1.2])
def test_another_speed_is_none(share: float) -> None:
    watched = learned().feed(120, **at_speed(share))
    assert not watched.found
    assert isinstance(watched.answer("dry_run"), Clear)


def test_a_speed_at_which_static_head_may_explain_it_is_not_observable() -> None:
    watched = learned().feed(120, **at_speed(0.6, load=0.45))
    assert not watched.found
    assert isinstance(watched.answer("dry_run"), NotObservable)


def test_throttling_is_a_note() -> None:
    watched = learned().feed(120, **at_speed(1.0, load=0.65))
    assert list(watched.found) == ["low_flow"]


def test_a_start_is_blocked_for_fifteen_seconds() -> None:
    watched = learned().feed(30, stopped).feed(20, **DRY)
    assert "dry_run" not in watched.feed(60).found


def test_a_pump_that_is_dry_from_the_start_is_not_learned() -> None:
    watched = Watched().feed(900, **DRY)
    assert isinstance(watched.answer("dry_run"), NotObservable)
    assert not watched.condition.state().get("load")


def test_what_was_learned_is_restored() -> None:
    state = json.loads(json.dumps(learned().condition.state()))
    assert "dry_run" in Watched(state=state).feed(20, **DRY).found


@pytest.mark.parametrize(
    "state",
    [
        {"machine": [1, "magnet"], "load": {"column": "p_out_kw", "bins": {}}},
        {"load": {"column": "p_out_kw", "bins": {"8": {"n": 60}}}},
        {"unbalance": "x", "flux": [1], "cooling": {"rise_k": "warm"}, "bearings": [1]},
    ],
)
def test_a_damaged_state_or_one_of_another_machine_is_ignored(state: dict[str, Any]) -> None:
    identity = learned().condition.state()["machine"]
    for used in (state, {"machine": identity} | state):
        assert not Watched(state=used).feed(20, **DRY).found


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kw": None, "nm": None}, "condition_nameplate_missing"),
        ({"application": None}, "condition_row_application_unknown"),
        ({"application": "conveyor"}, "condition_row_other_application"),
    ],
)
def test_what_is_not_known_is_the_reason(changes: dict[str, Any], reason: str) -> None:
    watched = Watched(machine(**changes)).feed(300).feed(30, **DRY)
    answer = watched.answer("dry_run")
    assert isinstance(answer, NotObservable)
    assert answer.reason.code == reason
    assert "dry_run" not in watched.found


def test_a_fan_without_its_belt_is_underloaded() -> None:
    watched = Watched(machine(application="fan")).feed(300, row).feed(20, p_out_kw=0.5, torque_pct=5.0, i_out_a=1.5)
    assert "underload" in watched.found


def test_between_dry_and_shut_off_dry_running_is_not_observable() -> None:
    """Note, 2.8: dry pumps need up to 0.45 to 0.6 of the learned power, closed valves as little."""
    watched = learned().feed(60, **at_speed(1.0, load=0.55))
    answer = watched.answer("dry_run")
    assert isinstance(answer, NotObservable)
    assert answer.reason.code == "condition_row_dry_or_closed"
    assert isinstance(watched.feed(30).answer("dry_run"), Clear), "with the flow it is known again"

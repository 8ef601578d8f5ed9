"""A blocked rotor within twelve seconds; a heavy start and a load that is held are notes."""

from __future__ import annotations

import math

import pytest
from support.condition.steady_rows import Watched, machine, row, stopped

from agent.analysis.condition.answers import Clear, NotObservable, Severity

BLOCKED = {"speed_rpm": 0.0, "f_out_hz": 0.0, "torque_pct": 135.0, "u_out_v": 13.0, "p_out_kw": 0.9}
MIXER, HOIST = machine(application="mixer"), machine(application="hoist")


def test_a_jam_is_found_within_twelve_seconds() -> None:
    finding = Watched(MIXER).feed(60).feed(13, **BLOCKED).found["stall"]
    assert finding.severity is Severity.ALARM
    assert finding.at_s - 60 <= 12


def test_it_is_found_with_single_rows_missing() -> None:
    watched = Watched(MIXER).feed(60).feed(5, **BLOCKED).feed(2, torque_pct=None, i_out_a=None).feed(7, **BLOCKED)
    assert "stall" in watched.found


def test_it_is_found_without_a_state_of_the_drive() -> None:
    silent = BLOCKED | {"drive_state": None, "i_out_a": 28.0}
    assert "stall" in Watched(MIXER).feed(60, drive_state=None).feed(13, **silent).found


def test_eight_seconds_are_none() -> None:
    watched = Watched(MIXER).feed(60).feed(8, **BLOCKED).feed(60)
    assert not watched.found
    assert isinstance(watched.answer("stall"), Clear)


def test_a_heavy_start_of_a_minute_is_a_note() -> None:
    watched = Watched(machine(application="centrifuge")).feed(30, stopped)
    watched.feed(35, **BLOCKED)  # static friction
    for percent in range(5, 100, 4):
        watched.feed(1, speed_rpm=15.0 * percent, f_out_hz=0.75 * percent, torque_pct=135.0)
    assert list(watched.feed(60).found) == ["starting"]


def test_a_start_that_stays_blocked_is_a_stall() -> None:
    finding = Watched(MIXER).feed(30, stopped).feed(80, **BLOCKED).found["stall"]
    assert 30 + 60 <= finding.at_s <= 30 + 72


def test_a_hoist_holds() -> None:
    watched = Watched(HOIST).feed(60).feed(60, **BLOCKED)
    assert list(watched.found) == ["holding"]
    assert isinstance(watched.answer("stall"), NotObservable)


def test_a_hoist_holds_a_small_load() -> None:
    watched = Watched(HOIST).feed(60, torque_pct=45.0).feed(20, **(BLOCKED | {"torque_pct": 42.0, "i_out_a": 9.0}))
    assert list(watched.found) == ["holding"]


def test_without_application_the_same_torque_as_before_is_not_decided() -> None:
    watched = Watched(machine(application=None)).feed(60, torque_pct=120.0, i_out_a=25.0)
    assert "stall" not in watched.feed(30, **(BLOCKED | {"torque_pct": 122.0})).found


@pytest.mark.parametrize(("watts", "found"), [(0.35, True), (0.85, False)])
def test_on_the_line_six_times_the_current_is_a_stall_unless_its_power_is_that_of_a_turning_motor(
    watts: float, found: bool
) -> None:
    """The second is a wrong transformer ratio."""
    on_line = machine(kind="induction", at="line", emf_v=None, application="conveyor")
    amps = 6 * 21.0

    def line_row(t_s: float) -> dict[str, float | None]:
        names = ("u12_v", "u23_v", "u31_v", "i1_a", "i2_a", "i3_a", "p_in_kw")
        power_kw = watts * math.sqrt(3) * 400 * amps / 1000
        usual = row(t_s, i1_a=amps, i2_a=amps, i3_a=amps, p_in_kw=power_kw)
        return {name: usual[name] for name in names}

    watched = Watched(on_line).feed(400, line_row)
    assert ("stall" in watched.found) is found
    assert found or not watched.found


def test_without_application_torque_at_the_limit_is_a_stall() -> None:
    assert "stall" in Watched(machine(application=None)).feed(60).feed(15, **BLOCKED).found

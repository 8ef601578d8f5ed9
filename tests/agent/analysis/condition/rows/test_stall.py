"""A blocked rotor within twelve seconds; a heavy start and a load that is held are notes."""

from __future__ import annotations

from support.condition.steady_rows import Watched, machine, stopped

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


def test_without_application_the_same_torque_as_before_is_not_decided() -> None:
    watched = Watched(machine(application=None)).feed(60, torque_pct=120.0, i_out_a=25.0)
    assert "stall" not in watched.feed(30, **(BLOCKED | {"torque_pct": 122.0})).found


def test_without_application_torque_at_the_limit_is_a_stall() -> None:
    assert "stall" in Watched(machine(application=None)).feed(60).feed(15, **BLOCKED).found

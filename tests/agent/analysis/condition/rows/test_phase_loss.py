"""A lost phase is found within two seconds, before a drive and at a motor on the line; what looks like it is not."""

from __future__ import annotations

import pytest
from support.condition.steady_rows import Watched, machine, row

from agent.analysis.condition.answers import Clear, Confidence, NotObservable, Severity

CODE = "phase_loss"
LOST = {"i1_a": 0.03, "i2_a": 15.4, "i3_a": 15.3}  # the other two carry √3 times the current and more


@pytest.mark.parametrize("phase", ["i1_a", "i2_a", "i3_a"])
def test_at_the_input_of_a_drive(phase: str) -> None:
    currents = dict(zip(("i1_a", "i2_a", "i3_a"), (15.4, 15.3, 15.5), strict=True)) | {phase: 0.03}
    finding = Watched().feed(120).feed(5, **currents).found[CODE]
    assert finding.severity is Severity.ALARM
    assert finding.at_s - 120 <= 2


def test_without_a_baseline() -> None:
    assert CODE in Watched().feed(3, **LOST).found


def test_at_a_motor_on_the_line() -> None:
    on_line = machine(kind="induction", at="line", emf_v=None, xq_ohm=None, application="conveyor")

    def line_row(t_s: float, **values: float | None) -> dict[str, float | None]:
        names = ("u12_v", "u23_v", "u31_v", "i1_a", "i2_a", "i3_a", "p_in_kw")
        return {name: value for name, value in row(t_s, **values).items() if name in names}

    watched = Watched(on_line).feed(90, line_row, i1_a=13.0, i2_a=13.1, i3_a=12.9)
    assert isinstance(watched.answer(CODE), Clear)
    assert watched.feed(4, line_row, i1_a=23.0, i2_a=0.1, i3_a=22.8).found[CODE].at_s - 90 <= 2


def test_two_rows_that_are_far_apart_are_none() -> None:
    watched = Watched().feed(60).feed(1, **LOST).feed(30, i2_a=None)
    assert CODE not in watched.feed(1, **LOST).feed(30).found


def test_light_load_is_not_judged() -> None:
    light = {"p_out_kw": 0.9, "p_in_kw": 1.1, "torque_pct": 10.0, "i_out_a": 3.0}
    watched = Watched().feed(120, i1_a=0.02, i2_a=2.4, i3_a=2.5, **light)
    assert CODE not in watched.found
    assert isinstance(watched.answer(CODE), NotObservable)


def test_a_dip_of_one_second_in_two_rows_is_none() -> None:
    dip = {"u12_v": 260.0, "u31_v": 255.0, "i1_a": 0.1, "i2_a": 14.0, "i3_a": 14.2}
    assert CODE not in Watched().feed(120).feed(2, **dip).feed(30).found


def test_a_dip_remains_one_when_a_voltage_is_missing() -> None:
    dip = {"u12_v": 210.0, "u23_v": 172.0, "i1_a": 15.4, "i2_a": 0.0, "i3_a": 15.3}
    watched = Watched().feed(120).feed(1, **dip).feed(1, **(dip | {"u23_v": None})).feed(1, **dip)
    assert CODE not in watched.feed(30).found


def test_an_unbalanced_supply_that_empties_a_phase_at_light_load_is_none() -> None:
    """The link stays above two of the line voltages: at 20 % load a bridge bridges some 2 %."""
    light = {"p_out_kw": 2.2, "p_in_kw": 2.5, "torque_pct": 24.0, "i_out_a": 5.5}
    unequal = {"u12_v": 388.0, "u31_v": 389.0, "i1_a": 0.05, "i2_a": 6.0, "i3_a": 6.1}
    assert CODE not in Watched().feed(60, **light).feed(30, **light, **unequal).found


def test_a_phase_lost_before_the_meter_is_found_within_five_seconds() -> None:
    before = {"u12_v": 205.0, "u31_v": 190.0, "i1_a": 0.03, "i2_a": 15.4, "i3_a": 15.3}
    assert Watched().feed(120).feed(6, **before).found[CODE].at_s - 120 <= 5


def test_a_lost_current_transformer_is_none() -> None:
    """The other currents stay, and the meter misses a third of the power."""
    watched = Watched().feed(120).feed(60, i1_a=0.0, p_in_kw=5.8 * 2 / 3)
    assert CODE not in watched.found


@pytest.mark.parametrize("missing", [{"i2_a": None}, {"i1_a": None, "i2_a": None, "i3_a": None}])
def test_missing_currents_are_the_reason(missing: dict[str, None]) -> None:
    answer = Watched().feed(120, **missing).answer(CODE)
    assert isinstance(answer, NotObservable)
    assert answer.reason.code == "condition_currents_missing"


def test_a_motor_on_the_line_that_was_never_seen_sound() -> None:
    """With two conductors it draws 1.8 times the current of the same power; without a channel a third of it is gone."""
    on_line = machine(kind="induction", at="line", emf_v=None, xq_ohm=None, application="conveyor")

    def line_row(t_s: float, **values: float | None) -> dict[str, float | None]:
        names = ("u12_v", "u23_v", "u31_v", "i1_a", "i2_a", "i3_a", "p_in_kw")
        return {name: value for name, value in row(t_s, **values).items() if name in names}

    amps, kw = 14.0, 7.0  # cos φ 0.72
    lost = Watched(on_line).feed(9, line_row, i1_a=1.8 * amps, i2_a=0.0, i3_a=1.8 * amps, p_in_kw=kw)
    assert lost.found[CODE].confidence is Confidence.LIKELY
    channel = Watched(on_line).feed(90, line_row, i1_a=amps, i2_a=0.0, i3_a=amps, p_in_kw=kw * 2 / 3)
    assert CODE not in channel.found
    assert isinstance(channel.answer(CODE), NotObservable)

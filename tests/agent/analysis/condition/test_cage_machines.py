"""Simulated machines whose every bar is a mesh: what is found, what is left open, and what is never called a bar."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.condition.cage_machine import random_machine
from support.condition.cage_plant import OPEN, Case, Recording, simulate

from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, NotObservable, condition_of
from agent.analysis.condition.cage import cage_answers, judge_cage
from agent.analysis.condition.cage_features import CageFeatures, cage_features
from agent.analysis.condition.faults import REQUIRED_CAGE
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.record import Record

LENGTH_S = 8.0  # 2sf is 1.5 Hz and more at these machines


def cases() -> dict[str, Case]:
    rng = np.random.default_rng(21)
    small = replace(random_machine(rng, kw=4.0, poles=4, hz=50, volts=400, bars=28), inertia=0.05)
    other = replace(random_machine(rng, kw=11.0, poles=6, hz=60, volts=460, bars=44), inertia=0.9)
    sound, heavy = Case(small, 0.75, length_s=LENGTH_S), Case(other, 0.9, length_s=LENGTH_S, bits=12, u_level=0.96)
    return {
        "sound": sound,
        "sound, other": heavy,
        "bar": replace(sound, bars={3: OPEN}, seed=1),
        "bar, other": replace(heavy, bars={7: OPEN}, seed=2),
        "bar, 30 %": replace(sound, load=0.32, bars={3: OPEN}, seed=3),
        "sound, 30 %": replace(sound, load=0.32, seed=4),
        "swing": replace(sound, swings=((None, 0.08),), seed=5),
        "swing, other": replace(heavy, swings=((None, 0.08),), seed=6),
        "bar and swing": replace(sound, bars={3: OPEN}, swings=((4.0, 0.06),), seed=7),
        "interharmonic": replace(heavy, lines=((None, 0.008),), seed=8),
        "joint": replace(heavy, bars={5: 3.0}, seed=9),
        "shaft": replace(sound, once_per_turn=0.06, seed=10),
        "slots": replace(sound, slots=(3e-3, 3e-4), seed=11),
        "slots, eccentric": replace(sound, slots=(3e-3, 3e-3), seed=12),
    }


@pytest.fixture(scope="module")
def recordings() -> dict[str, Recording]:
    chosen = cases()
    return dict(zip(chosen, simulate(list(chosen.values())), strict=True))


def machine_of(one: Recording) -> MachineData:
    plate = one.case.machine.nameplate()
    whole = {key: int(plate.pop(key)) for key in ("poles", "rotor_bars")}
    return MachineData(kind="induction", at="line", **plate, **whole)


def features_of(one: Recording) -> CageFeatures:
    return cage_features(Record(one.fs_hz, one.u_v, one.i_a), machine_of(one))


def judged(one: Recording, baseline: Recording | None = None) -> dict[str, Answer]:
    before = Record(baseline.fs_hz, baseline.u_v, baseline.i_a) if baseline is not None else None
    found = cage_answers(Record(one.fs_hz, one.u_v, one.i_a), machine_of(one), before)
    return {answer.code: answer for answer in found}


def test_a_sound_machine_is_healthy(recordings: dict[str, Recording]) -> None:
    for name in ("sound", "sound, other"):
        assert condition_of(judged(recordings[name]).values(), REQUIRED_CAGE) == "healthy"


def test_one_bar_is_found_with_its_size(recordings: dict[str, Recording]) -> None:
    for name in ("bar", "bar, other", "bar and swing"):
        finding = judged(recordings[name])["broken_rotor_bar"]
        assert isinstance(finding, ConditionFinding), name
        assert finding.evidence["two_s_f_hz"] == pytest.approx(expected_hz(recordings[name]), abs=1 / LENGTH_S)
        assert 0.5 < finding.evidence["bars"] < 1.5  # 0.6 to 1.1 of 1/R by inertia and load


def expected_hz(one: Recording) -> float:
    """The recording's mean slip, which a detector does not know, times twice the frequency."""
    return 2 * one.slip * one.case.machine.hz


def test_a_joint_of_three_times_the_resistance_is_found(recordings: dict[str, Recording]) -> None:
    finding = judged(recordings["joint"])["broken_rotor_bar"]
    assert isinstance(finding, ConditionFinding)
    assert finding.evidence["bars"] < 0.9


def test_below_40_percent_load_a_bar_is_found_or_left_open(recordings: dict[str, Recording]) -> None:
    assert not isinstance(judged(recordings["bar, 30 %"])["broken_rotor_bar"], Clear)
    assert isinstance(judged(recordings["sound, 30 %"])["broken_rotor_bar"], NotObservable)


@pytest.mark.parametrize("name", ["swing", "swing, other"])
def test_a_load_that_oscillates_at_2sf_is_named_as_load(recordings: dict[str, Recording], name: str) -> None:
    found = judged(recordings[name])
    assert not isinstance(found["broken_rotor_bar"], ConditionFinding)
    swing = found["load_oscillation"]
    assert isinstance(swing, ConditionFinding)
    assert swing.evidence["hz"] == pytest.approx(expected_hz(recordings[name]), abs=1 / LENGTH_S)


def test_a_line_of_the_supply_at_2sf_is_named_as_supply(recordings: dict[str, Recording]) -> None:
    found = judged(recordings["interharmonic"])
    assert isinstance(found["broken_rotor_bar"], NotObservable)
    assert found["broken_rotor_bar"].reason.code == "condition_cage_supply_explains"
    assert isinstance(found["supply_interharmonic"], ConditionFinding)


def test_torque_once_per_turn_is_no_bar_and_no_eccentricity(recordings: dict[str, Recording]) -> None:
    found = judged(recordings["shaft"], recordings["sound"])
    assert isinstance(found["once_per_turn"], ConditionFinding)
    assert isinstance(found["broken_rotor_bar"], Clear)
    assert isinstance(found["eccentricity"], NotObservable)


def test_slip_from_slot_harmonics_is_more_accurate_than_that_of_the_load(recordings: dict[str, Recording]) -> None:
    features = features_of(recordings["slots"])
    assert features.slip_measured
    assert features.two_s_f_hz == pytest.approx(expected_hz(recordings["slots"]), rel=0.01)
    assert not features_of(recordings["sound"]).slip_measured


def test_the_slip_is_measured_in_each_order_of_the_phases(recordings: dict[str, Recording]) -> None:
    one = recordings["slots"]
    swapped = replace(one, u_v=one.u_v[[0, 2, 1]], i_a=one.i_a[[0, 2, 1]])
    features = features_of(swapped)
    assert features.slip_measured
    assert features.two_s_f_hz == pytest.approx(features_of(one).two_s_f_hz, rel=1e-6)


def test_eccentricity_is_found_by_slot_harmonics_against_a_baseline(recordings: dict[str, Recording]) -> None:
    found = judged(recordings["slots, eccentric"], recordings["slots"])["eccentricity"]
    assert isinstance(found, ConditionFinding)
    assert found.value == pytest.approx(-50.5 + 3, abs=3)  # 3e-3 of rated current; 0.7 to 1 of it at 75 % load
    assert isinstance(judged(recordings["slots"], recordings["slots"])["eccentricity"], Clear)
    assert isinstance(judged(recordings["slots, eccentric"])["eccentricity"], NotObservable)


def test_without_the_number_of_bars_the_finding_is_only_possible_or_left_open(recordings: dict[str, Recording]) -> None:
    for name in ("bar", "bar, other", "joint"):
        machine = machine_of(recordings[name])
        unknown = MachineData(kind="induction", at="line", kw=machine.kw, rpm=machine.rpm, hz=machine.hz,
                              poles=machine.poles, volts=machine.volts, amps=machine.amps)  # fmt: skip
        features = cage_features(Record(4000.0, recordings[name].u_v, recordings[name].i_a), unknown)
        found = {answer.code: answer for answer in judge_cage(features, unknown, None)}
        assert not isinstance(found["broken_rotor_bar"], Clear), name


def test_a_record_of_some_cycles_of_2sf_names_the_length_it_needs(recordings: dict[str, Recording]) -> None:
    one = recordings["bar"]
    short = replace(one, u_v=one.u_v[:, :5000], i_a=one.i_a[:, :5000])
    reason = judged(short)["broken_rotor_bar"]
    assert isinstance(reason, NotObservable)
    assert reason.reason.code == "condition_record_short"
    assert reason.reason.data["needed_s"] >= 4 / expected_hz(one)

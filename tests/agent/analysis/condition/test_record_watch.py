"""The watch over records: what is learned as a baseline, what lasts, and a phase that is lost in the stream."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
from support.condition.cage_machine import random_machine
from support.condition.cage_plant import Case, Recording, simulate

from agent.analysis.condition.answers import ConditionFinding
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.record_watch import RecordWatch
from drivers.reading import Waveform
from drivers.recordings.recording import ROLES

MINUTE_S, BLOCK = 60.0, 2000
START_MS = 1_790_000_000_000


@cache
def recordings() -> dict[str, Recording]:
    """Together, which takes little longer than one."""
    rng = np.random.default_rng(4)
    usual = Case(random_machine(rng, kw=11.0, poles=4, hz=50, volts=400, bars=28), 0.8, length_s=20.5, fs_hz=2000.0)
    cases = {"usual": usual, "heavy": replace(usual, load=0.9), "light": replace(usual, load=0.6),
             "unbalance": replace(usual, u2=0.03)}  # fmt: skip
    return dict(zip(cases, simulate(list(cases.values())), strict=True))


def recording(name: str = "usual") -> Recording:
    return recordings()[name]


def machine_of(one: Recording) -> MachineData:
    plate = one.case.machine.nameplate()
    whole = {key: int(plate.pop(key)) for key in ("poles", "rotor_bars")}
    return MachineData(kind="induction", at="line", **plate, **whole)


def play(watch: RecordWatch, one: Recording, start_s: float) -> None:
    """The recording as blocks of a stream; the watch judges what it has collected."""
    samples = np.concatenate((one.u_v, one.i_a))
    for first in range(0, samples.shape[1] - BLOCK + 1, BLOCK):
        now_s = start_s + first / one.fs_hz
        block = Waveform("m", round(1e9 * now_s), round(now_s * one.fs_hz), one.fs_hz, ROLES,
                         np.ascontiguousarray(samples[:, first : first + BLOCK]))  # fmt: skip
        if (job := watch.on_block(block, now_s)) is not None:
            watch.add(job(), START_MS + round(1000 * now_s))


def test_the_first_sound_record_of_a_load_is_its_baseline() -> None:
    heavy, light = recording("heavy"), recording("light")
    watch = RecordWatch(machine_of(heavy))
    play(watch, heavy, 0.0)
    play(watch, heavy, 11 * MINUTE_S)
    assert len(watch.baselines()) == 1, "of the same load"
    play(watch, light, 22 * MINUTE_S)
    assert len(watch.baselines()) == 2
    restored = RecordWatch(machine_of(heavy), json.loads(json.dumps(watch.state())))
    assert restored.baselines() == watch.baselines()
    assert {one.code: type(one) for one in restored.answers() if one.code == "broken_rotor_bar"} == {
        one.code: type(one) for one in watch.answers() if one.code == "broken_rotor_bar"
    }


def test_a_fast_fault_lasts_after_three_records_that_follow_soon() -> None:
    """docs/explanation/condition.md: ten minutes between records, two minutes while a fast fault was found and does
    not last.
    """
    one = recording("unbalance")
    watch = RecordWatch(machine_of(one))
    found = []
    for minute in (0.0, 2.1, 4.2, 6.3):
        play(watch, one, minute * MINUTE_S)
        (unbalance,) = (answer for answer in watch.answers() if answer.code == "supply_unbalance")
        assert isinstance(unbalance, ConditionFinding)
        found.append((unbalance.severity.value, watch.times_ms()["supply_unbalance"][1]))
    assert [severity for severity, _ in found] == ["note", "note", "warning", "warning"]
    assert found[3] == found[2], "the fault lasts: no record after two minutes"


def test_a_record_with_a_gap_is_collected_again() -> None:
    one = recording()
    watch = RecordWatch(machine_of(one))
    cut = Recording(one.fs_hz, one.u_v[:, :20_000], one.i_a[:, :20_000], one.slip, one.case)
    play(watch, cut, 0.0)
    play(watch, one, 30.0)  # samples between them are missing
    assert len(watch.baselines()) == 1


def test_a_lost_phase_is_found_in_the_stream_and_returns() -> None:
    one = recording()
    watch = RecordWatch(machine_of(one))
    play(watch, one, 0.0)
    currents = one.i_a.copy()
    currents[0] = 0.0
    currents[1] = (currents[1] - currents[2]) / 2
    currents[2] = -currents[1]
    lost = Recording(one.fs_hz, one.u_v[:, :2000], currents[:, :2000], one.slip, one.case)
    play(watch, lost, 40.0)
    (found,) = (answer for answer in watch.answers() if answer.code == "phase_loss")
    assert isinstance(found, ConditionFinding)
    play(watch, one, 60.0)
    (found,) = (answer for answer in watch.answers() if answer.code == "phase_loss")
    assert not isinstance(found, ConditionFinding)

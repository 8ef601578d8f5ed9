"""The waveform tier of the simulated plant, a second source: another model of bars, shorted turns, starts and gaps."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from msgspec.structs import replace

from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, NotObservable
from agent.analysis.condition.cage import cage_answers
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.record import Record
from simulators.plant.faults import HEALTHY, Condition
from simulators.plant.induction_wave import InductionWave
from simulators.plant.params import IE1_55KW
from simulators.plant.wave_load import WaveLoad

RATE_HZ, BARS = 4000.0, 44
RATED_NM = IE1_55KW.power_w / (IE1_55KW.speed_rpm * math.pi / 30)
MACHINE = MachineData(
    kind="induction", at="line", kw=55, rpm=1475, hz=50, poles=4, volts=400, amps=100.2, rotor_bars=BARS
)


@cache
def record(
    condition: Condition = HEALTHY, load: float = 0.75, length_s: float = 10.0, start: bool = False, u2: complex = 0
) -> Record:
    """Currents of the model with converters of 13 bits; two seconds after a start from near the rated speed."""
    before_s = 0.0 if start else 2.0
    n = int((length_s + before_s) * RATE_HZ)
    turn = np.exp(2j * np.pi * 50 * np.arange(2 * n + 1) / (2 * RATE_HZ))
    u = math.sqrt(2) * IE1_55KW.volts_v / math.sqrt(3) * (turn + u2 * turn.conj())
    speed = 0.0 if start else 0.987 * math.pi * 50
    machine = InductionWave(IE1_55KW, speed)
    if not start:
        machine.settle(400 / math.sqrt(3), 50.0, speed)
    torque = WaveLoad(square=load * RATED_NM / (IE1_55KW.speed_rpm * math.pi / 30) ** 2)
    wave = machine.run(u, 1 / RATE_HZ, torque, condition=condition)
    rng = np.random.default_rng(8)
    rows = []
    for vector, lsb in ((wave.u, 600 / 4096), (wave.i, (1500 if start else 250) / 4096)):
        phases = np.array([(vector * np.exp(-2j * np.pi / 3 * k)).real for k in range(3)])[:, int(before_s * RATE_HZ) :]
        rows.append(np.round(phases / lsb + 0.45 * rng.standard_normal(phases.shape)) * lsb)
    return Record(RATE_HZ, *rows)


def answers(one: Record, baseline: Record | None = None, machine: MachineData = MACHINE) -> dict[str, Answer]:
    return {answer.code: answer for answer in cage_answers(one, machine, baseline)}


@pytest.mark.parametrize("bar", [0.02, 0.05])
def test_asymmetry_of_the_rotor_is_measured_at_its_size(bar: float) -> None:
    """The backward field of a relative difference of the rotor's resistance is as large, relative to the rotor current,
    while leakage and the speed's share change it by some percent."""
    finding = answers(record(Condition(bar=bar)))["broken_rotor_bar"]
    assert isinstance(finding, ConditionFinding)
    assert finding.evidence["index_pct"] / 100 == pytest.approx(bar, rel=0.15)


def test_a_sound_machine_has_no_finding() -> None:
    found = answers(record(), record(load=0.5))
    assert not any(isinstance(answer, ConditionFinding) for answer in found.values())
    assert isinstance(found["broken_rotor_bar"], Clear)


def test_shorted_turns_are_found_against_a_baseline_only() -> None:
    sick = record(Condition(turns=0.03, turns_ohm=0.01))
    found = answers(sick, record(load=0.6))
    assert isinstance(found["turn_fault"], ConditionFinding)
    assert isinstance(answers(sick)["turn_fault"], NotObservable)


def test_unbalance_of_the_supply_is_no_winding_fault() -> None:
    found = answers(record(u2=0.02), record())
    assert isinstance(found["supply_unbalance"], ConditionFinding)
    for code in ("turn_fault", "winding_asymmetry", "contact_resistance", "current_unbalance"):
        assert not isinstance(found[code], ConditionFinding)


def test_a_gap_that_turns_is_once_per_turn() -> None:
    found = answers(record(Condition(gap_static=0.2, gap_dynamic=0.2)))
    finding = found["once_per_turn"]
    assert isinstance(finding, ConditionFinding)
    assert finding.evidence["turn_hz"] == pytest.approx(25 * 0.99, abs=0.2)
    assert isinstance(found["broken_rotor_bar"], Clear)


def test_a_start_is_a_start_and_a_lost_phase_is_lost() -> None:
    found = answers(record(start=True, load=0.5))
    assert isinstance(found["starting"], ConditionFinding)
    assert isinstance(found["broken_rotor_bar"], NotObservable)
    assert isinstance(answers(record(Condition(open_phase=True), 0.3, 3.0))["phase_loss"], ConditionFinding)


def test_another_machine_on_the_nameplate_finds_nothing() -> None:
    sick = record(Condition(bar=0.03))
    for machine in (
        replace(MACHINE, kw=7.5, amps=15.0, rpm=1455),
        replace(MACHINE, poles=6, rpm=982),
        replace(MACHINE, kw=250.0, amps=440.0, rpm=1487),
    ):
        bar = answers(sick, None, machine)["broken_rotor_bar"]
        assert not isinstance(bar, Clear)

"""Recordings that cannot be judged, and those whose result follows from the phasors: sinusoids without a machine."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, NotObservable, Severity
from agent.analysis.condition.cage import CAGE_CODES, cage_answers, usable_as_baseline
from agent.analysis.condition.cage_features import CageFeatures, cage_features
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.record import Record

FS_HZ, SECONDS = 2000.0, 4.0
MACHINE = MachineData(kind="induction", at="line", kw=30, rpm=1465, hz=50, poles=4, volts=400, amps=55, rotor_bars=44)
TURN = np.exp(2j * np.pi / 3 * np.arange(3))[:, None]


def record(i1: complex = 42 - 26j, i2: complex = 0, u1: float = 231, u2: complex = 0, f_hz: float = 50) -> Record:
    """Steady sinusoids, phasors rms; about 0.8 of rated load."""
    wave = math.sqrt(2) * np.exp(2j * np.pi * f_hz / FS_HZ * np.arange(int(FS_HZ * SECONDS)))
    return Record(FS_HZ, np.real((u1 / TURN + u2 * TURN) * wave), np.real((i1 / TURN + i2 * TURN) * wave))


def answers(one: Record, machine: MachineData = MACHINE, baseline: Record | None = None) -> dict[str, Answer]:
    found = cage_answers(one, machine, baseline)
    assert sorted(answer.code for answer in found) == sorted(CAGE_CODES)
    return {answer.code: answer for answer in found}


def reason(answer: Answer) -> str:
    assert isinstance(answer, NotObservable), answer
    return answer.reason.code.removeprefix("condition_").removeprefix("cage_")


def with_current(change: np.ndarray | float, at: slice | tuple[int, slice] = slice(None)) -> Record:
    one = record()
    one.i_a[at] *= change
    return one


def damaged(rows: slice, samples: slice) -> Record:
    one = record()
    both = np.concatenate([one.u_v, one.i_a])
    both[rows, samples] = np.nan
    return Record(FS_HZ, both[:3], both[3:])


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (damaged(slice(4, 5), slice(None)), "channel_missing"),
        (damaged(slice(0, 6), slice(0, None, 500)), "record_short"),
        (record(u1=0.01, i1=0.01), "voltage_mismatch"),
        (record(f_hz=60), "frequency_mismatch"),
        (record(u1=110), "voltage_mismatch"),
        (with_current(0.0), "no_current"),
        (with_current(0.0, (1, slice(None))), "current_sum"),
        (with_current(-1.0, (2, slice(None))), "current_sum"),
        (with_current(-1.0), "power_direction"),
        (Record(FS_HZ, record().u_v, record().i_a[[0, 2, 1]]), "phase_order"),
        (Record(FS_HZ, record().u_v, record().i_a[[1, 2, 0]]), "power_direction"),
        (Record(FS_HZ, record().u_v, np.clip(record().i_a, -55, 55)), "current_clipped"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bar_is_not_judged_from_an_unusable_recording(one: Record, code: str) -> None:
    found = answers(one)
    assert reason(found["broken_rotor_bar"]) == code
    assert not any(isinstance(answer, ConditionFinding) for answer in found.values())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"poles": 6}, "nameplate_speed"),
        ({"poles": 2}, "nameplate_speed"),
        ({"poles": None}, "nameplate_missing"),
        ({"kw": None}, "nameplate_missing"),
        ({"rpm": None}, "nameplate_missing"),
        ({"amps": 12.0}, "nameplate_power"),
        ({"kw": 7.5, "amps": 15.0}, "load_mismatch"),
        ({"kw": 160.0, "amps": 290.0}, "load_mismatch"),
        ({}, "record_short"),  # 4 s resolve 1 Hz, a load of 0.8 has 1.9 Hz × 0.6 to 1.4
    ],
)
def test_a_bar_is_not_judged_with_a_wrong_nameplate(change: dict[str, float], code: str) -> None:
    machine = replace(MACHINE, **change)
    length_s = 2.0 if code == "record_short" else SECONDS
    one = record()
    n = int(length_s * FS_HZ)
    found = answers(Record(FS_HZ, one.u_v[:, :n], one.i_a[:, :n]), machine)
    assert reason(found["broken_rotor_bar"]) == code


def test_power_may_come_from_torque_and_speed() -> None:
    machine = replace(MACHINE, kw=None, nm=30e3 / (1465 * math.pi / 30))
    assert answers(record(), machine)["broken_rotor_bar"] == answers(record())["broken_rotor_bar"]


def test_a_lost_phase_is_found_within_60_ms() -> None:
    one = record()
    at = int(1.5 * FS_HZ)
    one.i_a[0, at:] = 0
    one.i_a[2, at:] = -one.i_a[1, at:]
    found = answers(one)
    loss = found["phase_loss"]
    assert isinstance(loss, ConditionFinding)
    assert loss.severity is Severity.ALARM
    assert 0 < loss.at_s - 1.5 <= 0.060
    assert reason(found["broken_rotor_bar"]) == "phase_lost"


def test_a_sound_motor_has_all_its_phases_and_its_supply_is_balanced() -> None:
    found = answers(record())
    for code in ("phase_loss", "supply_unbalance", "supply_dip", "supply_interharmonic", "current_unbalance"):
        assert isinstance(found[code], Clear), found[code]


def test_unbalance_is_stated_by_both_definitions_with_derating() -> None:
    """U2 in phase with U1 in L1: line voltages 1.03, 1.03 and 0.97 → NEMA 2 % … from the three phasors."""
    u1, u2 = 231.0, 231 * 0.03
    phasors = u1 / TURN[:, 0] + u2 * TURN[:, 0]
    lines = np.abs(phasors - np.roll(phasors, 1))
    nema = np.abs(lines - lines.mean()).max() / lines.mean()
    found = answers(record(u2=u2, i2=0.03 * 300 * np.exp(-1.3j)))["supply_unbalance"]
    assert isinstance(found, ConditionFinding)
    assert found.severity is Severity.WARNING
    assert found.evidence["u2_over_u1_pct"] == pytest.approx(3.0, abs=0.01)
    assert found.evidence["nema_unbalance_pct"] == pytest.approx(100 * nema, abs=0.01)
    table = np.interp(nema, [0.01, 0.02, 0.03, 0.04, 0.05], [1.0, 0.95, 0.90, 0.82, 0.75])  # NEMA MG 1, 14.36
    assert found.evidence["nema_derating_pct"] == pytest.approx(100 * table, abs=0.1)


def test_current_that_follows_the_unbalance_of_the_voltage_is_no_fault_of_the_motor() -> None:
    found = answers(record(u2=231 * 0.025, i2=6.5 * 0.025 * 55 * np.exp(-1.25j)))
    assert isinstance(found["current_unbalance"], Clear)
    assert isinstance(answers(record(i2=8 * np.exp(1j)))["current_unbalance"], ConditionFinding)


def test_a_dip_and_a_start_leave_the_steady_faults_unjudged() -> None:
    dip = record()
    dip.u_v[:, 3000:3200] *= 0.6
    found = answers(dip)
    assert isinstance(found["supply_dip"], ConditionFinding)
    assert reason(found["broken_rotor_bar"]) == "operation_supply"
    start = record()
    start.i_a[:, :2000] *= np.linspace(6, 1, 2000)
    found = answers(start)
    assert isinstance(found["starting"], ConditionFinding)
    assert reason(found["broken_rotor_bar"]) == "operation_starting"


def test_missing_samples_leave_the_longest_part() -> None:
    one = record()
    one.i_a[1, 1500:1600] = np.nan
    found = answers(one)
    assert isinstance(found["phase_loss"], Clear)
    assert reason(found["broken_rotor_bar"]) == "record_short" or isinstance(found["broken_rotor_bar"], Clear)


@pytest.mark.parametrize("factor", [0.2, 5.0])
def test_a_wrong_ratio_of_the_current_transformers_finds_nothing(factor: float) -> None:
    one = record(u2=231 * 0.015, i2=6.5 * 0.015 * 55 * np.exp(-1.25j))
    one.i_a[:] *= factor
    found = answers(one)
    for code in ("overload", "current_unbalance", "broken_rotor_bar", "turn_fault"):
        assert isinstance(found[code], NotObservable), code


def garbage() -> list[Record]:
    rng, one = np.random.default_rng(6), record()
    u, i, noise = one.u_v[:, :2600], one.i_a[:, :2600], rng.standard_normal((3, 2600))
    gaps = np.where(rng.random(i.shape) < 0.002, np.nan, i)
    pairs = [(u, noise), (noise, i), (u, gaps), (u * 0 + 1, i * 0 + 1), (u, i + 1000), (u * 1e6, i * 1e6), (u[::-1], i)]
    short = [(u[:, :n], i[:, :n]) for n in (0, 1, 7, 400, 2000, 2001)]
    return [Record(FS_HZ, *pair) for pair in (*pairs, *short, (u, i * [[1], [0], [0]]))]


@pytest.mark.parametrize("machine", [MACHINE, replace(MACHINE, kw=math.nan)])
def test_garbage_gives_reasons_and_no_finding(machine: MachineData) -> None:
    for one in garbage():
        found = answers(one, machine, record())
        bad = [a for a in found.values() if isinstance(a, ConditionFinding) and a.severity is not Severity.NOTE]
        assert not bad
        assert isinstance(found["broken_rotor_bar"], NotObservable)


def test_a_motor_that_is_switched_off_does_not_start() -> None:
    one = record()
    one.i_a[:, 4000:] = 0
    found = answers(one)
    assert isinstance(found["starting"], Clear)
    assert reason(found["broken_rotor_bar"]) == "operation_load"


def test_at_a_drive_only_a_lost_phase_is_judged() -> None:
    found = answers(record(f_hz=31, u1=140), replace(MACHINE, at="drive_output"))
    assert isinstance(found["phase_loss"], Clear)
    assert {reason(answer) for code, answer in found.items() if code != "phase_loss"} == {"at_a_drive"}


def test_features_survive_storage_as_json() -> None:
    """The agent keeps features as baselines; a current that stops must not leave a number that JSON lacks."""
    stopped = record()
    stopped.i_a[:, 4000:] = 0
    for one in (record(), stopped, damaged(slice(0, 1), slice(None))):
        features = cage_features(one, MACHINE)
        assert msgspec.json.decode(msgspec.json.encode(features), type=CageFeatures) == features


def test_an_unsteady_recording_is_no_baseline() -> None:
    unsteady = record()
    unsteady.u_v[:, 3000:3200] *= 0.6
    assert usable_as_baseline(cage_features(record(), MACHINE), MACHINE)
    assert not usable_as_baseline(cage_features(unsteady, MACHINE), MACHINE)


def test_overload_needs_the_rated_current() -> None:
    assert isinstance(answers(record(i1=62 - 30j))["overload"], ConditionFinding)
    assert reason(answers(record(), replace(MACHINE, amps=None))["overload"]) == "nameplate_missing"


@pytest.mark.parametrize(
    ("change", "code"),
    [(4.0 * np.exp(0.3j), "contact_resistance"), (9.0 * np.exp(-0.2j), "turn_fault")],
)
def test_asymmetry_is_named_by_its_angle(change: complex, code: str) -> None:
    """Resistance in L1: I2 = −Y2·ΔR/3·I1, Y2 as at standstill. Shorted turns of L1: a current in phase with U."""
    i1, z_rated = 42 - 26j, 231 / 55
    y2 = np.exp(-1j * math.radians(76)) * 5.5 / z_rated
    i2 = -y2 * 0.025 * z_rated / 1 * i1 / 3 * 3 if code == "contact_resistance" else change / 3
    found = answers(record(i1=i1, i2=0.6 + i2), baseline=record(i1=i1, i2=0.6))
    assert isinstance(found[code], ConditionFinding), found[code]
    assert isinstance(answers(record(i1=i1, i2=0.6), baseline=record(i1=i1, i2=0.6))[code], Clear)


def test_a_baseline_of_another_machine_is_not_used() -> None:
    other = record(i1=9 - 5j, i2=0.4)
    found = answers(record(i2=3j), baseline=other)
    assert reason(found["turn_fault"]) == "baseline_unusable"  # no motor has 13 % load at this power factor
    found = answers(record(i2=3j), baseline=record(i1=41 - 5j))
    assert reason(found["turn_fault"]) == "baseline_other"
    assert reason(answers(record())["turn_fault"]) == "no_baseline"
    assert reason(answers(record(), baseline=with_current(0.0))["turn_fault"]) == "baseline_unusable"

"""Each fault of an induction motor shows its textbook signature in the waveform, by numpy's FFT alone."""

from __future__ import annotations

import cmath
import json
import math

import numpy as np
import pytest
from support.plant import GRID_400V, dip_phases

from simulators.plant import faults, induction
from simulators.plant.faults import Condition
from simulators.plant.induction_wave import InductionWave, Wave
from simulators.plant.params import IE1_55KW, InductionMotor
from simulators.plant.supply_wave import SupplyWave
from simulators.plant.wave_load import WaveLoad

RATE = 10240
RATED_NM = 55000 / (1475 * math.pi / 30)


def run(motor: InductionMotor, torque_nm: float, state: Condition, seconds: int, settle: int = 4) -> tuple[Wave, float]:
    """Return the wave of the last seconds and its mean speed, after some seconds of settling."""
    steady = induction.solve(motor, GRID_400V, 50.0, lambda speed: torque_nm * speed)
    machine, supply = InductionWave(motor), SupplyWave()
    machine.settle(400 / math.sqrt(3), 50.0, steady.speed_rad_s)
    for length in (settle, seconds):
        u = supply.block(GRID_400V, 50.0, length * RATE, 1 / RATE)
        wave = machine.run(u, 1 / RATE, WaveLoad(constant_nm=torque_nm), condition=state)
    return wave, float(wave.speed_rad_s.mean())


def level_db(wave: Wave, hz: float) -> float:
    """Return the L1 current at a frequency relative to the fundamental, dB.

    Hann window, maximum of the neighbouring bins.
    """
    n = len(wave.i)
    spectrum = np.abs(np.fft.rfft(wave.i.real * np.hanning(n)))
    k = round(abs(hz) * n / RATE)
    return float(20 * np.log10(spectrum[max(k - 1, 0) : k + 2].max() / spectrum.max()))


@pytest.mark.parametrize(("bar", "low_db", "high_db"), [(0.02, -41.9, -41.9), (0.10, -28.4, -28.4)])
def test_broken_bar(bar: float, low_db: float, high_db: float, data_file) -> None:
    """(1 ± 2s)·f; levels of an earlier, independent kernel, 160 kW, 80 % load, J 5.8 kg·m²."""
    record = json.loads(data_file("machines/motor_parameters.json").read_text())["160kW_IE1"]["par"]
    motor = InductionMotor(
        power_w=record["P"],
        volts_v=record["U"],
        frequency_hz=record["f"],
        pole_pairs=record["p"],
        speed_rpm=record["n"],
        current_a=record["I"],
        rs_ohm=record["Rs"],
        xl1_ohm=record["Xl1"],
        rr_ohm=record["Rr"],
        xl2_ohm=record["Xl2"],
        xm_ohm=record["Xm"],
        rfe_ohm=record["Rfe"],
        friction_w=record["Pfw"],
        additional_w=record["Psll"],
        inertia_kg_m2=5.8,
    )
    torque = 0.8 * record["P"] / (record["n"] * math.pi / 30)
    wave, speed = run(motor, torque, Condition(bar=bar), 20)
    slip = 1 - speed / (math.pi * 50)
    assert level_db(wave, 50 * (1 - 2 * slip)) == pytest.approx(low_db, abs=0.5)
    assert level_db(wave, 50 * (1 + 2 * slip)) == pytest.approx(high_db, abs=0.5)
    healthy, _ = run(motor, torque, faults.HEALTHY, 20)
    assert level_db(healthy, 50 * (1 - 2 * slip)) < -110


def test_only_mixed_eccentricity_shows_at_the_shaft_frequency() -> None:
    for static, dynamic, seen in ((0.2, 0.0, False), (0.0, 0.2, False), (0.2, 0.2, True)):
        wave, speed = run(IE1_55KW, 0.7 * RATED_NM, Condition(gap_static=static, gap_dynamic=dynamic), 8)
        turn_hz = speed / (2 * math.pi)
        for hz in (50 - turn_hz, 50 + turn_hz):
            level = level_db(wave, hz)
            assert (level > -60) if seen else (level < -110), (static, dynamic, hz, level)


def test_bearing() -> None:
    """|f ± k·fb|, fb = n/2·(1 − d/D)·fr: 9 balls and d/D 0.2 give 3.6 for each turn."""
    order = faults.bearing_order(balls=9, ball_to_pitch=0.2)
    assert order == pytest.approx(3.6)
    wave, speed = run(IE1_55KW, 0.7 * RATED_NM, Condition(bearing=0.2, bearing_order=order), 8)
    pulse_hz = 3.6 * speed / (2 * math.pi)
    floor = level_db(wave, 50 + 0.37 * pulse_hz)
    for k in (1, 2):
        for hz in (50 - k * pulse_hz, 50 + k * pulse_hz):
            assert level_db(wave, hz) > max(floor + 20, -90), (k, hz)


def sequences(wave: Wave) -> tuple[float, float]:
    """Return the amplitudes of the fundamental's positive and negative sequence over complete cycles."""
    t = np.arange(len(wave.i)) / RATE
    turn = np.exp(-2j * math.pi * 50 * t)
    return abs(complex((wave.i * turn).mean())), abs(complex((wave.i * turn.conj()).mean()))


def test_turn_fault_gives_negative_sequence_and_its_own_heat() -> None:
    """A resistive loop μ on the axis of L1: negative sequence of about (μ²/R)·U/3, in phase with the voltage of L1."""
    share, ohm = 0.02, 0.01
    sick, _ = run(IE1_55KW, 0.5 * RATED_NM, Condition(turns=share, turns_ohm=ohm), 2)
    well, _ = run(IE1_55KW, 0.5 * RATED_NM, faults.HEALTHY, 2)
    conductance = share**2 / (share * IE1_55KW.rs_ohm + ohm)
    # the loop feeds both sequences equally; the small negative-sequence impedance of the motor has almost no effect
    assert sequences(sick)[1] == pytest.approx(conductance * 326.6 / 3, rel=0.05)
    assert sequences(well)[1] < 1e-9


def test_phase_loss_leaves_one_current() -> None:
    """L1 opens at a current zero; L2 and L3 are opposite; |I−| = |I+|; the shaft keeps turning with more current."""
    well, _ = run(IE1_55KW, 0.3 * RATED_NM, faults.HEALTHY, 1)
    sick, speed = run(IE1_55KW, 0.3 * RATED_NM, Condition(open_phase=True), 2)
    assert np.abs(sick.i.real).max() == 0
    positive, negative = sequences(sick)
    assert negative == pytest.approx(positive, rel=1e-9)
    assert np.abs(sick.i).max() > 1.5 * np.abs(well.i).max()
    assert 0.9 < speed / (math.pi * 50) < 1


@pytest.mark.parametrize(
    "state",
    [
        Condition(bar=0.1),
        Condition(gap_static=0.3, gap_dynamic=0.2),
        Condition(turns=0.05, turns_ohm=0.01),
        Condition(bearing=0.5, bearing_order=3.6),
        Condition(hotter_k=60.0),
    ],
    ids=str,
)
def test_faults_conserve_energy(state: Condition) -> None:
    """Within 1e-8 of the input from standstill on: no fault creates or loses energy."""
    motor, rate = InductionWave(IE1_55KW), 2 * RATE
    u = SupplyWave().block(GRID_400V, 50.0, 2 * rate, 1 / rate)
    motor.run(u, 1 / rate, WaveLoad(square=0.01), condition=state)
    out = sum(value for name, value in motor.energy.items() if name != "input")
    assert motor.energy["input"] == pytest.approx(out + motor.stored_j, rel=1e-8)


def test_an_open_phase_conserves_energy() -> None:
    motor, supply, rate = InductionWave(IE1_55KW), SupplyWave(), 2 * RATE
    motor.settle(400 / math.sqrt(3), 50.0, 155.5)

    def one_second(state: Condition) -> None:
        u = supply.block(GRID_400V, 50.0, rate, 1 / rate)
        motor.run(u, 1 / rate, WaveLoad(square=0.004), condition=state)

    one_second(faults.HEALTHY)
    one_second(Condition(open_phase=True))
    before = motor.energy, motor.stored_j
    one_second(Condition(open_phase=True))
    used = {name: value - before[0][name] for name, value in motor.energy.items()}
    out = sum(value for name, value in used.items() if name != "input") + motor.stored_j - before[1]
    assert used["input"] == pytest.approx(out, rel=1e-8)


def test_overheating_raises_copper_loss_as_the_resistance() -> None:
    """At locked rotor and the same current the scaling would be exact.

    Under load it is, within the change of the slip.
    """
    cold = InductionWave(IE1_55KW)
    hot = InductionWave(IE1_55KW)
    for machine, extra in ((cold, 0.0), (hot, 80.0)):
        supply = SupplyWave()
        machine.settle(400 / math.sqrt(3), 50.0, 154.4)
        for _ in range(3):
            u = supply.block(GRID_400V, 50.0, RATE, 1 / RATE)
            state = Condition(hotter_k=extra)
            before = machine.energy["copper"]
            machine.run(u, 1 / RATE, WaveLoad(constant_nm=0.8 * RATED_NM), condition=state)
    ratio = (hot.energy["copper"] - before) / (cold.energy["copper"] / 3)
    assert 1 + 0.00393 * 70 < ratio < 1 + 0.0044 * 100


@pytest.mark.parametrize("kind", faults.DIP_KINDS)
def test_dips_have_their_sequences(kind: str) -> None:
    """Bollen's phase voltages during the dip, the undisturbed voltage before and after it."""
    abc = dip_phases(kind, 0.4)
    dip = faults.Dip(0.02, 0.1, 0.4, kind=kind)
    positive, negative = dip.sequences(0.05)
    turn = cmath.exp(2j * math.pi / 3)
    for k in range(3):
        assert positive * turn**-k + negative * turn**k == pytest.approx(abc[k], abs=1e-9)
    assert dip.sequences(0.0199) == dip.sequences(0.1201) == (1, 0)


def test_an_unknown_dip_is_rejected() -> None:
    with pytest.raises(ValueError, match="dip: kind: "):
        faults.Dip(0.0, kind="E")

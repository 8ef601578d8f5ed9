"""A motor and a bridge that have lost a phase, in steady state: against the model in time and closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from support.plant import GRID_400V, one_second

from simulators.plant import induction, single_phase_motor, two_phase_bridge
from simulators.plant.drive_wave import Converter, DriveWave
from simulators.plant.faults import Condition
from simulators.plant.induction_wave import InductionWave
from simulators.plant.params import DRIVE_55KW, IE1_55KW, MAGNET_55KW
from simulators.plant.phasors import ORDERS, PhasorComponent, active_w, phasors
from simulators.plant.supply_wave import SupplyWave
from simulators.plant.wave_load import WaveLoad

RATE = 10240
TORQUE_NM = 200.0


def test_single_phasing_agrees_with_the_model_in_time() -> None:
    """Without core and additional losses, which the two models treat differently on an open axis.

    The rotor is so heavy that it keeps the speed of the steady model; 1e-5 for the step of the integration.
    """
    motor = replace(IE1_55KW, rfe_ohm=1e7, additional_w=0.0, inertia_kg_m2=1e7)
    steady = single_phase_motor.solve(motor, GRID_400V, 50.0, lambda speed: TORQUE_NM * speed)
    assert steady is not None
    machine, supply = InductionWave(motor), SupplyWave()
    machine.settle(400 / math.sqrt(3), 50.0, steady.speed_rad_s)
    for _ in range(3):
        u = supply.block(GRID_400V, 50.0, RATE, 1 / RATE)
        before = machine.energy["input"]
        wave = machine.run(u, 1 / RATE, WaveLoad(constant_nm=TORQUE_NM), condition=Condition(open_phase=True))
    assert machine.energy["input"] - before == pytest.approx(steady.input_w, rel=1e-5)
    i_rms = math.sqrt(float((wave.i.imag**2).mean()) * 3 / 4)
    assert i_rms == pytest.approx(float(abs(phasors(steady.currents)[1, 1])), rel=1e-5)


def test_single_phasing_conserves_power_and_leaves_l1_without_current() -> None:
    supply = [PhasorComponent(1, 1, 230 + 0j), PhasorComponent(1, -1, 2 + 1j), PhasorComponent(5, -1, 3 - 1j)]
    state = single_phase_motor.solve(IE1_55KW, supply, 50.0, lambda speed: TORQUE_NM * speed)
    assert state is not None
    u, i = phasors(supply), phasors(state.currents)
    assert abs(i[0]).max() < 1e-9
    assert state.shaft_w == pytest.approx(TORQUE_NM * state.speed_rad_s, rel=1e-9)
    assert float(active_w(u, i).sum()) == pytest.approx(state.shaft_w + sum(state.losses), rel=1e-12)


def test_a_standing_motor_without_a_phase_has_no_torque() -> None:
    """Both sequences have the same slip, 1, and the same size: their torques are opposite."""
    state = single_phase_motor.open_at_slip(IE1_55KW, GRID_400V, 50.0, 1.0)
    positive, negative = (part.value for part in state.currents)
    assert positive == pytest.approx(-negative)
    assert state.shaft_w == 0
    locked = induction.at_slip(IE1_55KW, GRID_400V, 50.0, 1.0).currents[0].value
    assert abs(phasors(state.currents)[1, 1]) == pytest.approx(math.sqrt(3) / 2 * abs(locked))


def test_a_load_above_its_breakdown_stops_it() -> None:
    assert single_phase_motor.solve(IE1_55KW, GRID_400V, 50.0, lambda speed: 700.0 * speed) is None


def test_a_bridge_on_two_phases_agrees_with_the_model_in_time() -> None:
    """A choke whose current never swings, because its resistance damps it: 0.5 % for the step of 20 µs."""
    choke_h, choke_ohm, capacitor_f = 0.764e-3, 0.1, 4.5e-3
    converter = Converter(choke_h=choke_h, choke_ohm=choke_ohm, capacitor_f=capacitor_f, averaged=True)
    drive = DriveWave(MAGNET_55KW, converter, dc_v=540.0, speed_rad_s=20 * math.pi)
    wave, power, _ = one_second(
        drive, RATE, settle_s=2.0, grid=GRID_400V, target_rad_s=20 * math.pi, load=WaveLoad(constant_nm=200.0),
        condition=Condition(open_phase=True),
    )  # fmt: skip
    x_ohm, peak_v = 100 * math.pi * choke_h, 400 * math.sqrt(2)
    p = np.array([power["link"] * x_ohm / peak_v**2])
    found = two_phase_bridge.points(p, 100 * math.pi * capacitor_f * x_ohm, choke_ohm / x_ohm)
    phase_2 = np.abs(np.fft.rfft((wave.grid_i * np.exp(-2j * math.pi / 3)).real)) / (RATE / 2)
    assert wave.dc_v.mean() / peak_v == pytest.approx(float(found.dc[0]), rel=5e-3)
    assert np.ptp(wave.dc_v) / peak_v == pytest.approx(float(found.ripple[0]), rel=0.02)
    for order in (3, 5, 7):
        seen = float(phase_2[50 * order] / phase_2[50])
        assert seen == pytest.approx(float(abs(found.shape[0, order])), abs=5e-3)


def test_a_drive_on_two_phases_takes_its_power_exactly() -> None:
    """Harmonics included: the drop of the supply's impedance is in the voltages."""
    ohm = np.array([complex(0.0015, 0.008 * order) for order in range(ORDERS)])
    u = phasors([*GRID_400V, PhasorComponent(5, -1, 3 + 1j), PhasorComponent(3, 0, 1 + 0j)])
    state = two_phase_bridge.solve(DRIVE_55KW, u, ohm, 50.0, 20e3, 1e3)
    assert float(active_w(state.u_v, state.i_a).sum()) == pytest.approx(21e3, rel=1e-12)
    assert np.array_equal(state.i_a[1], -state.i_a[2])
    assert not state.i_a[0].any()
    assert not state.i_a[:, ::2].any()
    sound_a = 21e3 / (math.sqrt(3) * 400)
    assert abs(state.i_a[1, 1]) == pytest.approx(math.sqrt(3) * sound_a, rel=0.06)  # 1/cos of the bridge's 16°


def test_a_bridge_without_load_rests_at_the_peak() -> None:
    found = two_phase_bridge.points(np.array([1e-5]), 0.25, 0.05)
    assert found.dc[0] == pytest.approx(1.0, abs=0.01)

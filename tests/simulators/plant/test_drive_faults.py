"""Each fault of a drive and its motor shows its textbook signature, by numpy's FFT alone; the energy balance closes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.plant import GRID_400V, one_second

from simulators.plant.drive_wave import COAST, STIFF, Converter, DriveWave
from simulators.plant.faults import HEALTHY, Condition
from simulators.plant.params import IE1_55KW, MAGNET_55KW
from simulators.plant.wave_load import WaveLoad

RATE = 51200
SMOOTH = Converter(front=STIFF, averaged=True, carrier_hz=5120.0)
TURN = 20 * math.pi  # ten turns a second, four pole pairs: 40 Hz
MAGNET_NM = WaveLoad(constant_nm=200.0)


def smooth(state: Condition) -> tuple[np.ndarray, dict[str, float]]:
    """Return the spectrum of the current's space vector in A, bins of 1 Hz; powers."""
    drive = DriveWave(MAGNET_55KW, SMOOTH, speed_rad_s=TURN)
    wave, power, missed = one_second(drive, 10240, target_rad_s=TURN, load=MAGNET_NM, condition=state)
    assert missed < 1e-10
    return np.abs(np.fft.fft(wave.i)) / 10240, power


def test_an_aged_capacitor_increases_the_300_hz_ripple() -> None:
    """Bridge 2/35·Ud0 at 300 Hz, divided between choke and capacitor: the current is continuous, so the circuit is
    linear.

    The resistance suffices for a load of constant power: no oscillation at the resonant frequency of the DC link.
    """
    choke_h, choke_ohm, capacitor_f, esr_ohm = 0.764e-3, 0.03, 4.5e-3, 0.03
    aged = Condition(capacitance=0.8, esr=2.0)
    omega = 600 * math.pi
    for state in (HEALTHY, aged):
        converter = Converter(
            choke_h=choke_h, choke_ohm=choke_ohm, capacitor_f=capacitor_f, esr_ohm=esr_ohm, averaged=True
        )
        drive = DriveWave(MAGNET_55KW, converter, dc_v=540.0, speed_rad_s=130.0)
        how = {"grid": GRID_400V, "target_rad_s": 130.0, "load": WaveLoad(constant_nm=330.0), "condition": state}
        wave, _, missed = one_second(drive, 10240, **how)
        assert missed < 1e-9  # no diode ever blocks
        seen_v = abs(np.fft.rfft(wave.dc_v)[300]) / 5120
        shunt = state.esr * esr_ohm - 1j / (omega * capacitor_f * state.capacitance)
        bridge_v = 2 / 35 * 3 / math.pi * 400 * math.sqrt(2)
        assert seen_v == pytest.approx(bridge_v * abs(shunt / (shunt + choke_ohm + 1j * omega * choke_h)), rel=5e-3)
        assert max(np.abs(np.fft.rfft(wave.dc_v))[50:250]) / 5120 < 0.1 * seen_v


def test_a_lost_supply_phase_turns_the_bridge_into_a_single_phase_one() -> None:
    """L1 carries no current, L2 and L3 are opposite, a third harmonic appears, and 100 Hz on the DC bus."""
    seen = {}
    for lost in (False, True):
        converter = Converter(choke_h=0.764e-3, choke_ohm=0.03, capacitor_f=4.5e-3, esr_ohm=0.03)
        drive = DriveWave(MAGNET_55KW, converter, dc_v=540.0, speed_rad_s=TURN)
        state = Condition(open_phase=lost)
        wave, _, missed = one_second(drive, 10240, grid=GRID_400V, target_rad_s=TURN, load=MAGNET_NM, condition=state)
        assert missed < 2e-5
        phase_2 = np.abs(np.fft.rfft((wave.grid_i * np.exp(-2j * math.pi / 3)).real))
        dc = np.abs(np.fft.rfft(wave.dc_v)) / 5120
        seen[lost] = np.abs(wave.grid_i.real).max(), phase_2[150] / phase_2[50], dc[100], dc[300]
    well, sick = seen[False], seen[True]
    assert well[0] > 20
    assert sick[0] == pytest.approx(0, abs=1e-9)
    assert well[1] < 0.01 < 0.5 < sick[1]
    assert well[2] < 0.05 < 5 < sick[2]


def test_hot_magnets_induce_less_and_hot_copper_loses_more() -> None:
    """EMF by −0.11 %/K; the current increases as the flux decreases, the copper loss with both, without d current."""
    seen = {}
    for extra in (0.0, 60.0):
        _, power = smooth(Condition(hotter_k=extra))
        drive = DriveWave(MAGNET_55KW, SMOOTH, speed_rad_s=TURN)
        drive.run(1024, 10240, mode=COAST, condition=Condition(hotter_k=extra))
        wave = drive.run(1024, 10240, mode=COAST, condition=Condition(hotter_k=extra))
        seen[extra] = float((np.abs(wave.u) / wave.speed_rad_s).mean()), power["copper"]
    flux = 1 - 0.0011 * 60
    assert seen[60.0][0] / seen[0.0][0] == pytest.approx(flux, rel=1e-9)
    assert seen[60.0][1] / seen[0.0][1] == pytest.approx((1 + 0.00393 * 60) / flux**2, rel=5e-3)


def test_weak_magnets_take_more_current() -> None:
    well, sick = (smooth(Condition(flux_lost=lost))[0][40] for lost in (0.0, 0.1))
    assert sick / well == pytest.approx(1 / 0.9, rel=5e-3)


def test_eccentricity_appears_at_multiples_of_the_speed() -> None:
    """One weak pole pair of four: f·(1 ± k/p), so 40 ± 10 Hz."""
    well, sick = (smooth(Condition(pole_lost=lost))[0] for lost in (0.0, 0.1))
    assert max(well[30], well[50]) / well[40] < 1e-6
    assert min(sick[30], sick[50]) / sick[40] > 1e-3


def test_a_bearing_defect_appears_in_the_current_of_a_drive() -> None:
    """f ± fb: 3.6 pulses for each turn, so 40 ± 36 Hz."""
    well, sick = (smooth(Condition(bearing=depth, bearing_order=3.6))[0] for depth in (0.0, 0.3))
    assert max(well[4], well[76]) / well[40] < 1e-6
    assert min(sick[4], sick[76]) / sick[40] > 1e-4


def test_faults_that_the_model_does_not_support_are_rejected() -> None:
    drive = DriveWave(MAGNET_55KW, SMOOTH)
    with pytest.raises(ValueError, match="eccentricity is supported only for a motor direct on line"):
        drive.run(1, RATE, condition=Condition(gap_static=0.1))
    with pytest.raises(ValueError, match="a turn fault is supported only for a magnet motor"):
        DriveWave(IE1_55KW, SMOOTH).run(1, RATE, condition=Condition(turns=0.1))
    with pytest.raises(ValueError, match="a magnet motor has no bars that could break"):
        drive.run(1, RATE, condition=Condition(bar=0.1))


def test_an_open_diode_leaves_half_of_the_current_of_its_phase() -> None:
    """A choke that keeps the current constant: L1 carries −Id for 120°; L2 and L3 carry its positive part, 60° each.

    So the DC parts are −1/3, 1/6 and 1/6 of Id. While L1 would be the highest, the bridge has half of its voltage: the
    mean is 5/6. The current ripples at 50 Hz by 1 A of 22 A in this choke.
    """
    choke = Converter(choke_h=0.5, choke_ohm=2.0, capacitor_f=0.5, averaged=True)
    how = {"grid": GRID_400V, "target_rad_s": TURN, "load": MAGNET_NM}
    seen = {}
    for broken, start_v in ((False, 500.0), (True, 405.0)):
        drive = DriveWave(MAGNET_55KW, choke, dc_v=start_v, speed_rad_s=TURN)
        wave, _, missed = one_second(drive, 10240, settle_s=3.0, condition=Condition(diode_open=broken), **how)
        assert missed < 1e-4
        turn = np.exp(-2j * math.pi / 3 * np.arange(3))[:, None]
        phases_a = (wave.grid_i * turn).real
        dc_a = float(np.abs(phases_a).sum(axis=0).mean() / 2)
        seen[broken] = phases_a, dc_a, float(wave.dc_v.mean()) + 2.0 * dc_a
    (sound_a, _, sound_v), (phases_a, dc_a, dc_v) = seen[False], seen[True]
    assert abs(sound_a.mean(axis=1)).max() < 0.05
    assert sound_v == pytest.approx(3 * math.sqrt(2) / math.pi * 400, rel=0.003)
    assert phases_a.mean(axis=1) / dc_a == pytest.approx([-1 / 3, 1 / 6, 1 / 6], abs=0.02)
    assert dc_v / sound_v == pytest.approx(5 / 6, rel=0.003)
    assert phases_a[0].max() < 0.01 * dc_a


def test_shorted_turns_heat_themselves_by_the_induced_voltage() -> None:
    """A loop μ of resistance R on the axis of L1: its power is (μ·e)²/R with the rms voltage e induced in a phase.

    3 %: the loop's own current changes the flux of L1 a little.
    """
    share, ohm = 0.03, 0.01
    sick = Condition(turns=share, turns_ohm=ohm)
    _, power = smooth(sick)
    _, well = smooth(HEALTHY)
    omega = 4 * TURN
    flux = MAGNET_55KW.flux20_wb
    iq = 200.0 / (1.5 * 4 * flux)
    induced_v = omega * math.hypot(flux, MAGNET_55KW.lq_h * iq) / math.sqrt(2)
    loop_ohm = share * MAGNET_55KW.rs20_ohm + ohm
    assert power["turns"] == pytest.approx((share * induced_v) ** 2 / loop_ohm, rel=0.03)
    assert well["turns"] == 0

"""The converter: harmonics against closed form and another code base, power balance, losses against published
values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from support.plant import machine_truth

from simulators.plant import drive, induction, magnet, rectifier
from simulators.plant.grid import GridSupply
from simulators.plant.params import BUSBAR, DRIVE_55KW, IE1_55KW, MAGNET_55KW
from simulators.plant.phasors import PhasorComponent, active_w, phasors, rms_and_thd
from simulators.scenarios import steady_state
from simulators.scenarios.load_profiles import LoadDemand
from simulators.scenarios.machines import drive_of, magnet_motor

DataFile = Callable[[str], Path]
RATED = 1500 * math.pi / 30


def running(speed: float, shaft_w: float, **grid: object) -> tuple[drive.DriveState, GridSupply, magnet.MagnetState]:
    supply = GridSupply(replace(BUSBAR, **grid), Random(3))  # type: ignore[arg-type]
    motor = magnet.solve(MAGNET_55KW, speed * RATED, shaft_w / (speed * RATED), 80.0, 65.0)
    return drive.solve(DRIVE_55KW, supply, motor), supply, motor


def points(*p: float, line_share: float = 0.0, smoothing: float = 50.0) -> rectifier.RectifierTable:
    return rectifier.points(np.array(p), line_share, smoothing)


def test_large_choke_gives_blocks_of_120_degrees() -> None:
    """h-th harmonic 1/h, within 0.3 %: at 120 times the load at which the current becomes continuous, the ripple is
    1 %.
    """
    shape = np.abs(points(1.0).shape[0])
    for order in rectifier.PRESENT[1:]:
        assert shape[order] == pytest.approx(1 / order, rel=0.005)


@pytest.mark.parametrize(("load", "line_share"), [(3.0, 0.015), (3.0, 0.05), (4.0, 0.03)])
def test_commutation_takes_its_time(load: float, line_share: float) -> None:
    """Smooth DC current: cos μ = 1 − 2·x·Id/û, Udc = 3û/π − 3/π·x·Id, and Kimbark's harmonics,
    √(A² + B² − 2AB·cos μ)/(1 − cos μ) with A = sin((h−1)μ/2)/(h−1), B = sin((h+1)μ/2)/(h+1), over h.
    """
    found = points(load, line_share=line_share)
    mean = load / found.dc[0]
    assert 3 / math.pi - found.dc[0] == pytest.approx(3 / math.pi * line_share * mean, rel=0.015)  # 1 % of ripple
    overlap = math.acos(1 - 2 * line_share * mean)

    def size(order: int) -> float:
        a = math.sin((order - 1) * overlap / 2) / (order - 1) if order > 1 else overlap / 2
        b = math.sin((order + 1) * overlap / 2) / (order + 1)
        return math.sqrt(a * a + b * b - 2 * a * b * math.cos(overlap)) / order

    for order in (5, 7, 11, 13, 17, 19):
        assert abs(found.shape[0, order]) == pytest.approx(size(order) / size(1), abs=0.003)


def test_no_even_and_no_triplen_harmonics() -> None:
    shape = np.abs(rectifier.table(0.05, 0.25).shape)
    wrong = [h for h in range(51) if h % 2 == 0 or h % 3 == 0]
    assert shape[:, wrong].max() == 0


def test_the_rectifier_agrees_with_another_code_base(data_file: DataFile) -> None:
    """motulator 0.18.0: an induction motor on a bridge with 2 mH and 235 µF.

    Its magnet motor at rated load oscillates at 150 Hz, which a model with a period of 60° cannot show.
    """
    truth = machine_truth(data_file, "im2k2_vhz_diode_40hz")
    omega, peak_v = 100 * math.pi, math.sqrt(2) * truth["diode"]["U_g"]
    choke_ohm = omega * truth["diode"]["L_dc"]
    p = truth["P_grid_W"] * choke_ohm / peak_v**2
    found = points(p, smoothing=choke_ohm * omega * truth["diode"]["C_dc"])
    for order in (5, 7, 11, 13, 17, 19, 23, 25):
        assert 100 * abs(found.shape[0, order]) == pytest.approx(truth["ig_harm_pct"][str(order)], abs=0.25)
    assert found.dc[0] * peak_v == pytest.approx(truth["u_dc_mean"], rel=3e-4)
    assert math.cos(float(np.angle(found.shape[0, 1]))) == pytest.approx(truth["grid_disp_pf"], abs=3e-4)


@pytest.mark.parametrize("smoothing", [0.06, 0.1, 1.0])
def test_a_small_capacitor_has_a_larger_voltage_ripple(smoothing: float) -> None:
    """Harmonic balance of a continuous current.

    Each voltage of order 6k drives its own current through choke and capacitor, 3/π·2·(−1)^(k+1)/((6k)² − 1) over
    j·6k + 1/(j·6k·b − p/u²); two blocks of 60° form the line current.
    """
    load, theta = 0.05, np.linspace(-math.pi / 6, math.pi / 6, 2001)
    mean_v = 3 / math.pi
    current = np.full(len(theta), load / mean_v)
    for k in range(1, 12):
        order = 6 * k
        volts = mean_v * 2 * (-1) ** (k + 1) / (order**2 - 1)
        z = 1j * order + 1 / (1j * order * smoothing - load / mean_v**2)
        current += (volts / z * np.exp(1j * order * theta)).real
    current[[0, -1]] /= 2  # trapezoidal rule
    expected = {
        h: abs((current * np.exp(-1j * h * theta)).sum() * math.cos(h * math.pi / 6)) for h in rectifier.PRESENT
    }
    found = np.abs(points(load, smoothing=smoothing).shape[0])
    for order in (5, 7, 11, 13, 17, 19):
        assert found[order] == pytest.approx(expected[order] / expected[1], abs=3e-4)


def test_dc_voltage_lies_between_its_limits_and_falls_with_load() -> None:
    table = rectifier.table(0.05, 0.25)
    assert np.all(np.diff(table.p) > 0)
    assert np.all(np.diff(table.dc) < 1e-12)
    assert table.dc[0] < 1
    assert table.dc[-1] == pytest.approx(3 / math.pi, rel=0.01)


@pytest.mark.parametrize(("speed", "shaft_w"), [(0.6, 9500.0), (0.8, 26000.0), (0.95, 44000.0)])
def test_bus_power_is_what_the_phasors_carry(speed: float, shaft_w: float) -> None:
    state, _, motor = running(speed, shaft_w)
    carried = float(active_w(phasors(state.bus), phasors(state.currents)).sum())
    assert carried == pytest.approx(state.input_w, rel=1e-9)
    assert state.input_w == pytest.approx(motor.input_w + state.losses_w, rel=1e-12)


def test_harmonic_power_is_the_heat_in_the_supply() -> None:
    """On a clean supply each harmonic carries −R·I² at the bus: the drive feeds it back."""
    state, supply, _ = running(0.9, 38000.0, harmonics=())
    u, i = phasors(state.bus), phasors(state.currents)
    heat = 3 * supply.params.source_ohm * np.abs(i[0, 2:]) ** 2
    carried = (u[:, 2:] * i[:, 2:].conj()).real.sum(axis=0)
    assert carried == pytest.approx(-heat, abs=1e-9)
    assert carried.sum() < -2


@pytest.mark.parametrize(("speed", "shaft_w", "low", "high"), [(0.95, 44000.0, 30, 40), (0.75, 21500.0, 38, 60)])
def test_distortion_and_displacement_are_those_of_a_real_bridge(
    speed: float, shaft_w: float, low: float, high: float
) -> None:
    state, supply, _ = running(speed, shaft_w)
    i = phasors(state.currents)
    assert all(low < thd < high for thd in rms_and_thd(i)[1])
    assert math.cos(float(np.angle(i[0, 1]))) > 0.96
    assert state.dc_bus_v == pytest.approx(1.35 * math.sqrt(3) * supply.volts_v, rel=2e-3)


@pytest.mark.parametrize("depth", [0.0, 0.3, 0.8, 1.1])
@pytest.mark.parametrize("angle", [0.0, 0.6, 1.5, 2.8])
def test_inverter_losses_are_the_sum_of_its_halves(depth: float, angle: float) -> None:
    """A leg in time: the upper switch has the duty (1 + m·sin θ)/2; an outgoing current flows through it or the lower
    diode.

    2.8 rad: the motor brakes.
    """
    dc_v, rms_a, d = 560.0, 80.0, DRIVE_55KW
    theta = (np.arange(20_000) + 0.5) * 2 * np.pi / 20_000
    duty, i = (1 + depth * np.sin(theta)) / 2, math.sqrt(2) * rms_a * np.sin(theta - angle)
    out = np.abs(i)
    through_switch = np.where(i > 0, duty, 1 - duty)
    heat = through_switch * out * (d.switch_v + d.switch_ohm * out)
    heat += (1 - through_switch) * out * (d.diode_v + d.diode_ohm * out)
    heat += d.carrier_hz * d.switching_j_per_va * dc_v * out
    power_w = 3 * float((depth * np.sin(theta) * dc_v / 2 * i).mean())
    found = drive.loss_terms(d).inverter_w(rms_a, power_w, dc_v)
    assert found == pytest.approx(3 * float(heat.mean()), rel=1e-8)


def test_losses_are_a_sum_and_standby_has_the_fixed_part() -> None:
    """Two diodes of the bridge and the choke carry the DC current in both directions of the motor's power."""
    assert drive.losses_w(DRIVE_55KW, 0.0, 0.0, 560.0) == DRIVE_55KW.fixed_w
    dc_a = 20_000 / 500
    bridge_w = 2 * (0.8 * dc_a + 0.003 * dc_a**2) + 0.010 * dc_a**2
    terms = drive.loss_terms(DRIVE_55KW)
    for sign in (1, -1):
        expected = DRIVE_55KW.fixed_w + terms.inverter_w(60.0, sign * 20e3, 500.0) + bridge_w
        assert drive.losses_w(DRIVE_55KW, 60.0, sign * 20e3, 500.0) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("kw", "amps", "low_w", "high_w"), [(5.5, 10.5, 15, 35), (55.0, 100.0, 35, 110)])
def test_an_inverter_takes_the_power_of_its_electronics(kw: float, amps: float, low_w: float, high_w: float) -> None:
    """Catalogues: 24 V at 0.85 A (9 A) to 1.5 A (85 A), and fans of up to 60 W [M]; a complete drive takes more."""
    converter = drive_of(kw, amps)
    motor, demand = magnet_motor(kw, 1500, 8, 400, 0.94), LoadDemand(0.0, 0.0)
    supply = GridSupply(BUSBAR, Random(3))
    idle = steady_state.on_dc_bus(motor, converter, supply, demand, 60.0, 50.0, 560.0)
    assert low_w < idle.drive_losses_w < high_w
    assert idle.drive_losses_w < converter.fixed_w
    turning = steady_state.on_dc_bus(
        motor, converter, supply, LoadDemand(100.0, 0.5 * motor.torque_rated_nm), 60.0, 50.0, 560.0
    )
    assert turning.drive_losses_w > 2 * idle.drive_losses_w
    assert turning.input_w == pytest.approx(turning.motor_input_w + turning.drive_losses_w, rel=1e-12)


@pytest.mark.parametrize("dc_w", [0.0, 20e3, 80e3])
def test_a_rectifier_alone_has_no_inverter_losses(dc_w: float) -> None:
    converter = drive_of(110.0, 198.0)
    u, i, input_w, dc_v = steady_state.rectifier(converter, GridSupply(BUSBAR, Random(3)), dc_w)
    dc_a = dc_w / dc_v
    bridge_w = 2 * (converter.bridge_v * dc_a + converter.bridge_ohm * dc_a**2) + converter.choke_r_ohm * dc_a**2
    assert input_w - dc_w == pytest.approx(converter.fixed_w + bridge_w, rel=1e-9)
    assert float(active_w(u, i).sum()) == pytest.approx(input_w, rel=1e-9)


def fan_points(loads: list[float]) -> list[tuple[float, float]]:
    """Return (current, input power) of an induction motor with its fan, at constant volts per hertz, both relative."""
    motor, points = IE1_55KW, []
    rated = motor.speed_rpm * math.pi / 30
    for load in loads:
        speed = rated * load ** (1 / 3)
        hz = motor.frequency_hz * speed / rated
        for _ in range(12):
            u = [PhasorComponent(1, 1, complex(motor.volts_v / math.sqrt(3) * hz / motor.frequency_hz))]
            state = induction.solve(
                motor, u, hz, lambda w, speed=speed: motor.power_w * (speed / rated) ** 2 * w / rated
            )
            hz *= speed / state.speed_rad_s
        points.append((abs(state.currents[0].value) / motor.current_a, load))
    return points


def test_losses_against_the_us_does_efficiencies(data_file: DataFile) -> None:
    """3 to 400 hp at 1.6 to 100 % of the power (cubes of the speed: a fan).

    Each value within a third and half of the last printed digit, all together within an eighth (rms), without bias.
    """
    lines = data_file("efficiency/vfd_efficiency_doe.csv").read_text().splitlines()
    head = next(line for line in lines if line.startswith("hp,"))
    at = fan_points([float(name[1:]) for name in head.split(",")[1:]])
    off = []
    for line in lines[lines.index(head) + 1 :]:
        hp, *efficiencies = map(float, line.split(","))
        kw, rated_a = 0.7457 * hp, IE1_55KW.current_a * 0.7457 * hp / 55
        converter = drive_of(kw, rated_a)
        for (current, load), efficiency in zip(at, efficiencies, strict=True):
            share = drive.losses_w(converter, current * rated_a, load * 1000 * kw, 540.0) / (load * 1000 * kw)
            assert (1 / (efficiency + 0.005) - 1) / 1.33 < share < (1 / (efficiency - 0.005) - 1) * 1.33, (hp, load)
            off.append(math.log(share / (1 / efficiency - 1)))
    assert len(off) == 77
    assert float(np.sqrt(np.mean(np.square(off)))) < 0.125
    assert abs(float(np.mean(off))) < 0.02


def test_within_its_declared_class() -> None:
    """IE2 of IEC 61800-9-2: at most 0.75 of the reference's 3.24 kW at (90 % f; 100 % i), which set no parameter."""
    motor = magnet.solve(MAGNET_55KW, 0.9 * RATED, 55000 / RATED, 100.0, 85.0)
    assert 0.4 * 3240 < drive.losses_w(DRIVE_55KW, motor.current_a, motor.input_w, 540.0) < 0.75 * 3240


def test_smaller_drives_lose_a_larger_share() -> None:
    """Semiconductors of constant current density, and the choke: proportional.

    The other losses less than proportional.
    """
    shares = []
    for kw in (7.5, 22.0, 55.0, 160.0, 315.0):
        of = drive_of(kw, kw * 100 / 55)
        shares.append(drive.losses_w(of, kw * 100 / 55, 900 * kw, 540.0) / kw)
        assert drive.losses_w(of, kw * 100 / 55, 900 * kw, 540.0) - of.fixed_w == pytest.approx(
            kw / 55 * (drive.losses_w(drive_of(55, 100.0), 100.0, 49_500, 540.0) - DRIVE_55KW.fixed_w), rel=1e-9
        )
    assert shares == sorted(shares, reverse=True)

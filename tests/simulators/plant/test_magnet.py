"""The magnet motor against closed form (developer cases D-T01, D-T02) and physical laws."""

from __future__ import annotations

import math

import pytest
from support.plant import machine_truth

from simulators.plant import magnet
from simulators.plant.params import COPPER_PER_K, MAGNET_55KW, MagnetMotor

RATED = 1500 * math.pi / 30
RATED_NM = 55000 / RATED


def lossless(rs: float, flux: float) -> MagnetMotor:
    return MagnetMotor(
        power_w=43000.0,
        volts_v=355.0,
        current_a=72.0,
        speed_rpm=1500.0,
        pole_pairs=4,
        rs20_ohm=rs,
        ld_h=0.0009,
        lq_h=0.0014,
        flux20_wb=flux,
        core_s=0.0,
        core_hysteresis=0.4,
        friction_w=0.0,
        additional_w=0.0,
    )


# Values printed to 10 digits there; i_d = −20 A, Ld 0.9 mH, Lq 1.4 mH, 4 pole pairs, 1500 rpm.
@pytest.mark.parametrize(
    ("rs", "flux", "iq", "phase_v", "current_a", "input_w", "torque_nm", "copper_w"),
    [
        (0.05, 0.45, 100.0, 205.3414682, 72.11102551, 44133.97862, 276.0, 780.0),
        (0.06, 0.45 * 0.92, 108.7, 193.0934676, 78.15270309, 44537.08275, 276.5328, 1099.4121),
    ],
    ids=["D-T01", "D-T02"],
)
def test_closed_form(
    rs: float,
    flux: float,
    iq: float,
    phase_v: float,
    current_a: float,
    input_w: float,
    torque_nm: float,
    copper_w: float,
) -> None:
    state = magnet.at_current(lossless(rs, flux), RATED, -20.0, iq, 20.0, 20.0)
    assert state.volts_v == pytest.approx(phase_v * math.sqrt(3), rel=1e-9)
    assert state.current_a == pytest.approx(current_a, rel=1e-9)
    assert state.input_w == pytest.approx(input_w, rel=1e-9)
    assert state.gap_torque_nm == pytest.approx(torque_nm, rel=1e-9)
    assert state.losses.copper_w == pytest.approx(copper_w, rel=1e-9)
    assert state.frequency_hz == pytest.approx(100.0, rel=1e-12)


@pytest.mark.parametrize("speed", [0.05, 0.6, 0.95, 1.0])
@pytest.mark.parametrize("load", [0.0, 0.3, 1.0, 1.2])
def test_energy_balance(speed: float, load: float) -> None:
    state = magnet.solve(MAGNET_55KW, speed * RATED, load * RATED_NM, 80.0, 65.0)
    assert state.input_w == pytest.approx(state.shaft_w + sum(state.losses), rel=1e-9, abs=1e-6)
    assert state.shaft_w == pytest.approx(load * speed * 55000, rel=1e-9, abs=1e-4)


def test_braking_is_the_same_balance() -> None:
    state = magnet.at_current(MAGNET_55KW, RATED, 0.0, -100.0, 80.0, 65.0)
    assert state.shaft_w < 0
    assert state.input_w == pytest.approx(state.shaft_w + sum(state.losses), rel=1e-9)


def test_rated_point_and_loss_split() -> None:
    """The split is the assumption of the parameters: copper 50, core 30, friction 12, additional 8 %."""
    state = magnet.solve(MAGNET_55KW, RATED, RATED_NM, 100.0, 85.0)
    assert sum(state.losses) == pytest.approx(MAGNET_55KW.losses_w, rel=1e-6)
    parts = state.losses
    assert [part / sum(state.losses) for part in parts] == pytest.approx([0.5, 0.3, 0.12, 0.08], abs=1e-6)
    assert state.current_a == pytest.approx(MAGNET_55KW.current_a, rel=1e-6)
    assert state.volts_v == pytest.approx(MAGNET_55KW.volts_v, abs=0.05)  # rounded there


@pytest.mark.parametrize("on_converter", [1.0, 1.15])
def test_losses_are_those_of_the_declared_class(on_converter: float) -> None:
    """IE5, 55 kW, 4-pole column of IEC TS 60034-30-2: polynomial in log10(kW); +15 % on a converter. Within 10 %."""
    x = math.log10(55)
    efficiency = (0.2459 * x**3 - 2.136 * x**2 + 7.1743 * x + 89.1712) / 100
    allowed_w = 55000 * (1 / efficiency - 1) * on_converter
    assert MAGNET_55KW.losses_w == pytest.approx(allowed_w, rel=0.10)


def test_warm_copper_and_warm_magnets_increase_losses() -> None:
    cold = magnet.solve(MAGNET_55KW, RATED, 40000.0 / RATED, 20.0, 20.0)
    hot_copper = magnet.solve(MAGNET_55KW, RATED, 40000.0 / RATED, 120.0, 20.0)
    hot_magnet = magnet.solve(MAGNET_55KW, RATED, 40000.0 / RATED, 20.0, 120.0)
    assert hot_copper.losses.copper_w == pytest.approx(cold.losses.copper_w * (1 + COPPER_PER_K * 100), rel=1e-6)
    assert hot_magnet.current_a > cold.current_a * 1.1
    assert hot_magnet.losses.core_w < cold.losses.core_w


def test_an_operating_point_of_another_code_base(data_file) -> None:
    """gym-electric-motor 3.0.3, 52 kW traction motor at id −90 A, iq 120 A: power, copper, torque."""
    truth = machine_truth(data_file, "gem_pmsm_75hz")
    par = truth["par"]
    motor = MagnetMotor(
        power_w=15e3,
        volts_v=100.0,
        current_a=110.0,
        speed_rpm=1500.0,
        pole_pairs=par["p"],
        rs20_ohm=par["r_s"],
        ld_h=par["l_d"],
        lq_h=par["l_q"],
        flux20_wb=par["psi_p"],
        core_s=0.0,
        core_hysteresis=0.0,
        friction_w=0.0,
        additional_w=0.0,
    )
    state = magnet.at_current(motor, truth["speed_rad_s_mean"], -90.0, 120.0, 20.0, 20.0)
    assert state.gap_torque_nm == pytest.approx(truth["tau_em_mean"], rel=1e-6)
    assert state.input_w == pytest.approx(truth["P_elec_W"], rel=1e-4)
    assert state.losses.copper_w == pytest.approx(truth["P_cu_stator_W"], rel=1e-4)


@pytest.mark.parametrize("offset_rad", [-0.5, 0.5, 1.0])
def test_a_wrong_rotor_position_needs_the_current_of_its_angle(offset_rad: float) -> None:
    """Lossless: 1.5·p·(ψ·iq + (Ld − Lq)·id·iq) with id = −iq·tan δ; the current is iq/cos δ."""
    motor = lossless(0.0, 0.45)
    state = magnet.solve(motor, RATED, 100.0, 20.0, 20.0, offset_rad)
    a, b = (motor.lq_h - motor.ld_h) * math.tan(offset_rad), 0.45
    nm = 100.0 / (1.5 * 4)
    iq = (-b + math.sqrt(b * b + 4 * a * nm)) / (2 * a)
    assert state.current_a * math.sqrt(2) == pytest.approx(iq / math.cos(offset_rad), rel=1e-9)
    assert state.shaft_w == pytest.approx(100.0 * RATED, rel=1e-9)

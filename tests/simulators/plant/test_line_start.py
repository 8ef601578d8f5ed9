"""Line-start magnet motor: textbook power-angle curves, energy balance, and the dq model in the inverse direction."""

from __future__ import annotations

import cmath
import math
from dataclasses import replace
from functools import partial
from random import Random

import numpy as np
import pytest

from drivers.reasons import InvalidValue
from simulators.plant import line_start, magnet
from simulators.plant.grid import GridSupply
from simulators.plant.params import BUSBAR, IE1_55KW, LINE_START_55KW, LineStartMotor
from simulators.plant.phasors import PhasorComponent, active_w, natural_sequence
from simulators.plant.thermal import Thermal, heat_of
from simulators.reasons import ABOVE_PULL_OUT
from simulators.scenarios import load, steady_state
from simulators.scenarios.plant import ScenarioPlant
from simulators.scenarios.two_pumps import PUMP

U = 230.0
SINE = [PhasorComponent(1, 1, complex(U))]
DIRTY = [
    *SINE,
    PhasorComponent(1, -1, 3 - 2j),
    *(PhasorComponent(h, natural_sequence(h), 2 + 1j * h / 5) for h in (5, 7, 11)),
]


def ideal(xd: float, xq: float) -> LineStartMotor:
    """Return a motor without losses; xd and xq in ohms at 50 Hz."""
    omega = 100 * math.pi
    machine = replace(
        LINE_START_55KW.machine,
        rs20_ohm=0.0,
        core_s=0.0,
        friction_w=0.0,
        additional_w=0.0,
        ld_h=xd / omega,
        lq_h=xq / omega,
    )
    return replace(LINE_START_55KW, machine=machine)


@pytest.mark.parametrize(("xd", "xq"), [(1.3, 1.3), (1.3, 2.2), (2.0, 1.1)])
@pytest.mark.parametrize("degrees", [-20.0, 10.0, 60.0, 100.0])
def test_power_over_angle(xd: float, xq: float, degrees: float) -> None:
    """P = 3·(E·U/Xd·sin δ + U²/2·(1/Xq − 1/Xd)·sin 2δ)."""
    motor, delta = ideal(xd, xq), math.radians(degrees)
    e = 100 * math.pi * motor.machine.flux20_wb / math.sqrt(2)
    state = line_start.at_angle(motor, SINE, 50.0, delta, 20.0, 20.0)
    expected = 3 * (e * U / xd * math.sin(delta) + U**2 / 2 * (1 / xq - 1 / xd) * math.sin(2 * delta))
    assert state.shaft_w == pytest.approx(expected, rel=1e-12)
    assert state.input_w == pytest.approx(expected, rel=1e-12)
    reactive = 3 * (
        U**2 * (math.cos(delta) ** 2 / xd + math.sin(delta) ** 2 / xq) - U * e * math.cos(delta) / xd
    )  # lagging
    i = state.currents[0].value
    assert 3 * (U * i.conjugate()).imag == pytest.approx(reactive, rel=1e-9)


def test_pull_out_of_a_round_rotor_is_at_a_right_angle() -> None:
    motor = ideal(1.3, 1.3)
    top = line_start.pull_out(motor, SINE, 50.0, 20.0, 20.0)
    e = 100 * math.pi * motor.machine.flux20_wb / math.sqrt(2)
    assert top.angle_rad == pytest.approx(math.pi / 2, abs=1e-6)
    assert top.shaft_w == pytest.approx(3 * e * U / 1.3, rel=1e-9)


@pytest.mark.parametrize("shaft_w", [-20e3, 0.0, 25e3, 55e3, 80e3])
@pytest.mark.parametrize("supply", [SINE, DIRTY])
def test_energy_balance(shaft_w: float, supply: list[PhasorComponent]) -> None:
    state = line_start.solve(LINE_START_55KW, supply, 49.9, shaft_w, 90.0, 75.0)
    assert state.shaft_w == pytest.approx(shaft_w, abs=1e-6)
    assert state.input_w == pytest.approx(state.shaft_w + sum(state.losses), abs=1e-8)
    carried = sum(3 * (u.value * i.value.conjugate()).real for u, i in zip(supply, state.currents, strict=True))
    assert carried == pytest.approx(state.input_w, abs=1e-8)
    assert state.speed_rad_s == pytest.approx(2 * math.pi * 49.9 / 2, rel=1e-12)


def test_the_dq_model_fed_with_its_currents_shows_its_voltage() -> None:
    """magnet.py computes the voltage from the current, line_start.py the current from the voltage."""
    m = LINE_START_55KW.machine
    state = line_start.solve(LINE_START_55KW, SINE, 50.0, 55e3, 90.0, 75.0)
    i = math.sqrt(2) * state.currents[0].value * 1j * np.exp(1j * state.angle_rad)  # the voltage leads the q axis
    # the core branch takes a part of its q current
    flux = m.flux20_wb * (1 - 0.0011 * 55)
    omega, g = 100 * math.pi, m.core_s
    iq_m = (i.imag - g * omega * (flux + m.ld_h * i.real)) / (1 + (g * omega) ** 2 * m.ld_h * m.lq_h)
    back = magnet.at_current(m, state.speed_rad_s, i.real, iq_m, 90.0, 75.0)
    assert back.volts_v == pytest.approx(U * math.sqrt(3), rel=1e-9)
    assert back.shaft_w == pytest.approx(55e3, rel=1e-9)
    assert back.input_w == pytest.approx(state.input_w, rel=1e-9)


def test_strong_magnets_give_a_leading_and_weak_ones_a_lagging_current() -> None:
    factors = {}
    for share in (0.8, 1.15):
        machine = replace(LINE_START_55KW.machine, flux20_wb=LINE_START_55KW.machine.flux20_wb * share)
        motor = replace(LINE_START_55KW, machine=machine)
        i1 = line_start.solve(motor, SINE, 50.0, 30e3, 20.0, 20.0).currents[0].value
        phase = cmath.phase(SINE[0].value / i1)
        factors[share] = math.copysign(math.cos(phase), phase)
    assert 0.5 < factors[0.8] < 1
    assert -1 < factors[1.15] < -0.5


def test_rated_point_is_that_of_a_good_magnet_motor() -> None:
    """Between the best induction motors and IE5 of 55 kW: 96.0 … 97.0 %; pull-out above 1.5 (IEC 60034-1: 1.35)."""
    state = line_start.solve(LINE_START_55KW, SINE, 50.0, 55e3, 100.0, 85.0)
    assert 0.960 < state.shaft_w / state.input_w < 0.970
    assert line_start.pull_out(LINE_START_55KW, SINE, 50.0, 100.0, 85.0).shaft_w > 1.5 * 55e3


def test_negative_sequence_acts_on_the_cage_at_twice_the_frequency() -> None:
    """Half of the power that crosses the air gap comes from the shaft: slip 2, so the cage loses R·I² and brakes with
    half.
    """
    clean, dirty = (
        line_start.at_angle(LINE_START_55KW, supply, 50.0, 0.4, 20.0, 20.0)
        for supply in (SINE, [*SINE, PhasorComponent(1, -1, 5 + 0j)])
    )
    motor = LINE_START_55KW
    i = abs(5 / complex(motor.machine.rs20_ohm + motor.cage_ohm / 2, motor.cage_x_ohm))
    assert dirty.losses.copper_w - clean.losses.copper_w == pytest.approx(
        3 * i**2 * (motor.machine.rs20_ohm + motor.cage_ohm)
    )
    assert clean.shaft_w - dirty.shaft_w == pytest.approx(3 * i**2 * motor.cage_ohm / 2)


def test_a_load_beyond_pull_out_is_rejected() -> None:
    with pytest.raises(InvalidValue) as caught:
        line_start.solve(LINE_START_55KW, SINE, 50.0, 200e3, 90.0, 75.0)
    assert caught.value.reason.code == ABOVE_PULL_OUT


def test_a_speed_that_is_not_synchronous_is_rejected() -> None:
    with pytest.raises(ValueError, match="line-start motor: speed_rpm must be the synchronous 1800 rpm, got 1500 rpm"):
        replace(LINE_START_55KW, frequency_hz=60.0)


def test_a_motor_replaced_direct_on_line_turns_faster_and_draws_more_at_the_shaft() -> None:
    """Same valve, same flow: the power law of the pump at synchronous speed against that of the induction motor."""
    supply = GridSupply(BUSBAR, Random(2))
    load_w = partial(PUMP.throttled_w, 0.8)
    old = steady_state.direct(IE1_55KW, supply, load_w)
    new = steady_state.line_started(LINE_START_55KW, supply, load_w, 80.0, 65.0)
    assert new.speed_rpm == pytest.approx(30 * supply.frequency_hz, rel=1e-12)
    shares = [load_w(train.speed_rad_s) for train in (old, new)]
    assert new.shaft_w / old.shaft_w == pytest.approx(shares[1] / shares[0], rel=1e-9)
    assert 1.01 < new.shaft_w / old.shaft_w < 1.04
    assert new.input_w == pytest.approx(float(active_w(new.u_v, new.i_a).sum()), rel=1e-12)
    assert new.shaft_w / new.input_w > old.shaft_w / old.input_w + 0.02


def test_a_line_start_motor_of_a_scenario_warms_with_its_load() -> None:
    """At the end the temperature has settled to the losses; five minutes after a load decrease it is still changing."""
    plant = load("line-start-swap").build(Random(1))
    assert isinstance(plant, ScenarioPlant)
    unit = plant.units["pump-synchronous"]

    def degc_and_losses(seconds: float) -> tuple[float, float]:
        plant.step(seconds)
        row = plant.truth()["pump-synchronous"]
        return row["winding_temperature_degc"], row["motor_losses_w"]  # type: ignore[return-value]

    full, lost_w = degc_and_losses(1700.0)
    degc_and_losses(110.0)
    soon, _ = degc_and_losses(300.0)
    assert unit.thermal is not None
    for _ in range(20):
        late, less_w = degc_and_losses(7200.0)  # the period of the profile: the same load again
    assert less_w < lost_w
    assert 30 < late < soon - 1 < full - 2 < 100
    assert unit.train is not None
    assert late == pytest.approx(
        Thermal(unit.thermal.network, 30.0).step(heat_of(unit.train.motor_losses), 1e6).winding, abs=0.5
    )


def test_no_load_angle_gives_more_than_the_pull_out_torque() -> None:
    top = line_start.pull_out(LINE_START_55KW, DIRTY, 50.0, 90.0, 75.0)
    others = [
        line_start.at_angle(LINE_START_55KW, DIRTY, 50.0, math.radians(degrees), 90.0, 75.0).shaft_w
        for degrees in range(-180, 180)
    ]
    assert max(others) <= top.shaft_w < max(others) * 1.001

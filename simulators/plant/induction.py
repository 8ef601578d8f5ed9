"""Induction motor in steady state: one T circuit for each component of the voltage, superposed.

Z = Rs + jX1 + [1/Rfe + 1/jXm + 1/(Rr/s + jX2)]⁻¹ (Krause; IEC 60034-2-1 loss names). For harmonic h of sequence ±1 the
slip is 1 ∓ (1−s)/h, and reactances are proportional to h. Friction ∝ ω², additional loss ∝ I²·ω.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from drivers.reasons import InvalidValue
from simulators.plant.params import InductionMotor
from simulators.plant.phasors import PhasorComponent
from simulators.plant.root_finding import root
from simulators.plant.train import TrainLosses
from simulators.reasons import MOTOR_STALLS

_ENOUGH_W = 1e-8


class InductionState(NamedTuple):
    """State of the motor; input_w = shaft_w + all losses, except for rounding. Powers in W.

    slip: slip of the fundamental.
    currents: components of the stator currents, rms, A.
    losses: losses by kind; copper_w: of stator and rotor winding.
    """

    slip: float
    speed_rad_s: float
    currents: tuple[PhasorComponent, ...]
    input_w: float
    shaft_w: float
    losses: TrainLosses


def at_slip(
    motor: InductionMotor, supply: Sequence[PhasorComponent], frequency_hz: float, slip: float
) -> InductionState:
    """Return the state at a known slip. Zero-sequence voltages drive no current: the star point is not connected."""
    return _state(motor, _branches(motor, supply, frequency_hz), frequency_hz, slip)


class _Branch(NamedTuple):
    """What does not depend on the slip in the circuit of one component.

    k: frequency relative to the rated one.
    core_s: admittance of the iron loss and the magnetising reactance.
    stator_ohm: impedance of the stator.
    """

    order: int
    sequence: int
    u_v: complex
    k: float
    core_s: complex
    stator_ohm: complex


def _branches(motor: InductionMotor, supply: Sequence[PhasorComponent], frequency_hz: float) -> list[_Branch]:
    found = []
    for order, sequence, u_v in supply:
        if sequence != 0:
            k = order * frequency_hz / motor.frequency_hz
            core_s = 1 / motor.rfe_ohm + 1 / complex(0, motor.xm_ohm * k)
            found.append(_Branch(order, sequence, u_v, k, core_s, complex(motor.rs_ohm, motor.xl1_ohm * k)))
    return found


def _state(motor: InductionMotor, branches: Sequence[_Branch], frequency_hz: float, slip: float) -> InductionState:
    speed = 2 * math.pi * frequency_hz / motor.pole_pairs * (1 - slip)
    rated_speed = motor.speed_rpm * 2 * math.pi / 60
    input_w = copper_w = core_w = gap_mechanical_w = fundamental_a = 0.0
    currents = []
    rr_ohm, rs_ohm, xl2_ohm, rfe_ohm = motor.rr_ohm, motor.rs_ohm, motor.xl2_ohm, motor.rfe_ohm
    for order, sequence, u_v, k, core_s, stator_ohm in branches:
        s = 1 - sequence * (1 - slip) / order
        rotor_s = s / complex(rr_ohm, s * xl2_ohm * k)  # admittance: defined at s = 0
        i_a = u_v / (stator_ohm + 1 / (core_s + rotor_s))
        e_v = u_v - i_a * stator_ohm
        rotor_a = e_v * rotor_s
        rotor_copper = 3 * rr_ohm * abs(rotor_a) ** 2
        input_w += 3 * (u_v * i_a.conjugate()).real
        copper_w += 3 * rs_ohm * abs(i_a) ** 2 + rotor_copper
        core_w += 3 * abs(e_v) ** 2 / rfe_ohm
        gap_mechanical_w += 3 * (e_v * rotor_a.conjugate()).real - rotor_copper
        if order == 1 and sequence == 1:
            fundamental_a = abs(i_a)
        currents.append(PhasorComponent(order, sequence, i_a))
    mechanical_w = motor.friction_w * (speed / rated_speed) ** 2
    additional_w = motor.additional_w * (fundamental_a / motor.current_a) ** 2 * speed / rated_speed
    shaft_w = gap_mechanical_w - mechanical_w - additional_w
    losses = TrainLosses(copper_w, core_w, mechanical_w, additional_w)
    return InductionState(slip, speed, tuple(currents), input_w, shaft_w, losses)


def solve(
    motor: InductionMotor,
    supply: Sequence[PhasorComponent],
    frequency_hz: float,
    load_w: Callable[[float], float],
) -> InductionState:
    """Return the operating point for a shaft load `load_w(speed_rad_s)` in watts, between zero slip and breakdown.

    Raises InvalidValue if the load exceeds the breakdown torque.
    """
    k = frequency_hz / motor.frequency_hz
    high = motor.rr_ohm / math.hypot(motor.rs_ohm, (motor.xl1_ohm + motor.xl2_ohm) * k)

    branches = _branches(motor, supply, frequency_hz)

    def at(slip: float) -> InductionState:
        return _state(motor, branches, frequency_hz, slip)

    def missing_w(state: InductionState) -> float:
        return load_w(state.speed_rad_s) - state.shaft_w

    near = _near(motor, at, missing_w, load_w, high)
    if near is not None:
        return near
    if missing_w(at(high)) > 0:
        raise InvalidValue(MOTOR_STALLS, power_w=motor.power_w)
    return at(root(lambda slip: missing_w(at(slip)), 0.0, high, width=1e-15, enough=_ENOUGH_W))


def _near(
    motor: InductionMotor,
    at: Callable[[float], InductionState],
    missing_w: Callable[[InductionState], float],
    load_w: Callable[[float], float],
    high: float,
) -> InductionState | None:
    """Solve by secants from a linear estimate through the rated point: less than half the evaluations of the bracket.

    Returns None if the secants do not converge well below breakdown.
    """
    rated_rad_s = motor.speed_rpm * 2 * math.pi / 60
    rated = 1 - rated_rad_s * motor.pole_pairs / (2 * math.pi * motor.frequency_hz)
    before = rated * load_w(rated_rad_s) / motor.power_w
    missed = missing_w(at(before))
    slip = before + missed * rated / motor.power_w
    for _ in range(8):
        if not 0 <= slip < 0.7 * high:
            return None
        state = at(slip)
        now = missing_w(state)
        if abs(now) <= _ENOUGH_W:
            return state
        if now == missed:
            return None
        slip, before, missed = slip - now * (slip - before) / (now - missed), slip, now
    return None

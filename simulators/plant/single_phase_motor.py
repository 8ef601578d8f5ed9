"""Induction motor in steady state with L1 open: L2 and L3 feed it as one phase.

The current of L1 is zero, so the two sequences have opposite currents: I1 = (U1 − U2)/(Z1 + Z2) for each order. The
motor feeds the open terminal back. Source: textbook (Krause), two T circuits in series.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from simulators.plant.induction import InductionState, at_slip
from simulators.plant.params import InductionMotor
from simulators.plant.phasors import PhasorComponent
from simulators.plant.root_finding import root

_ENOUGH_W = 1e-8
_SLIPS = 24  # tried for the largest torque


def terminal_voltages(
    motor: InductionMotor, supply: Sequence[PhasorComponent], frequency_hz: float, slip: float
) -> list[PhasorComponent]:
    """Return the components of the voltages at the terminals of the motor."""
    driving: dict[int, complex] = {}
    for order, sequence, value in supply:
        driving[order] = driving.get(order, 0j) + sequence * value
    both = [PhasorComponent(order, sequence, 1 + 0j) for order in driving for sequence in (1, -1)]
    ohm = {(part.order, part.sequence): 1 / part.value for part in at_slip(motor, both, frequency_hz, slip).currents}
    found = []
    for order, volts in driving.items():
        current = volts / (ohm[order, 1] + ohm[order, -1])
        found += [PhasorComponent(order, sequence, sequence * current * ohm[order, sequence]) for sequence in (1, -1)]
    return found


def solve(
    motor: InductionMotor, supply: Sequence[PhasorComponent], frequency_hz: float, load_w: Callable[[float], float]
) -> InductionState | None:
    """Return the operating point for a shaft load `load_w(speed_rad_s)` in watts. None: the motor cannot turn it."""

    def at(slip: float) -> InductionState:
        return open_at_slip(motor, supply, frequency_hz, slip)

    def missing_w(slip: float) -> float:
        state = at(slip)
        return load_w(state.speed_rad_s) - state.shaft_w

    k = frequency_hz / motor.frequency_hz
    high = motor.rr_ohm / math.hypot(motor.rs_ohm, (motor.xl1_ohm + motor.xl2_ohm) * k)
    for number in range(1, _SLIPS + 1):
        slip = high * number / _SLIPS
        if missing_w(slip) < 0:
            return at(root(missing_w, 0.0, slip, width=1e-15, enough=_ENOUGH_W))
    return None


def open_at_slip(
    motor: InductionMotor, supply: Sequence[PhasorComponent], frequency_hz: float, slip: float
) -> InductionState:
    """Return the state at a known slip."""
    return at_slip(motor, terminal_voltages(motor, supply, frequency_hz, slip), frequency_hz, slip)

"""A meter with two elements (3P3W, two wattmeters): two current transformers, in phases 1 and 3, and line voltages."""

from __future__ import annotations

import math

import numpy as np

from simulators.meters.meter import MeterErrors
from simulators.meters.readings import Values
from simulators.meters.wiring import Wiring
from simulators.plant.phasors import Phasors, active_w, reactive_var, rms_and_thd, unbalance_percent


def two_element_values(errors: MeterErrors, wiring: Wiring, u_v: Phasors, i_a: Phasors, frequency_hz: float) -> Values:
    """The displayed values for constant conditions; no phase values except the currents.

    u_v, i_a: phasors of the conductors, shape (3, orders), rms in V and A.
    """
    u, i = wiring.at_terminals(u_v, i_a)
    return aron(*two_elements(u * errors.u[:, None], i * errors.i[:, None]), frequency_hz + errors.frequency_hz)


def two_elements(u: Phasors, i: Phasors) -> tuple[Phasors, Phasors]:
    """Return the inputs of a two-element meter, each of shape (3, orders): U12, 0, U32; I1, 0, I3.

    The sum of their powers is that of all three conductors if no current flows outside them (Blondel; Aron).
    """
    nothing = np.zeros_like(u[0])
    return np.array([u[0] - u[1], nothing, u[2] - u[1]]), np.array([i[0], nothing, i[2]])


def aron(u: Phasors, i: Phasors, frequency_hz: float) -> Values:
    """Return the quantities of `electrical` from the result of `two_elements`.

    I2 follows from the other two currents; S is √3·U·I of the means.
    """
    u12, u32 = u[0], u[2]
    lines, currents = np.array([u12, -u32, u32 - u12]), np.array([i[0], -(i[0] + i[2]), i[2]])
    (lines_v, thd_u), (amps, thd_i) = rms_and_thd(lines), rms_and_thd(currents)
    watts, var = float(active_w(u, i).sum()), float(reactive_var(u, i).sum())
    va = math.sqrt(3) * sum(lines_v) / 3 * sum(amps) / 3
    values: Values = {}
    for k, (phase, pair) in enumerate((("l1", "l12"), ("l2", "l23"), ("l3", "l31"))):
        values |= {
            f"voltage_{pair}": lines_v[k],
            f"current_{phase}": amps[k],
            f"thd_u_{pair}": thd_u[k],
            f"thd_i_{phase}": thd_i[k],
        }
    return values | {
        "active_power": watts,
        "apparent_power": va,
        "reactive_power": var,
        "power_factor": watts / va if va else 0.0,
        "phase_angle": math.degrees(math.atan2(var, watts)),
        "frequency": frequency_hz,
        "voltage_ll_avg": sum(lines_v) / 3,
        "current_avg": sum(amps) / 3,
        "current_sum": sum(amps),
        "thd_u_ll_avg": sum(thd_u) / 3,
        "thd_i_avg": sum(thd_i) / 3,
        "current_unbalance": unbalance_percent(amps),
    }

"""From phasors to the quantities that a power meter names, in the vocabulary's names and units."""

from __future__ import annotations

import numpy as np

from simulators.plant.phasors import (
    Phasors,
    active_w,
    line_to_line,
    reactive_var,
    rms,
    thd_percent,
    unbalance_percent,
)

Values = dict[str, float]


def electrical(u: Phasors, i: Phasors, frequency_hz: float) -> Values:
    """Everything instantaneous. Apparent power is arithmetic (Σ U·I), reactive that of the fundamental, pf = P/S."""
    u_v, i_a, p, q = rms(u), rms(i), active_w(u, i), reactive_var(u, i)
    s = u_v * i_a
    pf = np.divide(p, s, out=np.zeros(3), where=s > 0)
    lines = line_to_line(u)
    lines_v, thd_u, thd_i, thd_ll = rms(lines), thd_percent(u), thd_percent(i), thd_percent(lines)
    neutral = float(np.sqrt((np.abs(i.sum(axis=0)) ** 2).sum()))
    values: Values = {}
    for k, phase in enumerate(("l1", "l2", "l3")):
        values |= {
            f"voltage_{phase}n": float(u_v[k]),
            f"current_{phase}": float(i_a[k]),
            f"active_power_{phase}": float(p[k]),
            f"reactive_power_{phase}": float(q[k]),
            f"apparent_power_{phase}": float(s[k]),
            f"power_factor_{phase}": float(pf[k]),
            f"thd_u_{phase}": float(thd_u[k]),
            f"thd_i_{phase}": float(thd_i[k]),
        }
    for k, pair in enumerate(("l12", "l23", "l31")):
        values |= {f"voltage_{pair}": float(lines_v[k]), f"thd_u_{pair}": float(thd_ll[k])}
    total_w, total_va, total_var = float(p.sum()), float(s.sum()), float(q.sum())
    return values | {
        "active_power": total_w,
        "apparent_power": total_va,
        "reactive_power": total_var,
        "power_factor": total_w / total_va if total_va else 0.0,
        "phase_angle": float(np.degrees(np.arctan2(total_var, total_w))),
        "frequency": frequency_hz,
        "voltage_ln_avg": float(u_v.mean()),
        "voltage_ll_avg": float(lines_v.mean()),
        "current_avg": float(i_a.mean()),
        "current_sum": float(i_a.sum()),
        "current_n": neutral,
        "thd_u_ln_avg": float(thd_u.mean()),
        "thd_u_ll_avg": float(thd_ll.mean()),
        "thd_i_avg": float(thd_i.mean()),
        "voltage_unbalance": unbalance_percent(u),
        "current_unbalance": unbalance_percent(i),
    }


def two_elements(u: Phasors, i: Phasors) -> tuple[Phasors, Phasors]:
    """What a meter with two elements works with, each (3, orders): U12, nothing, U32; I1, nothing, I3.

    The sum of their powers is that of all three conductors when no current flows beside them (Blondel; Aron).
    """
    nothing = np.zeros_like(u[0])
    return np.array([u[0] - u[1], nothing, u[2] - u[1]]), np.array([i[0], nothing, i[2]])


def aron(u: Phasors, i: Phasors, frequency_hz: float) -> Values:
    """As `electrical`, from `two_elements`. I2 is what the other two leave; S is √3·U·I of the means."""
    u12, u32 = u[0], u[2]
    lines, currents = np.array([u12, -u32, u32 - u12]), np.array([i[0], -(i[0] + i[2]), i[2]])
    lines_v, amps, thd_u, thd_i = rms(lines), rms(currents), thd_percent(lines), thd_percent(currents)
    watts, var = float(active_w(u, i).sum()), float(reactive_var(u, i).sum())
    va = float(np.sqrt(3) * lines_v.mean() * amps.mean())
    values: Values = {}
    for k, (phase, pair) in enumerate((("l1", "l12"), ("l2", "l23"), ("l3", "l31"))):
        values |= {
            f"voltage_{pair}": float(lines_v[k]),
            f"current_{phase}": float(amps[k]),
            f"thd_u_{pair}": float(thd_u[k]),
            f"thd_i_{phase}": float(thd_i[k]),
        }
    return values | {
        "active_power": watts,
        "apparent_power": va,
        "reactive_power": var,
        "power_factor": watts / va if va else 0.0,
        "phase_angle": float(np.degrees(np.arctan2(var, watts))),
        "frequency": frequency_hz,
        "voltage_ll_avg": float(lines_v.mean()),
        "current_avg": float(amps.mean()),
        "current_sum": float(amps.sum()),
        "thd_u_ll_avg": float(thd_u.mean()),
        "thd_i_avg": float(thd_i.mean()),
        "current_unbalance": unbalance_percent(currents),
    }

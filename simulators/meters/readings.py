"""Conversion of phasors to the quantities of a power meter, in the names and units of the vocabulary."""

from __future__ import annotations

import math

import numpy as np

from simulators.plant.phasors import (
    Phasors,
    active_w,
    line_to_line,
    reactive_var,
    rms_and_thd,
    unbalance_percent,
)

Values = dict[str, float]

_OF_PHASE = (
    "voltage_l{}n", "current_l{}", "active_power_l{}", "reactive_power_l{}", "apparent_power_l{}", "thd_u_l{}",
    "thd_i_l{}", "power_factor_l{}",
)  # fmt: skip
_IN_ROWS = (
    *(name.format(k) for name in _OF_PHASE for k in (1, 2, 3)),
    *(name + pair for name in ("voltage_", "thd_u_") for pair in ("l12", "l23", "l31")),
)


def electrical(u: Phasors, i: Phasors, frequency_hz: float) -> Values:
    """Return all instantaneous quantities of a four-wire connection.

    Apparent power is arithmetic (Σ U·I), reactive power is that of the fundamental, power factor = P/S.
    """
    sizes, distortions = rms_and_thd(np.concatenate([u, i, line_to_line(u)]))
    u_v, i_a, lines_v = sizes[:3], sizes[3:6], sizes[6:]
    thd_u, thd_i, thd_ll = distortions[:3], distortions[3:6], distortions[6:]
    p, q = active_w(u, i).tolist(), reactive_var(u, i).tolist()
    s = [a * b for a, b in zip(u_v, i_a, strict=True)]
    neutral = i.sum(axis=0)
    pf = [w / va if va > 0 else 0.0 for w, va in zip(p, s, strict=True)]
    total_w, total_va, total_var = sum(p), sum(s), sum(q)
    values = dict(zip(_IN_ROWS, (*u_v, *i_a, *p, *q, *s, *thd_u, *thd_i, *pf, *lines_v, *thd_ll), strict=True))
    return values | {
        "active_power": total_w,
        "apparent_power": total_va,
        "reactive_power": total_var,
        "power_factor": total_w / total_va if total_va else 0.0,
        "phase_angle": math.degrees(math.atan2(total_var, total_w)),
        "frequency": frequency_hz,
        "voltage_ln_avg": sum(u_v) / 3,
        "voltage_ll_avg": sum(lines_v) / 3,
        "current_avg": sum(i_a) / 3,
        "current_sum": sum(i_a),
        "current_n": math.sqrt(float((neutral.real**2 + neutral.imag**2).sum())),
        "thd_u_ln_avg": sum(thd_u) / 3,
        "thd_u_ll_avg": sum(thd_ll) / 3,
        "thd_i_avg": sum(thd_i) / 3,
        "voltage_unbalance": unbalance_percent(u_v),
        "current_unbalance": unbalance_percent(i_a),
    }

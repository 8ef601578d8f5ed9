"""Physical relations between the values of one device, for finding the register map that fits. Pure functions.

The tolerances are wide: a relation has to hold for the right map and rarely for a wrong one. A new relation is a row
of CONSISTENCY_RULES.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean

from msgspec import Struct

from agent.commissioning.discovery import reasons as codes
from agent.commissioning.selfcheck.reasons import (
    LINE_TO_PHASE_VOLTAGE,
    MEAN_CURRENT,
    MEAN_PHASE_VOLTAGE,
    POWER_FACTOR_FROM_S,
    POWERS_EQUAL,
    SUM_OF_P,
)
from drivers.reasons import Code

PHASES = ("l1", "l2", "l3")
PAIRS = ("l12", "l23", "l31")
SIGNIFICANT_A, SIGNIFICANT_W = 0.2, 20.0  # smaller currents and powers are noise
_UN, _UL = [f"voltage_{phase}n" for phase in PHASES], [f"voltage_{pair}" for pair in PAIRS]
_I, _P = [f"current_{phase}" for phase in PHASES], [f"active_power_{phase}" for phase in PHASES]
_PF = [f"power_factor_{phase}" for phase in PHASES]


class ConsistencyRule(Struct, frozen=True):
    """A relation between values.

    code: its name.
    needs: names of its values, which may be derived ones.
    x: function of these values; NaN where they are too small.
    low, high: range of x in which the relation holds.
    reward: nats for a map whose values fulfil the relation.
    penalty: nats against a map whose values violate it.
    """

    code: Code
    needs: Sequence[str]
    x: Callable[..., float]
    low: float
    high: float
    reward: float
    penalty: float


def consistency(values: Mapping[str, float]) -> Iterator[tuple[ConsistencyRule, bool]]:
    """The relations that apply to the values, and whether each holds."""
    available = {**values, **_derived(values)}
    for rule in CONSISTENCY_RULES:
        if all(name in available for name in rule.needs):
            x = rule.x(*(available[name] for name in rule.needs))
            if not math.isnan(x):
                yield rule, rule.low <= x <= rule.high


def _derived(values: Mapping[str, float]) -> dict[str, float]:
    """Sums and means of the phases, as far as their values exist."""
    available = {**(dict.fromkeys(_PF, values["power_factor"]) if "power_factor" in values else {}), **values}
    found = {
        name: function([available[need] for need in needs])
        for name, needs, function in (
            ("mean_un", _UN, fmean),
            ("mean_ul", _UL, fmean),
            ("mean_i", _I, fmean),
            ("sum_p", _P, sum),
            ("sum_ui", _UN + _I, _volt_amperes),
            ("sum_ui_pf", _UN + _I + _PF, _volt_amperes),
        )
        if all(need in available for need in needs)
    }
    for name, measured, mean in (("un", "voltage_ln_avg", "mean_un"), ("ul", "voltage_ll_avg", "mean_ul")):
        if value := values.get(measured) or found.get(mean):
            found[name] = value
    if "current_l2" not in values:
        found |= {name: values[name_l1] for name, name_l1 in (("u", _UN[0]), ("i", _I[0])) if name_l1 in values}
    return found


def _volt_amperes(v: Sequence[float]) -> float:
    """ΣU·I, or ΣU·I·|PF| of currents that are significant; v: U1 U2 U3 I1 I2 I3, PF1 PF2 PF3."""
    if len(v) == 6:
        return sum(v[k] * v[k + 3] for k in range(3))
    return sum(v[k] * v[k + 3] * abs(v[k + 6]) for k in range(3)) if min(v[3:6]) >= SIGNIFICANT_A else math.nan


def _spread(least: float) -> Callable[..., float]:
    """Difference between the largest and the smallest value, as a share of the largest."""
    return lambda *v: (max(v) - min(v)) / top if (top := max(map(abs, v))) >= least else math.nan


def _difference(least: float) -> Callable[[float, float], float]:
    """Difference between the magnitudes of two values, as a share of the larger one."""
    return lambda a, b: abs(abs(a) - abs(b)) / top if (top := max(abs(a), abs(b))) >= least else math.nan


def _ratio(a: float, b: float, significant: bool = True) -> float:
    return a / b if b and significant else math.nan


def _poles(hertz: float, rpm: float) -> float:
    """120·f/n above the next lower even number, as a multiple of it; infinite for impossible numbers of poles."""
    if abs(hertz) < 3 or abs(rpm) < 30:
        return math.nan
    poles = abs(120 * hertz / rpm)
    even = 2 * math.floor((poles + 0.05) / 2)
    return (poles - 0.05) / even if 2 <= even <= 24 else math.inf


CONSISTENCY_RULES = (
    ConsistencyRule(codes.MATCH_PHASE_VOLTAGES, _UN, _spread(30), 0, 0.1, 3.0, 2.0),
    ConsistencyRule(codes.MATCH_LINE_VOLTAGES, _UL, _spread(50), 0, 0.1, 3.0, 2.0),
    ConsistencyRule(LINE_TO_PHASE_VOLTAGE, ("ul", "un"), lambda ul, un: ul / un / math.sqrt(3), 0.98, 1.02, 3.0, 2.0),
    ConsistencyRule(
        codes.MATCH_POWER_FROM_PHASES, ("active_power", "sum_ui_pf"), _difference(SIGNIFICANT_W), 0, 0.08, 4.0, 3.0
    ),
    ConsistencyRule(
        codes.MATCH_POWER_LIMIT,
        ("active_power", "sum_ui"),
        lambda p, s: _ratio(abs(p), s, min(abs(p), s) >= SIGNIFICANT_W),
        0.15,
        1.02,
        2.0,
        3.0,
    ),
    ConsistencyRule(SUM_OF_P, ("active_power", "sum_p"), _difference(SIGNIFICANT_W), 0, 0.03, 4.0, 3.0),
    # S ≥ √(P² + Q²), by less than 15 %, because of harmonics
    ConsistencyRule(
        POWERS_EQUAL,
        ("apparent_power", "active_power", "reactive_power"),
        lambda s, p, q: _ratio(math.hypot(p, q), abs(s), abs(s) >= SIGNIFICANT_W),
        0.85,
        1.01,
        2.5,
        1.0,
    ),
    ConsistencyRule(
        POWER_FACTOR_FROM_S,
        ("apparent_power", "active_power", "power_factor"),
        lambda s, p, pf: _ratio(abs(p), abs(s), abs(s) >= SIGNIFICANT_W) - abs(pf),
        -0.02,
        0.02,
        3.0,
        1.5,
    ),
    ConsistencyRule(MEAN_CURRENT, ("current_avg", "mean_i"), _difference(SIGNIFICANT_A), 0, 0.03, 3.0, 2.0),
    ConsistencyRule(MEAN_PHASE_VOLTAGE, ("voltage_ln_avg", "mean_un"), _difference(30), 0, 0.03, 3.0, 2.0),
    # 1.30 (at load) to 1.45 (no load) for a diode bridge; higher for active front ends
    ConsistencyRule(
        codes.MATCH_DC_LINK,
        ("dc_bus_voltage", "mains_voltage"),
        lambda dc, mains: _ratio(dc, mains, bool(dc)),
        1.25,
        1.75,
        2.0,
        2.0,
    ),
    ConsistencyRule(
        codes.MATCH_OUTPUT_VOLTAGE,
        ("output_voltage", "dc_bus_voltage"),
        lambda out, dc: _ratio(out, dc, out >= 10),
        0.02,
        0.80,
        1.0,
        2.5,
    ),
    ConsistencyRule(
        codes.MATCH_MOTOR_POWER,
        ("motor_power", "output_voltage", "motor_current"),
        lambda kw, u, i: _ratio(1000 * kw, math.sqrt(3) * u * i, kw >= 0.1 and u >= 10 and i >= SIGNIFICANT_A),
        0.2,
        1.1,
        2.0,
        2.0,
    ),
    ConsistencyRule(
        codes.MATCH_SHAFT_POWER,
        ("motor_torque_nm", "motor_speed", "motor_power"),
        lambda nm, rpm, kw: _ratio(abs(nm * rpm) / 9549, abs(kw), min(abs(nm), abs(rpm), abs(kw)) >= 0.5),
        0.6,
        1.05,
        3.0,
        2.0,
    ),
    ConsistencyRule(
        codes.MATCH_REFERENCE, ("output_frequency", "reference_frequency"), _difference(3), 0, 0.05, 2.0, 0.3
    ),
    ConsistencyRule(
        codes.MATCH_SINGLE_PHASE_POWER,
        ("active_power", "u", "i"),
        lambda p, u, i: _ratio(abs(p), u * i, u >= 30 and i >= SIGNIFICANT_A),
        0.05,
        1.05,
        1.5,
        2.0,
    ),
    # an even number of poles, up to 8 % more with slip
    ConsistencyRule(codes.MATCH_SPEED, ("output_frequency", "motor_speed"), _poles, 0, 1.08, 1.5, 1.5),
)

"""Physical relations between the values of one device, for finding the register map that fits. Pure functions.

The tolerances are wide: a relation has to hold for the right map and rarely for a wrong one. A new relation is a row
of LAWS.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from agent.discover import reasons as codes
from agent.selfcheck.reasons import (
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


@dataclass(frozen=True, slots=True)
class Law:
    """A relation between values.

    code: its name.
    deviation: values by name → deviation as a multiple of the tolerance; None if values are missing or too small.
    reward: nats for a map whose values fulfil the relation.
    penalty: nats against a map whose values violate it.
    """

    code: Code
    deviation: Callable[[Mapping[str, float]], float | None]
    reward: float
    penalty: float


def _all(values: Mapping[str, float], names: Sequence[str]) -> list[float] | None:
    found = [values[name] for name in names if name in values]
    return found if len(found) == len(names) else None


def _alike(names: Sequence[str], minimum: float, allowed: float) -> Callable[[Mapping[str, float]], float | None]:
    def deviation(values: Mapping[str, float]) -> float | None:
        found = _all(values, names)
        if found is None or max(map(abs, found)) < minimum:
            return None
        return (max(found) - min(found)) / max(map(abs, found)) / allowed

    return deviation


def _near(one: Callable[[Mapping[str, float]], float | None], other: Callable[[Mapping[str, float]], float | None],
          minimum: float, allowed: float) -> Callable[[Mapping[str, float]], float | None]:  # fmt: skip
    def deviation(values: Mapping[str, float]) -> float | None:
        a, b = one(values), other(values)
        if a is None or b is None or max(abs(a), abs(b)) < minimum:
            return None
        return abs(abs(a) - abs(b)) / max(abs(a), abs(b)) / allowed

    return deviation


def _value(name: str) -> Callable[[Mapping[str, float]], float | None]:
    return lambda values: values.get(name)


def _sum(names: Sequence[str]) -> Callable[[Mapping[str, float]], float | None]:
    return lambda values: None if (found := _all(values, names)) is None else sum(found)


def _mean(names: Sequence[str]) -> Callable[[Mapping[str, float]], float | None]:
    return lambda values: None if (found := _all(values, names)) is None else fmean(found)


def _u_i_pf(values: Mapping[str, float]) -> float | None:
    total = 0.0
    for phase in PHASES:
        parts = _all(values, (f"voltage_{phase}n", f"current_{phase}"))
        pf = values.get(f"power_factor_{phase}", values.get("power_factor"))
        if parts is None or pf is None or parts[1] < SIGNIFICANT_A:
            return None
        total += parts[0] * parts[1] * abs(pf)
    return total


def _u_i(values: Mapping[str, float]) -> float | None:
    found = _all(values, [f"voltage_{phase}n" for phase in PHASES] + [f"current_{phase}" for phase in PHASES])
    return sum(u * i for u, i in zip(found[:3], found[3:], strict=True)) if found else None


def _power_within_apparent(values: Mapping[str, float]) -> float | None:
    """0.15 to 1.02 of ΣU·I."""
    s, p = _u_i(values), values.get("active_power")
    if s is None or p is None or s < SIGNIFICANT_W or abs(p) < SIGNIFICANT_W:
        return None
    return 0.0 if 0.15 <= abs(p) / s <= 1.02 else 2.0


def _pythagoras(values: Mapping[str, float]) -> float | None:
    """S ≥ √(P² + Q²), by less than 15 %, because of harmonics."""
    found = _all(values, ("apparent_power", "active_power", "reactive_power"))
    if found is None or abs(found[0]) < SIGNIFICANT_W:
        return None
    ratio = math.hypot(found[1], found[2]) / abs(found[0])
    return 0.0 if 0.85 <= ratio <= 1.01 else 2.0


def _pf(values: Mapping[str, float]) -> float | None:
    found = _all(values, ("apparent_power", "active_power", "power_factor"))
    if found is None or abs(found[0]) < SIGNIFICANT_W:
        return None
    return abs(abs(found[1] / found[0]) - abs(found[2])) / 0.02


def _root_three(values: Mapping[str, float]) -> float | None:
    ll = values.get("voltage_ll_avg") or _mean([f"voltage_{pair}" for pair in PAIRS])(values)
    ln = values.get("voltage_ln_avg") or _mean([f"voltage_{phase}n" for phase in PHASES])(values)
    if not ll or not ln:
        return None
    return abs(ll / ln / math.sqrt(3) - 1) / 0.02


def _dc_of_mains(values: Mapping[str, float]) -> float | None:
    """1.30 (at load) to 1.45 (no load) times the line voltage for a diode bridge; higher for active front ends."""
    dc, mains = values.get("dc_bus_voltage"), values.get("mains_voltage")
    if not dc or not mains:
        return None
    return 0.0 if 1.25 <= dc / mains <= 1.75 else 2.0


def _output_below_dc(values: Mapping[str, float]) -> float | None:
    dc, out = values.get("dc_bus_voltage"), values.get("output_voltage")
    if not dc or not out or out < 10:
        return None
    return 0.0 if 0.02 <= out / dc <= 0.80 else 2.0


def _drive_power(values: Mapping[str, float]) -> float | None:
    """0.2 to 1.1 of √3·U·I at the drive's output."""
    found = _all(values, ("motor_power", "output_voltage", "motor_current"))
    if found is None or found[0] < 0.1 or found[1] < 10 or found[2] < SIGNIFICANT_A:
        return None
    return 0.0 if 0.2 <= 1000 * found[0] / (math.sqrt(3) * found[1] * found[2]) <= 1.1 else 2.0


def _one_power(values: Mapping[str, float]) -> float | None:
    """0.05 to 1.05 of U·I, for a single-phase meter or one with totals only."""
    found = _all(values, ("voltage_l1n", "current_l1", "active_power"))
    if found is None or "current_l2" in values or found[0] < 30 or found[1] < SIGNIFICANT_A:
        return None
    return 0.0 if 0.05 <= abs(found[2]) / found[0] / found[1] <= 1.05 else 2.0


def _shaft(values: Mapping[str, float]) -> float | None:
    """T·ω is 0.6 to 1.05 of the electrical power."""
    found = _all(values, ("motor_torque_nm", "motor_speed", "motor_power"))
    if found is None or min(map(abs, found)) < 0.5:
        return None
    return 0.0 if 0.6 <= abs(found[0] * found[1]) / 9549 / abs(found[2]) <= 1.05 else 2.0


def _poles(values: Mapping[str, float]) -> float | None:
    """120·f/n is an even number of poles, up to 8 % more with slip."""
    found = _all(values, ("output_frequency", "motor_speed"))
    if found is None or abs(found[0]) < 3 or abs(found[1]) < 30:
        return None
    poles = abs(120 * found[0] / found[1])
    even = 2 * math.floor((poles + 0.05) / 2)
    return 0.0 if 2 <= even <= 24 and poles <= 1.08 * even + 0.05 else 2.0


_UN, _UL = [f"voltage_{phase}n" for phase in PHASES], [f"voltage_{pair}" for pair in PAIRS]
_I, _P = [f"current_{phase}" for phase in PHASES], [f"active_power_{phase}" for phase in PHASES]
_W = SIGNIFICANT_W
LAWS = (
    Law(codes.MATCH_PHASE_VOLTAGES, _alike(_UN, 30, 0.1), 3.0, 2.0),
    Law(codes.MATCH_LINE_VOLTAGES, _alike(_UL, 50, 0.1), 3.0, 2.0),
    Law(LINE_TO_PHASE_VOLTAGE, _root_three, 3.0, 2.0),
    Law(codes.MATCH_POWER_FROM_PHASES, _near(_value("active_power"), _u_i_pf, _W, 0.08), 4.0, 3.0),
    Law(codes.MATCH_POWER_LIMIT, _power_within_apparent, 2.0, 3.0),
    Law(SUM_OF_P, _near(_value("active_power"), _sum(_P), _W, 0.03), 4.0, 3.0),
    Law(POWERS_EQUAL, _pythagoras, 2.5, 1.0),
    Law(POWER_FACTOR_FROM_S, _pf, 3.0, 1.5),
    Law(MEAN_CURRENT, _near(_value("current_avg"), _mean(_I), SIGNIFICANT_A, 0.03), 3.0, 2.0),
    Law(MEAN_PHASE_VOLTAGE, _near(_value("voltage_ln_avg"), _mean(_UN), 30, 0.03), 3.0, 2.0),
    Law(codes.MATCH_DC_LINK, _dc_of_mains, 2.0, 2.0),
    Law(codes.MATCH_OUTPUT_VOLTAGE, _output_below_dc, 1.0, 2.5),
    Law(codes.MATCH_MOTOR_POWER, _drive_power, 2.0, 2.0),
    Law(codes.MATCH_SHAFT_POWER, _shaft, 3.0, 2.0),
    Law(
        codes.MATCH_REFERENCE,
        _near(_value("output_frequency"), _value("reference_frequency"), 3, 0.05),
        2.0,
        0.3,
    ),
    Law(codes.MATCH_SINGLE_PHASE_POWER, _one_power, 1.5, 2.0),
    Law(codes.MATCH_SPEED, _poles, 1.5, 1.5),
)

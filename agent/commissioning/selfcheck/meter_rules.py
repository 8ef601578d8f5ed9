"""Relations between the values of a meter and the nameplate downstream. One row for each relation."""

from __future__ import annotations

import math

from agent.commissioning.selfcheck import rule_codes as codes
from agent.commissioning.selfcheck.rule import NONE, SQRT3, Numbers, RatedValues, Rule, equal, over, ratio


def _phases(v: Numbers) -> float:
    """The value that differs most, divided by the middle one. v: one value for each phase."""
    low, middle, high = sorted(abs(value) for value in v)
    if not high:
        return math.nan
    return over(high, middle) if high * low > middle * middle else over(low, middle)


def _light(v: Numbers, p: RatedValues) -> bool:
    """Whether a motor direct on line has so little load that its phases may differ widely (magnetizing current)."""
    return p.direct and sum(v) / 1000 < 0.3 * p.kw


def _least(p: RatedValues, pf: float) -> float:
    return max(pf, 0.12) if p.direct else pf


def _three(pattern: str) -> str:
    return " ".join(pattern.format(k) for k in (1, 2, 3))


def _spread(v: Numbers) -> float:
    """Largest difference of P/(U·I) between two phases. v: P1 P2 P3 U1 U2 U3 I1 I2 I3."""
    if not all(v[3:]):
        return math.nan
    pf = [v[k] / (v[3 + k] * v[6 + k]) for k in range(3)]
    return max(pf) - min(pf)


_METER_BASICS = "errors of 0.2–0.5 % for U and I, 0.5 % for P; values of one sampler agree better"
METER: list[Rule] = []
for _k in (1, 2, 3):
    METER += [
        equal(codes.PHASE_POWER_FROM_UI(phase=_k),
               f"active_power_l{_k} voltage_l{_k}n current_l{_k} power_factor_l{_k}",
               lambda v, p: abs(v[0]), lambda v, p: abs(v[1] * v[2] * v[3]), 0.008, _METER_BASICS),
        equal(codes.PHASE_APPARENT_POWER(phase=_k), f"apparent_power_l{_k} voltage_l{_k}n current_l{_k}",
               lambda v, p: abs(v[0]), lambda v, p: v[1] * v[2], 0.006, _METER_BASICS),
        equal(codes.PHASE_POWER_FACTOR(phase=_k), f"power_factor_l{_k} active_power_l{_k} apparent_power_l{_k}",
               lambda v, p: abs(v[0] * v[2]), lambda v, p: abs(v[1]), 0.008, _METER_BASICS),
        ratio(codes.PHASE_POWER_LIMIT(phase=_k), f"active_power_l{_k} voltage_l{_k}n current_l{_k}",
               lambda v, p: _least(p, over(abs(v[0]), v[1] * v[2])), (0.12, 1.01), (0.05, 1.03),
               "power factor at most 1 and above 0.15 in each phase; less at light load direct on line"),
        ratio(codes.PHASE_POWERS_LIMIT(phase=_k),
               f"active_power_l{_k} reactive_power_l{_k} voltage_l{_k}n current_l{_k}",
               lambda v, p: over(math.hypot(v[0], v[1]), v[2] * v[3]), (0.5, 1.015), (0.35, 1.03),
               "distortion increases S: the current of a rectifier has a THD of up to 120 %, more at light load"),
        ratio(codes.PHASE_POWERS_EQUAL(phase=_k),
               f"active_power_l{_k} reactive_power_l{_k} voltage_l{_k}n current_l{_k}",
               lambda v, p: over(math.hypot(v[0], v[1]), v[2] * v[3]) if p.sinusoidal else math.nan,
               (0.985, 1.015), (0.96, 1.03), "motor direct on line: THD of the current below 10 %"),
        equal(codes.PHASE_COS_PHI(phase=_k), f"cos_phi_l{_k} active_power_l{_k} reactive_power_l{_k}",
               lambda v, p: abs(v[0]), lambda v, p: over(abs(v[1]), math.hypot(v[1], v[2])), 0.03,
               "cos φ of the fundamental, but Q may be √(S² − P²), the complete non-active power", wide=0.5),
        ratio(codes.PHASE_CURRENT_FUNDAMENTAL(phase=_k), f"current_fund_l{_k} current_l{_k}",
               lambda v, p: over(v[0], v[1]),
               (0.5, 1.02), (0.35, 1.06), "THD of the current of a rectifier"),
        ratio(codes.PHASE_VOLTAGE_FUNDAMENTAL(phase=_k), f"voltage_fund_l{_k} voltage_l{_k}n",
               lambda v, p: over(v[0], v[1]),
               (0.97, 1.01), (0.9, 1.03), "THD of the voltage below 10 %", loaded=False),
        equal(codes.PHASE_POWER_FUNDAMENTAL(phase=_k), f"active_power_fund_l{_k} active_power_l{_k}", lambda v, p: v[0],
               lambda v, p: v[1], 0.04, "harmonic power of a motor or rectifier below 3 %", wide=0.08),
        equal(codes.PHASE_ANGLE_FROM_POWERS(phase=_k), f"phase_angle_l{_k} active_power_l{_k} reactive_power_l{_k}",
               lambda v, p: abs(math.cos(math.radians(v[0]))), lambda v, p: over(abs(v[1]), math.hypot(v[1], v[2])),
               0.03, "as PHASE_COS_PHI", wide=0.5),
    ]  # fmt: skip
    _next = _k % 3 + 1
    METER.append(
        equal(codes.LINE_VOLTAGE(phase=_k, next_phase=_next), f"voltage_l{_k}{_next} voltage_l{_k}n voltage_l{_next}n",
               lambda v, p: v[0], lambda v, p: math.sqrt(v[1] ** 2 + v[2] ** 2 + v[1] * v[2]), 0.025,
               "120° between the phases; 2 % unbalance changes the angle by about 1°", wide=0.05, loaded=False)
    )  # fmt: skip
for _sum_code, _what, _tolerance in ((codes.SUM_OF_P, "active", 0.01), (codes.SUM_OF_Q, "reactive", 0.03)):
    METER.append(
        ratio(_sum_code(), f"{_what}_power " + _three(f"{_what}_power_l{{}}"),
               lambda v, p: over(abs(v[0] - v[1] - v[2] - v[3]), max(abs(v[0]), abs(v[1]) + abs(v[2]) + abs(v[3]))),
               (-_tolerance, _tolerance), (-2 * _tolerance, 2 * _tolerance), "the meter computes the sum")
    )  # fmt: skip
METER += [
    ratio(codes.SUM_OF_S(), "apparent_power " + _three("apparent_power_l{}"),
           lambda v, p: over(v[0], sum(v[1:])), (0.9, 1.01), (0.6, 1.03),
           "arithmetic sum, or √(P² + Q²) of the fundamental; the two differ with unbalance and distortion"),
    ratio(codes.SUM_OF_UI(), "apparent_power " + _three("voltage_l{}n") + " " + _three("current_l{}"),
           lambda v, p: over(v[0], sum(v[k] * v[k + 3] for k in (1, 2, 3))), (0.9, 1.01), (0.6, 1.03), "as above"),
    ratio(codes.POWER_LIMIT(), "active_power " + _three("voltage_l{}n") + " " + _three("current_l{}"),
           lambda v, p: over(abs(v[0]), sum(v[k] * v[k + 3] for k in (1, 2, 3))), (0.12, 1.01), (0.05, 1.03),
           "power factor of a loaded motor"),
    equal(codes.POWER_FACTOR_FROM_S(), "power_factor active_power apparent_power", lambda v, p: abs(v[0] * v[2]),
           lambda v, p: abs(v[1]), 0.01, _METER_BASICS),
    ratio(codes.POWER_FACTOR_FROM_UI(),
           "power_factor active_power " + _three("voltage_l{}n") + " " + _three("current_l{}"),
           lambda v, p: over(abs(v[0]) * sum(v[k] * v[k + 3] for k in (2, 3, 4)), abs(v[1])),
           (0.99, 1.08), (0.97, 1.6), "the total power factor is P over the arithmetic sum or over √(P² + Q²)"),
    ratio(codes.POWERS_LIMIT(), "active_power reactive_power apparent_power",
           lambda v, p: over(math.hypot(v[0], v[1]), v[2]), (0.5, 1.015), (0.35, 1.03),
           "distortion, as PHASE_POWERS_LIMIT"),
    ratio(codes.POWERS_EQUAL(), "active_power reactive_power apparent_power",
           lambda v, p: over(math.hypot(v[0], v[1]), v[2]) if p.sinusoidal else math.nan,
           (0.975, 1.02), (0.94, 1.04), "motor direct on line"),
    equal(codes.SINGLE_PHASE_POWER(), "active_power voltage_l1n current_l1 power_factor",
           lambda v, p: abs(v[0]) if not p.per_phase else math.nan, lambda v, p: abs(v[1] * v[2] * v[3]), 0.01,
           _METER_BASICS),
    equal(codes.SINGLE_PHASE_APPARENT(), "apparent_power voltage_l1n current_l1",
           lambda v, p: abs(v[0]) if not p.per_phase else math.nan, lambda v, p: v[1] * v[2], 0.01, _METER_BASICS),
    ratio(codes.ANGLE_FROM_POWERS(), "phase_angle active_power reactive_power",
           lambda v, p: abs(math.cos(math.radians(v[0]))) - over(abs(v[1]), math.hypot(v[1], v[2])),
           (-0.06, 0.06), (-0.5, 0.5), "φ of the fundamental or arccos of the power factor"),
    equal(codes.MEAN_PHASE_VOLTAGE(), "voltage_ln_avg " + _three("voltage_l{}n"), lambda v, p: v[0],
           lambda v, p: sum(v[1:]) / 3, 0.005, "the meter computes it", loaded=False),
    equal(codes.MEAN_LINE_VOLTAGE(), "voltage_ll_avg voltage_l12 voltage_l23 voltage_l31", lambda v, p: v[0],
           lambda v, p: sum(v[1:]) / 3, 0.005, "the meter computes it", loaded=False),
    equal(codes.LINE_TO_PHASE_VOLTAGE(), "voltage_ll_avg voltage_ln_avg", lambda v, p: v[0], lambda v, p: SQRT3 * v[1],
           0.01,
           "the neutral point is displaced by a few volts at most", wide=0.04, loaded=False),
    equal(codes.MEAN_CURRENT(), "current_avg " + _three("current_l{}"), lambda v, p: v[0], lambda v, p: sum(v[1:]) / 3,
           0.008,
           "the meter computes it"),
    equal(codes.SUM_OF_CURRENTS(), "current_sum " + _three("current_l{}"), lambda v, p: v[0], lambda v, p: sum(v[1:]),
           0.008,
           "the meter computes it"),
    ratio(codes.NEUTRAL_CURRENT(), "current_n " + _three("current_l{}"), lambda v, p: over(v[0], max(v[1:])),
           NONE, (-0.01, 2.0), "third harmonics in the worst case"),
    ratio(codes.PHASE_VOLTAGE_BALANCE(), _three("voltage_l{}n"), lambda v, p: _phases(v), (0.96, 1.04), (0.9, 1.1),
           "no motor runs with an unbalance above 5 %", loaded=False),
    ratio(codes.LINE_VOLTAGE_BALANCE(), "voltage_l12 voltage_l23 voltage_l31", lambda v, p: _phases(v), (0.96, 1.04),
           (0.9, 1.1), "as above", loaded=False),
    ratio(codes.CURRENT_BALANCE(), _three("current_l{}"), lambda v, p: _phases(v), NONE, (0.3, 2.0),
           "2 % voltage unbalance may cause 60 % current unbalance of a rectifier"),
    ratio(codes.POWER_BALANCE(), _three("active_power_l{}"),
           lambda v, p: _phases(v) if p.per_phase and not _light(v, p) else math.nan,
           NONE, (0.25, 2.2), "as CURRENT_BALANCE; direct on line only from 30 % load"),
    ratio(codes.POWER_FACTOR_BALANCE(),
           _three("active_power_l{}") + " " + _three("voltage_l{}n") + " " + _three("current_l{}"),
           lambda v, p: _spread(v) if p.per_phase and not _light(v[:3], p) else math.nan, (0.0, 0.2), (0.0, 0.5),
           "the phases of one machine have about the same power factor; swapped transformers give cos(φ ± 120°)"),
    ratio(codes.POWER_FACTOR_BALANCE_IDLE(),
           _three("active_power_l{}") + " " + _three("voltage_l{}n") + " " + _three("current_l{}"),
           lambda v, p: _spread(v) if p.per_phase and not sum(v[6:]) / 3 < 0.1 * p.amps else math.nan,
           NONE, (0.0, 0.75), "at no load the angle of one phase may differ slightly, not by 120°", loaded=False),
    ratio(codes.MAINS_VOLTAGE_RANGE(), "voltage_l1n", lambda v, p: v[0] if math.isnan(p.vt) else math.nan, NONE,
           (48.0, 760.0),
          "line voltages of 100 V to 1140 V; any value with voltage transformers (vt)", loaded=False),
    ratio(codes.MAINS_FREQUENCY(), "frequency", lambda v, p: min(abs(v[0] - 50) / 50, abs(v[0] - 60) / 60),
           (0.0, 0.01), (0.0, 0.1), "45–66 Hz; 49.5–50.5 and 59.4–60.6 Hz confirm", loaded=False),
    equal(codes.POWER_FUNDAMENTAL(), "active_power_fund active_power", lambda v, p: v[0], lambda v, p: v[1], 0.04,
           "harmonic power below 3 %", wide=0.08),
    ratio(codes.DEMAND_MAXIMUM(), "demand_active_power demand_active_power_max", lambda v, p: over(v[0], v[1]), NONE,
           (-1.0, 1.01), "a mean does not exceed its maximum", loaded=False),
    ratio(codes.VOLTAGE_VS_NAMEPLATE(), _three("voltage_l{}n"), lambda v, p: SQRT3 * sum(v) / 3 / p.volts,
           (0.88, 1.15), (0.6, 1.7), "the rated voltage of a motor on a drive may differ from the mains voltage",
           loaded=False),
    ratio(codes.CURRENT_VS_NAMEPLATE(), _three("current_l{}"), lambda v, p: sum(v) / 3 / p.amps, NONE, (0.04, 2.0),
           "a drive with a choke draws less current than its motor; above 2 the motor is stalled"),
    ratio(codes.POWER_VS_NAMEPLATE(), "active_power", lambda v, p: v[0] / 1000 / p.kw, NONE, (-1.6, 1.6),
           "no motor runs continuously at 1.5 times its rating"),
    ratio(codes.POWER_DIRECTION(), "active_power", lambda v, p: v[0] / 1000 / p.kw if p.direct else math.nan,
           NONE, (0.02, 1.6), "loaded motor direct on line"),
    ratio(codes.REACTIVE_POWER_VS_NAMEPLATE(), "active_power reactive_power",
           lambda v, p: abs(v[1]) / p.rated_va if p.direct and p.induction else math.nan, NONE, (0.15, 1.1),
           "the magnetizing reactive power of an induction motor is nearly independent of its load", loaded=False),
    ratio(codes.MAGNETIZING_CURRENT(), _three("current_l{}"),
           lambda v, p: sum(v) / 3 / p.amps if p.direct and p.induction and sum(v) / 3 > 0.004 * p.amps else math.nan,
           NONE, (0.15, 2.0), "a running induction motor draws at least 20 % of its rated current at no load",
           loaded=False),
    ratio(codes.CT_RATIO_SETTING(), "ct_ratio", lambda v, p: v[0] / p.ct, (0.995, 1.005), (0.99, 1.01),
           "a setting", loaded=False),
    ratio(codes.VT_RATIO_SETTING(), "vt_ratio", lambda v, p: v[0] / p.vt, (0.995, 1.005), (0.99, 1.01),
           "a setting", loaded=False),
    equal(codes.ENERGY_TOTAL(), "energy_total energy_import energy_export", lambda v, p: v[0], lambda v, p: v[1] + v[2],
           0.01,
           "counters may be reset independently", wide=math.inf, loaded=False),
    equal(codes.ENERGY_NET(), "energy_net energy_import energy_export", lambda v, p: v[0], lambda v, p: v[1] - v[2],
           0.01,
           "as above", wide=math.inf, loaded=False),
    equal(codes.ENERGY_OF_PHASES(), "energy_import " + _three("energy_import_l{}"), lambda v, p: v[0],
           lambda v, p: sum(v[1:]), 0.01, "as above", wide=math.inf, loaded=False),
    ratio(codes.ENERGY_LIMIT(), "energy_import", lambda v, p: v[0] / p.kw, NONE, (-1.0, 500_000.0),
           "more than 57 years at rated power", loaded=False),
]  # fmt: skip
for _counter, _power, _factor in (
    ("energy_import", "active_power", 1.0), ("reactive_energy_import", "reactive_power", 1.0),
    *((f"energy_import_l{_k}", f"active_power_l{_k}", 1.0) for _k in (1, 2, 3)),
):  # fmt: skip
    METER.append(
        Rule(codes.COUNTER_FROM_POWER(counter=_counter, power=_power), (_counter, _power), lambda v, p: math.nan,
               (0.85, 1.15), (0.6, 1.6),
                 "the counter may lag by one refresh, and the power is sampled at only a few moments", over_time=True)
    )  # fmt: skip

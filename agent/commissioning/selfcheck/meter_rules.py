"""Relations between the values of a meter and the nameplate downstream. One row for each relation."""

from __future__ import annotations

import math

from agent.commissioning.selfcheck import reasons as codes
from agent.commissioning.selfcheck.rule import NONE, SQRT3, Numbers, RatedValues, Rule, equal, over, ratio
from drivers.reasons import Code


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


def _setting(read: float, configured: float, p: RatedValues) -> float:
    """Ratio read from the meter over the configured one; NaN for a meter without one, because the agent applies it."""
    return math.nan if p.ratio_by_agent and read == 1 else read / configured


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
        equal(Code("phase_power_from_ui", "P{phase:d} = U{phase:d} · I{phase:d} · power factor"),
              f"active_power_l{_k} voltage_l{_k}n current_l{_k} power_factor_l{_k}", lambda v, p: abs(v[0]),
              lambda v, p: abs(v[1] * v[2] * v[3]), 0.008, _METER_BASICS, phase=_k),
        equal(Code("phase_apparent_power", "S{phase:d} = U{phase:d} · I{phase:d}"),
              f"apparent_power_l{_k} voltage_l{_k}n current_l{_k}", lambda v, p: abs(v[0]), lambda v, p: v[1] * v[2],
              0.006, _METER_BASICS, phase=_k),
        equal(Code("phase_power_factor", "power factor of L{phase:d} = P{phase:d} / S{phase:d}"),
              f"power_factor_l{_k} active_power_l{_k} apparent_power_l{_k}", lambda v, p: abs(v[0] * v[2]),
              lambda v, p: abs(v[1]), 0.008, _METER_BASICS, phase=_k),
        ratio(Code("phase_power_limit", "|P{phase:d}| ≤ U{phase:d} · I{phase:d}"),
              f"active_power_l{_k} voltage_l{_k}n current_l{_k}",
              lambda v, p: _least(p, over(abs(v[0]), v[1] * v[2])), (0.12, 1.01), (0.05, 1.03),
              "power factor at most 1 and above 0.15 in each phase; less at light load direct on line", phase=_k),
        ratio(Code("phase_powers_limit", "P{phase:d}² + Q{phase:d}² ≤ S{phase:d}²"),
              f"active_power_l{_k} reactive_power_l{_k} voltage_l{_k}n current_l{_k}",
              lambda v, p: over(math.hypot(v[0], v[1]), v[2] * v[3]), (0.5, 1.015), (0.35, 1.03),
              "distortion increases S: the current of a rectifier has a THD of up to 120 %, more at light load",
              phase=_k),
        ratio(Code("phase_powers_equal", "P{phase:d}² + Q{phase:d}² = S{phase:d}²"),
              f"active_power_l{_k} reactive_power_l{_k} voltage_l{_k}n current_l{_k}",
              lambda v, p: over(math.hypot(v[0], v[1]), v[2] * v[3]) if p.sinusoidal else math.nan, (0.985, 1.015),
              (0.96, 1.03), "motor direct on line: THD of the current below 10 %", phase=_k),
        equal(Code("phase_cos_phi", "cos φ{phase:d} from P{phase:d} and Q{phase:d}"),
              f"cos_phi_l{_k} active_power_l{_k} reactive_power_l{_k}", lambda v, p: abs(v[0]),
              lambda v, p: over(abs(v[1]), math.hypot(v[1], v[2])), 0.03,
              "cos φ of the fundamental, but Q may be √(S² − P²), the complete non-active power", wide=0.5, phase=_k),
        ratio(Code("phase_current_fundamental", "fundamental of I{phase:d} compared with I{phase:d}"),
              f"current_fund_l{_k} current_l{_k}", lambda v, p: over(v[0], v[1]), (0.5, 1.02), (0.35, 1.06),
              "THD of the current of a rectifier", phase=_k),
        ratio(Code("phase_voltage_fundamental", "fundamental of U{phase:d} compared with U{phase:d}"),
              f"voltage_fund_l{_k} voltage_l{_k}n", lambda v, p: over(v[0], v[1]), (0.97, 1.01), (0.9, 1.03),
              "THD of the voltage below 10 %", loaded=False, phase=_k),
        equal(Code("phase_power_fundamental", "fundamental of P{phase:d} compared with P{phase:d}"),
              f"active_power_fund_l{_k} active_power_l{_k}", lambda v, p: v[0], lambda v, p: v[1], 0.04,
              "harmonic power of a motor or rectifier below 3 %", wide=0.08, phase=_k),
        equal(Code("phase_angle_from_powers", "phase angle of L{phase:d} from P{phase:d} and Q{phase:d}"),
              f"phase_angle_l{_k} active_power_l{_k} reactive_power_l{_k}",
              lambda v, p: abs(math.cos(math.radians(v[0]))), lambda v, p: over(abs(v[1]), math.hypot(v[1], v[2])),
              0.03, "as phase_cos_phi", wide=0.5, phase=_k),
    ]  # fmt: skip
    _next = _k % 3 + 1
    METER.append(
        equal(Code("line_voltage", "U{phase:d}{next_phase:d} from U{phase:d} and U{next_phase:d}"),
              f"voltage_l{_k}{_next} voltage_l{_k}n voltage_l{_next}n", lambda v, p: v[0],
              lambda v, p: math.sqrt(v[1] ** 2 + v[2] ** 2 + v[1] * v[2]), 0.025,
              "120° between the phases; 2 % unbalance changes the angle by about 1°", wide=0.05, loaded=False,
              phase=_k, next_phase=_next)
    )  # fmt: skip
for _sum_code, _what, _tolerance in (
    (codes.SUM_OF_P, "active", 0.01), (Code("sum_of_q", "Q = Q1 + Q2 + Q3"), "reactive", 0.03),
):  # fmt: skip
    METER.append(
        ratio(_sum_code, f"{_what}_power " + _three(f"{_what}_power_l{{}}"),
               lambda v, p: over(abs(v[0] - v[1] - v[2] - v[3]), max(abs(v[0]), abs(v[1]) + abs(v[2]) + abs(v[3]))),
               (-_tolerance, _tolerance), (-2 * _tolerance, 2 * _tolerance), "the meter computes the sum")
    )  # fmt: skip
METER += [
    ratio(Code("sum_of_s", "S from S1, S2 and S3"),
          "apparent_power " + _three("apparent_power_l{}"), lambda v, p: over(v[0], sum(v[1:])), (0.9, 1.01),
          (0.6, 1.03),
          "arithmetic sum, or √(P² + Q²) of the fundamental; the two differ with unbalance and distortion"),
    ratio(Code("sum_of_ui", "S compared with the sum of U · I"),
          "apparent_power " + _three("voltage_l{}n") + " " + _three("current_l{}"),
          lambda v, p: over(v[0], sum(v[k] * v[k + 3] for k in (1, 2, 3))), (0.9, 1.01), (0.6, 1.03), "as above"),
    ratio(Code("power_limit", "P compared with the sum of U · I"),
          "active_power " + _three("voltage_l{}n") + " " + _three("current_l{}"),
          lambda v, p: over(abs(v[0]), sum(v[k] * v[k + 3] for k in (1, 2, 3))), (0.12, 1.01), (0.05, 1.03),
          "power factor of a loaded motor"),
    equal(codes.POWER_FACTOR_FROM_S, "power_factor active_power apparent_power", lambda v, p: abs(v[0] * v[2]),
           lambda v, p: abs(v[1]), 0.01, _METER_BASICS),
    ratio(Code("power_factor_from_ui", "power factor compared with P / sum of U · I"),
          "power_factor active_power " + _three("voltage_l{}n") + " " + _three("current_l{}"),
          lambda v, p: over(abs(v[0]) * sum(v[k] * v[k + 3] for k in (2, 3, 4)), abs(v[1])), (0.99, 1.08),
          (0.97, 1.6), "the total power factor is P over the arithmetic sum or over √(P² + Q²)"),
    ratio(Code("powers_limit", "P² + Q² ≤ S²"),
          "active_power reactive_power apparent_power", lambda v, p: over(math.hypot(v[0], v[1]), v[2]), (0.5, 1.015),
          (0.35, 1.03), "distortion, as phase_powers_limit"),
    ratio(codes.POWERS_EQUAL, "active_power reactive_power apparent_power",
           lambda v, p: over(math.hypot(v[0], v[1]), v[2]) if p.sinusoidal else math.nan,
           (0.975, 1.02), (0.94, 1.04), "motor direct on line"),
    equal(Code("single_phase_power", "P = U · I · power factor (single phase)"),
          "active_power voltage_l1n current_l1 power_factor", lambda v, p: abs(v[0]) if not p.per_phase else math.nan,
          lambda v, p: abs(v[1] * v[2] * v[3]), 0.01, _METER_BASICS),
    equal(Code("single_phase_apparent", "S = U · I (single phase)"),
          "apparent_power voltage_l1n current_l1", lambda v, p: abs(v[0]) if not p.per_phase else math.nan,
          lambda v, p: v[1] * v[2], 0.01, _METER_BASICS),
    ratio(Code("angle_from_powers", "phase angle from P and Q"),
          "phase_angle active_power reactive_power",
          lambda v, p: abs(math.cos(math.radians(v[0]))) - over(abs(v[1]), math.hypot(v[1], v[2])), (-0.06, 0.06),
          (-0.5, 0.5), "φ of the fundamental or arccos of the power factor"),
    equal(codes.MEAN_PHASE_VOLTAGE, "voltage_ln_avg " + _three("voltage_l{}n"), lambda v, p: v[0],
           lambda v, p: sum(v[1:]) / 3, 0.005, "the meter computes it", loaded=False),
    equal(Code("mean_line_voltage", "mean of the line voltages"),
          "voltage_ll_avg voltage_l12 voltage_l23 voltage_l31", lambda v, p: v[0], lambda v, p: sum(v[1:]) / 3, 0.005,
          "the meter computes it", loaded=False),
    equal(codes.LINE_TO_PHASE_VOLTAGE, "voltage_ll_avg voltage_ln_avg", lambda v, p: v[0], lambda v, p: SQRT3 * v[1],
           0.01,
           "the neutral point is displaced by a few volts at most", wide=0.04, loaded=False),
    equal(codes.MEAN_CURRENT, "current_avg " + _three("current_l{}"), lambda v, p: v[0], lambda v, p: sum(v[1:]) / 3,
           0.008,
           "the meter computes it"),
    equal(Code("sum_of_currents", "sum of the currents"),
          "current_sum " + _three("current_l{}"), lambda v, p: v[0], lambda v, p: sum(v[1:]), 0.008,
          "the meter computes it"),
    ratio(Code("neutral_current", "neutral current compared with the phase currents"),
          "current_n " + _three("current_l{}"), lambda v, p: over(v[0], max(v[1:])), NONE, (-0.01, 2.0),
          "third harmonics in the worst case"),
    ratio(Code("phase_voltage_balance", "balance of the phase voltages"),
          _three("voltage_l{}n"), lambda v, p: _phases(v), (0.96, 1.04), (0.9, 1.1),
          "no motor runs with an unbalance above 5 %", loaded=False),
    ratio(Code("line_voltage_balance", "balance of the line voltages"),
          "voltage_l12 voltage_l23 voltage_l31", lambda v, p: _phases(v), (0.96, 1.04), (0.9, 1.1), "as above",
          loaded=False),
    ratio(Code("current_balance", "balance of the currents"),
          _three("current_l{}"), lambda v, p: _phases(v), NONE, (0.3, 2.0),
          "2 % voltage unbalance may cause 60 % current unbalance of a rectifier"),
    ratio(Code("power_balance", "balance of the phase powers"),
          _three("active_power_l{}"), lambda v, p: _phases(v) if p.per_phase and not _light(v, p) else math.nan, NONE,
          (0.25, 2.2), "as current_balance; direct on line only from 30 % load"),
    ratio(Code("power_factor_balance", "balance of the power factors"),
          _three("active_power_l{}") + " " + _three("voltage_l{}n") + " " + _three("current_l{}"),
          lambda v, p: _spread(v) if p.per_phase and not _light(v[:3], p) else math.nan, (0.0, 0.2), (0.0, 0.5),
          "the phases of one machine have about the same power factor; swapped transformers give cos(φ ± 120°)"),
    ratio(Code("power_factor_balance_idle", "balance of the power factors at any load"),
          _three("active_power_l{}") + " " + _three("voltage_l{}n") + " " + _three("current_l{}"),
          lambda v, p: _spread(v) if p.per_phase and not sum(v[6:]) / 3 < 0.1 * p.amps else math.nan, NONE,
          (0.0, 0.75), "at no load the angle of one phase may differ slightly, not by 120°", loaded=False),
    ratio(Code("mains_voltage_range", "range of mains voltages"),
          "voltage_l1n", lambda v, p: v[0] if math.isnan(p.vt) else math.nan, NONE, (48.0, 760.0),
          "line voltages of 100 V to 1140 V; any value with voltage transformers (vt)", loaded=False),
    ratio(Code("mains_frequency", "mains frequency of 50 Hz or 60 Hz"),
          "frequency", lambda v, p: min(abs(v[0] - 50) / 50, abs(v[0] - 60) / 60), (0.0, 0.01), (0.0, 0.1),
          "45–66 Hz; 49.5–50.5 and 59.4–60.6 Hz confirm", loaded=False),
    equal(Code("power_fundamental", "fundamental of P compared with P"),
          "active_power_fund active_power", lambda v, p: v[0], lambda v, p: v[1], 0.04, "harmonic power below 3 %",
          wide=0.08),
    ratio(Code("demand_maximum", "demand compared with its maximum"),
          "demand_active_power demand_active_power_max", lambda v, p: over(v[0], v[1]), NONE, (-1.0, 1.01),
          "a mean does not exceed its maximum", loaded=False),
    ratio(Code("voltage_vs_nameplate", "voltage compared with the nameplate"),
          _three("voltage_l{}n"), lambda v, p: SQRT3 * sum(v) / 3 / p.volts, (0.88, 1.15), (0.6, 1.7),
          "the rated voltage of a motor on a drive may differ from the mains voltage", loaded=False),
    ratio(Code("current_vs_nameplate", "current compared with the nameplate"),
          _three("current_l{}"), lambda v, p: sum(v) / 3 / p.amps, NONE, (0.04, 2.0),
          "a drive with a choke draws less current than its motor; above 2 the motor is stalled"),
    ratio(Code("power_vs_nameplate", "active power compared with the nameplate"),
          "active_power", lambda v, p: v[0] / 1000 / p.kw, NONE, (-1.6, 1.6),
          "no motor runs continuously at 1.5 times its rating"),
    ratio(Code("power_direction", "direction of the power of a motor"),
          "active_power", lambda v, p: v[0] / 1000 / p.kw if p.direct else math.nan, NONE, (0.02, 1.6),
          "loaded motor direct on line"),
    ratio(Code("reactive_power_vs_nameplate", "reactive power compared with the nameplate"),
          "active_power reactive_power",
          lambda v, p: abs(v[1]) / p.rated_va if p.direct and p.induction else math.nan, NONE, (0.15, 1.1),
          "the magnetizing reactive power of an induction motor is nearly independent of its load", loaded=False),
    ratio(Code("magnetizing_current", "magnetizing current of an induction motor"),
          _three("current_l{}"),
          lambda v, p: sum(v) / 3 / p.amps if p.direct and p.induction and sum(v) / 3 > 0.004 * p.amps else math.nan,
          NONE, (0.15, 2.0), "a running induction motor draws at least 20 % of its rated current at no load",
          loaded=False),
    ratio(Code("ct_ratio_setting", "current transformer ratio read from the meter"),
          "ct_ratio", lambda v, p: _setting(v[0], p.ct, p), (0.995, 1.005), (0.99, 1.01), "a setting", loaded=False),
    ratio(Code("vt_ratio_setting", "voltage transformer ratio read from the meter"),
          "vt_ratio", lambda v, p: _setting(v[0], p.vt, p), (0.995, 1.005), (0.99, 1.01), "a setting", loaded=False),
    equal(Code("energy_total", "total energy = import + export"),
          "energy_total energy_import energy_export", lambda v, p: v[0], lambda v, p: v[1] + v[2], 0.01,
          "counters may be reset independently", wide=math.inf, loaded=False),
    equal(Code("energy_net", "net energy = import − export"),
          "energy_net energy_import energy_export", lambda v, p: v[0], lambda v, p: v[1] - v[2], 0.01, "as above",
          wide=math.inf, loaded=False),
    equal(Code("energy_of_phases", "energy = sum of the phase energies"),
          "energy_import " + _three("energy_import_l{}"), lambda v, p: v[0], lambda v, p: sum(v[1:]), 0.01,
          "as above", wide=math.inf, loaded=False),
    ratio(Code("energy_limit", "energy possible in the life of the motor"),
          "energy_import", lambda v, p: v[0] / p.kw, NONE, (-1.0, 500_000.0), "more than 57 years at rated power",
          loaded=False),
]  # fmt: skip
_COUNTER = Code("counter_from_power", "increase of {counter} compared with the integral of {power}")
METER += [
    Rule(_COUNTER(counter=_counter, power=_power), (_counter, _power), lambda v, p: math.nan,
             (0.85, 1.15), (0.6, 1.6),
             "the counter may lag by one refresh, and the power is sampled at only a few moments", over_time=True)
    for _counter, _power in (
        ("energy_import", "active_power"), ("reactive_energy_import", "reactive_power"),
        *((f"energy_import_l{_k}", f"active_power_l{_k}") for _k in (1, 2, 3)),
    )
]  # fmt: skip

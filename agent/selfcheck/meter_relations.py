"""What the values of a meter owe to each other and to the nameplate behind it. One row each."""

from __future__ import annotations

import math

from agent.selfcheck.relations import NONE, SQRT3, Numbers, Plate, Relation, equal, over, ratio


def _phases(v: Numbers) -> float:
    """How far the odd phase stands from the two others: its share of their mean."""
    low, middle, high = sorted(abs(value) for value in v)
    if not high:
        return math.nan
    return over(high, middle) if high * low > middle * middle else over(low, middle)


def _light(v: Numbers, p: Plate) -> bool:
    """A motor direct on line whose phases may differ widely: the magnetising current hides the load."""
    return p.direct and sum(v) / 1000 < 0.3 * p.kw


def _least(p: Plate, pf: float) -> float:
    return max(pf, 0.12) if p.direct else pf


def _three(pattern: str) -> str:
    return " ".join(pattern.format(k) for k in (1, 2, 3))


def _spread(v: Numbers) -> float:
    """Largest difference of P/(U·I) between two phases. v: P1 P2 P3 U1 U2 U3 I1 I2 I3."""
    if not all(v[3:]):
        return math.nan
    pf = [v[k] / (v[3 + k] * v[6 + k]) for k in range(3)]
    return max(pf) - min(pf)


_METER_BASICS = "0.2–0.5 % each for U and I, 0.5 % for P; what one sampler shows agrees better"
METER: list[Relation] = []
for _k in (1, 2, 3):
    METER += [
        equal(f"P{_k} = U·I·PF", f"active_power_l{_k} voltage_l{_k}n current_l{_k} power_factor_l{_k}",
               lambda v, p: abs(v[0]), lambda v, p: abs(v[1] * v[2] * v[3]), 0.008, _METER_BASICS),
        equal(f"S{_k} = U·I", f"apparent_power_l{_k} voltage_l{_k}n current_l{_k}",
               lambda v, p: abs(v[0]), lambda v, p: v[1] * v[2], 0.006, _METER_BASICS),
        equal(f"PF{_k} = P/S", f"power_factor_l{_k} active_power_l{_k} apparent_power_l{_k}",
               lambda v, p: abs(v[0] * v[2]), lambda v, p: abs(v[1]), 0.008, _METER_BASICS),
        ratio(f"|P{_k}| ≤ U·I", f"active_power_l{_k} voltage_l{_k}n current_l{_k}",
               lambda v, p: _least(p, over(abs(v[0]), v[1] * v[2])), (0.12, 1.01), (0.05, 1.03),
               "power factor at most 1, and above 0.15 in each phase; direct on line a light load may go below"),
        ratio(f"P{_k}² + Q{_k}² ≤ S{_k}²", f"active_power_l{_k} reactive_power_l{_k} voltage_l{_k}n current_l{_k}",
               lambda v, p: over(math.hypot(v[0], v[1]), v[2] * v[3]), (0.5, 1.015), (0.35, 1.03),
               "distortion makes S larger: a rectifier's current has THD up to 120 % or more at light load"),
        ratio(f"P{_k}² + Q{_k}² = S{_k}²", f"active_power_l{_k} reactive_power_l{_k} voltage_l{_k}n current_l{_k}",
               lambda v, p: over(math.hypot(v[0], v[1]), v[2] * v[3]) if p.sinusoidal else math.nan,
               (0.985, 1.015), (0.96, 1.03), "motor direct on line: THD of the current below 10 %"),
        equal(f"cos φ{_k}", f"cos_phi_l{_k} active_power_l{_k} reactive_power_l{_k}",
               lambda v, p: abs(v[0]), lambda v, p: over(abs(v[1]), math.hypot(v[1], v[2])), 0.03,
               "of the fundamental, but Q may be √(S² − P²), all that is not active", wide=0.5),
        ratio(f"I{_k} fundamental", f"current_fund_l{_k} current_l{_k}", lambda v, p: over(v[0], v[1]),
               (0.5, 1.02), (0.35, 1.06), "THD of a rectifier's current"),
        ratio(f"U{_k} fundamental", f"voltage_fund_l{_k} voltage_l{_k}n", lambda v, p: over(v[0], v[1]),
               (0.97, 1.01), (0.9, 1.03), "THD of the voltage below 10 %", loaded=False),
        equal(f"P{_k} fundamental", f"active_power_fund_l{_k} active_power_l{_k}", lambda v, p: v[0],
               lambda v, p: v[1], 0.04, "harmonic power of a motor or rectifier below 3 %", wide=0.08),
        equal(f"φ{_k}", f"phase_angle_l{_k} active_power_l{_k} reactive_power_l{_k}",
               lambda v, p: abs(math.cos(math.radians(v[0]))), lambda v, p: over(abs(v[1]), math.hypot(v[1], v[2])),
               0.03, "as cos φ", wide=0.5),
    ]  # fmt: skip
    _next = _k % 3 + 1
    METER.append(
        equal(f"U{_k}{_next} of U{_k}, U{_next}", f"voltage_l{_k}{_next} voltage_l{_k}n voltage_l{_next}n",
               lambda v, p: v[0], lambda v, p: math.sqrt(v[1] ** 2 + v[2] ** 2 + v[1] * v[2]), 0.025,
               "120° between the phases; 2 % unbalance turns them by about 1°", wide=0.05, loaded=False)
    )  # fmt: skip
for _sign, _what, _tolerance in (("P", "active", 0.01), ("Q", "reactive", 0.03)):
    METER.append(
        ratio(f"{_sign} = {_sign}1 + {_sign}2 + {_sign}3", f"{_what}_power " + _three(f"{_what}_power_l{{}}"),
               lambda v, p: over(abs(v[0] - v[1] - v[2] - v[3]), max(abs(v[0]), abs(v[1]) + abs(v[2]) + abs(v[3]))),
               (-_tolerance, _tolerance), (-2 * _tolerance, 2 * _tolerance), "the sum is made inside the meter")
    )  # fmt: skip
METER += [
    ratio("S of S1, S2, S3", "apparent_power " + _three("apparent_power_l{}"),
           lambda v, p: over(v[0], sum(v[1:])), (0.9, 1.01), (0.6, 1.03),
           "arithmetic sum, or √(P² + Q²) of the fundamental; they differ by unbalance and distortion"),
    ratio("S of ΣU·I", "apparent_power " + _three("voltage_l{}n") + " " + _three("current_l{}"),
           lambda v, p: over(v[0], sum(v[k] * v[k + 3] for k in (1, 2, 3))), (0.9, 1.01), (0.6, 1.03), "as above"),
    ratio("P against ΣU·I", "active_power " + _three("voltage_l{}n") + " " + _three("current_l{}"),
           lambda v, p: over(abs(v[0]), sum(v[k] * v[k + 3] for k in (1, 2, 3))), (0.12, 1.01), (0.05, 1.03),
           "power factor of a loaded motor"),
    equal("PF = P/S", "power_factor active_power apparent_power", lambda v, p: abs(v[0] * v[2]),
           lambda v, p: abs(v[1]), 0.01, _METER_BASICS),
    ratio("PF against P/ΣU·I", "power_factor active_power " + _three("voltage_l{}n") + " " + _three("current_l{}"),
           lambda v, p: over(abs(v[0]) * sum(v[k] * v[k + 3] for k in (2, 3, 4)), abs(v[1])),
           (0.99, 1.08), (0.97, 1.6), "the total PF is P over the arithmetic sum or over √(P² + Q²)"),
    ratio("P² + Q² ≤ S²", "active_power reactive_power apparent_power",
           lambda v, p: over(math.hypot(v[0], v[1]), v[2]), (0.5, 1.015), (0.35, 1.03), "distortion, as per phase"),
    ratio("P² + Q² = S²", "active_power reactive_power apparent_power",
           lambda v, p: over(math.hypot(v[0], v[1]), v[2]) if p.sinusoidal else math.nan,
           (0.975, 1.02), (0.94, 1.04), "motor direct on line"),
    equal("P = U·I·PF, one phase", "active_power voltage_l1n current_l1 power_factor",
           lambda v, p: abs(v[0]) if not p.per_phase else math.nan, lambda v, p: abs(v[1] * v[2] * v[3]), 0.01,
           _METER_BASICS),
    equal("S = U·I, one phase", "apparent_power voltage_l1n current_l1",
           lambda v, p: abs(v[0]) if not p.per_phase else math.nan, lambda v, p: v[1] * v[2], 0.01, _METER_BASICS),
    ratio("φ of P and Q", "phase_angle active_power reactive_power",
           lambda v, p: abs(math.cos(math.radians(v[0]))) - over(abs(v[1]), math.hypot(v[1], v[2])),
           (-0.06, 0.06), (-0.5, 0.5), "φ of the fundamental or arc cos PF"),
    equal("mean U, neutral", "voltage_ln_avg " + _three("voltage_l{}n"), lambda v, p: v[0],
           lambda v, p: sum(v[1:]) / 3, 0.005, "made inside the meter", loaded=False),
    equal("mean U, lines", "voltage_ll_avg voltage_l12 voltage_l23 voltage_l31", lambda v, p: v[0],
           lambda v, p: sum(v[1:]) / 3, 0.005, "made inside the meter", loaded=False),
    equal("√3", "voltage_ll_avg voltage_ln_avg", lambda v, p: v[0], lambda v, p: SQRT3 * v[1], 0.01,
           "the neutral lies in the middle, but for a few volts", wide=0.04, loaded=False),
    equal("mean I", "current_avg " + _three("current_l{}"), lambda v, p: v[0], lambda v, p: sum(v[1:]) / 3, 0.008,
           "made inside the meter"),
    equal("sum of I", "current_sum " + _three("current_l{}"), lambda v, p: v[0], lambda v, p: sum(v[1:]), 0.008,
           "made inside the meter"),
    ratio("I in the neutral", "current_n " + _three("current_l{}"), lambda v, p: over(v[0], max(v[1:])),
           NONE, (-0.01, 2.0), "third harmonics at the worst"),
    ratio("U of three phases", _three("voltage_l{}n"), lambda v, p: _phases(v), (0.96, 1.04), (0.9, 1.1),
           "beyond 5 % no motor is left on", loaded=False),
    ratio("U of three lines", "voltage_l12 voltage_l23 voltage_l31", lambda v, p: _phases(v), (0.96, 1.04),
           (0.9, 1.1), "as above", loaded=False),
    ratio("I of three phases", _three("current_l{}"), lambda v, p: _phases(v), NONE, (0.3, 2.0),
           "2 % of voltage unbalance may give a rectifier 60 % of current unbalance"),
    ratio("P of three phases", _three("active_power_l{}"),
           lambda v, p: _phases(v) if p.per_phase and not _light(v, p) else math.nan,
           NONE, (0.25, 2.2), "as the currents; direct on line from 30 % load on"),
    ratio("PF of three phases",
           _three("active_power_l{}") + " " + _three("voltage_l{}n") + " " + _three("current_l{}"),
           lambda v, p: _spread(v) if p.per_phase and not _light(v[:3], p) else math.nan, (0.0, 0.2), (0.0, 0.5),
           "the phases of one machine have about one power factor; crossed transformers give cos(φ ± 120°)"),
    ratio("PF of three phases, any load",
           _three("active_power_l{}") + " " + _three("voltage_l{}n") + " " + _three("current_l{}"),
           lambda v, p: _spread(v) if p.per_phase and not sum(v[6:]) / 3 < 0.1 * p.amps else math.nan,
           NONE, (0.0, 0.75), "at no load the odd phase may turn a little, not by 120°", loaded=False),
    ratio("a mains voltage", "voltage_l1n", lambda v, p: v[0] if math.isnan(p.vt) else math.nan, NONE, (48.0, 760.0),
          "from 100 V between lines to 1140 V; behind voltage transformers (vt) anything", loaded=False),
    ratio("mains frequency", "frequency", lambda v, p: min(abs(v[0] - 50) / 50, abs(v[0] - 60) / 60),
           (0.0, 0.01), (0.0, 0.1), "45–66 Hz; 49.5–50.5 and 59.4–60.6 Hz confirm", loaded=False),
    equal("P fundamental", "active_power_fund active_power", lambda v, p: v[0], lambda v, p: v[1], 0.04,
           "harmonic power below 3 %", wide=0.08),
    ratio("demand", "demand_active_power demand_active_power_max", lambda v, p: over(v[0], v[1]), NONE,
           (-1.0, 1.01), "a mean is not above its own maximum", loaded=False),
    ratio("U against nameplate", _three("voltage_l{}n"), lambda v, p: SQRT3 * sum(v) / 3 / p.volts,
           (0.88, 1.15), (0.6, 1.7), "a drive's motor may have another voltage than the mains", loaded=False),
    ratio("I against nameplate", _three("current_l{}"), lambda v, p: sum(v) / 3 / p.amps, NONE, (0.04, 2.0),
           "a drive with a choke draws less current than its motor; it starts to be a stall above 2"),
    ratio("P against nameplate", "active_power", lambda v, p: v[0] / 1000 / p.kw, NONE, (-1.6, 1.6),
           "no motor runs on at 1.5 times its rating"),
    ratio("a motor draws power", "active_power", lambda v, p: v[0] / 1000 / p.kw if p.direct else math.nan,
           NONE, (0.02, 1.6), "direct on line, and loaded"),
    ratio("Q against nameplate", "active_power reactive_power",
           lambda v, p: abs(v[1]) / p.rated_va if p.direct and p.induction else math.nan, NONE, (0.15, 1.1),
           "the magnetising part of an induction motor hardly depends on its load", loaded=False),
    ratio("magnetising current", _three("current_l{}"),
           lambda v, p: sum(v) / 3 / p.amps if p.direct and p.induction and sum(v) / 3 > 0.004 * p.amps else math.nan,
           NONE, (0.15, 2.0), "an induction motor that runs draws a fifth of its rated current at no load",
           loaded=False),
    ratio("CT ratio read back", "ct_ratio", lambda v, p: v[0] / p.ct, (0.995, 1.005), (0.99, 1.01),
           "a setting", loaded=False),
    ratio("VT ratio read back", "vt_ratio", lambda v, p: v[0] / p.vt, (0.995, 1.005), (0.99, 1.01),
           "a setting", loaded=False),
    equal("E total", "energy_total energy_import energy_export", lambda v, p: v[0], lambda v, p: v[1] + v[2], 0.01,
           "counters may be reset apart from each other", wide=math.inf, loaded=False),
    equal("E net", "energy_net energy_import energy_export", lambda v, p: v[0], lambda v, p: v[1] - v[2], 0.01,
           "as above", wide=math.inf, loaded=False),
    equal("E of three phases", "energy_import " + _three("energy_import_l{}"), lambda v, p: v[0],
           lambda v, p: sum(v[1:]), 0.01, "as above", wide=math.inf, loaded=False),
    ratio("E against a life", "energy_import", lambda v, p: v[0] / p.kw, NONE, (-1.0, 500_000.0),
           "more than 57 years at rated power", loaded=False),
]  # fmt: skip
for _counter, _power, _factor in (
    ("energy_import", "active_power", 1.0), ("reactive_energy_import", "reactive_power", 1.0),
    *((f"energy_import_l{_k}", f"active_power_l{_k}", 1.0) for _k in (1, 2, 3)),
):  # fmt: skip
    METER.append(
        Relation(f"{_counter} against ∫", (_counter, _power), lambda v, p: math.nan, (0.85, 1.15), (0.6, 1.6),
                 "the counter may lag one refresh, and the power is seen at a few moments only", over_time=True)
    )  # fmt: skip

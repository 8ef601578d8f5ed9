"""The consistency relations: one row each. What a row says is a dimensionless x and two bands around its ideal.

Inside `tight` the row confirms its quantities, outside `wide` it accuses them, in between it says nothing: what a
sound plant may show now and then must not accuse, and what a wrong one may show must not confirm. Both bands are widened
by the resolution of the registers and by how much the plant moved between two requests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Numbers = Sequence[float]
Band = tuple[float, float]
NEVER: Band = (-math.inf, math.inf)
NONE: Band = (math.inf, -math.inf)
SQRT3 = math.sqrt(3)


@dataclass(frozen=True, slots=True)
class Plate:
    """What is known from the configuration about the machine behind a device; NaN where nothing is.

    sinusoidal: no rectifier behind the meter, so that S² = P² + Q² holds. per_phase: three wattmeters (3P4W).
    """

    kw: float = math.nan
    rpm: float = math.nan
    poles: int = 0
    volts: float = math.nan
    amps: float = math.nan
    induction: bool = False
    efficiency: float = 0.93
    drive_kw: float = math.nan
    sinusoidal: bool = False
    per_phase: bool = True
    direct: bool = False
    ct: float = math.nan
    vt: float = math.nan

    @property
    def hertz(self) -> float:
        """Rated electrical frequency; an induction motor's slip is taken off by rounding to 50 or 60 Hz steps."""
        synchronous = self.rpm * self.poles / 120
        return synchronous if not self.induction or math.isnan(synchronous) else round(synchronous * 1.02 / 5) * 5.0

    @property
    def rated_nm(self) -> float:
        return self.kw * 1000 * 30 / math.pi / self.rpm

    @property
    def rated_va(self) -> float:
        return SQRT3 * self.volts * self.amps


@dataclass(frozen=True, slots=True)
class Relation:
    """x(values of needs, plate): NaN where the row does not apply. loaded: only from 10 % load on.

    over_time: x takes (seconds, value) series instead of numbers, as counters need.
    """

    name: str
    needs: tuple[str, ...]
    x: Callable[[Numbers, Plate], float]
    tight: Band
    wide: Band
    reason: str
    loaded: bool = True
    over_time: bool = False


def _equal(
    name: str, needs: str, left: Callable[[Numbers, Plate], float], right: Callable[[Numbers, Plate], float],
    tolerance: float, reason: str, *, wide: float | None = None, loaded: bool = True,
) -> Relation:  # fmt: skip
    """left = right; x is their difference by the larger one."""

    def x(v: Numbers, p: Plate) -> float:
        a, b = left(v, p), right(v, p)
        size = max(abs(a), abs(b))
        return (a - b) / size if size else math.nan

    wide = tolerance if wide is None else wide
    return Relation(name, tuple(needs.split()), x, (-tolerance, tolerance), (-wide, wide), reason, loaded)


def _ratio(
    name: str, needs: str, x: Callable[[Numbers, Plate], float], tight: Band, wide: Band, reason: str,
    *, loaded: bool = True,
) -> Relation:  # fmt: skip
    return Relation(name, tuple(needs.split()), x, tight, wide, reason, loaded)


def _over(a: float, b: float) -> float:
    return a / b if b else (math.nan if not a or math.isnan(a) else math.inf)


def _phases(v: Numbers) -> float:
    """How far the odd phase stands from the two others: its share of their mean."""
    low, middle, high = sorted(abs(value) for value in v)
    if not high:
        return math.nan
    return _over(high, middle) if high * low > middle * middle else _over(low, middle)


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
        _equal(f"P{_k} = U·I·PF", f"active_power_l{_k} voltage_l{_k}n current_l{_k} power_factor_l{_k}",
               lambda v, p: abs(v[0]), lambda v, p: abs(v[1] * v[2] * v[3]), 0.008, _METER_BASICS),
        _equal(f"S{_k} = U·I", f"apparent_power_l{_k} voltage_l{_k}n current_l{_k}",
               lambda v, p: abs(v[0]), lambda v, p: v[1] * v[2], 0.006, _METER_BASICS),
        _equal(f"PF{_k} = P/S", f"power_factor_l{_k} active_power_l{_k} apparent_power_l{_k}",
               lambda v, p: abs(v[0] * v[2]), lambda v, p: abs(v[1]), 0.008, _METER_BASICS),
        _ratio(f"|P{_k}| ≤ U·I", f"active_power_l{_k} voltage_l{_k}n current_l{_k}",
               lambda v, p: _over(abs(v[0]), v[1] * v[2]), (0.12, 1.01), (0.05, 1.03),
               "below full power factor; a loaded motor or rectifier stays above 0.15 in each phase"),
        _ratio(f"P{_k}² + Q{_k}² ≤ S{_k}²", f"active_power_l{_k} reactive_power_l{_k} voltage_l{_k}n current_l{_k}",
               lambda v, p: _over(math.hypot(v[0], v[1]), v[2] * v[3]), (0.5, 1.015), (0.35, 1.03),
               "distortion makes S larger: a rectifier's current has THD up to 120 % or more at light load"),
        _ratio(f"P{_k}² + Q{_k}² = S{_k}²", f"active_power_l{_k} reactive_power_l{_k} voltage_l{_k}n current_l{_k}",
               lambda v, p: _over(math.hypot(v[0], v[1]), v[2] * v[3]) if p.sinusoidal else math.nan,
               (0.985, 1.015), (0.96, 1.03), "motor direct on line: THD of the current below 10 %"),
        _equal(f"cos φ{_k}", f"cos_phi_l{_k} active_power_l{_k} reactive_power_l{_k}",
               lambda v, p: abs(v[0]), lambda v, p: _over(abs(v[1]), math.hypot(v[1], v[2])), 0.03,
               "of the fundamental; Q may hold a share of distortion", wide=0.15),
        _ratio(f"I{_k} fundamental", f"current_fund_l{_k} current_l{_k}", lambda v, p: _over(v[0], v[1]),
               (0.5, 1.02), (0.35, 1.06), "THD of a rectifier's current"),
        _ratio(f"U{_k} fundamental", f"voltage_fund_l{_k} voltage_l{_k}n", lambda v, p: _over(v[0], v[1]),
               (0.97, 1.01), (0.9, 1.03), "THD of the voltage below 10 %", loaded=False),
        _equal(f"P{_k} fundamental", f"active_power_fund_l{_k} active_power_l{_k}", lambda v, p: v[0],
               lambda v, p: v[1], 0.04, "harmonic power of a motor or rectifier below 3 %", wide=0.08),
        _equal(f"φ{_k}", f"phase_angle_l{_k} active_power_l{_k} reactive_power_l{_k}",
               lambda v, p: abs(math.cos(math.radians(v[0]))), lambda v, p: _over(abs(v[1]), math.hypot(v[1], v[2])),
               0.03, "as cos φ", wide=0.2),
    ]  # fmt: skip
    _next = _k % 3 + 1
    METER.append(
        _equal(f"U{_k}{_next} of U{_k}, U{_next}", f"voltage_l{_k}{_next} voltage_l{_k}n voltage_l{_next}n",
               lambda v, p: v[0], lambda v, p: math.sqrt(v[1] ** 2 + v[2] ** 2 + v[1] * v[2]), 0.025,
               "120° between the phases; 2 % unbalance turns them by about 1°", wide=0.05, loaded=False)
    )  # fmt: skip
for _sign, _what, _tolerance in (("P", "active", 0.01), ("Q", "reactive", 0.03)):
    METER.append(
        _ratio(f"{_sign} = {_sign}1 + {_sign}2 + {_sign}3", f"{_what}_power " + _three(f"{_what}_power_l{{}}"),
               lambda v, p: _over(abs(v[0] - v[1] - v[2] - v[3]), max(abs(v[0]), abs(v[1]) + abs(v[2]) + abs(v[3]))),
               (-_tolerance, _tolerance), (-2 * _tolerance, 2 * _tolerance), "the sum is made inside the meter")
    )  # fmt: skip
METER += [
    _ratio("S of S1, S2, S3", "apparent_power " + _three("apparent_power_l{}"),
           lambda v, p: _over(v[0], sum(v[1:])), (0.9, 1.01), (0.8, 1.03),
           "arithmetic or vector sum; they differ when phases do"),
    _ratio("S of ΣU·I", "apparent_power " + _three("voltage_l{}n") + " " + _three("current_l{}"),
           lambda v, p: _over(v[0], sum(v[k] * v[k + 3] for k in (1, 2, 3))), (0.9, 1.01), (0.8, 1.03), "as above"),
    _ratio("P against ΣU·I", "active_power " + _three("voltage_l{}n") + " " + _three("current_l{}"),
           lambda v, p: _over(abs(v[0]), sum(v[k] * v[k + 3] for k in (1, 2, 3))), (0.12, 1.01), (0.05, 1.03),
           "power factor of a loaded motor"),
    _equal("PF = P/S", "power_factor active_power apparent_power", lambda v, p: abs(v[0] * v[2]),
           lambda v, p: abs(v[1]), 0.01, _METER_BASICS),
    _ratio("PF against P/ΣU·I", "power_factor active_power " + _three("voltage_l{}n") + " " + _three("current_l{}"),
           lambda v, p: _over(abs(v[0]) * sum(v[k] * v[k + 3] for k in (2, 3, 4)), abs(v[1])),
           (0.99, 1.08), (0.97, 1.2), "the total PF is P over the arithmetic or the vector sum"),
    _ratio("P² + Q² ≤ S²", "active_power reactive_power apparent_power",
           lambda v, p: _over(math.hypot(v[0], v[1]), v[2]), (0.5, 1.015), (0.35, 1.03), "distortion, as per phase"),
    _ratio("P² + Q² = S²", "active_power reactive_power apparent_power",
           lambda v, p: _over(math.hypot(v[0], v[1]), v[2]) if p.sinusoidal else math.nan,
           (0.975, 1.02), (0.94, 1.04), "motor direct on line"),
    _equal("P = U·I·PF, one phase", "active_power voltage_l1n current_l1 power_factor",
           lambda v, p: abs(v[0]) if not p.per_phase else math.nan, lambda v, p: abs(v[1] * v[2] * v[3]), 0.01,
           _METER_BASICS),
    _equal("S = U·I, one phase", "apparent_power voltage_l1n current_l1",
           lambda v, p: abs(v[0]) if not p.per_phase else math.nan, lambda v, p: v[1] * v[2], 0.01, _METER_BASICS),
    _ratio("φ of P and Q", "phase_angle active_power reactive_power",
           lambda v, p: abs(math.cos(math.radians(v[0]))) - _over(abs(v[1]), math.hypot(v[1], v[2])),
           (-0.06, 0.06), (-0.35, 0.35), "φ of the fundamental or arc cos PF"),
    _equal("mean U, neutral", "voltage_ln_avg " + _three("voltage_l{}n"), lambda v, p: v[0],
           lambda v, p: sum(v[1:]) / 3, 0.005, "made inside the meter", loaded=False),
    _equal("mean U, lines", "voltage_ll_avg voltage_l12 voltage_l23 voltage_l31", lambda v, p: v[0],
           lambda v, p: sum(v[1:]) / 3, 0.005, "made inside the meter", loaded=False),
    _equal("√3", "voltage_ll_avg voltage_ln_avg", lambda v, p: v[0], lambda v, p: SQRT3 * v[1], 0.01,
           "the neutral lies in the middle, but for a few volts", wide=0.04, loaded=False),
    _equal("mean I", "current_avg " + _three("current_l{}"), lambda v, p: v[0], lambda v, p: sum(v[1:]) / 3, 0.008,
           "made inside the meter"),
    _equal("sum of I", "current_sum " + _three("current_l{}"), lambda v, p: v[0], lambda v, p: sum(v[1:]), 0.008,
           "made inside the meter"),
    _ratio("I in the neutral", "current_n " + _three("current_l{}"), lambda v, p: _over(v[0], max(v[1:])),
           NONE, (-0.01, 2.0), "third harmonics at the worst"),
    _ratio("U of three phases", _three("voltage_l{}n"), lambda v, p: _phases(v), (0.96, 1.04), (0.9, 1.1),
           "beyond 5 % no motor is left on", loaded=False),
    _ratio("U of three lines", "voltage_l12 voltage_l23 voltage_l31", lambda v, p: _phases(v), (0.96, 1.04),
           (0.9, 1.1), "as above", loaded=False),
    _ratio("I of three phases", _three("current_l{}"), lambda v, p: _phases(v), NONE, (0.3, 2.0),
           "2 % of voltage unbalance may give a rectifier 60 % of current unbalance"),
    _ratio("P of three phases", _three("active_power_l{}"), lambda v, p: _phases(v) if p.per_phase else math.nan,
           NONE, (0.25, 2.2), "as the currents"),
    _ratio("PF of three phases",
           _three("active_power_l{}") + " " + _three("voltage_l{}n") + " " + _three("current_l{}"),
           lambda v, p: _spread(v) if p.per_phase else math.nan, (0.0, 0.2), (0.0, 0.45),
           "the phases of one machine have about one power factor; crossed transformers give cos(φ ± 120°)"),
    _ratio("PF of three phases, any load",
           _three("active_power_l{}") + " " + _three("voltage_l{}n") + " " + _three("current_l{}"),
           lambda v, p: _spread(v) if p.per_phase and not sum(v[6:]) / 3 < 0.1 * p.amps else math.nan,
           NONE, (0.0, 0.75), "at no load the odd phase may turn a little, not by 120°", loaded=False),
    _ratio("mains frequency", "frequency", lambda v, p: min(abs(v[0] - 50) / 50, abs(v[0] - 60) / 60),
           (0.0, 0.01), (0.0, 0.1), "45–66 Hz; 49.5–50.5 and 59.4–60.6 Hz confirm", loaded=False),
    _equal("P fundamental", "active_power_fund active_power", lambda v, p: v[0], lambda v, p: v[1], 0.04,
           "harmonic power below 3 %", wide=0.08),
    _ratio("demand", "demand_active_power demand_active_power_max", lambda v, p: _over(v[0], v[1]), NONE,
           (-1.0, 1.01), "a mean is not above its own maximum", loaded=False),
    _ratio("U against nameplate", _three("voltage_l{}n"), lambda v, p: SQRT3 * sum(v) / 3 / p.volts,
           (0.88, 1.15), (0.6, 1.7), "a drive's motor may have another voltage than the mains", loaded=False),
    _ratio("I against nameplate", _three("current_l{}"), lambda v, p: sum(v) / 3 / p.amps, NONE, (0.04, 2.0),
           "a drive with a choke draws less current than its motor; it starts to be a stall above 2"),
    _ratio("P against nameplate", "active_power", lambda v, p: v[0] / 1000 / p.kw, NONE, (-1.6, 1.6),
           "no motor runs on at 1.5 times its rating"),
    _ratio("a motor draws power", "active_power", lambda v, p: v[0] / 1000 / p.kw if p.direct else math.nan,
           NONE, (0.02, 1.6), "direct on line, and loaded"),
    _ratio("Q against nameplate", "active_power reactive_power",
           lambda v, p: abs(v[1]) / p.rated_va if p.direct and p.induction else math.nan, NONE, (0.15, 1.1),
           "the magnetising part of an induction motor hardly depends on its load", loaded=False),
    _ratio("magnetising current", _three("current_l{}"),
           lambda v, p: sum(v) / 3 / p.amps if p.direct and p.induction and sum(v) / 3 > 0.004 * p.amps else math.nan,
           NONE, (0.15, 2.0), "an induction motor that runs draws a fifth of its rated current at no load",
           loaded=False),
    _ratio("CT ratio read back", "ct_ratio", lambda v, p: v[0] / p.ct, (0.995, 1.005), (0.99, 1.01),
           "a setting", loaded=False),
    _ratio("VT ratio read back", "vt_ratio", lambda v, p: v[0] / p.vt, (0.995, 1.005), (0.99, 1.01),
           "a setting", loaded=False),
    _equal("E total", "energy_total energy_import energy_export", lambda v, p: v[0], lambda v, p: v[1] + v[2], 0.01,
           "counters may be reset apart from each other", wide=math.inf, loaded=False),
    _equal("E net", "energy_net energy_import energy_export", lambda v, p: v[0], lambda v, p: v[1] - v[2], 0.01,
           "as above", wide=math.inf, loaded=False),
    _equal("E of three phases", "energy_import " + _three("energy_import_l{}"), lambda v, p: v[0],
           lambda v, p: sum(v[1:]), 0.01, "as above", wide=math.inf, loaded=False),
    _ratio("E against a life", "energy_import", lambda v, p: v[0] / p.kw, NONE, (-1.0, 500_000.0),
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


def _torque_w(torque_pct: float, speed_share: float, p: Plate) -> float:
    """Shaft power from torque in percent of rated and speed as a share of rated."""
    return torque_pct / 100 * speed_share * p.kw * 1000


def _slip_share(v: Numbers, p: Plate) -> float:
    """motor_speed over synchronous speed, the rated slip of the induction motor added back in rpm."""
    synchronous = 120 * abs(v[1]) / p.poles if p.poles else math.nan
    if not synchronous:
        return math.nan
    speed = abs(v[0])
    if p.induction:
        slip_rpm = 120 * p.hertz / p.poles - p.rpm
        speed += min(max(synchronous - speed, 0.0), 1.8 * slip_rpm)
    return _over(speed, synchronous)


DRIVE: list[Relation] = [
    _ratio("speed of frequency", "motor_speed output_frequency", _slip_share, (0.97, 1.015), (0.9, 1.06),
           "120 f / poles; slip up to 1.8 times the rated one for induction, none for magnet motors"),
    _ratio("speed in percent", "motor_speed_percent output_frequency",
           lambda v, p: _over(abs(v[0]) / 100, abs(v[1]) / p.hertz), (0.85, 1.15), (0.4, 2.5),
           "percent of rated or of maximum speed"),
    _ratio("frequency against nameplate", "output_frequency", lambda v, p: abs(v[0]) / p.hertz, NONE, (0.04, 2.2),
           "a loaded motor turns"),
    _ratio("speed against nameplate", "motor_speed", lambda v, p: abs(v[0]) / p.rpm, NONE, (0.04, 2.2),
           "a loaded motor turns"),
    _ratio("reference followed", "reference_frequency output_frequency", lambda v, p: _over(abs(v[0]), abs(v[1])),
           (0.97, 1.03), (0.35, 2.8), "a drive at a limit or on a ramp does not follow"),
    _ratio("speed reference followed", "reference_speed motor_speed", lambda v, p: _over(abs(v[0]), abs(v[1])),
           (0.94, 1.06), (0.35, 2.8), "as above"),
    _ratio("volts per hertz", "output_voltage output_frequency",
           lambda v, p: _over(v[0] / p.volts, min(abs(v[1]) / p.hertz, 1.0) + 0.02), (0.7, 1.25), (0.35, 1.9),
           "constant flux; energy saving takes it down at part load, boost up at low speed"),
    _ratio("output voltage of the DC bus", "output_voltage dc_bus_voltage", lambda v, p: _over(v[0], v[1] / math.sqrt(2)),
           NONE, (0.01, 1.1), "no more than full modulation"),
    _ratio("DC bus against nameplate", "dc_bus_voltage", lambda v, p: v[0] / p.volts, (1.2, 1.6), (0.85, 2.3),
           "1.35–1.41 of the line voltage, which is the motor's within ±20 %; up to 1.7 of it while braking",
           loaded=False),
    _ratio("DC bus of the mains", "dc_bus_voltage mains_voltage", lambda v, p: _over(v[0], v[1]), (1.30, 1.45),
           (1.22, 1.85), "diode front end 1.35–1.41; higher for an active one or while braking", loaded=False),
    _ratio("mains against nameplate", "mains_voltage", lambda v, p: v[0] / p.volts, (0.85, 1.2), (0.6, 1.7),
           "as the meter's", loaded=False),
    _ratio("current against nameplate", "motor_current", lambda v, p: v[0] / p.amps, NONE, (0.06, 2.0),
           "no-load current of a magnet motor to short overload"),
    _ratio("current in percent", "motor_current_percent", lambda v, p: v[0] / 100, NONE, (0.03, 2.0),
           "percent of the motor's or of the drive's rating"),
    _ratio("P of U·I", "motor_power output_voltage motor_current",
           lambda v, p: _over(abs(v[0]) * 1000, SQRT3 * v[1] * v[2]), (0.2, 1.04), (0.1, 1.2),
           "power factor of a loaded motor"),
    _ratio("P of torque and speed", "motor_power motor_torque output_frequency",
           lambda v, p: (abs(v[0]) * 1000 - _torque_w(abs(v[1]), abs(v[2]) / p.hertz, p) / p.efficiency)
           / (abs(v[0]) * 1000 + 20 * p.kw), (-0.2, 0.2), (-0.5, 0.5),
           "drives' torque is within 10 % of rated, seldom worse"),
    _ratio("P of torque in Nm and speed", "motor_power motor_torque_nm output_frequency",
           lambda v, p: (abs(v[0]) * 1000 - abs(v[1]) * 4 * math.pi * abs(v[2]) / p.poles / p.efficiency)
           / (abs(v[0]) * 1000 + 20 * p.kw) if p.poles else math.nan, (-0.2, 0.2), (-0.5, 0.5), "as above"),
    _ratio("torque in percent and Nm", "motor_torque motor_torque_nm",
           lambda v, p: _over(abs(v[1]), abs(v[0]) / 100 * p.rated_nm), (0.85, 1.18),
           (0.5, 2.0), "two views of one estimate"),
    _ratio("torque against nameplate", "motor_torque", lambda v, p: abs(v[0]) / 100, NONE, (0.02, 2.6), "pull-out"),
    _ratio("torque in Nm against nameplate", "motor_torque_nm",
           lambda v, p: abs(v[0]) / p.rated_nm, NONE, (0.02, 2.6), "pull-out"),
    _ratio("torque and current", "motor_torque motor_current",
           lambda v, p: (v[1] / p.amps) ** 2 - (v[0] / 100) ** 2, (-0.3, 0.5), (-0.5, 0.65),
           "I² = magnetising² + torque-making²: no-load current is up to 0.7 of rated"),
    _ratio("torque in Nm and current", "motor_torque_nm motor_current",
           lambda v, p: (v[1] / p.amps) ** 2 - (v[0] / p.rated_nm) ** 2, (-0.3, 0.5), (-0.5, 0.65), "as above"),
    _ratio("P against nameplate", "motor_power", lambda v, p: abs(v[0]) / p.kw, NONE, (0.004, 1.8), "as the meter's"),
    _ratio("P in percent", "motor_power_percent output_frequency motor_current",
           lambda v, p: _over(abs(v[0]) / 100, min(abs(v[1]) / p.hertz, 1.2) * v[2] / p.amps), (0.4, 1.4), (0.15, 2.5),
           "percent of the motor's or of the drive's rated power"),
    _ratio("P in percent and torque", "motor_power_percent motor_torque output_frequency",
           lambda v, p: (abs(v[0]) - abs(v[1]) * abs(v[2]) / p.hertz) / (abs(v[0]) + 5), (-0.25, 0.35), (-0.55, 0.6),
           "as P of torque and speed"),
    _ratio("P in percent and kW", "motor_power_percent motor_power",
           lambda v, p: _over(abs(v[0]) / 100, abs(v[1]) / p.kw), (0.7, 1.2), (0.4, 2.5), "motor's or drive's rating"),
    _ratio("shaft power", "shaft_power motor_power", lambda v, p: _over(abs(v[0]), abs(v[1])), (0.75, 1.03), (0.5, 1.3),
           "efficiency of the motor"),
    _ratio("input power", "input_power motor_power", lambda v, p: _over(abs(v[0]), abs(v[1])), (0.98, 1.25), (0.9, 1.7),
           "losses of the drive"),
    _ratio("output PF", "output_power_factor motor_power output_voltage motor_current",
           lambda v, p: abs(v[0]) - _over(abs(v[1]) * 1000, SQRT3 * v[2] * v[3]), (-0.1, 0.1), (-0.4, 0.4),
           "PF = P/S, three displays of 1–3 %"),
    _ratio("output PF alone", "output_power_factor", lambda v, p: abs(v[0]), NONE, (0.1, 1.01), "a loaded motor"),
    _ratio("output PF angle", "output_power_factor_angle motor_power output_voltage motor_current",
           lambda v, p: math.cos(math.radians(v[0])) - _over(abs(v[1]) * 1000, SQRT3 * v[2] * v[3]), (-0.1, 0.1),
           (-0.4, 0.4), "as output PF"),
    _ratio("voltage in percent", "output_voltage_percent output_frequency",
           lambda v, p: _over(v[0] / 100, min(abs(v[1]) / p.hertz, 1.0) + 0.02), (0.7, 1.25), (0.3, 2.0),
           "as volts per hertz"),
    _ratio("rated current entered", "motor_rated_current", lambda v, p: v[0] / p.amps, (0.93, 1.07), (0.5, 2.0),
           "the nameplate in the drive; small differences are the integrator's choice", loaded=False),
    _ratio("rated voltage entered", "motor_rated_voltage", lambda v, p: v[0] / p.volts, (0.93, 1.07), (0.5, 2.0),
           "as above", loaded=False),
    _ratio("rated frequency entered", "motor_rated_frequency", lambda v, p: v[0] / p.hertz, (0.96, 1.04), (0.5, 2.0),
           "as above", loaded=False),
    _ratio("rated speed entered", "motor_rated_speed", lambda v, p: v[0] / p.rpm, (0.96, 1.04), (0.5, 2.0),
           "as above", loaded=False),
    _ratio("drive's rated power", "drive_rated_power", lambda v, p: v[0] / p.drive_kw, (0.8, 1.3), (0.4, 2.5),
           "light and heavy duty ratings", loaded=False),
    _ratio("drive's rated current", "drive_rated_current",
           lambda v, p: v[0] / (p.amps * p.drive_kw / p.kw), (0.75, 1.4), (0.4, 2.5), "as above", loaded=False),
    _ratio("rated torque", "motor_torque_scale_nm", lambda v, p: v[0] / p.rated_nm,
           (0.93, 1.07), (0.5, 2.0), "as the nameplate in the drive", loaded=False),
]  # fmt: skip

# The first words of needs belong to the meter before the drive, those with "drive:" to the drive.
CROSS: list[Relation] = [
    _ratio("drive power of meter power", "active_power drive:motor_power",
           lambda v, p: (v[0] / 1000 + 0.015 * p.kw) / (abs(v[1]) + 0.015 * p.kw), (0.96, 1.25), (0.93, 1.32),
           "losses of a drive are 2–15 %, its own power display is within 5 %, and a share of its rating is standing loss"),
    _ratio("drive torque of meter power", "active_power drive:motor_torque drive:output_frequency",
           lambda v, p: (v[0] - _torque_w(abs(v[1]), abs(v[2]) / p.hertz, p) / p.efficiency) / (abs(v[0]) + 30 * p.kw),
           (-0.15, 0.35), (-0.5, 0.6), "as P of torque and speed, with the drive's losses"),
    _ratio("drive U·I of meter power", "active_power drive:output_voltage drive:motor_current",
           lambda v, p: _over(v[0], SQRT3 * v[1] * v[2]), (0.2, 1.15), (0.12, 1.35),
           "power factor of a loaded motor"),
    _ratio("DC bus of the lines", "voltage_l12 drive:dc_bus_voltage", lambda v, p: _over(v[1], v[0]), (1.30, 1.45),
           (1.22, 1.85), "diode front end 1.35–1.41; higher for an active one or while braking", loaded=False),
    _ratio("DC bus of the phases", "voltage_l1n drive:dc_bus_voltage",
           lambda v, p: _over(v[1], SQRT3 * v[0]) if p.per_phase else math.nan, (1.28, 1.47), (1.2, 1.87), "as above",
           loaded=False),
    _equal("mains of the meter", "voltage_l1n drive:mains_voltage",
           lambda v, p: SQRT3 * v[0] if p.per_phase else math.nan, lambda v, p: v[1], 0.04,
           "two instruments on one line", wide=0.12, loaded=False),
    _ratio("drive's input power of the meter", "active_power drive:input_power",
           lambda v, p: _over(v[0] / 1000, abs(v[1])), (0.93, 1.08), (0.75, 1.35), "a drive's own estimate"),
]  # fmt: skip

"""One motor at a given load, with its meter and its drive: closed formulas for the instantaneous values.

Supports any size and load, unbalanced voltages and the distorted current of a rectifier. For commissioning tests on
many devices; plants with dynamics are in simulators/scenarios. Names are those of the vocabulary.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, field
from random import Random

Values = dict[str, float]
TURN = cmath.exp(2j * math.pi / 3)
SIZES_KW = (2.2, 4.0, 5.5, 7.5, 11.0, 15.0, 18.5, 22.0, 30.0, 37.0, 45.0, 55.0, 75.0, 90.0, 132.0, 200.0, 315.0)


@dataclass(frozen=True, slots=True)
class MotorParameters:
    """Nameplate of a motor.

    kw: rated shaft power, kW.
    rpm: rated speed, rpm.
    poles: number of poles.
    volts: rated line voltage, V.
    induction: True for an induction motor, False for a permanent-magnet motor.
    efficiency: rated efficiency, 0…1.
    cos_phi: rated power factor.
    induction_hz: rated frequency of an induction motor, Hz.
    """

    kw: float
    rpm: float
    poles: int
    volts: float
    induction: bool
    efficiency: float
    cos_phi: float
    induction_hz: float = 50.0

    @property
    def amps(self) -> float:
        return self.kw * 1000 / (math.sqrt(3) * self.volts * self.efficiency * self.cos_phi)

    @property
    def hertz(self) -> float:
        """Stator frequency at rated speed, Hz."""
        synchronous = self.rpm * self.poles / 120
        return self.induction_hz if self.induction else synchronous


def draw_machine(rng: Random, kw_max: float, induction: bool) -> MotorParameters:
    kw = rng.choice([size for size in SIZES_KW if size <= kw_max] or [SIZES_KW[0]])
    poles = rng.choice((2, 4, 6) if induction else (4, 6, 8, 10))
    if induction:
        slip = min(0.04, 0.045 / kw**0.28) * rng.uniform(0.8, 1.2)
        rpm = round(6000 / poles * (1 - slip))
        efficiency = 0.86 + 0.025 * math.log10(kw) * rng.uniform(0.9, 1.2)
        return MotorParameters(kw, rpm, poles, 400.0, True, efficiency, rng.uniform(0.80, 0.89) - 0.01 * (poles > 4))
    rpm = float(rng.choice((750, 1000, 1500, 3000)))
    volts = rng.choice((340.0, 360.0, 380.0, 400.0))
    return MotorParameters(kw, rpm, poles, volts, False, 0.92 + 0.015 * math.log10(kw), rng.uniform(0.9, 0.98))


@dataclass
class ReferenceMotor:
    """Instantaneous values of a motor: `meter(t)` and `drive(t)`.

    machine: the nameplate.
    load: torque as a share of the rated torque.
    seed: seed of all deviations.
    driven: True with a drive, False direct on line.
    speed: speed as a share of the rated speed; 1 without a drive.
    crossed: two phases (0…2) with exchanged current transformers. None: correct.
    reversed_phase: phase (0…2) with a reversed current transformer. None: correct.
    refresh_s: refresh interval of the instruments, seconds.
    drive_kw: rated power of the drive, kW; 0: as the motor.
    mains_v, mains_hz: nominal line voltage and frequency of the supply.
    swing: slow change of the load: amplitude as a share of the load, and period in seconds.
    """

    machine: MotorParameters
    load: float
    seed: int
    driven: bool
    speed: float = 1.0
    crossed: tuple[int, int] | None = None
    reversed_phase: int | None = None
    refresh_s: float = 1.0
    drive_kw: float = 0.0
    mains_v: float = 400.0
    mains_hz: float = 50.0
    swing: tuple[float, float] = (0.0, 1.0)
    _rng: Random = field(init=False)

    def __post_init__(self) -> None:
        rng = self._rng = Random(self.seed)
        self.drive_kw = self.drive_kw or self.machine.kw
        if not self.driven:
            self.speed = 1.0
        self._volts = self.mains_v * rng.uniform(0.95, 1.05)
        self._u2 = rng.uniform(0.0, 0.015) * cmath.exp(1j * rng.uniform(0, 6.28))
        self._u0 = rng.uniform(0.0, 0.005) * cmath.exp(1j * rng.uniform(0, 6.28))
        self._hertz = self.mains_hz + rng.gauss(0, 0.03)
        self._gain_u = [1 + rng.uniform(-0.002, 0.002) for _ in range(3)]
        self._gain_i = [1 + rng.uniform(-0.003, 0.003) for _ in range(3)]
        self._skew = [rng.uniform(-1, 1) for _ in range(3)]
        self._thd = rng.uniform(0.25, 0.5) + rng.uniform(0.0, 0.5) * max(0.0, 1 - self.load * self.speed)
        self._dpf = rng.uniform(0.96, 0.995)
        self._turns = [(rng.uniform(2, 30), rng.uniform(0, 6.28), rng.uniform(0, 0.015)) for _ in range(3)]
        self._magnetising = rng.uniform(0.5, 0.8)  # reactive power at no load, as a share of that at rated load
        self._flux = rng.uniform(0.85, 1.0)
        self._bus = rng.uniform(1.35, 1.41)
        self._display_gains = {name: 1 + rng.uniform(-0.02, 0.02) for name in ("current", "volts", "power", "bus")}
        self._torque_error = rng.uniform(-0.04, 0.04)
        self._active_front_end = rng.random() < 0.15
        if self._active_front_end:
            self._bus, self._thd, self._dpf = rng.uniform(1.5, 1.7), 0.04, 0.999
        # Vendors differ: total apparent power as √(P² + Q²), or reactive power as everything that is not active.
        self._vector_sum, self._all_reactive = rng.random() < 0.3, rng.random() < 0.3
        self._kwh = rng.uniform(200, 60_000) * self.machine.kw / 20

    def meter(self, time_s: float) -> Values:
        """Return the values of a class 0.5 meter at the input of the drive, or at the motor without a drive."""
        now = self._refreshed_s(time_s)
        u, i, harmonic, thd_i = self.phases(now)
        if self.crossed:
            a, b = self.crossed
            i[a], i[b], harmonic[a], harmonic[b] = i[b], i[a], harmonic[b], harmonic[a]
        if self.reversed_phase is not None:
            i[self.reversed_phase] *= -1
        u = [value * gain for value, gain in zip(u, self._gain_u, strict=True)]
        i = [value * gain for value, gain in zip(i, self._gain_i, strict=True)]
        amps = [abs(value) * math.hypot(1, h) for value, h in zip(i, harmonic, strict=True)]
        s1 = [a * b.conjugate() for a, b in zip(u, i, strict=True)]
        full = [abs(u[k]) * amps[k] for k in range(3)]
        q = [
            math.sqrt(max(0.0, full[k] ** 2 - s1[k].real ** 2)) if self._all_reactive else s1[k].imag for k in range(3)
        ]
        values: Values = {"frequency": self._hertz, "phase_sequence": 0.0}
        for k in range(3):
            phase, va = f"l{k + 1}", full[k]
            values |= {
                f"voltage_{phase}n": abs(u[k]),
                f"current_{phase}": amps[k],
                f"active_power_{phase}": s1[k].real,
                f"reactive_power_{phase}": q[k],
                f"apparent_power_{phase}": va,
                f"power_factor_{phase}": s1[k].real / va if va else 1.0,
                f"cos_phi_{phase}": s1[k].real / abs(s1[k]) if va else 1.0,
                f"phase_angle_{phase}": math.degrees(cmath.phase(s1[k])) if va else 0.0,
                f"thd_u_{phase}": 2.1 + 0.2 * k,
                f"thd_i_{phase}": 100 * harmonic[k],
                f"thdn_u_{phase}": 2.1 + 0.2 * k,
                f"thdn_i_{phase}": 100 * harmonic[k],
                f"voltage_fund_{phase}": abs(u[k]) * 0.9995,
                f"current_fund_{phase}": abs(i[k]),
                f"active_power_fund_{phase}": s1[k].real * 0.999,
                f"demand_current_{phase}": amps[k] * 0.97,
            }
        lines = [abs(u[k] - u[(k + 1) % 3]) for k in range(3)]
        values |= dict(zip(("voltage_l12", "voltage_l23", "voltage_l31"), lines, strict=True))
        p, reactive = sum(s1).real, sum(q)
        va = math.hypot(p, reactive) if self._vector_sum else sum(full)
        return values | {
            "thd_u_l12": 2.2, "thd_u_l23": 2.3, "thd_u_l31": 2.4, "thd_u_ln_avg": 2.3, "thd_u_ll_avg": 2.3,
            "thd_i_avg": 100 * thd_i,
            "voltage_ln_avg": sum(map(abs, u)) / 3,
            "voltage_ll_avg": sum(lines) / 3,
            "current_avg": sum(amps) / 3,
            "current_sum": sum(amps),
            "current_n": abs(sum(i)),
            "active_power": p,
            "active_power_fund": 0.999 * p,
            "reactive_power": reactive,
            "apparent_power": va,
            "power_factor": p / va if va else 1.0,
            "phase_angle": math.degrees(math.atan2(sum(s1).imag, p)),
            "active_power_mean_1min": 0.99 * p,
            "demand_active_power": 0.97 * p,
            "demand_active_power_max": 1.2 * abs(p),
            "demand_apparent_power": 0.97 * va,
            "voltage_unbalance": 100 * abs(self._u2),
            "current_unbalance": 3.0,
            "device_temperature": 31.0,
            "run_hours": 8421.0, "power_on_hours": 9120.0,
            "model_code": 341.0,
        } | self._energies(p, reactive, [s.real for s in s1], va, now)  # fmt: skip

    def drive(self, time_s: float) -> Values:
        """Return the values that the drive displays of itself and of the motor."""
        m, now = self.machine, self._refreshed_s(time_s)
        torque, out_w, _ = self._motor(now)
        hertz = m.hertz * self.speed
        volts, amps = self._terminal(torque, out_w)
        slip = (1 - m.rpm * m.poles / 120 / m.hertz) * torque if m.induction else 0.0
        rpm = 120 * (hertz - slip * m.hertz) / m.poles
        rated_nm = m.kw * 30_000 / math.pi / m.rpm
        displayed = torque + self._torque_error * max(torque, 0.3)
        bus = self._volts * self._bus
        power = out_w / 1000 * self._display_gains["power"]
        return {
            "tripped": 0,
            "status_word": 0b101, "status_word_2": 0b101, "state_code": 3, "fault_code": 0, "last_fault_code": 7,
            "fault_bits": 0, "warning_bits": 0, "warning_code": 0, "control_source": 1, "model_code": 25,
            "firmware_version": 470, "user_scale_current_decimals": 2,
            "reference_frequency": hertz,
            "output_frequency": hertz,
            "reference_speed": 120 * hertz / m.poles,
            "motor_speed": rpm,
            "motor_speed_percent": 100 * rpm / m.rpm,
            "reference_speed_100pct": m.rpm,
            "motor_current": amps * self._display_gains["current"],
            "motor_current_percent": 100 * amps / m.amps * m.kw / self.drive_kw,
            "output_voltage": volts * self._display_gains["volts"],
            "output_voltage_percent": 100 * volts / m.volts,
            "dc_bus_voltage": bus * self._display_gains["bus"],
            "mains_voltage": self._volts,
            "motor_power": power,
            "motor_power_percent": 100 * power / m.kw,
            "shaft_power": power * m.efficiency,
            "input_power": self._input_w(out_w) / 1000,
            "motor_torque": 100 * displayed,
            "motor_torque_nm": rated_nm * displayed,
            "motor_torque_scale_nm": rated_nm,
            "output_power_factor": out_w / (math.sqrt(3) * volts * amps),
            "output_power_factor_angle": math.degrees(math.acos(min(1.0, out_w / (math.sqrt(3) * volts * amps)))),
            "drive_load_percent": 100 * amps / m.amps, "drive_thermal_percent": 42, "motor_thermal_percent": 37,
            "drive_temperature": 47.0, "control_temperature": 39.0, "motor_temperature": 64.0,
            "drive_temperature_percent": 41.0,
            "run_hours": 12_417, "power_on_hours": 15_008, "run_days": 517, "power_on_days": 625,
            "energy_kwh": 431, "energy_mwh": 87, "energy_gwh": 0,
            "drive_rated_power": self.drive_kw, "drive_rated_current": m.amps * self.drive_kw / m.kw,
            "motor_rated_current": m.amps, "motor_rated_voltage": m.volts, "motor_rated_frequency": m.hertz,
            "motor_rated_speed": m.rpm,
        }  # fmt: skip

    def _refreshed_s(self, time_s: float) -> float:
        return math.floor(time_s / self.refresh_s) * self.refresh_s

    def _motor(self, time_s: float) -> tuple[float, float, float]:
        """Return torque as a share of rated, electrical input in W, and reactive power in var for direct-on-line
        operation.
        """
        m = self.machine
        wander = sum(size * math.sin(2 * math.pi * time_s / period + phase) for period, phase, size in self._turns)
        amplitude, period_s = self.swing
        swing = amplitude * math.sin(2 * math.pi * time_s / period_s)
        torque = self.load * (1 + wander + swing)
        rated_loss = m.kw * 1000 * (1 / m.efficiency - 1)
        loss = rated_loss * ((0.35 if m.induction else 0.25) * self.speed**1.3 + 0.65 * torque**2)
        rated_var = m.kw * 1000 / m.efficiency * math.tan(math.acos(m.cos_phi))
        q = rated_var * (self._magnetising + (1 - self._magnetising) * torque**2) * (self._volts / m.volts) ** 2
        return torque, torque * self.speed * m.kw * 1000 + loss, q

    def _terminal(self, torque: float, out_w: float) -> tuple[float, float]:
        """Return voltage (V) and current (A) between drive and motor."""
        m = self.machine
        full_w = m.kw * 1000 / m.efficiency
        idle = math.sqrt(1 - m.cos_phi**2) * self._magnetising if m.induction else 0.12
        share = math.hypot(out_w / full_w / self.speed * m.cos_phi, idle + 0.2 * torque**2)
        amps = m.amps * share
        volts = m.volts * (self.speed * (self._flux if torque < 0.7 else 1.0) + 0.01)
        return max(volts, out_w / (math.sqrt(3) * amps * 0.995)), amps

    def _input_w(self, out_w: float) -> float:
        rated = self.drive_kw * 1000
        return out_w * 1.015 + rated * 0.006 + rated * 0.012 * (self.load**2)

    def phases(self, time_s: float) -> tuple[list[complex], list[complex], list[float], float]:
        """Return the fundamental phasors of the three voltages and currents, the THD of each current, and the mean
        THD.
        """
        u1 = self._volts / math.sqrt(3)
        u = [u1 * (TURN**-k + self._u2 * TURN**k + self._u0) for k in range(3)]
        _, out_w, q = self._motor(time_s)
        if not self.driven:
            i1 = complex(out_w, -q) / (3 * u1)
            rated_z = self.machine.volts / math.sqrt(3) / self.machine.amps
            i2 = self._u2 * u1 / (rated_z * 0.17) * cmath.exp(-1.3j)
            i = [i1 * TURN**-k + i2 * TURN**k for k in range(3)]
            return u, i, [0.02 + 0.005 * s for s in self._skew], 0.02
        # Six-pulse rectifier: the current unbalance is about ten times the voltage unbalance; no neutral current.
        gain = 1 if self._active_front_end else 9
        amps = self._input_w(out_w) / (3 * u1 * (self._dpf + gain * abs(self._u2) ** 2))  # both sequences carry power
        i1, i2 = cmath.rect(amps, -math.acos(self._dpf)), gain * self._u2 * amps
        i = [i1 * TURN**-k + i2 * TURN**k for k in range(3)]
        thd = [self._thd * (1 + 0.08 * s) for s in self._skew]
        return u, i, thd, self._thd

    def _energies(self, p: float, q: float, phases: list[float], va: float, time_s: float) -> Values:
        grown, kvarh = p * time_s / 3.6e6, abs(q) * time_s / 3.6e6
        values = {
            "energy_import": self._kwh + grown,
            "energy_export": 0.0,
            "energy_total": self._kwh + grown,
            "energy_net": self._kwh + grown,
            "reactive_energy_import": self._kwh / 2 + kvarh,
            "reactive_energy_export": 0.0,
            "reactive_energy_total": self._kwh / 2 + kvarh,
            "apparent_energy": 1.1 * self._kwh + va * time_s / 3.6e6,
            "energy_import_t2": 0.0, "energy_export_t2": 0.0,
        }  # fmt: skip
        for k, w in enumerate(phases, 1):
            values[f"energy_import_l{k}"] = values[f"energy_total_l{k}"] = self._kwh / 3 + w * time_s / 3.6e6
            values[f"energy_export_l{k}"] = 0.0
        return values

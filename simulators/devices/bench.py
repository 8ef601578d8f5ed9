"""Virtual devices for any register map, each with its own motor so that all displayed values are consistent.

The instantaneous values come from reference_motor.py. This module integrates the energies; counters wrap to 0 where
their registers do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

from drivers.profiles import Profile, Register
from drivers.profiles.model import BCD_WORDS
from drivers.reading import Value
from drivers.reasons import InvalidValue
from drivers.s7_place import unit_of
from drivers.vocabulary import vocabulary
from simulators.devices import identity
from simulators.devices.device import SimulatedDevice
from simulators.devices.energy_meter import EnergyMeter
from simulators.devices.ratios import Ratios
from simulators.devices.reference_motor import SIZES_KW, MotorParameters, ReferenceMotor, draw_machine
from simulators.reasons import PROPRIETARY_PROTOCOL

REFRESH_S = 0.5  # for profiles that do not state how often the device refreshes its values
_USUAL_KW = (15.0, 55.0)  # sizes that are tried first
_PHASE_TOTALS = ("active_power", "reactive_power", "apparent_power", "power_factor", "phase_angle", "energy_import",
                 "energy_export", "energy_total")  # fmt: skip
_COUNTERS = {  # power → its counters
    "active_power": ("energy_import", "energy_total", "energy_net"),
    "reactive_power": ("reactive_energy_import", "reactive_energy_total"),
    "apparent_power": ("apparent_energy",),
    **{f"active_power_l{k}": (f"energy_import_l{k}", f"energy_total_l{k}") for k in (1, 2, 3)},
}


class Place(NamedTuple):
    """The place of a device in the plant.

    measuring_point: of a meter: feeder, motor or drive-input.
    fed_by: of a drive: the meter upstream. Empty: none.
    """

    measuring_point: str = "feeder"
    fed_by: str = ""


class BenchDevice:
    """A virtual device. The same `rng` gives the same device.

    motor: the motor whose values it displays. None: one of a usual size that the registers can represent.
    ratios: transformers of a meter. None: none.
    place: in the plant. None: a meter of a feeder, a drive without a meter.

    `step(dt_s)` advances time, `values` are the displayed values, `served` responds to register reads.
    energy_meter: the device as a meter of DL/T 645; None: `served` responds, to Modbus, or as the data block of a PLC
        with the number `unit`.
    Raises InvalidValue for a map in a proprietary protocol.
    """

    def __init__(
        self, profile: Profile, unit: int, rng: Random, name: str = "", motor: ReferenceMotor | None = None,
        ratios: Ratios | None = None, place: Place | None = None,
    ) -> None:  # fmt: skip
        if profile.dialect == "huanyang_private":
            raise InvalidValue(PROPRIETARY_PROTOCOL, profile=profile.id)
        self.name = name or name_of(profile, unit)
        self.profile, self.unit = profile, unit
        self.is_drive = profile.kind == "vfd"
        load, speed, seed = rng.uniform(0.5, 0.9), rng.uniform(0.7, 1.0), rng.getrandbits(32)
        self.motor = motor or _motor_for(profile, rng, load, speed, seed)
        self.ratios, self.place = ratios or Ratios(), place or Place()
        self._identity_values = identity.identity_values(profile)
        self._elapsed_s = 0.0
        self._energy = dict.fromkeys([*_COUNTERS, "motor_power"], 0.0)  # since the start: kWh, kvarh, kVAh
        self._before: Mapping[str, float] = {}
        self.values: Mapping[str, Value] = {}
        self.step(0.0)
        self.energy_meter = EnergyMeter(
            f"{unit:012d}", lambda: self.values, phases=profile.phases,
            three_wires=profile.register("voltage_l12") is not None, clock=lambda: datetime.now(UTC),
        ) if profile.dialect == "dlt645" else None  # fmt: skip
        self.served = SimulatedDevice(
            unit_of(unit) if profile.dialect == "s7" else unit,
            profile,
            lambda: self.values,
            rating_kw=self.machine.kw,
            extra=identity.identity_words(profile),
            identification=identity.identification(profile),
        )

    @property
    def machine(self) -> MotorParameters:
        return self.motor.machine

    def step(self, dt_s: float) -> None:
        self._elapsed_s += dt_s
        now = self.motor.drive(self._elapsed_s) if self.is_drive else self._meter(self._elapsed_s)
        self._count(now, dt_s)
        self._before = now
        values: dict[str, Value] = dict(now)
        values |= self._drive_energies(now) if self.is_drive else self._meter_energies()
        for name in ("run_hours", "power_on_hours"):
            if name in now:
                values[name] = now[name] + self._elapsed_s / 3600
        if self.profile.kind == "motor_relay":
            values |= self._relay(now)
        values |= {"ct_ratio": self.ratios.ct_factor, "vt_ratio": self.ratios.vt_factor}
        self.values = self.ratios.displayed(self._with_identity(values))

    def _meter(self, time_s: float) -> dict[str, float]:
        """The values of the motor; of its first phase for a single-phase meter."""
        values = self.motor.meter(time_s)
        if self.profile.phases == 1:
            values |= {name: values[f"{name}_l1"] for name in _PHASE_TOTALS if f"{name}_l1" in values}
        return values

    def _count(self, now: Mapping[str, float], dt_s: float) -> None:
        """Integrate the powers by the trapezoidal rule; the motor power of a drive is in kW, other powers are in W."""
        before, hours = self._before or now, dt_s / 3600
        for name in now.keys() & self._energy.keys():
            self._energy[name] += (before[name] + now[name]) / 2 * hours / (1 if name == "motor_power" else 1000)

    def _meter_energies(self) -> dict[str, Value]:
        """Return the counters of reference_motor.py at its start plus the energies since then."""
        start = self._meter(0.0)
        return {
            name: self._wrapped(name, start[name] + self._energy[power])
            for power, names in _COUNTERS.items()
            for name in names
        }

    def _drive_energies(self, now: Mapping[str, float]) -> dict[str, Value]:
        """Split the energy into separate kWh and MWh registers; the kWh register holds only the rest below 1 MWh."""
        total = now["energy_kwh"] + 1000 * now["energy_mwh"] + self._energy["motor_power"]
        mwh = self.profile.register("energy_mwh")
        fine = self.profile.register("energy_kwh")
        kwh = total % 1000 if mwh and fine and not fine.parts else total
        return {"energy_kwh": self._wrapped("energy_kwh", kwh), "energy_mwh": total // 1000}

    def _wrapped(self, name: str, value: float) -> float:
        row = self.profile.register(name)
        if row is None:
            return value
        top = row.full_scale * row.scale if row.full_scale else row.wraps_at(self.machine.kw)
        return value % top if top else value

    def _relay(self, now: Mapping[str, float]) -> dict[str, Value]:
        """Return the values of a motor relay, which shows currents in percent of the motor's rated current."""
        shares = {f"current_percent_l{k}": 100 * now[f"current_l{k}"] / self.machine.amps for k in (1, 2, 3)}
        return {
            **shares, "current_percent_avg": sum(shares.values()) / 3, "ground_current_percent": 0.0,
            "motor_thermal_percent": 37.0, "status_word": 0b11, "fault_code": 0, "warning_code": 0,
        }  # fmt: skip

    def _with_identity(self, values: dict[str, Value]) -> dict[str, Value]:
        """Add the model identification.

        Bits of a state word are combined with it; measured values are not overwritten.
        """
        values |= {"serial_number": float(identity.SERIAL_NUMBER)}
        for name, identity_value in self._identity_values.items():
            kind, now = vocabulary()[name].kind, values.get(name)
            if kind in ("identity", "setting"):
                values[name] = identity_value
            elif kind == "state" and isinstance(identity_value, float) and isinstance(now, int):
                values[name] = now | int(identity_value)
        return values


def name_of(profile: Profile, unit: int) -> str:
    return f"{profile.id.split('/')[1]}-{unit}"


def _motor_for(profile: Profile, rng: Random, load: float, speed: float, seed: int) -> ReferenceMotor:
    """Return a motor of a usual size if the map's registers can represent its values, otherwise a smaller one."""
    usual = [size for size in SIZES_KW if _USUAL_KW[0] <= size <= _USUAL_KW[1]]
    rng.shuffle(usual)
    induction = rng.random() < 0.5
    driven = profile.kind == "vfd" or not induction
    motor = None
    for size in (*usual, *(size for size in reversed(SIZES_KW) if size < _USUAL_KW[0])):
        machine = replace(draw_machine(Random(seed), size, induction), kw=size)
        motor = ReferenceMotor(machine, load, seed, driven, speed, refresh_s=profile.refresh_s or REFRESH_S)
        if not unrepresentable(profile, motor):
            return motor
    assert motor is not None
    return motor


def unrepresentable(profile: Profile, motor: ReferenceMotor, ratios: Ratios | None = None) -> dict[str, float]:
    """Quantities of the motor that the registers of the profile cannot show, with their values."""
    found = motor.drive(0.0) if profile.kind == "vfd" else motor.meter(0.0)
    values = (ratios or Ratios()).displayed(found)
    return {
        row.name: value
        for row in profile.registers
        if isinstance(value := values.get(row.name), int | float)
        and not _representable(row, value, motor.machine.kw)
    }  # fmt: skip


def _representable(row: Register, value: float, rating_kw: float) -> bool:
    """Return True if the value is plausible and the register can hold 1.3 times the value."""
    quantity, scale = vocabulary()[row.name], row.scale_for(rating_kw)
    if quantity.kind != "gauge" or row.type == "string" or row.parts or scale is None:
        return True
    low, high = row.window or (quantity.low, quantity.high)
    if (low is not None and value < low) or (high is not None and value > high):
        return False
    if row.type[0] == "f" or row.scale_from is not None:
        return True
    if row.type in BCD_WORDS:
        digits = int(row.type.lstrip("sbcd"))
        return bool(1.3 * abs(value) / scale < (8.0 * 10 ** (digits - 1) if row.type[0] == "s" else 10.0**digits))
    top = (1 << 16 * row.own_words - (row.type[0] == "i")) - 2
    if row.mask is not None:
        top = row.mask // (row.mask & -row.mask)
    if row.full_scale is not None:
        top = min(top, row.full_scale - 1)
    raw = abs(value - row.offset) / scale * 1.3
    return math.isfinite(raw) and (raw <= top or row.encoding != "plain")

"""One motor with its meter and drive on a link in memory: the true map encodes, the (incorrect) map decodes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from msgspec.structs import replace
from support.basics import HandClock

from agent.commissioning.selfcheck.model import DeviceSet, SelfcheckOutcome, Subject
from agent.commissioning.selfcheck.run import self_check
from agent.config.model import Drive, Meter, Motor
from drivers.bus_settings import BusSettings
from drivers.framing import Request
from drivers.profiles import Profile, Register, load_profile, profile_ids
from drivers.reading import Value
from drivers.registers import decode
from simulators.bus.memory import MemoryLink
from simulators.devices import register_encoder
from simulators.devices.device import Refused, SimulatedDevice
from simulators.devices.reference_motor import SIZES_KW, MotorParameters, ReferenceMotor, draw_machine

METER_UNIT, DRIVE_UNIT = 11, 31


RESPONSE_S = 0.02


class RecordingLink(MemoryLink):
    """A link to simulated devices, by unit identifier. It records every request and responds after 20 ms of `clock`."""

    def __init__(
        self, devices: Mapping[int, SimulatedDevice], clock: HandClock, wire: BusSettings | None = None
    ) -> None:
        super().__init__(list(devices.values()), clock, RESPONSE_S, wire=wire)
        self.clock, self.asked = clock, list[Request]()

    async def read_block(self, request: Request, timeout_s: float, *rest: float, **more: Any) -> bytes:
        self.asked.append(request)
        return await super().read_block(request, timeout_s, *rest, **more)


def served_map(name: str) -> Profile:
    """The profile without registers that mean something else in a single read; the simulated device has one meaning."""
    profile = load_profile(name)
    return replace(profile, registers=tuple(row for row in profile.registers if not row.alone))


def served(kind: str) -> list[str]:
    """Every profile of this kind that a self-check can verify with plain reads."""
    found = []
    for name in profile_ids():
        profile = load_profile(name)
        if profile.kind == kind and profile.dialect == "modbus":
            found.append(name)
    return found


@dataclass
class Scene:
    """A motor, identified by `name`, with the served and the configured properties of its devices."""

    machine: MotorParameters
    meter: Profile | None  # as served
    drive: Profile | None
    load: float
    seed: int
    name: str = "a"
    speed: float = 1.0
    units: tuple[int, int] = (METER_UNIT, DRIVE_UNIT)
    meter_map: Profile | None = None  # as configured; None: the same as served
    drive_map: Profile | None = None
    ct: tuple[float, float] = (150.0, 5.0)  # as installed
    ct_stated: tuple[float, float] | None = None  # as configured
    ratio_applied_by: str = "meter"
    crossed: tuple[int, int] | None = None
    reversed_phase: int | None = None
    serial: str | None = None
    serial_stated: str | None = None
    believed_units: tuple[int, int] | None = None
    plant: ReferenceMotor = field(init=False)

    def __post_init__(self) -> None:
        refresh_s = max((p.refresh_s for p in (self.meter, self.drive) if p), default=0.0) or 0.5
        self.plant = ReferenceMotor(
            self.machine, self.load, self.seed, self.drive is not None, self.speed, self.crossed, self.reversed_phase,
            refresh_s,
        )  # fmt: skip

    def devices(self, now_s: Callable[[], float]) -> dict[int, SimulatedDevice]:
        found = {}
        if self.meter:
            found[self.units[0]] = SimulatedDevice(self.units[0], self.meter, lambda: self._displayed(now_s()))
        if self.drive:
            found[self.units[1]] = SimulatedDevice(
                self.units[1], self.drive, lambda: dict(self.plant.drive(now_s())), rating_kw=self.machine.kw
            )
        return found

    def subjects(self, link: RecordingLink) -> list[Subject]:
        found = []
        units = self.believed_units or self.units
        if self.meter:
            profile = self.meter_map or self.meter
            three = profile.phases == 3
            meter = Meter(
                name=f"meter-{self.name}", bus="b", unit_id=units[0], profile=profile.id,
                measuring_point=("drive-input" if self.drive else "motor") if three else "feeder",
                wiring="3P4W" if three else "1P2W", ct=self.ct_stated or self.ct, vt=None,
                ratio_applied_by=self.ratio_applied_by,
                accuracy_class="0.5", ct_class="0.5", serial_number=self.serial_stated, fed_by=None,
                allocation="drive-power",
            )  # fmt: skip
            found.append(Subject(meter, profile, link))
        if self.drive:
            profile = self.drive_map or self.drive
            drive = Drive(
                name=f"drive-{self.name}", bus="b", unit_id=units[1], profile=profile.id,
                fed_by=f"meter-{self.name}" if self.meter else None, comm_loss="not used", kw=self.machine.kw,
                efficiency_class="IE2",
            )  # fmt: skip
            found.append(Subject(drive, profile, link, rating_kw=self.machine.kw))
        return found

    def motor(self) -> Motor:
        m = self.machine
        return Motor(
            name=f"motor-{self.name}", title="", kind="induction" if m.induction else "pm", kw=m.kw, rpm=m.rpm,
            poles=m.poles, volts=m.volts, fed_by=f"drive-{self.name}" if self.drive else f"meter-{self.name}",
            amps=round(m.amps, 1), efficiency_class=None, efficiency_pct=round(100 * m.efficiency, 1), r1_ohm=None,
            loss_points_w=(), replaced_motor=None, waveform=None,
        )  # fmt: skip

    def _displayed(self, now_s: float) -> Mapping[str, Value]:
        assert self.meter is not None
        values = self.plant.meter(now_s)
        if self.meter.phases == 1:
            one = ("active_power", "reactive_power", "apparent_power", "power_factor", "energy_import", "energy_total")
            values |= {name: values[f"{name}_l1"] for name in one}
            values["reactive_energy_import"] = 81.0 + values["reactive_power_l1"] * now_s / 3.6e6
        stated = self.ct_stated if self.ct_stated and self.ratio_applied_by == "meter" else self.ct
        values |= {"ct_ratio": stated[0] / stated[1], "vt_ratio": 1.0}
        units = {row.name: row.unit for row in self.meter.registers}
        if self.ratio_applied_by == "agent":
            values = secondary(values, units, self.ct[0] / self.ct[1])
        elif self.ct_stated:  # the meter was set to the configured ratio, which is wrong
            wrong = (self.ct_stated[0] / self.ct_stated[1]) / (self.ct[0] / self.ct[1])
            values = secondary(values, units, 1 / wrong)
        return values | ({"serial_number": int(self.serial)} if self.serial else {})


def check(*scenes: Scene, readings: int = 10) -> SelfcheckOutcome:
    clock = HandClock()
    begin_ns = clock.monotonic_ns()
    devices: dict[int, SimulatedDevice] = {}
    for scene in scenes:
        devices |= scene.devices(lambda: (clock.monotonic_ns() - begin_ns) / 1e9)
    link = RecordingLink(devices, clock)
    subjects = tuple(subject for scene in scenes for subject in scene.subjects(link))
    motors = tuple(scene.motor() for scene in scenes if not (scene.meter and scene.meter.phases == 1))
    result = asyncio.run(self_check(DeviceSet(subjects, motors), clock, readings))
    assert {request.function for request in link.asked} <= {3, 4}
    return result


def draw(rng: Random, meter: str | None, drive: str | None, load: float, name: str = "a") -> Scene:
    """A scene with a motor size that both maps can represent, and standard transformers for it."""
    profiles = [load_profile(item) for item in (meter, drive) if item]
    induction = drive is None or rng.random() < 0.5
    speed = rng.uniform(0.5, 1.0) if drive else 1.0
    seed = rng.getrandbits(32)
    sizes = [size for size in SIZES_KW if all(_shows(profile, size) for profile in profiles)]
    machine = draw_machine(rng, rng.choice(sizes), induction)
    primary = next((value for value in (10, 25, 50, 100, 150, 250, 400, 600, 1000, 1600) if value > machine.amps), 1600)
    return Scene(
        machine, served_map(meter) if meter else None, served_map(drive) if drive else None, load, seed, name,
        speed, ct=(float(primary), 5.0),
    )  # fmt: skip


def _shows(profile: Profile, kw: float) -> bool:
    """True if all values of a motor of this size are within the range of the registers at full load."""
    machine = MotorParameters(kw, 1475.0, 4, 380.0, True, 0.93, 0.82)
    plant = ReferenceMotor(machine, 1.2, 1, profile.kind == "vfd")
    values = plant.drive(0.0) if profile.kind == "vfd" else plant.meter(0.0)
    for row in profile.registers:
        if row.type != "string" and not row.parts and row.scale_from is None and (value := values.get(row.name)):
            decoded, _ = decode(row, register_encoder.words(row, values, kw), kw, verified=True)
            scale = row.scale_for(kw) or 1.0
            if not isinstance(decoded, int | float) or not math.isclose(
                decoded, value, rel_tol=0.05, abs_tol=abs(scale)
            ):
                return row.name not in ("motor_power", "motor_current", "motor_torque_nm", "active_power", "current_l1")
    return True


# Smallest mistakes that a self-check must find; docs/how-to/selfcheck.md describes them.
EXACT = 0.02  # relative difference of a quantity that other quantities of the same meter determine
VOLTAGE = 0.15  # voltages without power factor or apparent power: compared with the other phases only
LOOSE = 3.0  # factor, for quantities with only a physical limit
DRIVE = ("output_frequency", "motor_speed", "motor_speed_percent", "motor_current", "motor_power", "motor_torque",
         "motor_torque_nm", "output_voltage", "dc_bus_voltage", "mains_voltage", "shaft_power", "input_power",
         "motor_power_percent", "reference_frequency", "motor_rated_current", "motor_rated_voltage",
         "motor_rated_frequency", "motor_rated_speed", "drive_rated_power", "drive_rated_current")  # fmt: skip


def limit_of(name: str, profile: Profile) -> float | None:
    """Relative difference from which a wrong value must be found; None: nothing to compare it with."""

    def has(*names: str) -> bool:
        return all(profile.register(item) for item in names)

    phase = next((k for k in "123" if name.endswith((f"_l{k}", f"_l{k}n"))), None)
    if profile.kind == "vfd":
        return LOOSE - 1 if name in DRIVE else None
    if name == "frequency":
        return 0.15
    if name in ("active_power", "reactive_power", "voltage_ln_avg", "voltage_ll_avg", "current_avg", "current_sum"):
        parts = {
            "active_power": "active_power_l1",
            "reactive_power": "reactive_power_l1",
            "voltage_ln_avg": "voltage_l1n",
            "voltage_ll_avg": "voltage_l12",
            "current_avg": "current_l1",
            "current_sum": "current_l1",
        }
        return (0.05 if "reactive" in name else EXACT) if has(parts[name]) else LOOSE - 1
    if name in ("apparent_power", "power_factor"):
        return 0.7
    if phase is None:
        return None
    stem = name[: name.rindex("_l")]
    exact = has(f"power_factor_l{phase}") or has(f"apparent_power_l{phase}")
    if stem == "voltage":
        return EXACT if exact else VOLTAGE
    if stem in ("current", "apparent_power"):
        return EXACT if exact else LOOSE - 1
    if stem == "active_power":
        return EXACT if has(f"power_factor_l{phase}") else LOOSE - 1
    if stem == "power_factor":
        return EXACT
    if stem == "reactive_power":
        return 1.0 if has("reactive_power") else LOOSE - 1
    return None


def counts(scene: Scene, device: str, names: Collection[str], mistaken: Profile) -> bool:
    """True if the incorrect map publishes a comparable quantity with a difference above its limit."""
    true = scene.meter if device == "meter" else scene.drive
    assert true is not None
    simulated = scene.devices(lambda: 0.0)[scene.units[0 if device == "meter" else 1]]
    for name in names:
        right, wrong, limit = true.register(name), mistaken.register(name), limit_of(name, true)
        if limit is None or right is None or wrong is None:
            continue
        a, b = _published(simulated, right, scene.machine.kw), _published(simulated, wrong, scene.machine.kw)
        if a is None or (not a and not b):
            continue
        if b is None or not a or not b or a * b < 0 or max(abs(a / b), abs(b / a)) - 1 > limit:
            return True
    return False


def _published(device: SimulatedDevice, row: Register, kw: float) -> float | None:
    try:
        words = device.read(row.function, row.address, row.words)
    except Refused:
        return None
    value, _ = decode(row, words, kw, verified=True)
    return float(value) if isinstance(value, int | float) else None


def secondary(values: Mapping[str, float], units: Mapping[str, str], ratio: float) -> dict[str, float]:
    """Return the values of a meter with a missing current transformer ratio.

    values: primary values by name.
    units: unit of each value; only currents, powers and energies are scaled.
    ratio: primary current divided by secondary current.
    """
    scaled = ("A", "W", "var", "VA", "kWh", "kvarh", "kVAh")
    return {name: value / ratio if units.get(name) in scaled else value for name, value in values.items()}

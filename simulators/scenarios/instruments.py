"""Meters and drives of a plant from a scenario file, each on its line, with its errors and faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import NamedTuple

from drivers.profiles import load_profile
from drivers.s7_place import unit_of
from simulators import reasons as codes
from simulators.bus.plc_server import PlcServer
from simulators.bus.tcp import TcpBus
from simulators.devices import identity
from simulators.devices.device import SimulatedDevice
from simulators.devices.device_faults import DeviceFault, DeviceState
from simulators.devices.transmitter import transmitter_profile
from simulators.endpoints import Outlet
from simulators.meters import drive_display, meter
from simulators.meters.readings import Values
from simulators.meters.transformers import draw_transformers
from simulators.meters.wiring import wiring_of
from simulators.plant.phasors import Phasors
from simulators.reasons import require
from simulators.scenarios.line import segment_port
from simulators.scenarios.motor_train import MotorTrain, drive_name, meter_name
from simulators.scenarios.records import DeviceRecord, ScenarioRecord, SignalRecord
from simulators.scenarios.scenario import ScenarioLine
from simulators.truth import Row

UNIT_MAX = 247
# returns voltages and currents at the terminals of a meter of these trains
Measured = Callable[[list[str]], tuple[Phasors, Phasors]]


class InstalledDevice(NamedTuple):
    """A device on its line. state: the displayed values with the faults of the device."""

    name: str
    line: str
    device: SimulatedDevice
    state: DeviceState


class Instruments:
    """All instruments of a plant.

    trains_of: meter → the trains that it measures.
    start_kwh: meter → its counter at the start of the plant.
    absent: line → unit identifiers of drives that are not present: they do not respond.
    Raises InvalidValue for a device that does not fit on its line, or a fault of an unknown device.
    """

    def __init__(self, record: ScenarioRecord, units: Mapping[str, MotorTrain], chance: Random) -> None:
        self._record, self._units, self._chance = record, units, chance
        self.trains_of: dict[str, list[str]] = {}
        self.start_kwh: dict[str, float] = {}
        self.installed: list[InstalledDevice] = []
        self.absent: dict[str, set[int]] = {item.name: set() for item in record.line}
        self._meters: dict[str, meter.SimulatedMeter] = {}
        self._errors: dict[str, drive_display.DriveErrors] = {}
        self._serial_lines = {item.name for item in record.line if item.serial}
        self._plc_lines = {item.name for item in record.line if item.s7}
        self._plcs: list[PlcServer] = []
        self._used_units: dict[tuple[str, int], str] = {}
        for unit in units.values():
            if unit.record.meter is not None:
                self._install_meter(meter_name(unit.name), unit.record.meter, [unit.name], unit.number)
            if unit.record.drive is not None and unit.drive is not None:
                name = drive_name(unit.name)
                self._errors[name] = drive_display.draw_errors(chance)
                self._install(name, unit.record.drive, unit.number, unit.drive.power_w / 1000)
        for item in record.meter:
            names = [unit.name for unit in units.values() if unit.record.name in item.of]
            self._install_meter(item.name, item, names, 0)
        self._signals = {item.name: (item, self._install_transmitter(item)) for item in record.signal}
        known = {item.name for item in self.installed}
        for fault in record.trouble:
            require(fault.device in known, "trouble.device", codes.FAULTY_DEVICE_UNKNOWN, device=fault.device)

    def _install_meter(self, name: str, item: DeviceRecord, trains: list[str], number: int) -> None:
        start = self.start_kwh[name] = round(self._chance.uniform(2e3, 9e3), 2)
        self._meters[name] = meter.SimulatedMeter(
            meter.draw_errors(self._chance, item.accuracy), refresh_s=item.refresh_s, start_kwh=start,
            start_kvarh=start / 2, wiring=wiring_of(item.wiring_fault),
            transformers=draw_transformers(self._chance, item.ct) if item.ct else None,
        )  # fmt: skip
        self.trains_of[name] = trains
        self._install(name, item, number, None)

    def _install(self, name: str, item: DeviceRecord, number: int, rating_kw: float | None) -> None:
        lines = [item.line] if isinstance(item.line, str) else item.line
        line, unit = lines[number % len(lines)], item.unit + number // len(lines)
        self._reserve_unit(name, line, unit)
        profile = load_profile(item.profile)
        require((profile.dialect == "s7") == (line in self._plc_lines), name, codes.DEVICE_OF_PLC, profile=profile.id)
        identity_values = identity.identity_values(profile)
        state = DeviceState(
            DeviceFault(fault.kind, 3600 * fault.from_h, 3600 * fault.to_h, fault.code)
            for fault in self._record.trouble
            if fault.device == name
        )
        device = SimulatedDevice(
            self._unit_of(line, unit), profile, lambda: {**state.values, **identity_values}, rating_kw=rating_kw,
            extra=identity.identity_words(profile), state=state,
            identification=identity.identification(profile) if line in self._serial_lines else None,
        )  # fmt: skip
        self.installed.append(InstalledDevice(name, line, device, state))

    def _install_transmitter(self, item: SignalRecord) -> float:
        """Install a transmitter; return its constant gain error as a factor."""
        self._reserve_unit(item.name, item.line, item.unit)
        state = DeviceState()
        profile = transmitter_profile(item.name, item.unit_of_measure)
        device = SimulatedDevice(self._unit_of(item.line, item.unit), profile, lambda: state.values, state=state)
        self.installed.append(InstalledDevice(item.name, item.line, device, state))
        return 1 + self._chance.uniform(-item.accuracy, item.accuracy) / 100

    def _unit_of(self, line: str, unit: int) -> int:
        return unit_of(unit) if line in self._plc_lines else unit

    def _reserve_unit(self, name: str, line: str, unit: int) -> None:
        other = self._used_units.setdefault((line, unit), name)
        require(other is name, name, codes.UNIT_ID_IN_USE, unit_id=unit, line=line, other=other)
        require(unit <= UNIT_MAX, name, codes.LINE_FULL, unit_id=unit, line=line, n_max=UNIT_MAX)

    @property
    def lines(self) -> Mapping[str, ScenarioLine]:
        return {
            item.name: ScenarioLine(self._on(item.name), bool(item.serial), self.absent[item.name])
            for item in self._record.line
        }

    @property
    def outlets(self) -> Mapping[str, Outlet]:
        self._plcs = [PlcServer(self._on(item.name), item.port) for item in self._record.line if item.s7]
        plcs = iter(self._plcs)
        return {
            item.name: segment_port(item.serial, self._on(item.name)) if item.serial
            else next(plcs) if item.s7
            else TcpBus(self._on(item.name), item.port)
            for item in self._record.line
        }  # fmt: skip

    def _on(self, line: str) -> list[SimulatedDevice]:
        return [item.device for item in self.installed if item.line == line]

    def measure(self, measured: Measured, frequency_hz: float, now_s: float, dt_s: float) -> None:
        values: dict[str, Values] = {}
        for name, simulated in self._meters.items():
            simulated.step(*measured(self.trains_of[name]), frequency_hz, dt_s)
            values[name] = simulated.values
        for unit in self._units.values():
            name = drive_name(unit.name)
            if name in self._errors:
                present = unit.train.output is not None
                sensor = unit.record.drive is not None and unit.record.drive.speed_sensor
                values[name] = (
                    drive_display.display(unit.train, self._errors[name], unit.gates, sensor) if present else {}
                )
                drive = next(item for item in self.installed if item.name == name)
                (self.absent[drive.line].discard if present else self.absent[drive.line].add)(drive.device.unit)
        for name, (item, factor) in self._signals.items():
            values[name] = {name: _shown(item, factor, self._units[item.of])}
        for device in self.installed:
            device.state.update(now_s, values[device.name])
        for plc in self._plcs:
            plc.update()

    def truth(self, now_s: float) -> dict[str, Row]:
        """Return the state of the faults of each device that has faults."""
        return {item.name: {**item.state.active(now_s)} for item in self.installed if item.state.is_faulty}

    def add_fault(self, device: str, fault: DeviceFault) -> None:
        next(item for item in self.installed if item.name == device).state.add(fault)


def _shown(item: SignalRecord, factor: float, unit: MotorTrain) -> float:
    """Return the displayed value of a transmitter. factor: its gain; of a temperature its error is that at 100 K."""
    if item.shows == "flow":
        return item.full * factor * unit.passed_share
    assert unit.thermal is not None
    degc = {
        "winding-temperature": unit.winding_degc, "bearing-temperature": unit.bearing_degc,
        "ambient-temperature": unit.thermal.ambient_degc,
    }  # fmt: skip
    return degc[item.shows] + 100 * (factor - 1)

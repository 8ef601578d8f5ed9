"""Meters and drives of a plant from a scenario file, each on its line, with its errors and faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from random import Random

from drivers.profiles import load_profile
from drivers.reading import Value
from simulators import reasons as codes
from simulators.bus.line_settings_segment import LineSettingsSegment, SettingsStation
from simulators.bus.tcp import TcpBus
from simulators.devices import identity
from simulators.devices.device import SimulatedDevice
from simulators.devices.device_faults import DeviceFault, FaultyDevice
from simulators.devices.transmitter import transmitter_profile
from simulators.endpoints import Outlet
from simulators.meters import drive_display, meter
from simulators.meters.readings import Values
from simulators.meters.wiring import wiring_of
from simulators.plant.phasors import Phasors
from simulators.reasons import require, wrong
from simulators.scenarios.line import SegmentPort
from simulators.scenarios.motor_train import MotorTrain, drive_name, meter_name
from simulators.scenarios.records import DeviceRecord, ScenarioRecord, SignalRecord
from simulators.scenarios.scenario import ScenarioLine
from simulators.truth import Row

UNIT_MAX = 247
# returns voltages and currents at the terminals of a meter of these trains
Measured = Callable[[list[str]], tuple[Phasors, Phasors]]


@dataclass(slots=True)
class Placed:
    """A device on its line. ailing: holds the displayed values and applies the faults."""

    name: str
    line: str
    device: SimulatedDevice
    ailing: FaultyDevice


class Instruments:
    """All instruments of a plant.

    trains_of: meter → the trains that it measures.
    start_kwh: meter → its counter at the start of the plant.
    absent: line → unit identifiers of devices that are not yet installed.
    Raises InvalidValue for a device that does not fit on its line, or a fault of an unknown device.
    """

    def __init__(self, record: ScenarioRecord, units: Mapping[str, MotorTrain], chance: Random) -> None:
        self._record, self._units, self._chance = record, units, chance
        self.trains_of: dict[str, list[str]] = {}
        self.start_kwh: dict[str, float] = {}
        self.placed: list[Placed] = []
        self.absent: dict[str, set[int]] = {item.name: set() for item in record.line}
        self._meters: dict[str, meter.SimulatedMeter] = {}
        self._errors: dict[str, drive_display.DriveErrors] = {}
        self._taken: dict[tuple[str, int], str] = {}
        for unit in units.values():
            if unit.record.meter is not None:
                self._place_meter(meter_name(unit.name), unit.record.meter, [unit.name], unit.number)
            if unit.record.drive is not None and unit.drive is not None:
                name = drive_name(unit.name)
                self._errors[name] = drive_display.draw_errors(chance)
                self._place(name, unit.record.drive, unit.number, unit.drive.power_w / 1000)
        for item in record.meter:
            names = [unit.name for unit in units.values() if unit.record.name in item.of]
            self._place_meter(item.name, item, names, 0)
        self._signals = {item.name: (item, self._place_signal(item)) for item in record.signal}
        known = {placed.name for placed in self.placed}
        for trouble in record.trouble:
            require(trouble.device in known, "trouble.device", codes.FAULTY_DEVICE_UNKNOWN, device=trouble.device)

    def _place_meter(self, name: str, item: DeviceRecord, trains: list[str], number: int) -> None:
        start = self.start_kwh[name] = round(self._chance.uniform(2e3, 9e3), 2)
        self._meters[name] = meter.SimulatedMeter(
            meter.draw_errors(self._chance, item.accuracy), refresh_s=item.refresh_s, start_kwh=start,
            start_kvarh=start / 2, wiring=wiring_of(item.wiring_fault),
        )  # fmt: skip
        self.trains_of[name] = trains
        self._place(name, item, number, None)

    def _place(self, name: str, item: DeviceRecord, number: int, rating_kw: float | None) -> None:
        lines = [item.line] if isinstance(item.line, str) else item.line
        line, unit = lines[number % len(lines)], item.unit + number // len(lines)
        self._reserve_unit(name, line, unit)
        profile = load_profile(item.profile)
        marked = identity.identity_values(profile)
        ailing = FaultyDevice(
            DeviceFault(it.kind, 3600 * it.from_h, 3600 * it.to_h, it.code)
            for it in self._record.trouble
            if it.device == name
        )
        device = SimulatedDevice(
            unit, profile, partial(_shown, ailing, marked), rating_kw=rating_kw, extra=identity.identity_words(profile),
            ailing=ailing,
        )  # fmt: skip
        self.placed.append(Placed(name, line, device, ailing))

    def _place_signal(self, item: SignalRecord) -> float:
        """Place a transmitter; return its constant gain error as a factor."""
        self._reserve_unit(item.name, item.line, item.unit)
        ailing = FaultyDevice(())
        profile = transmitter_profile(item.name, item.unit_of_measure)
        device = SimulatedDevice(item.unit, profile, partial(_shown, ailing, {}), ailing=ailing)
        self.placed.append(Placed(item.name, item.line, device, ailing))
        return 1 + self._chance.uniform(-item.accuracy, item.accuracy) / 100

    def _reserve_unit(self, name: str, line: str, unit: int) -> None:
        if (line, unit) in self._taken:
            raise wrong(name, codes.UNIT_ID_IN_USE, unit_id=unit, line=line, other=self._taken[line, unit])
        require(unit <= UNIT_MAX, name, codes.LINE_FULL, unit_id=unit, line=line, n_max=UNIT_MAX)
        self._taken[line, unit] = name

    @property
    def lines(self) -> Mapping[str, ScenarioLine]:
        return {
            item.name: ScenarioLine(self._on(item.name), bool(item.serial), self.absent[item.name])
            for item in self._record.line
        }

    @property
    def outlets(self) -> Mapping[str, Outlet]:
        wires: dict[str, Outlet] = {}
        for item in self._record.line:
            devices = self._on(item.name)
            if item.serial:
                segment = LineSettingsSegment(item.serial)
                plates = {device.unit: identity.nameplate(device.profile) for device in devices}
                stations = [SettingsStation(segment, device, plates[device.unit]) for device in devices]
                wires[item.name] = SegmentPort(segment, stations)
            else:
                wires[item.name] = TcpBus(devices, item.port)
        return wires

    def _on(self, line: str) -> list[SimulatedDevice]:
        return [placed.device for placed in self.placed if placed.line == line]

    def measure(self, measured: Measured, frequency_hz: float, now_s: float, dt_s: float) -> None:
        shown: dict[str, Values] = {}
        for name, made in self._meters.items():
            made.step(*measured(self.trains_of[name]), frequency_hz, dt_s)
            shown[name] = made.values
        for unit in self._units.values():
            name = drive_name(unit.name)
            if unit.train is not None and name in self._errors:
                there = unit.train.output is not None
                shown[name] = drive_display.display(unit.train, self._errors[name], unit.tripped) if there else {}
                self._set_present(name, there)
        for name, (item, factor) in self._signals.items():
            shown[name] = {name: item.full * factor * self._units[item.of].share}
        for placed in self.placed:
            placed.ailing.update(now_s, shown[placed.name])

    def _set_present(self, name: str, there: bool) -> None:
        """Mark a drive as present or absent; an absent drive does not respond."""
        placed = next(item for item in self.placed if item.name == name)
        (self.absent[placed.line].discard if there else self.absent[placed.line].add)(placed.device.unit)

    def truth(self, now_s: float) -> dict[str, Row]:
        """Return the state of the faults of each device that has faults."""
        troubled = {trouble.device for trouble in self._record.trouble}
        return {item.name: {**item.ailing.state(now_s)} for item in self.placed if item.name in troubled}


def _shown(ailing: FaultyDevice, marked: Mapping[str, Value]) -> Mapping[str, Value]:
    return {**ailing.values, **marked}

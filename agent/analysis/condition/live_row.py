"""Rows of one second for the detectors, from the readings of the devices of one motor."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Literal

from agent.config.topology import Asset
from agent.core.usable_number import usable_number
from drivers.reading import Quality, Reading

Source = Literal["meter", "drive", "signals"]
_COLUMNS: Mapping[Source, Mapping[str, tuple[str, float]]] = {  # quantity → (column, factor)
    "meter": {
        "voltage_l12": ("u12_v", 1), "voltage_l23": ("u23_v", 1), "voltage_l31": ("u31_v", 1),
        "current_l1": ("i1_a", 1), "current_l2": ("i2_a", 1), "current_l3": ("i3_a", 1),
        "active_power": ("p_in_kw", 1e-3), "power_factor": ("pf", 1),
    },
    "drive": {
        "output_frequency": ("f_out_hz", 1), "motor_speed": ("speed_rpm", 1), "output_voltage": ("u_out_v", 1),
        "motor_current": ("i_out_a", 1), "motor_power": ("p_out_kw", 1), "motor_torque": ("torque_pct", 1),
        "dc_bus_voltage": ("u_dc_v", 1), "motor_temperature": ("winding_degc", 1),
        "drive_temperature": ("drive_degc", 1),
    },
}  # fmt: skip
_FAULTS = ("fault_code", "tripped")
_PHASE_VOLTAGES = ("voltage_l1n", "voltage_l2n", "voltage_l3n")
_MEASURES = {"winding-temperature": "winding_degc", "shaft-speed": "speed_rpm"}
OLD_PERIODS = 3.0  # a value that was not read again for that many of its own periods is no value
SPEED_MIN_RPM = 1.0


class DriveState(IntEnum):
    """READY: gates off. TURNING: gates off, and the motor turns."""

    READY = 0
    RUNS = 1
    FAULT = 2
    TURNING = 3


class LiveRow:
    """Collects readings; `row` returns what the devices show now.

    due_s: device → quantity → seconds between two readings.
    """

    def __init__(self, asset: Asset, due_s: Mapping[str, Mapping[str, float]]) -> None:
        self._due_s = due_s
        self._signals = _signal_columns(asset)
        self._values: dict[str, tuple[float, float]] = {}  # column → value, time from which it is old
        self._fault: tuple[float, float] | None = None
        self._has_drive = asset.drive is not None

    def on_reading(self, source: Source, reading: Reading, shared: bool = False) -> None:
        """Adds a reading. shared: the meter measures other motors, too, so that its values are not of this motor."""
        now_s = reading.monotonic_ns / 1e9
        if Quality.NO_REPLY in reading.quality:
            self._forget(source)
            return
        due_s = self._due_s.get(reading.device, {})
        columns = self._signals if source == "signals" else {} if shared else _COLUMNS[source]
        for quantity, (column, factor) in columns.items():
            if quantity in reading.values:
                self._put(column, usable_number(reading, quantity), factor, now_s, due_s.get(quantity, 1.0))
        if source == "meter" and not shared:
            self._put_line_voltages(reading, now_s, due_s)
        for quantity in _FAULTS if source == "drive" else ():
            if quantity in reading.values:
                self._put(quantity, usable_number(reading, quantity), 1, now_s, due_s.get(quantity, 1.0))

    def row(self, now_s: float) -> dict[str, float | None]:
        """Column → value; None: the device does not show it now."""
        found: dict[str, float | None] = {
            column: value if now_s <= old_s else None for column, (value, old_s) in self._values.items()
        }
        faults = [found.pop(quantity, None) for quantity in _FAULTS]
        if self._has_drive:
            found["drive_state"] = _drive_state(found, any(faults))
        return found

    def _put(self, column: str, value: float | None, factor: float, now_s: float, due_s: float) -> None:
        if value is None:
            self._values[column] = (0.0, -1.0)
        else:
            self._values[column] = (factor * value, now_s + OLD_PERIODS * due_s + 1)

    def _put_line_voltages(self, reading: Reading, now_s: float, due_s: Mapping[str, float]) -> None:
        """For a meter that shows phase voltages only. Without their angles an unbalance of the angles is not seen."""
        if "voltage_l12" in reading.values or not all(name in reading.values for name in _PHASE_VOLTAGES):
            return
        phases = [usable_number(reading, name) for name in _PHASE_VOLTAGES]
        for column, one, other in (("u12_v", 0, 1), ("u23_v", 1, 2), ("u31_v", 2, 0)):
            first, second = phases[one], phases[other]
            line_v = None
            if first is not None and second is not None:  # at 120 degrees
                line_v = (first * first + second * second + first * second) ** 0.5
            self._put(column, line_v, 1, now_s, due_s.get(_PHASE_VOLTAGES[one], 1.0))

    def _forget(self, source: Source) -> None:
        columns = [column for column, _ in (self._signals if source == "signals" else _COLUMNS[source]).values()]
        for column in (*columns, *(_FAULTS if source == "drive" else ())):
            if column in self._values:
                self._values[column] = (0.0, -1.0)


def _signal_columns(asset: Asset) -> dict[str, tuple[str, float]]:
    found = {signal.metric.name: (_MEASURES[signal.measures], 1.0) for signal in asset.signals
             if signal.measures in _MEASURES}  # fmt: skip
    settings = asset.motor.condition if asset.motor else None
    if settings is not None:
        named = {settings.bearing_signal: "bearing_de_degc", settings.ambient_signal: "ambient_degc"}
        for signal in asset.signals:
            if (column := named.get(signal.name)) is not None:
                found[signal.metric.name] = (column, 1.0)
    return found


def _drive_state(row: Mapping[str, float | None], fault: bool) -> float | None:
    """The state of the drive, from what it shows: state words differ between models. None: it does not respond.

    A drive whose output frequency is not 0 runs, also with a stored fault code. fault: a code or a bit shows a trip.
    """
    frequency_hz, speed_rpm = row.get("f_out_hz"), row.get("speed_rpm")
    if frequency_hz is None:
        return None
    if abs(frequency_hz) > 0 and row.get("u_out_v") != 0:
        return float(DriveState.RUNS)
    if fault:
        return float(DriveState.FAULT)
    turning = speed_rpm is not None and abs(speed_rpm) >= SPEED_MIN_RPM
    return float(DriveState.TURNING if turning else DriveState.READY)

"""Rated values of a machine, as far as its nameplate gives them."""

from __future__ import annotations

import math
import re

from agent.analysis.condition.machine import MachineData

# IEC 60085: limit of the hottest spot
_CLASS_DEGC = {"A": 105.0, "E": 120.0, "B": 130.0, "F": 155.0, "H": 180.0, "N": 200.0, "R": 220.0}
_HOLDING = ("hoist", "lift", "elevator", "crane", "winch", "brake", "holding", "positioning", "servo")
PUMP, FAN = "pump", "fan"


class Ratings:
    """None: not known.

    rpm, hz: rated speed and frequency. w: shaft power. a: current of the motor. input_a: line current of the drive.
    """

    def __init__(self, machine: MachineData) -> None:
        self.machine = machine
        hz = machine.hz or (machine.rpm * machine.poles / 120 if machine.rpm and machine.poles else None)
        self.hz = hz
        self.rpm = machine.rpm or (120 * hz / machine.poles if hz and machine.poles else None)
        nm = machine.nm
        self.w = 1000 * machine.kw if machine.kw else nm * self.rpm * math.pi / 30 if nm and self.rpm else None
        self.a = machine.amps
        # 0.85: usual product of efficiency and power factor of motor, drive and bridge
        self.input_a = self.w / (math.sqrt(3) * machine.volts * 0.85) if self.w and machine.volts else self.a
        self.class_degc = _class_degc(machine.winding_class)
        self.application = (machine.application or "").strip().lower()

    @property
    def is_magnet(self) -> bool:
        return self.machine.kind == "magnet"

    @property
    def is_pump(self) -> bool:
        return PUMP in self.application

    @property
    def is_fan(self) -> bool:
        return FAN in self.application or "blower" in self.application

    @property
    def holds(self) -> bool:
        """The application holds a load at standstill."""
        return any(word in self.application for word in _HOLDING)

    def emf_v(self, speed_rpm: float, magnet_degc: float = 20.0) -> float | None:
        """Line-to-line EMF, rms, at a speed; cold magnets give the highest."""
        flux_wb, pairs = self.machine.flux_20c_wb, self.machine.pole_pairs
        per_rpm = self.machine.emf_v / self.machine.rpm if self.machine.emf_v and self.machine.rpm else None
        if per_rpm is None and flux_wb and pairs:
            per_rpm = flux_wb * math.sqrt(1.5) * pairs * math.pi / 30
        return None if per_rpm is None else per_rpm * abs(speed_rpm) * (1 - 0.0011 * (magnet_degc - 20))


def _class_degc(text: str | None) -> float | None:
    """Limit of a thermal class, written as a letter ("F") or as its temperature ("155")."""
    found = re.search(r"\b([AEBFHNR])\b", (text or "").upper())
    if found:
        return _CLASS_DEGC[found.group(1)]
    number = re.search(r"\b(1\d\d|2[02]0)\b", text or "")
    return float(number.group(1)) if number and float(number.group(1)) in _CLASS_DEGC.values() else None

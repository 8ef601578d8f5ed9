"""What a scan is told, and what it finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from agent import scan_order as order
from agent.identify import Identified
from drivers.eavesdrop import Setting
from drivers.wire import Wire


@dataclass(frozen=True, slots=True)
class Target:
    """Where to look: a serial port, or host and port number. setting None: not known."""

    serial: str = ""
    host: str = ""
    port_number: int = 502
    rtu: bool = False
    setting: Setting | None = None

    @property
    def is_line(self) -> bool:
        """RTU: units share a line that keeps its silences; else a device or gateway that speaks TCP."""
        return bool(self.serial) or self.rtu

    def wire(self, setting: Setting | None) -> Wire:
        speed = setting or Setting(19200)
        return Wire(
            "scan", host=self.host, port_number=self.port_number, serial_port=self.serial, baud=speed.baud,
            data_bits=speed.data_bits, parity=speed.parity, stop_bits=speed.stop_bits, rtu_framing=self.rtu,
        )  # fmt: skip

    def __str__(self) -> str:
        return self.serial or f"{self.host}:{self.port_number}"


@dataclass(frozen=True, slots=True)
class Options:
    """depth: quick (likely units only), usual, full (rare settings, slow devices, function 3 for the silent ones)."""

    units: Sequence[int] = tuple(order.UNITS)
    depth: str = "usual"
    listen_s: float = 10.0
    fc03: bool = False
    identify: bool = True


@dataclass(slots=True)
class Found:
    unit: int
    setting: Setting | None
    function: int  # that it answered
    reply: str
    took_s: float
    identified: Identified | None = None


@dataclass(slots=True)
class Result:
    target: Target
    setting: Setting | None = None
    found: list[Found] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    asked: int = 0
    sought_s: float = 0.0  # listening and asking, without identification
    stopped: bool = False
    fc03: bool = False

    @property
    def units(self) -> set[int]:
        return {found.unit for found in self.found}


def parse_units(text: str) -> list[int]:
    """ "1-247", "1,5,20-30" → numbers. Raises ValueError."""
    found: list[int] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not (low.isdecimal() and (high.isdecimal() or not dash)):
            raise ValueError("write units like 1-247 or 1,5,20-30")
        first, last = int(low), int(high or low)
        if not 0 < first <= last <= 247:
            raise ValueError("units go from 1 to 247")
        found += range(first, last + 1)
    return list(dict.fromkeys(found))

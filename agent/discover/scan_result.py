"""What a scan is told, and what it finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from agent.discover import scan_order as order
from agent.discover.identified import Identified
from agent.words import counted
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
class Expected:
    """Who should be there: so many, and where the labels were read, which units."""

    count: int
    units: tuple[int, ...] = ()

    def missing(self, heard: set[int]) -> str:
        """What is short, as a finding; empty when all are there."""
        silent = [unit for unit in self.units if unit not in heard]
        if silent:
            return (
                f"{len(silent)} of {counted(self.count, 'expected unit')} silent: {_listed(silent)}. Is it on, is its "
                "unit number the one on its label, has it this line's settings?"
            )
        if len(heard) < self.count:
            there = f" ({_listed(sorted(heard))})" if heard else ""
            return (
                f"{counted(self.count, 'device')} expected, {len(heard)} answered{there}, "
                f"{self.count - len(heard)} missing: compare with the unit numbers on the labels"
            )
        return ""

    def surplus(self, heard: set[int]) -> str:
        """Who was not expected, as a note."""
        strangers = sorted(heard - set(self.units)) if self.units else []
        if strangers:
            return f"{_listed(strangers)} answered, not among the expected"
        return f"{len(heard)} answered, {self.count} expected" if len(heard) > self.count else ""


@dataclass(frozen=True, slots=True)
class Options:
    """depth: quick (likely units only), usual, full (rare settings, slow devices, function 3 for the silent ones)."""

    units: Sequence[int] = tuple(order.UNITS)
    depth: str = "usual"
    listen_s: float = 10.0
    fc03: bool = False
    identify: bool = True
    expected: Expected | None = None


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


def noise_findings(noisy: Mapping[int, Setting | None], result: Result) -> Iterator[str]:
    """noisy: units from which bytes came and never a frame, with the setting at which they first did."""
    for unit, setting in noisy.items():
        if result.found:
            yield (
                f"unit {unit}: something answers, never a whole frame, while others answer well: do two devices "
                f"share unit {unit}? Switch one off and scan again"
            )
        else:
            yield (
                f"unit {unit}: bytes came at {setting or result.target} that are no frame, at no setting: two "
                "devices with that unit, A and B exchanged, or noise?"
            )


def parse_expected(text: str) -> Expected:
    """ "6": so many devices; "11-14,31": these units. Raises ValueError."""
    if text.strip().isdecimal():
        if not 0 < int(text) <= 247:
            raise ValueError("a line has 1 to 247 devices")
        return Expected(int(text))
    units = tuple(parse_units(text))
    return Expected(len(units), units)


def _listed(units: Sequence[int]) -> str:
    return f"unit{'s' * (len(units) != 1)} {', '.join(map(str, units))}"


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

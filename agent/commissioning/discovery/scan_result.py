"""Options and results of a scan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct, field

from agent.commissioning.discovery import reasons as codes
from agent.commissioning.discovery import scan_order as order
from agent.commissioning.discovery.match import Identified
from drivers.bus_settings import BusSettings
from drivers.dlt645_frames import READ_ADDRESS, READ_DATA
from drivers.reasons import InvalidValue, Reason
from drivers.serial_sniffer import SerialSetting

NETWORK_S = 0.1  # round trip to a converter
METER_FUNCTIONS = (READ_DATA, READ_ADDRESS)
QUIET_TCP_S = 0.4  # timeout after it is known that absent units cause no response


class Target(Struct, frozen=True):
    """The bus to scan: a serial port, or a host.

    serial: name of the serial port; empty: TCP.
    host, port_number: Modbus TCP device, gateway or converter.
    rtu: RTU frames in TCP, for a transparent converter.
    setting: line settings; None: unknown.
    dlt645: meters of DL/T 645 respond on the line.
    listens: another master polls the line; nothing is sent. period_s: its longest period.
    """

    serial: str = ""
    host: str = ""
    port_number: int = 502
    rtu: bool = False
    setting: SerialSetting | None = None
    dlt645: bool = False
    listens: bool = False
    period_s: float = 0.0

    @property
    def is_line(self) -> bool:
        """Whether the units share a serial line (RTU); otherwise it is a device or gateway with Modbus TCP."""
        return bool(self.serial) or self.rtu

    def bus_settings(self, setting: SerialSetting | None, listen_s: float) -> BusSettings:
        speed = setting or SerialSetting(19200)
        return BusSettings(
            "bus", host=self.host, port_number=self.port_number, serial_port=self.serial, baud=speed.baud,
            data_bits=speed.data_bits, parity=speed.parity, stop_bits=speed.stop_bits, rtu_framing=self.rtu,
            listen_s=listen_s, dlt645=self.dlt645,
        )  # fmt: skip

    def waited_s(self, device_s: float) -> float:
        """The longest time that is waited for a device with this response time, without the transmission time."""
        return device_s + NETWORK_S if self.rtu else device_s

    def __str__(self) -> str:
        return self.serial or f"{self.host}:{self.port_number}"


class Expected(Struct, frozen=True):
    """The devices that must respond.

    count: their number.
    units: their unit identifiers; empty: unknown.
    """

    count: int
    units: tuple[int, ...] = ()

    def missing(self, responded: set[int]) -> Reason | None:
        """The finding on missing devices; None if all responded."""
        if silent := tuple(unit for unit in self.units if unit not in responded):
            return codes.EXPECTED_UNITS_SILENT(n=len(silent), expected=self.count, unit_ids=silent)
        if len(responded) < self.count:
            return codes.EXPECTED_DEVICES_MISSING(
                expected=self.count, responded=len(responded), missing=self.count - len(responded)
            )
        return None

    def surplus(self, responded: set[int]) -> Reason | None:
        """The note on devices that were not expected; None if there are none."""
        if self.units:
            others = tuple(sorted(responded - set(self.units)))
            return codes.UNEXPECTED_UNITS(unit_ids=others) if others else None
        n = len(responded)
        return codes.UNEXPECTED_DEVICES(responded=n, expected=self.count) if n > self.count else None


class ScanOptions(Struct, frozen=True):
    """What a scan does.

    units: unit identifiers to query.
    depth: quick (likely units only), usual, or full (also rare settings, slow devices, and function 03 for units that
        do not respond).
    listen_s: time of listening before the first request, in seconds.
    fc03: function 03 may be used.
    identify: also identify the models.
    expected: the devices that must respond; None: unknown.
    meters: addresses of meters of DL/T 645 on the line; empty: unknown.
    listen_only: nothing is sent, whether another master is detected or not.
    deep: search the addresses of meters if several respond to the wildcard.
    """

    units: Sequence[int] = tuple(order.UNITS)
    depth: str = "usual"
    listen_s: float = 10.0
    fc03: bool = False
    identify: bool = True
    expected: Expected | None = None
    meters: Sequence[int] = ()
    listen_only: bool = False
    deep: bool = False


class FoundDevice(Struct):
    """A unit that responded.

    unit: unit identifier; address of a meter of DL/T 645.
    setting: line settings; None: Modbus TCP, or unknown settings of a converter.
    function: function code of the request.
    exception: code of the exception response; 0: registers.
    response_s: response time in seconds.
    identified: its model; None: not identified.
    """

    unit: int
    setting: SerialSetting | None
    function: int
    exception: int
    response_s: float
    identified: Identified | None = None

    @property
    def is_meter(self) -> bool:
        """Whether it responded to DL/T 645."""
        return self.function in METER_FUNCTIONS


class ScanResult(Struct):
    """Result of a scan.

    target: the bus.
    setting: line settings that were found; None: none, or Modbus TCP.
    found: units that responded.
    findings: what requires an action.
    notes: information.
    requests: number of requests, with those of the identification.
    duration_s: duration in seconds, with listening and identification.
    stopped: the scan was interrupted.
    fc03: function 03 was permitted.
    """

    target: Target
    setting: SerialSetting | None = None
    found: list[FoundDevice] = field(default_factory=list)
    findings: list[Reason] = field(default_factory=list)
    notes: list[Reason] = field(default_factory=list)
    requests: int = 0
    duration_s: float = 0.0
    stopped: bool = False
    fc03: bool = False

    @property
    def units(self) -> set[int]:
        return {found.unit for found in self.found}


class ScanProgress(Protocol):
    """Receives the progress of a scan. Texts are in the language of the process."""

    def on_text(self, text: str) -> None: ...

    def on_part(self, name: str, total: int) -> None:
        """A part of the scan begins, in which `total` units are queried."""

    def on_unit(self, unit: int) -> None:
        """The next unit is queried."""

    def on_found(self, found: FoundDevice) -> None: ...

    def on_duration(self, left_s: float) -> None:
        """The estimate of the remaining time, in seconds, has changed."""


def noise_findings(noisy: Mapping[int, SerialSetting | None], result: ScanResult) -> Iterator[Reason]:
    """The findings on units from which only invalid bytes were received.

    noisy: unit identifier → setting at which bytes were received first.
    """
    for unit, setting in noisy.items():
        if result.found:
            yield codes.UNIT_ID_SHARED(unit_id=unit)
        else:
            yield codes.UNIT_WITHOUT_FRAME(unit_id=unit, line=str(setting or result.target))


def advice_without_device(result: ScanResult) -> Reason:
    """What the operator does if no device responded."""
    if result.findings:
        return codes.ACT_ON_FINDINGS()
    return codes.NO_DEVICE_ON_LINE() if result.target.serial else codes.NO_DEVICE_AT_HOST()


def parse_expected(text: str) -> Expected:
    """ "6": number of devices; "11-14,31": unit identifiers. Raises InvalidValue."""
    if text.strip().isdecimal():
        if not 0 < int(text) <= 247:
            raise InvalidValue(codes.UNIT_COUNT_OUT_OF_RANGE)
        return Expected(int(text))
    units = tuple(parse_units(text))
    return Expected(len(units), units)


def parse_units(text: str) -> list[int]:
    """ "1-247" or "1,5,20-30" → unit identifiers. Raises InvalidValue."""
    found: list[int] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not (low.isdecimal() and (high.isdecimal() or not dash)):
            raise InvalidValue(codes.UNIT_LIST_EXPECTED)
        first, last = int(low), int(high or low)
        if not 0 < first <= last <= 247:
            raise InvalidValue(codes.UNIT_ID_OUT_OF_RANGE)
        found += range(first, last + 1)
    return list(dict.fromkeys(found))

"""An RS-485 line with one baud rate and parity; ports with other settings receive and send corrupt bytes.

line = LineSettingsSegment("9600 8E1")
station = DeviceStation(line, SimulatedDevice(11, profile, values))
port = line.port("agent"); line.start(); ...; line.stop()
"""

from __future__ import annotations

import termios

from simulators.bus.frames import rtu
from simulators.bus.pty import Pty
from simulators.bus.segment import Segment, Station
from simulators.devices.allowed_functions import allowed
from simulators.devices.device import SimulatedDevice


class LineSettingsSegment(Segment):
    """A segment with line settings.

    parity_of_port: parity with which the ports are open now; a pseudo-terminal carries a baud rate, but no parity.
    checks_parity: True: devices drop characters with another parity. Many meters do not, but send with their own
        parity.
    """

    def __init__(self, line: str = "19200 8N1", chunk: int = 4, checks_parity: bool = True) -> None:
        self.checks_parity = checks_parity
        baud, format_ = line.split()
        self.baud, self.parity = int(baud), format_[1]
        super().__init__(self.baud, 9 + int(format_[2]) + (self.parity != "N"), chunk)
        self.parity_of_port = self.parity

    def _settings_match(self, port: Pty, with_parity: bool = True) -> bool:
        speed = termios.tcgetattr(port.fd)[4]
        fits = not with_parity or self.parity_of_port == self.parity
        return fits and speed == getattr(termios, f"B{self.baud}")

    def _transmit(self, station: str, data: bytes) -> float:
        port = self._ptys.get(station)
        matches = port is None or self._settings_match(port, self.checks_parity)
        return super()._transmit(station, data if matches else _corrupted(data))

    def _deliver(self, port: Pty, data: bytes) -> None:
        super()._deliver(port, data if self._settings_match(port) else _corrupted(data))


class DeviceStation(Station):
    """A simulated device that responds to reads of registers and of its nameplate.

    functions: requested functions, in order.
    """

    def __init__(self, segment: Segment, device: SimulatedDevice, name: str = "", turnaround_s: float = 0.01) -> None:
        super().__init__(segment, device.unit, name, turnaround_s)
        self.functions: list[int] = []
        self._device = device

    def on_request(self, frame: bytes) -> None:
        self.functions.append(frame[1])
        if not self._device.silent:
            self.respond(rtu(self.unit, self._pdu(frame[1:-2])))

    def _pdu(self, pdu: bytes) -> bytes:
        allowed(pdu[0], self.name)
        return self._device.respond(pdu)


def _corrupted(data: bytes) -> bytes:
    """Return what a receiver with other line settings detects: other and fewer bytes."""
    return bytes(byte ^ 0xB4 for byte in data[: max(1, len(data) - 1)])

"""An RS-485 line with one baud rate and parity; ports with other settings receive and send corrupt bytes.

line = LineSettingsSegment("9600 8E1")
station = Station(line, SimulatedDevice(11, profile, values))
port = line.port("agent"); line.start(); ...; line.stop()
"""

from __future__ import annotations

import struct
import termios

from simulators.bus.frames import rtu
from simulators.bus.functions import IDENTITY, allowed
from simulators.bus.nameplate import Nameplate
from simulators.bus.pty import Pty
from simulators.bus.segment import Segment, SegmentSlave
from simulators.devices.device import Refused, SimulatedDevice


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

    def _in_tune(self, port: Pty, with_parity: bool = True) -> bool:
        speed = termios.tcgetattr(port.fd)[4]
        fits = not with_parity or self.parity_of_port == self.parity
        return fits and speed == getattr(termios, f"B{self.baud}")

    def _say(self, who: str, data: bytes) -> float:
        port = self._ptys.get(who)
        heard = port is None or self._in_tune(port, self.checks_parity)
        return super()._say(who, data if heard else _spoilt(data))

    def _deliver(self, port: Pty, data: bytes) -> None:
        super()._deliver(port, data if self._in_tune(port) else _spoilt(data))


class SettingsStation(SegmentSlave):
    """A simulated device that responds to reads of registers and of its nameplate.

    functions: requested functions, in order.
    """

    def __init__(
        self, segment: Segment, device: SimulatedDevice, nameplate: Nameplate | None = None, name: str = "",
        turnaround_s: float = 0.01,
    ) -> None:  # fmt: skip
        super().__init__(segment, device.unit, name, turnaround_s)
        self.functions: list[int] = []
        self._device, self._nameplate = device, nameplate or Nameplate()

    def addressed(self, frame: bytes) -> None:
        function = frame[1]
        self.functions.append(function)
        if self._device.silent:
            return
        self._answer(rtu(self.unit, self._pdu(function, frame[1:-2])))

    def _pdu(self, function: int, pdu: bytes) -> bytes:
        if function in IDENTITY:
            return self._nameplate.answer(pdu)
        if not allowed(function, self.name) or function not in (3, 4) or len(pdu) != 5:
            return bytes((function | 0x80, 1))
        address, count = struct.unpack(">HH", pdu[1:])
        try:
            words = self._device.read(function, address, count)
        except Refused as refusal:
            return bytes((function | 0x80, refusal.code))
        return struct.pack(f">BB{count}H", function, 2 * count, *words)


class PrivateDrive(SegmentSlave):
    """The Huanyang protocol, similar to Modbus: function 3 commands the motor, function 4 returns three bytes."""

    def __init__(self, segment: Segment, unit: int) -> None:
        super().__init__(segment, unit, f"private-{unit}")
        self.asked_times = self.commands = 0

    def addressed(self, frame: bytes) -> None:
        self.asked_times += 1
        if frame[1] == 4:
            self._answer(rtu(self.unit, bytes((4, 3, frame[3], 0x13, 0x88))))
        elif frame[1] in (3, 5):
            self.commands += 1
            self._answer(rtu(self.unit, bytes((frame[1], 1, 0x01))))


def _spoilt(data: bytes) -> bytes:
    """Return what a receiver with other line settings detects: other and fewer bytes."""
    return bytes(byte ^ 0xB4 for byte in data[: max(1, len(data) - 1)])

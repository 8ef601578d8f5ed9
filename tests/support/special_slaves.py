"""Slaves with a special behaviour: a communication watchdog, a protocol that only resembles Modbus."""

from __future__ import annotations

from support.numbered_slave import NumberedSlave

from simulators.bus.frames import rtu
from simulators.bus.reactor import Timer
from simulators.bus.segment import Segment

WATCHDOG_S = 3.0


class WatchdogDrive(NumberedSlave):
    """A drive that stops its motor if its master stops sending.

    armed: True after the first valid frame addressed to the drive.
    fed_s: monotonic time of the last such frame, seconds.
    tripped_s: monotonic time when the drive stopped the motor, seconds. None: the motor runs.
    """

    def __init__(self, segment: Segment, unit: int, watchdog_s: float = WATCHDOG_S) -> None:
        super().__init__(segment, unit, f"drive-{unit}")
        self.watchdog_s = watchdog_s
        self.armed = False
        self.fed_s = 0.0
        self.tripped_s: float | None = None
        self._timer: Timer | None = None

    def on_request(self, frame: bytes) -> None:
        self.armed, self.fed_s = True, self.segment.now()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.segment.at(self.fed_s + self.watchdog_s, self._trip)
        super().on_request(frame)

    def _trip(self) -> None:
        if self.tripped_s is None:
            self.tripped_s = self.segment.now()


class PrivateDrive(NumberedSlave):
    """The Huanyang protocol, similar to Modbus: function 3 commands the motor, function 4 returns three bytes."""

    def __init__(self, segment: Segment, unit: int) -> None:
        super().__init__(segment, unit, f"private-{unit}")
        self.asked_times = self.commands = 0

    def on_request(self, frame: bytes) -> None:
        self.asked_times += 1
        if frame[1] == 4:
            self.respond(rtu(self.unit, bytes((4, 3, frame[3], 0x13, 0x88))))
        elif frame[1] in (3, 5):
            self.commands += 1
            self.respond(rtu(self.unit, bytes((frame[1], 1, 0x01))))

"""A drive that stops its motor if its master stops sending; the first frame addressed to it arms the watchdog."""

from __future__ import annotations

from simulators.bus.reactor import Timer
from simulators.bus.segment import Segment, SegmentSlave

WATCHDOG_S = 3.0


class WatchdogDrive(SegmentSlave):
    """A slave with a communication watchdog.

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

    def addressed(self, frame: bytes) -> None:
        self.armed, self.fed_s = True, self._segment.now()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._segment.at(self.fed_s + self.watchdog_s, self._trip)
        super().addressed(frame)

    def _trip(self) -> None:
        if self.tripped_s is None:
            self.tripped_s = self._segment.now()

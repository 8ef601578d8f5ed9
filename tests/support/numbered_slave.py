"""A slave whose register values identify the request (simulators/bus/frames.py)."""

from __future__ import annotations

import struct

from simulators.bus.frames import Ask, rtu
from simulators.bus.segment import Segment, Station
from simulators.devices.allowed_functions import allowed


class NumberedSlave(Station):
    """Responds to register reads. asked: the requests."""

    def __init__(self, segment: Segment, unit: int, name: str = "", turnaround_s: float = 0.003) -> None:
        super().__init__(segment, unit, name, turnaround_s)
        self.asked: list[Ask] = []

    def on_request(self, frame: bytes) -> None:
        """A frame not 8 bytes long is not a register read and is ignored."""
        if len(frame) != 8:
            return
        function = frame[1]
        if not allowed(function, self.name) or function not in (3, 4):
            self.respond(rtu(self.unit, bytes((function | 0x80, 1))))
            return
        address, count = struct.unpack(">HH", frame[2:6])
        ask = Ask(len(self.asked) + 1, self.segment.now(), self.unit, function, address, count, None, frame)
        self.asked.append(ask)
        self.respond(ask.frame() if 1 <= count <= 125 else ask.exception_frame(3))

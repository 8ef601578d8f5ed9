"""Common part of the scripted servers: queue of requests, timing of the steps, log of the requests."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from support.fault_matrix import FaultStep, Line, Script

from simulators.bus.frames import Ask, mbap, rtu
from simulators.bus.reactor import Reactor
from simulators.devices.allowed_functions import allowed


class Peer(Protocol):
    """The master at the other end of the line."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class FaultyLine(Reactor):
    """Base class of the scripted servers; subclasses add the serial or TCP transport.

    asked: all valid requests.
    missed: requests that arrived while a server without queue was busy.
    damaged: byte sequences between two silences that were no request.
    connections: number of connections so far.
    """

    serial_port = ""
    host, port_number = "", 0

    def __init__(self, kind: Line, script: Script, turnaround_s: float, queue: bool) -> None:
        super().__init__(f"line-{kind.value}")
        self.kind = kind
        self.asked: list[Ask] = []
        self.missed = 0
        self.damaged = 0
        self.connections = 0
        self._script, self._turnaround_s, self._queue = script, turnaround_s, queue
        self._waiting: deque[tuple[list[FaultStep], Peer]] = deque()
        self._busy = False

    def _understood(
        self, unit: int, pdu: bytes, transaction: int | None, raw: bytes, peer: Peer, at_s: float, whole_s: float
    ) -> None:
        """Handles a request received from at_s to whole_s (monotonic). Rejects all functions except 3 and 4."""
        if self._busy and not self._queue:
            self.missed += 1
            return
        function = pdu[0]
        if not allowed(function, self.name) or function not in (3, 4) or len(pdu) != 5:
            refusal = bytes((function | 0x80, 1))
            steps = [FaultStep(rtu(unit, refusal) if transaction is None else mbap(transaction, unit, refusal))]
        else:
            address, count = struct.unpack(">HH", pdu[1:])
            ask = Ask(len(self.asked) + 1, at_s, unit, function, address, count, transaction, raw)
            self.asked.append(ask)
            steps = self._script(ask)
        self._waiting.append((steps, peer))
        if not self._busy:
            self._next(whole_s)

    def _next(self, from_s: float) -> None:
        """Starts the next response. Times derive from each other, so that delays of this thread do not accumulate."""
        if not self._waiting:
            self._busy = False
            return
        self._busy = True
        steps, peer = self._waiting.popleft()
        self._do(iter(steps), peer, from_s + self._turnaround_s)

    def _do(self, steps: Iterator[FaultStep], peer: Peer, from_s: float) -> None:
        step = next(steps, None)
        if step is None:
            self._next(from_s)
            return
        when_s = from_s + step.after_s

        def act() -> None:
            if step.close:
                peer.close()
                self._do(steps, peer, when_s)
            else:
                self._send(step.data, peer, when_s, lambda end_s: self._do(steps, peer, end_s))

        self.at(when_s, act)

    def _send(self, data: bytes, peer: Peer, begin_s: float, done: Callable[[float], None]) -> None:
        peer.write(data)
        done(begin_s)

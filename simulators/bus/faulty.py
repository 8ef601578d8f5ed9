"""Slaves that answer by a script, on every kind of line. Their bytes are made by hand and prove what they answer.

    line = open_line(Line.RTU, fault.script)      # also RTU_TCP, TCP, TCP0
    line.start()                                  # line.serial_port, or line.host and line.port_number
    ...                                           # line.asked: every request that was understood, with its time
    line.stop()

A serial slave takes a frame for ended after 3.5 characters of silence, and sends no faster than its baud rate. With
`queue` it is what gateways and buffered converters are: requests that come while it is busy wait. Without, they are
missed.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from simulators.bus.faults import Line, Script, Step
from simulators.bus.folder import port_folder
from simulators.bus.frames import Ask, crc_fits, mbap, rtu
from simulators.bus.functions import allowed
from simulators.bus.pty import Pty
from simulators.bus.reactor import Reactor, Timer
from simulators.bus.sockets import Connection, Listener

PLUG_S = 0.05  # until an unplugged adapter is back
_EARLY_S = 50e-6  # what clocks of two threads may differ before a silence counts as broken


class Peer(Protocol):
    """Whoever is at the other end of the wire."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class FaultyLine(Reactor):
    """What all lines share: requests in order, steps in time, the log."""

    serial_port = ""
    host, port_number = "", 0

    def __init__(self, kind: Line, script: Script, turnaround_s: float, queue: bool) -> None:
        super().__init__(f"line-{kind.value}")
        self.kind = kind
        self.asked: list[Ask] = []
        self.missed = 0  # requests that came while a slave without queue was busy
        self.damaged = 0  # bytes between two silences that were no request
        self.connections = 0
        self._script, self._turnaround_s, self._queue = script, turnaround_s, queue
        self._waiting: deque[tuple[list[Step], Peer]] = deque()
        self._busy = False

    def _understood(
        self, unit: int, pdu: bytes, transaction: int | None, raw: bytes, peer: Peer, at_s: float, whole_s: float
    ) -> None:
        """A request that began at at_s and was whole at whole_s. Everything but reading registers is refused."""
        if self._busy and not self._queue:
            self.missed += 1
            return
        function = pdu[0]
        if not allowed(function, self.name) or function not in (3, 4) or len(pdu) != 5:
            refusal = bytes((function | 0x80, 1))
            steps = [Step(rtu(unit, refusal) if transaction is None else mbap(transaction, unit, refusal))]
        else:
            address, count = struct.unpack(">HH", pdu[1:])
            ask = Ask(len(self.asked) + 1, at_s, unit, function, address, count, transaction, raw)
            self.asked.append(ask)
            steps = self._script(ask)
        self._waiting.append((steps, peer))
        if not self._busy:
            self._next(whole_s)

    def _next(self, from_s: float) -> None:
        """Times follow from each other as on a wire: what this thread is late by does not add up."""
        if not self._waiting:
            self._busy = False
            return
        self._busy = True
        steps, peer = self._waiting.popleft()
        self._do(iter(steps), peer, from_s + self._turnaround_s)

    def _do(self, steps: Iterator[Step], peer: Peer, from_s: float) -> None:
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


class SerialLine(FaultyLine):
    """Framing by silence, pacing by baud. baud 0: a line without time, framed by length, for many exchanges a second.

    chunk: how many characters reach the other end together, as a UART's buffer or a USB frame does.
    """

    def __init__(
        self, kind: Line, script: Script, turnaround_s: float, queue: bool, baud: int, bits: int, chunk: int
    ) -> None:
        super().__init__(kind, script, turnaround_s, queue)
        self.violations = 0  # requests that began less than 3.5 characters after our last character
        self.collisions = 0  # requests that began while we were sending
        self.character_s = bits / baud if baud else 0.0
        self.silence_s = (0.00175 if baud > 19200 else 3.5 * self.character_s) if baud else 0.0
        self._chunk = chunk or (max(1, int(0.002 / self.character_s)) if baud else 1 << 16)
        self._request = bytearray()
        self._began_s = self._heard_s = 0.0
        self._sent_s = -1.0  # when our last character had left
        self._ended: Timer | None = None

    def _hear(self, data: bytes, peer: Peer) -> None:
        now_s = self.now()
        if not self._request:
            self._began_s = self._heard_s = now_s
            if now_s < self._sent_s - _EARLY_S:
                self.collisions += 1
            elif now_s < self._sent_s + self.silence_s - _EARLY_S:
                self.violations += 1
        self._request += data
        if not self.character_s:
            self._by_length(peer)
            return
        # A terminal hands over in an instant what a wire needs time for.
        self._heard_s = max(self._heard_s, now_s) + len(data) * self.character_s
        if self._ended is not None:
            self._ended.cancel()
        ended_s = self._heard_s + self.silence_s
        self._ended = self.at(ended_s, lambda: self._frame_ended(peer, ended_s))

    def _frame_ended(self, peer: Peer, ended_s: float) -> None:
        frame, self._request = bytes(self._request), bytearray()
        if crc_fits(frame):
            self._understood(frame[0], frame[1:-2], None, frame, peer, self._began_s, ended_s)
        else:
            self.damaged += 1

    def _by_length(self, peer: Peer) -> None:
        while len(self._request) >= 8:
            frame = bytes(self._request[:8])
            if not crc_fits(frame):
                self.damaged += 1
                self._request.clear()
                return
            del self._request[:8]
            self._understood(frame[0], frame[1:-2], None, frame, peer, self._began_s, self._began_s)

    def _send(self, data: bytes, peer: Peer, begin_s: float, done: Callable[[float], None]) -> None:
        if not self.character_s:
            super()._send(data, peer, begin_s, done)
            return
        begin_s = max(begin_s, self._sent_s)
        self._sent_s = begin_s + len(data) * self.character_s

        def chunk(at: int) -> None:
            peer.write(data[at : at + self._chunk])
            after(at + self._chunk)

        def after(at: int) -> None:
            if at >= len(data):
                done(begin_s + len(data) * self.character_s)
                return
            end = min(at + self._chunk, len(data))
            self.at(begin_s + end * self.character_s, lambda: chunk(at))

        after(0)


class RtuPty(SerialLine):
    """A slave on a pseudo-terminal. `serial_port` is a link that keeps its name while the adapter goes and comes."""

    def __init__(
        self, script: Script, *, baud: int = 19200, bits: int = 10, turnaround_s: float = 0.002, queue: bool = True,
        chunk: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(Line.RTU, script, turnaround_s, queue, baud, bits, chunk)
        self._folder = port_folder()
        self.serial_port = str(self._folder / "port")
        self._pty: Pty | None = None
        self._plug()

    def write(self, data: bytes) -> None:
        if self._pty is not None:
            self._pty.write(data)

    def close(self) -> None:
        """Unplugs; back after PLUG_S."""
        self.unplug()
        self.at(self.now() + PLUG_S, self._plug)

    def unplug(self) -> None:
        """For good, until `plug`. From this thread only: use `ask`."""
        if self._pty is not None:
            self.unwatch(self._pty.fd)
            self._pty.close()
            self._pty = None
            os.unlink(self.serial_port)

    def _plug(self) -> None:
        if self._pty is None:
            self._pty = Pty(hold=True)
            self.watch(self._pty.fd, self._read)
            os.symlink(self._pty.path, self.serial_port)
            self.connections += 1

    def _read(self) -> None:
        if self._pty is not None and (data := self._pty.read()):
            self._hear(data, self)

    def shut(self) -> None:
        if self._pty is not None:
            self._pty.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class RtuTcp(SerialLine):
    """A transparent converter: the serial line's bytes go to whoever is connected when they come."""

    host = "127.0.0.1"

    def __init__(
        self, script: Script, *, baud: int = 19200, bits: int = 10, turnaround_s: float = 0.002, queue: bool = True,
        chunk: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(Line.RTU_TCP, script, turnaround_s, queue, baud, bits, chunk)
        self._listener = Listener(self, lambda data, _connection: self._hear(data, self))
        self.port_number = self._listener.port_number

    @property
    def accepted(self) -> int:
        return self._listener.accepted

    def write(self, data: bytes) -> None:
        for connection in self._listener.connections[-1:]:
            connection.write(data)

    def close(self) -> None:
        for connection in self._listener.connections:
            connection.close()

    def shut(self) -> None:
        self._listener.close()


class ModbusTcp(FaultyLine):
    """A Modbus TCP server. zero_ids: it answers everything with transaction id 0."""

    host = "127.0.0.1"

    def __init__(
        self, script: Script, *, zero_ids: bool = False, turnaround_s: float = 0.0, queue: bool = True
    ) -> None:
        super().__init__(Line.TCP0 if zero_ids else Line.TCP, script, turnaround_s, queue)
        self._zero_ids = zero_ids
        self._listener = Listener(self, self._hear)
        self.port_number = self._listener.port_number

    @property
    def accepted(self) -> int:
        return self._listener.accepted

    def _hear(self, data: bytes, connection: Connection) -> None:
        buffer = connection.buffer
        buffer += data
        while len(buffer) >= 8:
            transaction, protocol, length, unit = struct.unpack(">HHHB", buffer[:7])
            if protocol or not 2 <= length <= 254:
                self.damaged += 1
                connection.close()
                return
            end = 6 + length
            if len(buffer) < end:
                return
            frame = bytes(buffer[:end])
            del buffer[:end]
            number = 0 if self._zero_ids else transaction
            now_s = self.now()
            self._understood(unit, frame[7:], number, frame, connection, now_s, now_s)

    def shut(self) -> None:
        self._listener.close()


def open_line(kind: Line, script: Script, *, queue: bool = True) -> RtuPty | RtuTcp | ModbusTcp:
    """A line of that kind with everything else as usual."""
    if kind is Line.RTU:
        return RtuPty(script, queue=queue)
    if kind is Line.RTU_TCP:
        return RtuTcp(script, queue=queue)
    return ModbusTcp(script, zero_ids=kind is Line.TCP0, queue=queue)

"""Modbus servers with scripted responses, on every kind of line. The contents of a response identify its request.

    line = open_line(Line.RTU, fault.script)      # also RTU_TCP, TCP, TCP0
    line.start()                                  # line.serial_port, or line.host and line.port_number
    ...                                           # line.asked: every valid request with its time
    line.stop()

A serial server ends a frame after 3.5 characters of silence and sends at its baud rate. With `queue` it behaves like a
gateway or a buffered converter: requests that arrive while it is busy wait. Without, it ignores them.
"""

from __future__ import annotations

import os
import shutil
import struct

from support.fault_matrix import Line, Script
from support.scripted_line import FaultyLine, Peer
from support.scripted_serial import SerialLine

from simulators.bus.folder import port_folder
from simulators.bus.frames import Ask
from simulators.bus.pty import Pty
from simulators.bus.sockets import Connection, SocketListener

PLUG_S = 0.05  # time until an unplugged adapter is plugged in again


class RtuPty(SerialLine):
    """A server on a pseudo-terminal. `serial_port` is a symbolic link; its name stays when the adapter is replugged."""

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
        """Sends bytes."""
        if self._pty is not None:
            self._pty.write(data)

    def close(self) -> None:
        """Unplugs the adapter and plugs it in after PLUG_S."""
        self.unplug()
        self.at(self.now() + PLUG_S, self._plug)

    def unplug(self) -> None:
        """Unplugs the adapter permanently. Call in the thread of the line, through `ask`."""
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

    def close_resources(self) -> None:
        """Releases the pseudo-terminal."""
        if self._pty is not None:
            self._pty.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class UnorderedPty(RtuPty):
    """A server that responds to each request on its own, so that a late response does not hold up the next one."""

    def _understood(
        self, unit: int, pdu: bytes, transaction: int | None, raw: bytes, peer: Peer, at_s: float, whole_s: float
    ) -> None:
        address, count = struct.unpack(">HH", pdu[1:5])
        ask = Ask(len(self.asked) + 1, at_s, unit, pdu[0], address, count, transaction, raw)
        self.asked.append(ask)
        for step in self._script(ask):
            self._send_at(whole_s + self._turnaround_s + step.after_s, step.data, peer)

    def _send_at(self, when_s: float, data: bytes, peer: Peer) -> None:
        self.at(when_s, lambda: self._send(data, peer, when_s, lambda _end_s: None))


class RtuTcp(SerialLine):
    """A transparent converter: forwards the bytes of the serial line to the latest connection."""

    host = "127.0.0.1"

    def __init__(
        self, script: Script, *, baud: int = 19200, bits: int = 10, turnaround_s: float = 0.002, queue: bool = True,
        chunk: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(Line.RTU_TCP, script, turnaround_s, queue, baud, bits, chunk)
        self._listener = SocketListener(self, lambda data, _connection: self._hear(data, self))
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

    def close_resources(self) -> None:
        self._listener.close()


class ModbusTcp(FaultyLine):
    """A Modbus TCP server. zero_ids: all responses have transaction identifier 0."""

    host = "127.0.0.1"

    def __init__(
        self, script: Script, *, zero_ids: bool = False, turnaround_s: float = 0.0, queue: bool = True
    ) -> None:
        super().__init__(Line.TCP0 if zero_ids else Line.TCP, script, turnaround_s, queue)
        self._zero_ids = zero_ids
        self._listener = SocketListener(self, self._hear)
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

    def close_resources(self) -> None:
        self._listener.close()


def open_line(kind: Line, script: Script, *, queue: bool = True) -> RtuPty | RtuTcp | ModbusTcp:
    """A line of this kind with default settings."""
    if kind is Line.RTU:
        return RtuPty(script, queue=queue)
    if kind is Line.RTU_TCP:
        return RtuTcp(script, queue=queue)
    return ModbusTcp(script, zero_ids=kind is Line.TCP0, queue=queue)

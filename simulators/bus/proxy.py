"""A proxy in front of a Modbus server or serial line, simulated or real, that injects faults and passes only reads.

proxy = FaultProxy("127.0.0.1", 502)     # or SerialProxy("/dev/ttyUSB0", "19200 8N1")
proxy.start()                            # connect to proxy.host, proxy.port_number; or open proxy.path
proxy.faults.latency_s = 0.2             # may change during the run
proxy.stop()
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
from collections.abc import Iterator
from functools import partial
from random import Random

import serial

from simulators.bus.fault_injection import FaultInjection, injected
from simulators.bus.faults import FaultStep
from simulators.bus.folder import port_folder
from simulators.bus.frames import crc_valid
from simulators.bus.pty import Pty
from simulators.bus.reactor import Reactor, SilenceFraming
from simulators.bus.sockets import Connection, SocketListener
from simulators.devices.allowed_functions import READING

_CHARACTERS = 3.5
_SLACK_S = 0.004  # the longest delay of a driver's buffer within a frame
_RTU_SIZES = {**dict.fromkeys((1, 2, 3, 4, 5, 6, 8), 8), 0x11: 4, 0x2B: 7}  # sizes of the requests of fixed length


class _Proxy(Reactor):
    """Common part of the proxies.

    passed: number of responses forwarded unchanged.
    altered: number of responses changed, delayed, split or dropped.
    blocked: number of requests that are not read requests.
    """

    def __init__(self, faults: FaultInjection | None, chance: Random | None) -> None:
        super().__init__("proxy")
        self.faults = faults or FaultInjection()
        self.passed = self.altered = self.blocked = 0
        self._chance = chance or Random(1)

    def _is_read(self, pdu: bytes) -> bool:
        """Return True if the PDU of one complete request only reads.

        Function 0x2B counts as a read only for the device identification (MEI type 0x0E).
        """
        if pdu[0] in READING and (pdu[0] != 0x2B or pdu[1:2] == b"\x0e"):
            return True
        self.blocked += 1
        return False

    def _steps(self, answer: bytes, asked: bytes) -> list[FaultStep]:
        steps = injected(answer, asked, self.faults, self._chance)
        unchanged = len(steps) == 1 and steps[0].data == answer
        self.passed, self.altered = self.passed + unchanged, self.altered + (not unchanged)
        return steps


class FaultProxy(_Proxy):
    """For Modbus TCP, or RTU over TCP (`rtu`).

    Each TCP segment from the server counts as one complete response. Requests are checked one by one regardless of the
    segment boundaries, because a write may follow a read in one segment.
    """

    host = "127.0.0.1"

    def __init__(
        self, host: str, port_number: int, chance: Random | None = None, faults: FaultInjection | None = None,
        rtu: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(faults, chance)
        self.refused = 0
        self._to, self._rtu = (host, port_number), rtu
        self._listener = SocketListener(self, self._from_client)
        self._listener.on_connect = self._on_connect
        self.port_number = self._listener.port_number
        self._servers: dict[Connection, Connection] = {}  # client → server
        self._asked: dict[Connection, bytes] = {}
        self._passed_s: dict[Connection, float] = {}  # client → when its last segment arrives

    @property
    def accepted(self) -> int:
        return self._listener.accepted

    @property
    def open(self) -> int:
        """Number of client connections that are open now."""
        return sum(connection.open for connection in list(self._listener.connections))

    def _on_connect(self, client: Connection) -> None:
        if self.faults.refuse or (self.faults.only_one and self.open > 1):
            self.refused += 1
            client.close()
            return
        try:
            sock = socket.create_connection(self._to, timeout=1)
        except OSError:
            client.close()
            return
        server = self._servers[client] = Connection(sock, self, lambda data, _server: self._from_server(data, client))
        server.on_close = client.close
        client.on_close = lambda: self._end(client)

    def _end(self, client: Connection) -> None:
        self._passed_s.pop(client, None)
        self._asked.pop(client, None)
        if (server := self._servers.pop(client, None)) is not None:
            server.close()

    def _from_client(self, data: bytes, client: Connection) -> None:
        if self.faults.half_open or client not in self._servers:
            return
        client.buffer += data
        for request, pdu in self._complete_rtu(client) if self._rtu else self._complete_tcp(client):
            if client in self._servers and self._is_read(pdu):
                self._asked[client] = request
                self._servers[client].write(request)

    def _complete_tcp(self, client: Connection) -> Iterator[tuple[bytes, bytes]]:
        """Yield each complete request with its PDU. Data that is not Modbus closes the connection."""
        buffer = client.buffer
        while len(buffer) >= 8:
            protocol, length = struct.unpack(">HH", buffer[2:6])
            if protocol or not 2 <= length <= 254:
                client.close()
                return
            if len(buffer) < 6 + length:
                return
            request = bytes(buffer[: 6 + length])
            del buffer[: 6 + length]
            yield request, request[7:]

    def _complete_rtu(self, client: Connection) -> Iterator[tuple[bytes, bytes]]:
        """Same as _complete_tcp, for RTU, which has no length field.

        An unknown function or a wrong CRC discards all buffered bytes.
        """
        buffer = client.buffer
        while len(buffer) >= 2:
            size = _RTU_SIZES.get(buffer[1])
            if size is not None and len(buffer) < size:
                return
            request = bytes(buffer[:size])
            del buffer[:size]
            if size is None:
                yield request, request[1:]
            elif crc_valid(request):
                yield request, request[1:-2]
            else:
                buffer.clear()

    def _from_server(self, data: bytes, client: Connection) -> None:
        if self.faults.half_open:
            return
        when_s = max(self.now(), self._passed_s.get(client, 0.0))
        for step in self._steps(data, self._asked.get(client, b"")):
            when_s = self._passed_s[client] = when_s + step.after_s
            if when_s <= self.now():
                client.write(step.data)
            else:
                self.at(when_s, partial(client.write, step.data))

    def close_resources(self) -> None:
        self._listener.close()
        for server in list(self._servers.values()):
            server.close()


class SerialProxy(_Proxy):
    """`path` is the port for the master; the proxy forwards to the real port. A pause of 3.5 characters ends a frame.

    Raises OSError if the port cannot be opened.
    """

    def __init__(
        self, port: str, line: str, chance: Random | None = None, faults: FaultInjection | None = None
    ) -> None:
        super().__init__(faults, chance)
        baud, format_ = line.split()
        self._serial = serial.Serial(
            port, int(baud), bytesize=int(format_[0]), parity=format_[1], stopbits=float(format_[2:]), timeout=0
        )
        pause_s = _CHARACTERS * 11 / int(baud) + _SLACK_S
        self._folder = port_folder()
        self.path = str(self._folder / "port")
        self._pty = Pty(hold=True)
        os.symlink(self._pty.path, self.path)
        self._requests = SilenceFraming(self, pause_s, self._on_request)
        self._responses = SilenceFraming(self, pause_s, self._on_response)
        self._asked = b""
        self._passed_s = 0.0
        self.watch(self._pty.fd, self._from_master)
        self.watch(self._serial.fileno(), self._from_line)

    def _from_master(self) -> None:
        self._requests.on_bytes(self._pty.read())

    def _from_line(self) -> None:
        # raises an error if the adapter is unplugged, which ends the proxy
        self._responses.on_bytes(self._serial.read(4096))

    def _on_request(self, frame: bytes) -> None:
        """Discard an incomplete frame: the proxy cannot decide whether it only reads."""
        if crc_valid(frame) and self._is_read(frame[1:-2]):
            self._asked = frame
            self._serial.write(frame)

    def _on_response(self, frame: bytes) -> None:
        when_s = max(self.now(), self._passed_s)
        for step in self._steps(frame, self._asked):
            when_s = self._passed_s = when_s + step.after_s
            self.at(when_s, partial(self._pty.write, step.data))

    def close_resources(self) -> None:
        self._pty.close()
        self._serial.close()
        shutil.rmtree(self._folder, ignore_errors=True)

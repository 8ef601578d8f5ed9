"""One client: its requests, in order, and what happens when it does not read or sends something else."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import cast

from agent.northbound.base.reasons import CLIENT_SLOW, CLIENTS_TOO_MANY, FUNCTION_REJECTED, NOT_MODBUS
from agent.northbound.modbus.responses import HEADER, READ_INPUT_REGISTERS, NotModbus, first_request, response_to
from agent.northbound.modbus.units import Units
from drivers.reasons import Reason

log = logging.getLogger(__name__)

CLIENTS_MAX = 32
UNREAD_BYTES_MAX = 16 << 10  # of responses, without those in the buffer of the system
SYSTEM_BYTES_MAX = 32 << 10  # Linux doubles it, and would otherwise use megabytes for a client that does not read
UNREAD_S_MAX = 30.0
REPORTED_MAX = 256  # different messages that are logged; later ones are not, so that no client can fill the log
KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))  # a client without power


class Clients:
    """What all connections share. units: what they read."""

    def __init__(self, units: Units) -> None:
        self.units = units
        self.connected: set[ModbusConnection] = set()
        self._reported: set[tuple[str, str]] = set()

    def report(self, client: str, reason: Reason) -> None:
        """Logs a reason once for each client."""
        if len(self._reported) < REPORTED_MAX and (key := (client, reason.code)) not in self._reported:
            self._reported.add(key)
            log.warning("%s", reason)


class ModbusConnection(asyncio.Protocol):
    """A client that does not read is not read from either, and is disconnected after UNREAD_S_MAX."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._client = ""
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None
        self._too_slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._client = str(peer[0]) if peer else ""
        if len(self._clients.connected) >= CLIENTS_MAX:
            self._clients.report(self._client, CLIENTS_TOO_MANY(client=self._client, n_max=CLIENTS_MAX))
            self._transport.abort()
            return
        self._clients.connected.add(self)
        self._transport.set_write_buffer_limits(UNREAD_BYTES_MAX)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SYSTEM_BYTES_MAX)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)

    def connection_lost(self, _error: Exception | None) -> None:
        self._clients.connected.discard(self)
        self._received.clear()
        if self._too_slow is not None:
            self._too_slow.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._respond()

    def pause_writing(self) -> None:
        assert self._transport is not None
        self._transport.pause_reading()
        self._too_slow = asyncio.get_running_loop().call_later(UNREAD_S_MAX, self._disconnect_slow)

    def resume_writing(self) -> None:
        assert self._transport is not None
        if self._too_slow is not None:
            self._too_slow.cancel()
            self._too_slow = None
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._respond()

    @property
    def unread_bytes(self) -> int:
        """Bytes of responses that wait, without those in the buffer of the system."""
        return self._transport.get_write_buffer_size() if self._transport else 0

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _respond(self) -> None:
        """Responds to the complete requests, until the responses are not read."""
        assert self._transport is not None
        try:
            while self._too_slow is None and (size := first_request(self._received)):
                request = bytes(self._received[:size])
                del self._received[:size]
                function = request[HEADER.size]
                if function != READ_INPUT_REGISTERS:
                    self._clients.report(self._client, FUNCTION_REJECTED(client=self._client, function=function))
                self._transport.write(response_to(request, self._clients.units.read))
        except NotModbus:
            self._clients.report(self._client, NOT_MODBUS(client=self._client))
            self._transport.abort()

    def _disconnect_slow(self) -> None:
        assert self._transport is not None
        self._clients.report(self._client, CLIENT_SLOW(client=self._client, wait_s=UNREAD_S_MAX))
        self._transport.abort()

"""The connections of the page: their number, the TLS handshake, and how long a client may keep the page waiting."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections import Counter
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from agent.web.http.security import network_of

CHECK_TICKS = 5  # of a tenth of a second
CONNECTIONS_MAX = 64
FROM_OTHERS_MAX = 56  # of other computers: an attack from there leaves a way in from this one (ssh -L)
PER_ADDRESS_MAX = 24
HANDSHAKE_S_MAX = 10.0
REQUEST_S_MAX = 10.0  # for the headers of a request, and again for its body
SEND_BUFFER_BYTES = 128 << 10  # of the kernel, which gives a client that does not read 4 MB otherwise
READ_S_MAX = 30.0  # in which a client must have read something of what waits for it


class Admission:
    """Counts the connections, those in their TLS handshake included."""

    def __init__(self) -> None:
        self.of_network: Counter[str] = Counter()  # this computer: ""

    def admit(self, host: str) -> bool:
        """Whether a new connection of this address may stay; then `leave` must follow."""
        network = network_of(host)
        total = self.of_network.total()
        others = total - self.of_network[""]
        if total >= CONNECTIONS_MAX or (
            network and (others >= FROM_OTHERS_MAX or self.of_network[network] >= PER_ADDRESS_MAX)
        ):
            return False
        self.of_network[network] += 1
        return True

    def leave(self, host: str) -> None:
        network = network_of(host)
        self.of_network[network] -= 1
        if self.of_network[network] <= 0:
            del self.of_network[network]


class GuardedServer(uvicorn.Server):
    """Checks its connections, of `GuardedProtocol`, twice a second."""

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn ten times a second."""
        if counter % CHECK_TICKS == 0:
            now_s = time.monotonic()
            for connection in list(self.server_state.connections):
                connection.check(now_s)  # type: ignore[union-attr]
        return await super().on_tick(counter)


class GuardedProtocol(H11Protocol):
    """HTTP, or HTTPS with `tls`, for a client that may be slow, silent or hostile.

    `check` is called regularly, and closes the connection when the client has kept the page waiting for too long.
    """

    def __init__(self, admission: Admission, tls: ssl.SSLContext | None, **settings: Any) -> None:
        super().__init__(**settings)
        self._admission, self._tls = admission, tls
        self._handshake: asyncio.Task[None] | None = None
        self._early = b""  # arrived with the end of the handshake
        self._admitted: str | None = None  # address of an admitted connection
        self._awaited: Any = None  # what the client owes: IDLE: headers; SEND_BODY: body; None: nothing
        self._awaited_s = self._written_s = time.monotonic()
        self._unread = 0  # bytes that waited for the client at the last check

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        peer = transport.get_extra_info("peername")
        host = str(peer[0]) if isinstance(peer, tuple) else ""
        if not self._admission.admit(host):
            self.transport = transport
            transport.abort()
            return
        self._admitted = host
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        if self._tls is None:
            self._begin(transport)
        else:
            transport.pause_reading()  # the first bytes are of TLS
            self._handshake = self.loop.create_task(self._secure(transport, self._tls))

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        if self._handshake is not None:
            self._handshake.cancel()
        else:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._handshake is not None:
            self._early += data
            return
        super().data_received(data)
        self._note_awaited()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._note_awaited()

    def check(self, now_s: float) -> None:
        waiting = self.transport.get_write_buffer_size()
        if waiting == 0 or waiting < self._unread:
            self._written_s = now_s
        self._unread = waiting
        self._note_awaited()
        if waiting:
            self._awaited_s = now_s  # it still receives the last response
        owes = self._awaited is not None and now_s - self._awaited_s > REQUEST_S_MAX
        if owes or now_s - self._written_s > READ_S_MAX:
            self.transport.abort()

    def _note_awaited(self) -> None:
        state = self.conn.their_state
        awaited = state if state in (h11.IDLE, h11.SEND_BODY) else None
        if awaited is not self._awaited:
            self._awaited, self._awaited_s = awaited, time.monotonic()

    def _leave(self) -> None:
        if self._admitted is not None:
            self._admission.leave(self._admitted)
            self._admitted = None

    def _begin(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._written_s = time.monotonic()
        self._note_awaited()

    async def _secure(self, transport: asyncio.Transport, context: ssl.SSLContext) -> None:
        secured = None
        try:
            with contextlib.suppress(OSError):  # ssl.SSLError and TimeoutError are
                secured = await self.loop.start_tls(
                    transport, self, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_S_MAX
                )
        finally:
            if secured is None:
                transport.abort()
                self._leave()
        if secured is not None:
            self._handshake = None
            self._begin(secured)
            if self._early:
                self.data_received(self._early)
                self._early = b""

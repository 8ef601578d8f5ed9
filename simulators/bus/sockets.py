"""Sockets of a Reactor: a listener on loopback and its connections."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

from simulators.bus.reactor import Reactor

_RECEIVE_BYTES = 4096


class Connection:
    """One accepted socket."""

    def __init__(self, sock: socket.socket, owner: Reactor, on_data: Callable[[bytes, Connection], None]) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.open = sock, True
        self.buffer = bytearray()
        self.on_close: Callable[[], None] | None = None
        self._owner, self._on_data = owner, on_data
        owner.watch(sock.fileno(), self._read)

    def write(self, data: bytes) -> None:
        if self.open:
            try:
                self.sock.sendall(data)
            except OSError:
                self.close()

    def close(self) -> None:
        if self.open:
            self.open = False
            self._owner.unwatch(self.sock.fileno())
            self.sock.close()
            if self.on_close is not None:
                self.on_close()

    def _read(self) -> None:
        try:
            data = self.sock.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._on_data(data, self)
        else:
            self.close()


class SocketListener:
    """A loopback port with the list of its open connections."""

    def __init__(self, owner: Reactor, on_data: Callable[[bytes, Connection], None]) -> None:
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.connections: list[Connection] = []
        self.accepted = 0
        self.on_connect: Callable[[Connection], None] | None = None
        self._owner, self._on_data = owner, on_data
        owner.watch(self.sock.fileno(), self._accept)

    @property
    def port_number(self) -> int:
        return int(self.sock.getsockname()[1])

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            sock, _ = self.sock.accept()
            self.connections = [connection for connection in self.connections if connection.open]
            connection = Connection(sock, self._owner, self._on_data)
            self.connections.append(connection)
            self.accepted += 1
            if self.on_connect is not None:
                self.on_connect(connection)

    def close(self) -> None:
        for connection in self.connections:
            connection.close()
        self.sock.close()

"""A TCP proxy before any server, simulated or real, that does what bad networks do. Change `faults` while it runs.

proxy = FaultProxy("127.0.0.1", 502)
proxy.start()                            # connect to proxy.host, proxy.port_number
proxy.faults.latency_s = 0.2
proxy.stop()
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from simulators.bus.faulty import Connection, Listener
from simulators.bus.reactor import Reactor


@dataclass(slots=True)
class Faults:
    """What happens to each segment that the server sends. Chances are 0…1; everything off is a plain relay."""

    latency_s: float = 0.0
    jitter_s: float = 0.0  # added, evenly between nothing and this; the order is kept
    drop: float = 0.0  # the chance that it never arrives
    duplicate: float = 0.0  # that it arrives twice
    half_open: bool = False  # connections stay open, nothing passes either way any more
    cut_after: int | None = None  # that many bytes of the next answer still pass, then the connection is closed
    only_one: bool = False  # a second connection is closed as soon as it is accepted
    refuse: bool = False  # every new one is


class FaultProxy(Reactor):
    host = "127.0.0.1"

    def __init__(self, host: str, port_number: int, chance: Random | None = None) -> None:
        super().__init__("proxy")
        self.faults = Faults()
        self.refused = 0
        self._to = host, port_number
        self._chance = chance or Random(1)
        self._listener = Listener(self, self._from_client)
        self._listener.greet = self._greet
        self.port_number = self._listener.port_number
        self._servers: dict[Connection, Connection] = {}  # client → server
        self._passed_s: dict[Connection, float] = {}  # client → when its last segment arrives

    @property
    def accepted(self) -> int:
        return self._listener.accepted

    @property
    def open(self) -> int:
        """Connections from clients that are open now."""
        return sum(connection.open for connection in list(self._listener.connections))

    def _greet(self, client: Connection) -> None:
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
        if (server := self._servers.pop(client, None)) is not None:
            server.close()

    def _from_client(self, data: bytes, client: Connection) -> None:
        if not self.faults.half_open and client in self._servers:
            self._servers[client].write(data)

    def _from_server(self, data: bytes, client: Connection) -> None:
        faults = self.faults
        if faults.half_open or self._chance.random() < faults.drop:
            return
        times = 2 if self._chance.random() < faults.duplicate else 1
        pause_s = faults.latency_s + faults.jitter_s * self._chance.random()
        when_s = self._passed_s[client] = max(self.now() + pause_s, self._passed_s.get(client, 0.0))
        if faults.cut_after is not None:
            cut, faults.cut_after = faults.cut_after, None
            self.at(when_s, self._then(client, data[:cut], client.close))
        elif pause_s:
            self.at(when_s, self._then(client, data * times))
        else:
            client.write(data * times)

    @staticmethod
    def _then(client: Connection, data: bytes, after: Callable[[], None] = lambda: None) -> Callable[[], None]:
        def act() -> None:
            client.write(data)
            after()

        return act

    def shut(self) -> None:
        self._listener.close()
        for server in list(self._servers.values()):
            server.close()

"""The server process of the page: live source and application."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

from agent.config.model import Config, Mqtt
from agent.config.topology import assets
from agent.core import systemd
from agent.core.listening_socket import bound, is_loopback
from agent.delivery.followed_messages import FollowedMessage
from agent.delivery.live_socket.follower import SocketFollower
from agent.delivery.live_socket.protocol import following_paths
from agent.delivery.live_source import LiveSource
from agent.delivery.mqtt.follower import Follower
from agent.delivery.store import default_directory
from agent.web.base.context import Web
from agent.web.http.login import Login
from agent.web.http.security import HEADERS_BYTES_MAX, LOOPBACK_NAMES, Access
from agent.web.server.app import create_app
from agent.web.server.connections import Admission, GuardedProtocol, GuardedServer
from agent.web.server.live import LiveHub
from agent.web.server.start_check import Listen, check_listen, tls_context

STOP_S = 3


class PageServer(GuardedServer):
    """Reports to systemd, and ends the streams before it waits for the requests.

    live: the hub of the streams. started_at: called with the port when it accepts requests.
    """

    def __init__(self, config: uvicorn.Config, live: LiveHub) -> None:
        super().__init__(config)
        self.live = live
        self.started_at: Callable[[int], None] = lambda _port: None
        self._watchdog_s = systemd.watchdog_s()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.servers:
            self.started_at(self.servers[0].sockets[0].getsockname()[1])
            systemd.notify(READY=1)

    async def on_tick(self, counter: int) -> bool:
        if self._watchdog_s and counter % max(1, int(10 * self._watchdog_s / 4)) == 0:
            systemd.notify(WATCHDOG=1)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        systemd.notify(STOPPING=1)
        self.live.stop()
        await super().shutdown(sockets)


def make_server(web: Web, listen: Listen) -> PageServer:
    """A server that is not started; `web.follower` calls the live hub."""
    own = f"[{listen.host}]" if ":" in listen.host else listen.host
    names = {name.lower() for name in (*listen.names, own, socket.gethostname())} | LOOPBACK_NAMES
    tls = listen.cert is not None
    login = Login(listen.password, tls) if listen.password else None
    access = Access(frozenset(names), tls, any_address=not is_loopback(listen.host))
    app = create_app(web, access, login, listen.metrics)
    protocol: Any = partial(GuardedProtocol, Admission(), tls_context(listen))
    config = uvicorn.Config(  # its warnings are about requests: whoever sends them could fill the log
        app, http=protocol, ws="none", loop="asyncio", lifespan="on", log_config=None, log_level="error",
        access_log=False, server_header=False, proxy_headers=False, h11_max_incomplete_event_size=HEADERS_BYTES_MAX,
        timeout_graceful_shutdown=STOP_S,
    )  # fmt: skip
    return PageServer(config, app.state.live)


def page_of(broker: Mqtt | None, topic: str, config: Config | None, listen: Listen) -> tuple[PageServer, LiveSource]:
    """A server and its source, both not started. broker: None: the socket of the agent on this computer."""

    def on_change(followed: FollowedMessage, kind: str) -> None:
        server.live.on_change(followed, kind)

    follower = Follower(broker, topic, on_change) if broker else SocketFollower(_sockets(config), on_change)
    source = LiveSource(follower)
    web = Web(
        follower, config, assets=assets(config) if config else (), source="broker" if broker else "socket",
        problem=source.problem,
    )  # fmt: skip
    server = make_server(web, listen)
    return server, source


def _sockets(config: Config | None) -> tuple[Path, ...]:
    return following_paths((config.state_dir if config else None) or default_directory())


def serve(
    broker: Mqtt | None, topic: str, config: Config | None, listen: Listen, started: Callable[[str], None]
) -> None:
    """Runs the page until a signal ends it.

    broker: None: the socket of the agent on this computer. started: called with the address when it accepts requests.

    Raises InvalidValue with the remedy if it may not or cannot listen there.
    """
    check_listen(listen)
    listening = bound(listen.host, listen.port)
    server, source = page_of(broker, topic, config, listen)
    server.started_at = lambda port: started(listen.address(port))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    source.start()
    try:
        server.run([listening])
    except KeyboardInterrupt:
        pass  # uvicorn raises the signal again after it has closed everything
    finally:
        source.stop()
        listening.close()

"""The server of the setup: it listens until the operator has finished, an hour is over, or Ctrl-C."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from ipaddress import ip_address

import uvicorn
from msgspec import Struct

from agent.config.schema import host_port
from agent.web.security import HEADERS_BYTES_MAX, LOOPBACK_NAMES, is_loopback
from agent.web.server import GuardedProtocol
from agent.web.setup.access import LASTS_S, SetupAccess
from agent.web.setup.app import SetupContext, create_app
from agent.web.setup.certificate import self_made
from agent.web.setup.setup import Setup
from drivers.reasons import Code, InvalidValue

PORT = 8471
LISTEN_EXPECTED = Code(
    "listen_address_expected",
    "write an address of this computer and a port, for example 192.0.2.5:8471; not 0.0.0.0, for the link names it",
)
LAST_S = 2.0  # in which the browser receives the last state


class SetupListen(Struct, frozen=True):
    """Where the setup listens; port 0: a free one."""

    host: str = "127.0.0.1"
    port: int = PORT

    @property
    def name(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def parse_listen(text: str) -> SetupListen:
    """ADDRESS or ADDRESS:PORT; an IPv6 address in brackets. Raises InvalidValue."""
    host, port = host_port(PORT)(text)
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        raise InvalidValue(LISTEN_EXPECTED) from None
    if address.is_unspecified:
        raise InvalidValue(LISTEN_EXPECTED)
    return SetupListen(str(address), port)


class SetupServer(uvicorn.Server):
    """started_at: called with the port when it answers."""

    started_at: Callable[[int], None] = staticmethod(lambda port: None)

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(None)
        if self.servers:
            self.started_at(self.servers[0].sockets[0].getsockname()[1])


def run(
    setup: Setup, listen: SetupListen, command: str, started: Callable[[str, str], None], lasts_s: float = LASTS_S
) -> None:
    """Serves until the operator has finished or the time is over. Raises KeyboardInterrupt after Ctrl-C.

    command: that starts it again. started: called with the link and the fingerprint of the certificate.
    """
    try:
        asyncio.run(_serve(setup, listen, command, started, lasts_s))
    finally:
        setup.close()


async def _serve(
    setup: Setup, listen: SetupListen, command: str, started: Callable[[str, str], None], lasts_s: float
) -> None:
    access = SetupAccess(lasts_s)
    context, fingerprint = (None, "") if is_loopback(listen.host) else self_made(listen.host)
    hosts = frozenset({listen.name}) | (LOOPBACK_NAMES if not fingerprint else frozenset())
    app = create_app(SetupContext(setup, access, fingerprint, command), hosts)
    server = SetupServer(_config(app, listen, context))
    scheme = "https" if fingerprint else "http"
    server.started_at = lambda port: started(f"{scheme}://{listen.name}:{port}/#{access.token}", fingerprint)
    ending = asyncio.create_task(_end(server, setup, access))
    try:
        await server.serve()
    finally:
        ending.cancel()


def _config(app: object, listen: SetupListen, context: ssl.SSLContext | None) -> uvicorn.Config:
    return uvicorn.Config(
        app, listen.host, listen.port, http=GuardedProtocol, ws="none", loop="asyncio", lifespan="off",  # type: ignore[arg-type]
        log_config=None, log_level="warning", access_log=False, server_header=False, proxy_headers=False,
        h11_max_incomplete_event_size=HEADERS_BYTES_MAX, timeout_graceful_shutdown=1,
        ssl_context_factory=(lambda config, default: context) if context else None,
    )  # fmt: skip


async def _end(server: uvicorn.Server, setup: Setup, access: SetupAccess) -> None:
    """Ends the server after the last state was sent."""
    while not setup.ended and access.left_s:
        await setup.board.next_version(setup.board.version, min(1.0, access.left_s))
    setup.board.changed()
    await asyncio.sleep(LAST_S)
    server.should_exit = True

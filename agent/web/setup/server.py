"""The server of the setup: it listens until the operator has finished, an hour is over, or Ctrl-C."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from typing import Any

import uvicorn
from msgspec import Struct
from starlette.applications import Starlette

from agent.config.schema import host_port
from agent.core.listening_socket import bound, is_loopback
from agent.web.http.security import HEADERS_BYTES_MAX, LOOPBACK_NAMES
from agent.web.server.connections import Admission, GuardedProtocol, GuardedServer
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


def run(
    setup: Setup, listen: SetupListen, command: str, started: Callable[[str, str], None], lasts_s: float = LASTS_S
) -> None:
    """Serves until the operator has finished or the time is over.

    Raises InvalidValue if the address cannot be used, KeyboardInterrupt after Ctrl-C.

    command: that starts it again. started: called with the link and the fingerprint of the certificate.
    """
    listening = bound(listen.host, listen.port)
    try:
        asyncio.run(_serve(setup, listen, listening, command, started, lasts_s))
    finally:
        setup.close()
        listening.close()


async def _serve(
    setup: Setup, listen: SetupListen, listening: socket.socket, command: str, started: Callable[[str, str], None],
    lasts_s: float,
) -> None:  # fmt: skip
    access = SetupAccess(lasts_s)
    context, fingerprint = (None, "") if is_loopback(listen.host) else self_made(listen.host)
    hosts = frozenset({listen.name}) | (LOOPBACK_NAMES if not fingerprint else frozenset())
    app = create_app(SetupContext(setup, access, fingerprint, command), hosts)
    server = GuardedServer(_config(app, context))
    scheme, port = "https" if fingerprint else "http", listening.getsockname()[1]
    started(f"{scheme}://{listen.name}:{port}/#{access.token}", fingerprint)
    ending = asyncio.create_task(_end(server, setup, access))
    try:
        await server.serve([listening])
    finally:
        ending.cancel()


def _config(app: Starlette, context: ssl.SSLContext | None) -> uvicorn.Config:
    protocol: Any = partial(GuardedProtocol, Admission(), context)
    return uvicorn.Config(
        app, http=protocol, ws="none", loop="asyncio", lifespan="off",
        log_config=None, log_level="warning", access_log=False, server_header=False, proxy_headers=False,
        h11_max_incomplete_event_size=HEADERS_BYTES_MAX, timeout_graceful_shutdown=1,
    )  # fmt: skip


async def _end(server: uvicorn.Server, setup: Setup, access: SetupAccess) -> None:
    """Ends the server after the last state was sent."""
    while not setup.ended and access.left_s:
        await setup.board.next_version(setup.board.version, min(1.0, access.left_s))
    setup.board.changed()
    await asyncio.sleep(LAST_S)
    server.should_exit = True

"""The process of the OPC UA server."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import itertools
import logging
import socket
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.security_policies import SECURITY_POLICY_TYPE_MAP, SecurityPolicyFactory
from msgspec import Struct

from agent.config.model import Config, Mqtt
from agent.core.listening_socket import bound
from agent.delivery.followed_messages import FollowedMessage, MessageFollower
from agent.delivery.live_source import LiveSource
from agent.northbound.base.live_motors import follower_of
from agent.northbound.base.reasons import CLIENT_SLOW
from agent.northbound.base.service import until_signal
from agent.northbound.opcua.access import OneUser, ReadOnlyRules, TrustedClients
from agent.northbound.opcua.certificate import Identity, application_uri, identity
from agent.northbound.opcua.motor_nodes import MotorNodes, path_of
from agent.northbound.opcua.node_factory import NAMESPACE, NodeFactory

log = logging.getLogger(__name__)

POLICIES = [
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
]
CLIENTS_MAX, SUBSCRIPTIONS_MAX, MOTORS_MAX = 16, 64, 500
UNREAD_BYTES_MAX = 4 << 20  # of responses to a client
RELEASE_S = 15


class OpcUaListen(Struct, frozen=True):
    """pki: folder of certificate and key. user, password: of the clients, the latter as a hash. trusted: None: the
    application of a client may have any certificate."""

    pki: Path
    user: str
    password: str
    host: str = "127.0.0.1"
    port: int = 4840
    trusted: Path | None = None


class OpcUaNotices(Struct, frozen=True):
    """What the process reports. started: that it listens, with the fingerprint. alive: each second."""

    started: Callable[[str], object]
    alive: Callable[[], object]


class MotorUpdates:
    """Carries messages from the thread of the follower into the event loop."""

    def __init__(self) -> None:
        self._changed: deque[tuple[str, str]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._new = asyncio.Event()

    def on_message(self, followed: FollowedMessage, kind: str) -> None:
        """For any thread."""
        self._changed.append((f"{followed.gateway}/{followed.asset}", kind))
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._new.set)

    async def run(self, follower: MessageFollower, factory: NodeFactory) -> None:
        """Updates the nodes of motors with new messages, and once a second those of all. Never returns."""
        self._loop = asyncio.get_running_loop()
        motors: dict[str, MotorNodes] = {}
        owners: dict[str, str] = {}  # path of the nodes → topic; with two prefixes, two topics could have one path
        aged_s = 0.0
        while True:
            due: dict[str, set[str]] = {}
            while self._changed:
                topic, kind = self._changed.popleft()
                if topic not in motors and topic in follower.seen and len(owners) < MOTORS_MAX:
                    owners.setdefault(path_of(topic), topic)
                if owners.get(path_of(topic)) == topic:
                    due.setdefault(topic, set()).add(kind)
            if factory.now_s() - aged_s >= 1.0:
                aged_s = factory.now_s()
                due = {topic: due.get(topic, set()) for topic in {*motors, *due}}
            for topic, kinds in due.items():
                if topic not in motors:
                    motors[topic] = MotorNodes(topic, follower, factory)
                await motors[topic].update(kinds)
                await asyncio.sleep(0)  # requests of clients in between
            self._new.clear()
            if not self._changed:
                try:
                    await asyncio.wait_for(self._new.wait(), 1.0)
                except TimeoutError:
                    continue


def serve(broker: Mqtt | None, topic: str, config: Config | None, listen: OpcUaListen, notices: OpcUaNotices) -> None:
    """Serves until a signal ends it. broker: None: the socket of the agent on this computer.

    Raises InvalidValue with the remedy if it cannot listen there, or cannot use its certificate.
    """
    bound(listen.host, listen.port).close()  # the library logs a traceback instead of a reason
    own = identity(listen.pki, listen.host)
    if (reminder := own.reminder(datetime.now(UTC))) is not None:
        log.warning("%s", reminder)
    asyncio.run(_serve(broker, topic, config, listen, own, notices))


async def _serve(
    broker: Mqtt | None, topic: str, config: Config | None, listen: OpcUaListen, own: Identity, notices: OpcUaNotices
) -> None:  # fmt: skip
    updates = MotorUpdates()
    follower = follower_of(broker, topic, config, updates.on_message)
    source = LiveSource(follower)
    server = await started_server(listen, own)
    factory = NodeFactory(server, await server.get_namespace_index(NAMESPACE))
    running = asyncio.create_task(updates.run(follower, factory))
    source.start()
    notices.started(own.fingerprint)

    seconds = itertools.count(1)

    def each_second() -> None:
        disconnect_slow(server)
        if next(seconds) % RELEASE_S == 0:
            release_memory()
        if running.done():
            running.result()
        notices.alive()

    try:
        await until_signal(source, each_second)
    finally:
        running.cancel()
        source.stop()
        await server.stop()


async def started_server(listen: OpcUaListen, own: Identity) -> Server:
    """A server that listens, without motors."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # its messages are about requests: any client causes them
    server = Server(user_manager=OneUser(listen.user, listen.password))
    await server.init()
    gc.collect()
    gc.freeze()  # the nodes of the standard stay for ever; each full collection would visit them
    host = f"[{listen.host}]" if ":" in listen.host else listen.host
    server.set_endpoint(f"opc.tcp://{host}:{listen.port}/magwatt")
    server.set_server_name("magwatt")
    await server.set_application_uri(application_uri(socket.gethostname()))
    await server.load_certificate(str(own.certificate))
    await server.load_private_key(str(own.key))
    server.set_security_policy(POLICIES, ReadOnlyRules())
    server.set_identity_tokens([ua.UserNameIdentityToken])
    if listen.trusted is not None:
        server.set_certificate_validator(TrustedClients(listen.trusted).validate)
    _limit(server)
    await server.register_namespace(NAMESPACE)
    await server.start()
    _guard_open_channels(server)
    return server


def _limit(server: Server) -> None:
    """Less than the defaults of the library, and none of its services for other servers."""
    inner = server.iserver
    inner.max_connections, inner.max_subscriptions, inner.allow_remote_admin = CLIENTS_MAX, SUBSCRIPTIONS_MAX, False

    def unsupported(*_arguments: object) -> None:
        raise ServiceError(ua.StatusCodes.BadServiceUnsupported)

    inner.register_server = inner.register_server2 = unsupported


def _guard_open_channels(server: Server) -> None:
    """Channels without encryption exist for the discovery of endpoints. The library checks no permissions on them
    unless their policy is listed, and listed for `Server.start` it would be offered as an endpoint."""
    assert server.bserver is not None
    inner, kinds, rules = server.iserver, [*POLICIES, ua.SecurityPolicyType.NoSecurity], ReadOnlyRules()
    factories = [
        SecurityPolicyFactory(policy, mode, inner.certificate, inner.private_key, permission_ruleset=rules)
        for policy, mode, _level in map(SECURITY_POLICY_TYPE_MAP.__getitem__, kinds)
    ]
    server.bserver.set_policies(factories)


def release_memory() -> None:
    """Returns memory to the system: browsing and subscribing to 900 nodes leaves 16 MB free, but not returned."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # a C library without it
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def disconnect_slow(server: Server) -> None:
    """A client that does not read its responses must not fill the memory."""
    clients = server.bserver.clients if server.bserver else []
    for client in list(clients):
        if client.transport is not None and client.transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
            log.warning("%s", CLIENT_SLOW(client=str(client.peer_name[0]), wait_s=1.0))
            client.transport.abort()

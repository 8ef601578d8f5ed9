"""The server with clients of asyncua: what is in its nodes, who is let in, and that nothing can be written."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.crypto.permission_rules import User, UserRole
from support.basics import free_port
from support.northbound import ROOT, FedFollower, row_of
from support.opcua import client_of

from agent.core import password_hash
from agent.northbound.base.live_motors import VALUE_KINDS
from agent.northbound.base.reasons import OPCUA_SERVICE_REJECTED
from agent.northbound.opcua import access
from agent.northbound.opcua.certificate import identity
from agent.northbound.opcua.node_factory import NAMESPACE, NodeFactory
from agent.northbound.opcua.server import MotorUpdates, OpcUaListen, disconnect_slow, started_server

RIGHT = "password-of-clients"
PUMP = "ns=2;s=mill/gw-1/pump-1"


class Served:
    """A running server in a loop in a separate thread; the follower is fed by the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.updates = folder, free_port(), MotorUpdates()
        self.follower = FedFollower(self.updates.on_message)
        self._client: Client | None = None
        password_hash.write_hash(folder / "hash", RIGHT)
        stored = password_hash.read_hash(folder / "hash")
        assert stored is not None
        self.listen = OpcUaListen(folder / "pki", "magwatt", stored, port=self.port)
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.do(self._start)

    def do(self, job: Callable[[], Awaitable[Any]]) -> Any:
        async def limited() -> Any:
            async with asyncio.timeout(60):
                return await job()

        return asyncio.run_coroutine_threadsafe(limited(), self.loop).result(65)

    def read(self, check: Callable[[Client], Awaitable[Any]]) -> Any:
        """With a client that stays connected."""

        async def job() -> Any:
            if self._client is None:
                self._client = await client_of(self.folder, self.port, RIGHT)
                await self._client.connect()
            return await check(self._client)

        return self.do(job)

    def connected(self, check: Callable[[Client], Awaitable[Any]], **login: Any) -> Any:
        """With a new client."""

        async def job() -> Any:
            async with await client_of(self.folder, self.port, login.pop("password", RIGHT), **login) as client:
                return await check(client)

        return self.do(job)

    def stop(self) -> None:
        async def job() -> None:
            if self._client is not None:
                with contextlib.suppress(ConnectionError, ua.UaError):
                    await self._client.disconnect()
            self._running.cancel()
            await self.server.stop()

        self.do(job)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()

    async def _start(self) -> None:
        self.server = await started_server(self.listen, identity(self.listen.pki, self.listen.host))
        factory = NodeFactory(self.server, await self.server.get_namespace_index(NAMESPACE))
        self._running = asyncio.create_task(self.updates.run(self.follower, factory))


def feed_pump(served: Served, power_w: float = 18234.5) -> None:
    """A row of the present."""
    row = {"active_power_w": power_w, "motor_efficiency_pct": 92.5, "motor_efficiency_pct_u": 0.8, "tripped": 1,
           "efficiency_basis": "measured", "motor_speed_rpm": None, "harmonic_u_l1_v": [1.0],
           "signal_x": 3.0}  # fmt: skip
    served.follower.feed("pump-1", "telemetry", {"q": "uncertain", "v": row, "f": {"motor_speed_rpm": ["NO_REPLY"]}})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found = Served(tmp_path_factory.mktemp("opcua"))
    found.follower.feed("pump-1", "meta", {"name": "Descaling 1"})
    found.follower.feed("pump-1", "state", {"state": "online"})
    feed_pump(found)
    found.follower.feed_row("pump-1", kind="savings", saved_energy_wh=123_456_789)
    yield found
    found.stop()


async def until(ready: Callable[[], Awaitable[bool]]) -> None:
    while not await ready():  # noqa: ASYNC110  # the state is that of the server
        await asyncio.sleep(0.01)


async def children(client: Client, path: str) -> set[str]:
    return {(await node.read_browse_name()).Name for node in await client.get_node(path).get_children()}


def test_the_metrics_of_a_motor_are_nodes(served: Served) -> None:
    async def check(client: Client) -> None:
        await until(lambda: _exists(client, f"{PUMP}/savings/saved_energy_wh"))
        feed_pump(served, 17000.5)
        await until(lambda: _shows(client, f"{PUMP}/active_power_w", 17000.5))
        assert await children(client, PUMP) == {
            "row_time", "state", "alarm_priority", "alarms_unacknowledged", "active_power_w", "motor_efficiency_pct",
            "motor_efficiency_pct_u", "tripped", "efficiency_basis", "motor_speed_rpm", "savings",
        }, "no series, no signals"  # fmt: skip
        power = client.get_node(f"{PUMP}/active_power_w")
        given = await power.read_data_value()
        assert (given.Value.Value, given.StatusCode.name) == (17000.5, "Good")
        assert given.Value.VariantType == ua.VariantType.Double
        sent = served.follower.seen["magwatt/v1/mill/gw-1/pump-1"].messages["telemetry"]["t"]
        assert round(given.SourceTimestamp.timestamp() * 1000) == sent
        unit = await (await power.get_child("0:EngineeringUnits")).read_value()
        assert (unit.DisplayName.Text, unit.UnitId) == ("W", 0x575454)
        silent = await client.get_node(f"{PUMP}/motor_speed_rpm").read_data_value(raise_on_bad_status=False)
        assert (silent.Value.Value, silent.StatusCode.name) == (None, "BadNoCommunication")
        saved = await client.get_node(f"{PUMP}/savings/saved_energy_wh").read_value()
        assert saved == 123_456_789.0
        assert await client.get_node(f"{PUMP}/state").read_value() == "online"
        assert (await client.get_node(PUMP).read_display_name()).Text == "Descaling 1"

    served.read(check)


async def _exists(client: Client, node: str) -> bool:
    try:
        await client.get_node(node).read_node_class()
    except ua.UaStatusCodeError:
        return False
    return True


async def _shows(client: Client, node: str, value: float) -> bool:
    given = await client.get_node(node).read_data_value(raise_on_bad_status=False)
    return bool(given.StatusCode.is_good() and given.Value.Value == value)


def test_a_subscription_gets_a_value_only_when_it_has_changed(served: Served) -> None:
    async def check(client: Client) -> None:
        given: list[Any] = []

        class Handler:
            def datachange_notification(self, _node: Any, value: Any, _data: Any) -> None:
                given.append(value)

        feed = served.follower.feed_row
        feed("fan", active_power_w=1.0)
        await until(lambda: _exists(client, "ns=2;s=mill/gw-1/fan/active_power_w"))
        subscription = await client.create_subscription(10, Handler())
        await subscription.subscribe_data_change(client.get_node("ns=2;s=mill/gw-1/fan/active_power_w"))
        for power_w in (1.0, 2.0, 2.0, 3.0):
            feed("fan", active_power_w=power_w)
            await asyncio.sleep(0.05)
        await until(lambda: _is(lambda: given[-1:] == [3.0]))
        assert given == [1.0, 2.0, 3.0]
        await subscription.delete()

    served.read(check)


def test_alarms_of_a_gateway_and_a_second_prefix_make_no_motor(served: Served) -> None:
    async def check(client: Client) -> None:
        served.follower.receive(f"{ROOT}/alarm/disk", b'{"s":"magwatt.alarm/1","state":"UNACK","priority":"high"}')
        row = row_of("twin", active_power_w=1.0)
        served.follower.receive(f"{ROOT}/twin/telemetry", row)
        served.follower.receive("other/mill/gw-1/twin/telemetry", row)
        await until(lambda: _shows(client, "ns=2;s=mill/gw-1/twin/active_power_w", 1.0))
        served.follower.feed_row("after", active_power_w=2.0)
        await until(lambda: _shows(client, "ns=2;s=mill/gw-1/after/active_power_w", 2.0))
        assert await children(client, "ns=2;s=mill") == {"gw-1"}

    served.read(check)


async def _is(true: Callable[[], bool]) -> bool:
    return true()


def test_without_contact_values_are_uncertain_then_bad_and_of_a_removed_motor_bad(served: Served) -> None:
    async def status(client: Client) -> str:
        given = await client.get_node("ns=2;s=mill/gw-1/old/active_power_w").read_data_value(raise_on_bad_status=False)
        return str(given.StatusCode.name)

    async def check(client: Client) -> None:
        served.follower.feed_row("old", age_s=10.0, active_power_w=1.0)
        await until(lambda: _exists(client, "ns=2;s=mill/gw-1/old/active_power_w"))
        await until(lambda: _equal(status(client), "UncertainLastUsableValue"))
        served.follower.feed_row("old", age_s=61.0, active_power_w=1.0)
        await until(lambda: _equal(status(client), "BadNoCommunication"))
        served.follower.feed_row("old", active_power_w=1.0)
        await until(lambda: _equal(status(client), "Good"))
        served.follower.receive(f"{ROOT}/old/meta", b"")
        await until(lambda: _equal(status(client), "BadNoCommunication"))

    assert VALUE_KINDS[0] == "telemetry"
    served.read(check)


async def _equal(found: Awaitable[str], wanted: str) -> bool:
    return await found == wanted


def test_nothing_can_be_written(served: Served) -> None:
    """Neither values nor names, nor nodes of the standard; nodes cannot be added, and no method called."""

    async def check(client: Client) -> None:
        power, standard = client.get_node(f"{PUMP}/active_power_w"), client.get_node("ns=0;i=11737")
        number, name = ua.DataValue(ua.Variant(1.0)), ua.DataValue(ua.Variant(ua.LocalizedText("x")))
        for attempt in (
            power.write_attribute(ua.AttributeIds.Value, number), client.nodes.objects.add_object(2, "x"),
            standard.write_attribute(ua.AttributeIds.Value, number),
            power.write_attribute(ua.AttributeIds.DisplayName, name),
            client.delete_nodes([power]), client.nodes.server.call_method("0:GetMonitoredItems", 1),
        ):  # fmt: skip
            with pytest.raises(ua.UaStatusCodeError) as failed:
                await attempt
            assert failed.value.code == ua.StatusCodes.BadUserAccessDenied
        feed_pump(served)
        await until(lambda: _shows(client, f"{PUMP}/active_power_w", 18234.5))

    served.read(check)


def test_the_log_states_once_that_a_client_wants_to_write(caplog: pytest.LogCaptureFixture) -> None:
    rules, write = access.ReadOnlyRules(), ua.NodeId(ua.ObjectIds.WriteRequest_Encoding_DefaultBinary)
    for role in (UserRole.Anonymous, UserRole.User, UserRole.User):
        assert not rules.check_validity(User(role=role), write, None)
    assert caplog.messages == [str(OPCUA_SERVICE_REJECTED())]


@pytest.mark.parametrize("login", [{"password": "wrong-password"}, {"user": "admin"}, {"password": None}])
def test_a_wrong_login_is_rejected(served: Served, login: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "ATTEMPTS_A_MINUTE", 100)

    async def nothing(_client: Client) -> None: ...

    with pytest.raises(ua.UaStatusCodeError) as failed:
        served.connected(nothing, **login)
    assert failed.value.code in (ua.StatusCodes.BadUserAccessDenied, ua.StatusCodes.BadIdentityTokenRejected)


def test_after_five_wrong_passwords_the_right_one_is_rejected_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, compared = [100.0], []
    monkeypatch.setattr("time.monotonic", lambda: now_s[0])
    monkeypatch.setattr(access, "matches", lambda _stored, given: compared.append(given) or given == RIGHT)
    user = access.OneUser("magwatt", "")
    assert user.get_user(None, "magwatt", RIGHT, b"certificate") is not None
    assert user.get_user(None, "magwatt", RIGHT, None) is None, "a channel without encryption"
    assert user.get_user(None, "magwatt", RIGHT, b"") is None
    for _ in range(8):
        assert user.get_user(None, "magwatt", "wrong", b"certificate") is None
    assert len(compared) == 6, "guesses cost no processor time after the fifth"
    assert user.get_user(None, "magwatt", RIGHT, b"certificate") is None
    now_s[0] += 61.0
    assert user.get_user(None, "magwatt", RIGHT, b"certificate") is not None


def test_no_value_leaves_on_a_channel_without_encryption(served: Served) -> None:
    """Endpoints can be discovered on it. A session can be created, but neither read nor activated."""

    async def job() -> None:
        client = Client(f"opc.tcp://127.0.0.1:{served.port}/magwatt", timeout=5)
        endpoints = await client.connect_and_get_server_endpoints()
        assert {item.SecurityMode for item in endpoints} == {ua.MessageSecurityMode.SignAndEncrypt}
        assert {token.TokenType for item in endpoints for token in item.UserIdentityTokens} == {
            ua.UserTokenType.UserName
        }
        await client.connect_socket()
        await client.send_hello()
        await client.open_secure_channel()
        with contextlib.suppress(ua.UaError):  # the client finds no endpoint without encryption, but has a session
            await client.create_session()
        with pytest.raises(ua.UaStatusCodeError) as failed:
            await client.get_node(f"{PUMP}/active_power_w").read_value()
        assert failed.value.code == ua.StatusCodes.BadUserAccessDenied
        with pytest.raises(ua.UaStatusCodeError):
            await client.activate_session("magwatt", RIGHT)
        with pytest.raises(ua.UaStatusCodeError):
            await client.register_server(served.server)
        client.disconnect_socket()

    served.do(job)


def test_only_trusted_applications(served: Served, tmp_path: Path) -> None:
    served.do(lambda: client_of(served.folder, served.port, RIGHT))  # makes the certificate of the client
    (tmp_path / "good.der").write_bytes((served.folder / "client.der").read_bytes())
    known = access.TrustedClients(tmp_path)
    served.server.set_certificate_validator(known.validate)
    try:
        assert served.connected(lambda client: client.get_node(f"{PUMP}/state").read_value()) == "online"
        (tmp_path / "good.der").unlink()
        served.server.set_certificate_validator(access.TrustedClients(tmp_path).validate)
        with pytest.raises(ua.UaStatusCodeError) as failed:
            served.connected(lambda client: client.get_node(f"{PUMP}/state").read_value())
        assert failed.value.code == ua.StatusCodes.BadCertificateUntrusted
    finally:
        served.server.iserver.certificate_validator = None


def test_a_client_that_does_not_read_is_disconnected(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(_client: Client) -> None:
        assert served.server.bserver is not None
        before = list(served.server.bserver.clients)
        disconnect_slow(served.server)
        assert served.server.bserver.clients == before, "none of them is slow"
        slow = before[-1]
        assert slow.transport is not None
        monkeypatch.setattr(slow.transport, "get_write_buffer_size", lambda: (4 << 20) + 1, raising=False)
        disconnect_slow(served.server)
        await until(lambda: _is(lambda: slow not in served.server.bserver.clients))  # type: ignore[union-attr]

    with contextlib.suppress(ConnectionError, ua.UaError):  # when the client closes its session
        served.connected(check)

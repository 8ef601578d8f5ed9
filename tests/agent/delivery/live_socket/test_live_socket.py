"""The socket of the agent: what a follower sees, slow and many clients, a killed agent, a path that is too long."""

from __future__ import annotations

import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.basics import within
from support.dialects import Bench, configured

from agent.core.state_reasons import DEVICE_NOT_RESPONDING
from agent.delivery.followed_messages import REMOVED, BrokerError
from agent.delivery.live_socket import follower as follower_module
from agent.delivery.live_socket import server
from agent.delivery.live_socket.follower import LIVE_SOCKET_ABSENT, SocketFollower
from agent.delivery.live_socket.protocol import NAME, following_paths, serving_path
from agent.delivery.live_socket.server import (
    CLIENTS_MAX,
    LIVE_SOCKET_IN_USE,
    LIVE_SOCKET_PATH_TOO_LONG,
    LIVE_SOCKET_UNUSABLE,
    LiveSocket,
)

ROOT = "magwatt/v1/mill-2/gw-07"
PUMP = f"{ROOT}/pump-1"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(configured(tmp_path, "mqtt://127.0.0.1:1883"), tmp_path / "state")
    yield bench
    bench.close()


def serve(bench: Bench) -> LiveSocket:
    path = serving_path(bench.store.directory)
    assert path is not None
    served = LiveSocket(path, bench.publisher.retained_messages, bench.publisher.root)
    assert served.start() is None
    bench.publisher.followers.append(served.on_message)
    return served


def connect(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(5)
    sock.connect(str(path))
    return sock


def follow(path: Path) -> tuple[SocketFollower, list[str]]:
    kinds: list[str] = []
    follower = SocketFollower([path], lambda _followed, kind: kinds.append(kind))
    follower.start()
    return follower, kinds


def test_a_follower_sees_the_last_messages_and_then_each_new_one(bench: Bench) -> None:
    served = serve(bench)
    bench.publisher.publish_state("pump-1", "offline", [DEVICE_NOT_RESPONDING(device="mcc-1")])
    bench.row(active_power_w=1000.0)
    bench.publisher.publish_retained("pump-1", "explain", {"methods": []})
    bench.row(None, "health", spool_rows=3)
    time.sleep(0.05)
    follower, kinds = follow(served.path)
    within(lambda: PUMP in follower.seen and "telemetry" in follower.seen[PUMP].messages, 5, "the last row")
    within(lambda: "health" in follower.gateway_messages.get(ROOT, {}), 5, "health")
    pump = follower.seen[PUMP]
    assert {"meta", "state", "explain", "telemetry"} <= pump.messages.keys()
    assert pump.messages["state"]["state"] == "offline"
    assert follower.gateways == {ROOT: "online"}
    assert "pump-1" in follower.gateway_messages[ROOT]["info"]["assets"]
    assert time.monotonic() - pump.received_s["telemetry"] >= 0.05, "it is as old as it was at the agent"
    bench.row(active_power_w=2000.0)
    within(lambda: pump.messages["telemetry"]["v"]["active_power_w"] == 2000.0, 5, "a new row")
    assert pump.messages["telemetry"]["id"].startswith(f"{bench.store.run_id}-"), "the row of the other outputs"
    served.on_message(f"{PUMP}/state", b"", True)
    within(lambda: PUMP not in follower.seen, 5, "the removed motor")
    assert kinds[-1] == REMOVED
    follower.stop()
    served.stop()
    assert not served.path.exists()


def test_a_follower_connects_again_and_shows_the_gap(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower_module, "RETRY_S", 0.02)
    served = serve(bench)
    follower, _ = follow(served.path)
    within(lambda: follower.gateways.get(ROOT) == "online", 5, "the agent")
    served.stop()
    within(lambda: follower.interrupted, 5, "the loss")
    assert follower.gateways == {ROOT: "offline"}
    bench.publisher.followers.clear()
    again = serve(bench)
    within(lambda: not follower.interrupted and follower.gateways == {ROOT: "online"}, 5, "the new connection")
    follower.stop()
    again.stop()


def test_without_an_agent_the_reason_names_the_socket(tmp_path: Path) -> None:
    follower = SocketFollower([tmp_path / NAME])
    with pytest.raises(BrokerError) as failed:
        follower.start()
    assert failed.value.reason.code == LIVE_SOCKET_ABSENT
    assert not follower.interrupted
    follower.stop()


def test_a_slow_client_is_disconnected_and_delays_nobody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "QUEUE_BYTES_MAX", 200_000)
    served = serve(bench)
    slow, (quick, _) = connect(served.path), follow(served.path)
    slow.recv(1)
    big = b'{"s":"magwatt.telemetry/1","x":"' + b"x" * 20_000 + b'"}'
    longest_s = 0.0
    for _ in range(200):  # 4 MB
        begin_s = time.perf_counter()
        served.on_message(f"{PUMP}/telemetry", big, False)
        longest_s = max(longest_s, time.perf_counter() - begin_s)
        time.sleep(0.0005)
    assert longest_s < 0.1, "the caller does not wait for a client"  # a blocked one waited forever
    within(lambda: served.clients == 1, 5, "the slow client is gone")
    quick.stop()
    slow.close()
    served.stop()


def test_the_number_of_clients_is_bounded_and_their_input_is_discarded(bench: Bench) -> None:
    served = serve(bench)
    clients = [connect(served.path) for _ in range(CLIENTS_MAX)]
    assert all(client.recv(1) for client in clients)
    surplus = connect(served.path)
    assert surplus.recv(1) == b""
    clients[0].sendall(b"x" * 100_000)
    clients[1].close()
    within(lambda: served.clients == CLIENTS_MAX - 1, 5, "a client left")
    clients.append(connect(served.path))
    assert clients[-1].recv(1)
    assert clients[0].recv(1)
    served.stop()
    for client in (*clients, surplus):
        client.close()


def test_the_socket_is_for_owner_and_group_and_replaces_that_of_a_killed_agent(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / NAME
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    dead.bind(str(path))
    dead.close()
    served = LiveSocket(path, list, ROOT)
    assert served.start() is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    second = LiveSocket(path, list, ROOT).start()
    assert second is not None
    assert second.code == LIVE_SOCKET_IN_USE
    served.stop()
    path.write_text("a file of somebody")
    unusable = LiveSocket(path, list, ROOT).start()
    assert unusable is not None
    assert unusable.code == LIVE_SOCKET_UNUSABLE
    assert path.read_text() == "a file of somebody"
    long = LiveSocket(tmp_path / ("x" * 100) / NAME, list, ROOT).start()
    assert long is not None
    assert long.code == LIVE_SOCKET_PATH_TOO_LONG


def test_its_place_is_the_folder_of_the_service_or_the_state_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    state = Path("/var/lib/magwatt")
    assert serving_path(state) == state / NAME
    assert serving_path(None) is None
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/magwatt")
    assert serving_path(state) == Path("/run/magwatt/live.sock")
    assert set(following_paths(state)) == {state / NAME, Path("/run/magwatt/live.sock")}

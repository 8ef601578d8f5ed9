"""The age of the newest row, as a health check asks for it: of a running, stopped, hanging and wrong agent."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.dialects import Bench, configured

from agent.core.messages import Message
from agent.delivery.live_socket.client import LIVE_SOCKET_ABSENT
from agent.delivery.live_socket.newest_row import (
    LIVE_SOCKET_CLOSED,
    LIVE_SOCKET_SILENT,
    NEWEST_ROW_TOO_OLD,
    NO_ROW_YET,
    newest_row,
)
from agent.delivery.live_socket.protocol import LINE_BYTES_MAX, NAME
from agent.delivery.live_socket.server import CLIENTS_MAX, LiveSocket
from drivers.reasons import Code, Reason

DAY_MS = 86_400_000
SHORT_S = 0.1


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(configured(tmp_path, "mqtt://127.0.0.1:1883"), tmp_path / "state")
    yield bench
    bench.close()


@pytest.fixture
def served(bench: Bench) -> Iterator[LiveSocket]:
    assert bench.store.directory is not None
    served = LiveSocket(bench.store.directory / NAME, bench.publisher.retained_messages, bench.publisher.root)
    assert served.start() is None
    bench.publisher.followers.append(served.on_message)
    yield served
    served.stop()


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket that accepts nothing."""
    with socket.socket(socket.AF_UNIX) as found:
        found.bind(str(tmp_path / NAME))
        found.listen(1)
        yield found


def code_of(found: float | Reason) -> Code:
    assert isinstance(found, Reason), found
    return found.code


def test_a_row_is_as_old_as_the_time_since_it_was_made(bench: Bench, served: LiveSocket) -> None:
    made_s = time.monotonic()
    bench.row()
    time.sleep(0.3)
    young = newest_row([served.path], 60, SHORT_S)
    assert isinstance(young, float)
    assert 0.3 <= young <= time.monotonic() - made_s + 0.001, "the age is rounded to milliseconds"
    old = newest_row([served.path], 0.2, SHORT_S)
    assert isinstance(old, Reason)
    assert old.code == NEWEST_ROW_TOO_OLD
    assert 0.3 <= old.data["age_s"] <= time.monotonic() - made_s + 0.001


@pytest.mark.parametrize("offset_ms", [-DAY_MS, DAY_MS], ids=["set back", "set forward"])
def test_a_clock_that_was_set_changes_no_age(bench: Bench, served: LiveSocket, offset_ms: int) -> None:
    """The rows before and after a step are a day apart by their times."""
    t_ms = bench.clock.utc_ns() // 1_000_000
    bench.publisher.publish(Message("pump-1", "telemetry", t_ms, {}))
    time.sleep(0.3)
    assert code_of(newest_row([served.path], 0.2, SHORT_S)) == NEWEST_ROW_TOO_OLD
    bench.publisher.publish(Message("pump-1", "telemetry", t_ms + offset_ms, {}))
    assert isinstance(newest_row([served.path], 0.2, SHORT_S), float)


def test_a_row_of_one_motor_is_enough(bench: Bench, served: LiveSocket) -> None:
    bench.row()
    time.sleep(0.3)
    bench.row("pump-1", "pq3s")
    assert isinstance(newest_row([served.path], 0.2, SHORT_S), float)


def test_messages_about_the_gateway_are_not_rows(bench: Bench, served: LiveSocket) -> None:
    bench.row(None, "health", spool_rows=3)
    bench.publisher.publish_retained("pump-1", "explain", {"methods": []})
    assert code_of(newest_row([served.path], 60, SHORT_S)) == NO_ROW_YET


def test_it_waits_for_the_next_row(bench: Bench, served: LiveSocket) -> None:
    bench.row()
    time.sleep(0.3)
    later = threading.Timer(0.1, bench.row)
    later.start()
    assert newest_row([served.path], 0.2, 5.0) == 0.0
    later.join()


def test_without_an_agent(tmp_path: Path) -> None:
    assert code_of(newest_row([tmp_path / NAME, tmp_path / "other"], 60, SHORT_S)) == LIVE_SOCKET_ABSENT
    (tmp_path / NAME).write_bytes(b"\0not a socket")
    assert code_of(newest_row([tmp_path / NAME], 60, SHORT_S)) == LIVE_SOCKET_ABSENT


def test_the_socket_of_a_killed_agent(tmp_path: Path, listener: socket.socket) -> None:
    listener.close()
    assert (tmp_path / NAME).exists()
    assert code_of(newest_row([tmp_path / NAME], 60, SHORT_S)) == LIVE_SOCKET_ABSENT


def test_the_second_place_is_tried(tmp_path: Path, bench: Bench, served: LiveSocket) -> None:
    bench.row()
    assert isinstance(newest_row([tmp_path / NAME, served.path], 60, SHORT_S), float)


def test_an_agent_that_hangs_does_not_hang_the_check(tmp_path: Path, listener: socket.socket) -> None:
    started_s = time.monotonic()
    assert code_of(newest_row([tmp_path / NAME], 60, 0.2)) == LIVE_SOCKET_SILENT
    assert time.monotonic() - started_s < 2


def test_an_agent_with_all_its_clients_says_so(bench: Bench, served: LiveSocket) -> None:
    bench.row()
    clients = [socket.socket(socket.AF_UNIX) for _ in range(CLIENTS_MAX)]
    for client in clients:
        client.connect(str(served.path))
        client.recv(1)  # it was accepted
    assert code_of(newest_row([served.path], 60, 1.0)) == LIVE_SOCKET_CLOSED
    for client in clients:
        client.close()


@pytest.mark.parametrize(
    ("sent", "wait_s", "expected"),
    [
        (
            b"\xff\xfe no tabs\n\n\t\t\nmagwatt/v1/a/b/c/telemetry\t-5\t{}\nmagwatt/v1/a/b/c/telemetry\n",
            0.5,
            LIVE_SOCKET_SILENT,
        ),
        (b"x" * (LINE_BYTES_MAX + 1), 30.0, LIVE_SOCKET_CLOSED),
    ],
    ids=["no messages", "no end of a line"],
)
def test_bytes_that_are_no_messages_are_no_rows(
    tmp_path: Path, listener: socket.socket, sent: bytes, wait_s: float, expected: Code
) -> None:
    def send() -> None:
        with listener.accept()[0] as sock, contextlib.suppress(OSError):  # the reader closes a line without an end
            sock.sendall(sent)
            done.wait(5)

    done = threading.Event()
    sender = threading.Thread(target=send)
    sender.start()
    assert code_of(newest_row([tmp_path / NAME], 60, wait_s)) == expected
    done.set()
    sender.join()

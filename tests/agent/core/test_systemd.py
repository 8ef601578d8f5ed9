"""Notifications to systemd, received on a socket of the test."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.basics import HandClock

from agent.core.systemd import notify, reloading, watchdog_s
from agent.runtime.health import feed_watchdog


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    name = str(tmp_path / "notify") if request.param == "file" else f"@magwatt-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0{name[1:]}" if name.startswith("@") else name)
        receiver.settimeout(2)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield receiver


def test_each_call_is_one_datagram_of_lines(manager: socket.socket) -> None:
    assert notify(READY=1, STATUS="polling 3 devices\non 2 buses")
    assert manager.recv(1000) == b"READY=1\nSTATUS=polling 3 devices on 2 buses"
    assert reloading()
    notified = dict(line.split("=") for line in manager.recv(1000).decode().splitlines())
    assert notified["RELOADING"] == "1"
    assert int(notified["MONOTONIC_USEC"]) > 0


def test_without_a_manager_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for where in ("", "no path", str(tmp_path / "nobody")):
        monkeypatch.setenv("NOTIFY_SOCKET", where)
        assert not notify(READY=1)
    monkeypatch.delenv("NOTIFY_SOCKET")
    assert not notify(READY=1)


def test_a_manager_that_does_not_read_delays_nothing(manager: socket.socket) -> None:
    sent = 0
    while notify(STATUS="x" * 1000):
        sent += 1
        assert sent < 100_000
    assert sent > 0


def test_the_watchdog_of_another_process_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert watchdog_s() == 30
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert watchdog_s() == 30
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert watchdog_s() is None
    monkeypatch.delenv("WATCHDOG_PID")
    for wrong in ("", "soon", "0"):
        monkeypatch.setenv("WATCHDOG_USEC", wrong)
        assert watchdog_s() is None


def test_the_watchdog_is_fed_only_while_nothing_hangs(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch, clock: HandClock
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    words = iter([None, None, "bus north has not polled for 130 s", None])

    async def feed() -> None:
        with pytest.raises(RuntimeError, match="StopIteration"):
            await feed_watchdog(clock, lambda: next(words))

    began_ns = clock.monotonic_ns()
    asyncio.run(feed())
    sent = [manager.recv(1000) for _ in range(4)]
    blocked, recovered = b"STATUS=blocked: bus north has not polled for 130 s", b"WATCHDOG=1\nSTATUS=running"
    assert sent == [b"WATCHDOG=1", b"WATCHDOG=1", blocked, recovered], "the status is reset"
    assert (clock.monotonic_ns() - began_ns) / 1e9 == 40, "three times in each period that systemd waits"

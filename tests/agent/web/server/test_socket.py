"""The page without a broker: it follows the socket of the agent, loses it, and finds the next agent."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from support.basics import within
from support.dialects import Bench, configured
from support.page import RunningServer, Stream

from agent.delivery import live_source as source_module
from agent.delivery.live_socket import follower as follower_module
from agent.delivery.live_socket.protocol import serving_path
from agent.delivery.live_socket.server import LiveSocket
from agent.web.server.server import page_of
from agent.web.server.start_check import Listen


def serve(bench: Bench) -> LiveSocket:
    path = serving_path(bench.store.directory)
    assert path is not None
    served = LiveSocket(path, bench.publisher.retained_messages, bench.publisher.root)
    assert served.start() is None
    bench.publisher.followers.append(served.on_message)
    return served


def test_the_page_follows_the_agent_of_this_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "RETRY_S", 0.1)
    monkeypatch.setattr(follower_module, "RETRY_S", 0.1)
    config = replace(configured(tmp_path, "mqtt://127.0.0.1:1"), state_dir=tmp_path / "state")
    bench = Bench(config, tmp_path / "state")
    server, source = page_of(None, "", config, Listen())
    page = RunningServer(server)
    page.start()
    source.start()
    stream = Stream(page)
    within(lambda: problem(page)["code"] == "live_socket_absent", 5, "why there are no values")

    served = serve(bench)
    bench.row(active_power_w=1234.0)
    within(lambda: power_w(page) == 1234.0, 5, "the last row before the page was connected")
    contact = {"source": "socket", "connected": True, "problem": None}
    within(lambda: page.json("/api/v1/plant")["contact"] == contact, 5, "the contact")
    sent_s = time.monotonic()
    bench.row(active_power_w=5678.0)
    while not any(row["power_w"]["v"] == 5678.0 for row in stream.event()["motors"]):
        assert time.monotonic() - sent_s < 3

    served.stop()
    within(lambda: not page.json("/api/v1/plant")["contact"]["connected"], 5, "the contact is lost")
    served = serve(bench)
    bench.row(active_power_w=9999.0)
    within(lambda: power_w(page) == 9999.0, 5, "it found the next agent")
    stream.close()
    page.stop()
    source.stop()
    served.stop()
    bench.close()


def problem(page: RunningServer) -> dict[str, str]:
    found: dict[str, str] = page.json("/api/v1/plant")["contact"]["problem"]
    return found


def power_w(page: RunningServer) -> float | None:
    found: float | None = page.json("/api/v1/motors/pump-1")["power_w"]["v"]
    return found

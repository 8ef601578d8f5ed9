"""The stream: one event for all motors that changed, complete at first, in the language of the client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from support.basics import within
from support.page import ROOT, Page, Stream, running_page

from agent.core.text import Catalogue
from agent.web.server import live


@pytest.fixture
def stream(page: Page) -> Any:
    found = Stream(page)
    yield found
    found.close()


def next_with(stream: Stream, found: Callable[[Any], bool], limit_s: float = 5.0) -> Any:
    """The next event for which `found` is true."""
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        if found(event := stream.event()):
            return event
    raise AssertionError("no such event")


def test_the_first_event_is_complete(stream: Stream) -> None:
    event = stream.event()
    assert event["ids"] == ["pump-1", "pump-2"]
    assert [row["id"] for row in event["motors"]] == ["pump-1", "pump-2"]
    assert {"t", "contact", "gateway", "verdict", "saved_now_w", "flow"} <= event.keys()


def test_the_stream_is_sent_as_server_sent_events(page: Page) -> None:
    stream = Stream(page)
    assert stream.response.headers["content-type"].startswith("text/event-stream")
    assert stream.response.headers["cache-control"] == "no-store"
    assert stream.response.readline() == b"retry: 3000\n"
    lines = [stream.response.readline() for _ in range(3)]
    assert lines[1] == b"event: rows\n"
    assert lines[2].startswith(b"id: ")
    assert abs(int(lines[2][4:]) - time.time() * 1000) < 5000
    stream.close()


def test_motors_that_change_together_are_one_event(page: Page, stream: Stream) -> None:
    """Both within 150 ms after the first."""
    stream.event()
    page.telemetry("pump-1", {"active_power_w": 41000.0})
    page.telemetry("pump-2", {"active_power_w": 42000.0})
    started_s = time.monotonic()
    event = next_with(stream, lambda event: bool(event["motors"]))
    assert {row["id"]: row["power_w"]["v"] for row in event["motors"]} == {"pump-1": 41000.0, "pump-2": 42000.0}
    assert time.monotonic() - started_s < 1.0
    assert event["ids"] is None


def test_only_the_motor_that_changed_is_sent(page: Page, stream: Stream) -> None:
    stream.event()
    page.telemetry("pump-2")
    assert [row["id"] for row in next_with(stream, lambda event: bool(event["motors"]))["motors"]] == ["pump-2"]


def test_each_client_gets_its_language(page: Page) -> None:
    english, chinese = Stream(page, "lang=en"), Stream(page, "lang=zh")
    words = [stream.event()["motors"][1]["state"]["text"] for stream in (english, chinese)]
    assert words == [Catalogue("en")("running"), Catalogue("zh_CN")("running")]
    for stream in (english, chinese):
        stream.close()


def test_who_comes_back_gets_what_is_true_now(page: Page) -> None:
    """Nothing was sent in this language for a while; values changed meanwhile."""
    page.telemetry("pump-1", {"active_power_w": 1000.0})
    first, other = Stream(page, "lang=zh"), Stream(page, "lang=en")
    assert first.event()["motors"][0]["power_w"]["v"] == 1000.0
    first.close()
    other.event()
    within(lambda: page.server.live.clients == 1, 5, "it left")
    page.telemetry("pump-1", {"active_power_w": 2000.0})
    next_with(other, lambda event: any(row["power_w"]["v"] == 2000.0 for row in event["motors"]))
    again = Stream(page, "lang=zh")
    assert again.event()["motors"][0]["power_w"]["v"] == 2000.0
    for stream in (again, other):
        stream.close()


def test_a_new_client_takes_no_change_from_the_others(page: Page) -> None:
    """A row that becomes stale when another client comes is sent to all."""
    page.telemetry("pump-1")
    stream = Stream(page)
    stream.event()
    page.follower.seen[f"{ROOT}/pump-1"].received_s["telemetry"] -= 30
    other = Stream(page)
    assert other.event()["motors"][0]["stale"] is True
    next_with(stream, lambda event: any(row["id"] == "pump-1" and row["stale"] for row in event["motors"]))
    for each in (stream, other):
        each.close()


def test_a_removed_motor_leaves_the_list() -> None:
    with running_page() as page:
        page.telemetry("pump-1")
        page.telemetry("pump-2")
        stream = Stream(page)
        assert stream.event()["ids"] == ["pump-1", "pump-2"]
        page.remove("pump-1")
        assert next_with(stream, lambda event: event["ids"] is not None)["ids"] == ["pump-2"]
        stream.close()


@pytest.mark.alone
def test_a_silent_motor_becomes_stale_and_the_stream_goes_on() -> None:
    """After three intervals, which are at least three seconds; and there is an event in every two seconds."""
    with running_page() as page:
        page.telemetry("pump-1")
        stream = Stream(page)
        stream.event()
        started_s = last_s = time.monotonic()
        while True:
            event = stream.event()
            assert time.monotonic() - last_s < 3.5
            last_s = time.monotonic()
            if any(row["stale"] for row in event["motors"]):
                break
        assert 2.5 < last_s - started_s < 5.5
        stream.close()


def test_the_details_of_a_motor_are_for_those_who_show_it(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    details = {"motor": lambda _web, _texts, motor: {"of": motor}, "power_quality": lambda *_: {"thd": 1}}
    monkeypatch.setattr(page.server.live, "details", details)
    one, other = Stream(page, "motor=pump-1"), Stream(page)
    assert one.event()["motor"] == {"of": "pump-1"}
    assert "motor" not in other.event()
    page.telemetry("pump-2")
    assert "motor" not in next_with(one, lambda event: bool(event["motors"]))
    page.receive("pump-1", "pq3s", {"v": {}})
    event = next_with(one, lambda event: bool(event["motors"]))
    assert event["power_quality"] == {"thd": 1}
    assert "motor" not in event
    for stream in (one, other):
        stream.close()


def test_an_unknown_motor_has_no_details(page: Page) -> None:
    stream = Stream(page, "motor=nobody")
    assert "motor" not in stream.event()
    stream.close()


def test_a_slow_client_gets_everything_anew_instead_of_a_long_queue() -> None:
    async def check() -> None:
        client = live.Client("en", None)
        client.complete = False
        for step in range(30):
            client.put(step * 0.1, b"%d" % step)
        assert client.complete
        events = client.events()
        assert await anext(events) == b"retry: 3000\n\n"
        waiting = []
        for _ in range(8):
            waiting.append(await asyncio.wait_for(anext(events), 1))
        assert waiting == [b"%d" % step for step in range(22, 30)]

    asyncio.run(check())


def test_a_client_that_leaves_is_forgotten(page: Page) -> None:
    streams = [Stream(page) for _ in range(5)]
    for stream in streams:
        stream.event()
        stream.close()
    within(lambda: page.server.live.clients == 0, 5, "no client is left")


def test_a_stream_that_cannot_begin_takes_no_room(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(page.server.live, "begin", broken)
    for _ in range(40):
        with page.raw() as client:
            client.sendall(f"GET /api/v1/stream HTTP/1.1\r\nHost: {page.host}\r\n\r\n".encode())
            client.recv(100)
    within(lambda: page.server.live.clients == 0, 5, "no client is left")


def test_a_new_client_gets_what_has_just_arrived(page: Page) -> None:
    """Although it is not yet time for the next event of the others."""
    other = Stream(page)
    other.event()
    page.telemetry("pump-1", {"active_power_w": 4321.0})
    new = Stream(page)
    assert new.event()["motors"][0]["power_w"]["v"] == 4321.0
    for stream in (new, other):
        stream.close()

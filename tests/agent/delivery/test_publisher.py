"""Retained state of a motor, and announcements of gaps."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from support.basics import HandClock
from support.dialects import SECOND, Bench, configured

from agent.config.topology import assets
from agent.core.state_reasons import DEVICE_NOT_RESPONDING, DEVICE_UNAVAILABLE
from agent.core.text import english
from agent.delivery.delivery import Delivery
from agent.delivery.store import Store
from agent.delivery.store.database_file import NAME
from agent.delivery.store.reasons import AGENT_KILLED, NO_SPACE_LEFT, STATE_FILE_REPLACED
from agent.runtime.maintenance import MaintenanceLog
from agent.runtime.message_flags import MessageFlagger


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(configured(tmp_path, "mqtt://127.0.0.1:1883"), tmp_path / "state")


def published_state(bench: Bench) -> dict[str, Any]:
    (payload,) = (text for topic, text in bench.publisher.retained_messages() if topic.endswith("/pump-1/state"))
    return json.loads(payload)  # type: ignore[no-any-return]


def test_a_changed_reason_does_not_restart_the_state(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    now_ms = 1_790_000_000_000
    monkeypatch.setattr(type(bench.clock), "utc_ns", lambda _: now_ms * 1_000_000)
    silent, other = DEVICE_NOT_RESPONDING(device="mcc-1"), DEVICE_UNAVAILABLE(device="mcc-1", cause="no route to host")
    bench.publisher.publish_state("pump-1", "offline", [silent])
    now_ms += 60_000
    bench.publisher.publish_state("pump-1", "offline", [other])
    found = published_state(bench)
    assert (found["t"], found["since"]) == (now_ms, now_ms - 60_000)
    assert found["reason"] == [
        {"code": "device_unavailable", "data": {"device": "mcc-1", "cause": "no route to host"},
         "text": english(other)}
    ]  # fmt: skip
    now_ms += 60_000
    bench.publisher.publish_state("pump-1", "online", [])
    assert published_state(bench)["since"] == now_ms
    now_ms += 60_000
    bench.publisher.publish_state("pump-1", "offline", [silent])
    assert published_state(bench)["since"] == now_ms


class PublishedMessages:
    """Published messages, topic by topic."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, topic: str, payload: bytes, _retain: bool) -> None:
        self.sent.append((topic, json.loads(payload)))


def test_maintenance_of_a_removed_motor_ends_with_events_and_without_a_state(bench: Bench, tmp_path: Path) -> None:
    publisher, book, now_ms = bench.publisher, MaintenanceLog(tmp_path), bench.clock.utc_ns() // 1_000_000
    publisher.on_message = published = PublishedMessages()
    for motor in ("taken-out", "pump-1"):
        book.begin(motor, "new bearings", now_ms - 1000, None, "li")
    marks = MessageFlagger(publisher.publish, publisher.publish_state, bench.clock, book, lambda: True)
    marks.restore(now_ms - 2000)
    for motor in ("taken-out", "pump-1"):
        book.release(motor, now_ms)
    marks.refresh()
    events = [(topic.split("/")[4], body["v"]["event_state"]) for topic, body in published.sent if "event" in topic]
    assert sorted(events) == [(name, state) for name in ("pump-1", "taken-out") for state in ("begin", "end")]
    assert published_state(bench)["state"] == "offline"
    assert not [topic for topic, _ in publisher.retained_messages() if "taken-out" in topic], (
        "no state or meta without a motor"
    )


def corrupt(store: Store) -> None:
    """Overwrites the open state file, more of it than SQLite keeps in memory, and reads it."""
    assert store.directory is not None
    for n in range(400):
        store.save_entry("refused", f"device-{n}", "", "x" * 20_000)
    for file in (store.directory / NAME, store.directory / f"{NAME}-wal"):
        with file.open("r+b") as opened:
            opened.write(os.urandom(file.stat().st_size))
    for n in range(400):
        store.entry("refused", f"device-{n}", "")


def test_a_state_file_that_becomes_corrupt_while_running_is_announced_once(tmp_path: Path) -> None:
    bench = Bench(configured(tmp_path, "mqtt://127.0.0.1:1"), tmp_path / "state")
    delivery = Delivery(bench.config, bench.publisher, bench.store, bench.clock)
    bench.publisher.on_message = published = PublishedMessages()

    async def for_some_turns() -> None:
        telling = asyncio.create_task(delivery.run(HandClock()))
        await asyncio.sleep(0.2)
        assert published.sent == []
        corrupt(bench.store)
        for _ in range(1000):
            await asyncio.sleep(0.01)
            if published.sent:
                break
        await asyncio.sleep(0.1)
        telling.cancel()

    asyncio.run(for_some_turns())
    (event,) = [body for _, body in published.sent if body["v"]["event_kind"] == "state_file_corrupt"]
    (reason,) = event["r"]["event_text"]
    assert reason["code"] == STATE_FILE_REPLACED
    assert (tmp_path / "state" / reason["data"]["file"]).exists()
    assert event["v"]["event_text"] == reason["text"]
    delivery.stop(lambda: None)


class Losing(HandClock):
    """At each sleep another row is lost; after a day the test ends."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store, self.lost = store, 0

    async def sleep(self, seconds: float) -> None:
        self.move(seconds)
        if self.monotonic_ns() > 86_400 * 1e9:
            raise asyncio.CancelledError
        self.store.record_gap("telemetry", NO_SPACE_LEFT(), 1, 1_790_000_000_000, 1_790_000_000_000)
        self.lost += 1


def test_a_loss_of_a_day_does_not_fill_the_spool_with_announcements(tmp_path: Path) -> None:
    bench = Bench(configured(tmp_path, "mqtt://127.0.0.1:1"), tmp_path / "state")
    delivery = Delivery(bench.config, bench.publisher, bench.store, bench.clock)
    bench.publisher.on_message = published = PublishedMessages()
    clock = Losing(bench.store)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(delivery.run(clock))
    events = [body["v"] for topic, body in published.sent if topic.endswith("/event")]
    assert len(events) < 110, "the interval between announcements grows to 15 min"
    assert sum(event["event_rows"] for event in events) == clock.lost
    reasons = {reason["code"] for _, body in published.sent for reason in body["r"]["event_text"]}
    assert reasons == {NO_SPACE_LEFT}
    delivery.stop(lambda: None)


def test_a_gap_is_announced_with_code_data_and_text(bench: Bench) -> None:
    bench.publisher.on_message = published = PublishedMessages()
    bench.store.record_gap("*", AGENT_KILLED(), None, 1_790_000_000_000, 1_790_000_060_000)
    assert bench.publisher.announce_gaps() == 1
    ((topic, body),) = published.sent
    assert topic.endswith("/event")
    assert (body["v"]["event_start_ms"], body["t"]) == (1_790_000_000_000, 1_790_000_060_000)
    assert body["v"]["event_rows"] is None
    assert (body["v"]["event_kind"], body["v"]["gap_message_type"]) == ("data_gap", "*")
    (reason,) = body["r"]["event_text"]
    assert reason == {"code": AGENT_KILLED, "data": {}, "text": body["v"]["event_text"]}
    bench.store.flush()
    assert bench.publisher.announce_gaps() == 0


def test_alarms_are_sent_again_and_deleted_with_their_motor(bench: Bench, tmp_path: Path) -> None:
    sent: list[tuple[str, bytes]] = []
    bench.publisher.publish_retained("pump-1", "alarm", {"state": "UNACK"}, name="stall", keep=True)
    bench.publisher.publish_retained(None, "alarm", {"state": "ACKED"}, name="disk", keep=True)
    root = bench.publisher.root
    kept = {topic: json.loads(text) for topic, text in bench.publisher.retained_messages() if "/alarm/" in topic}
    assert {topic: (body["s"], body["state"]) for topic, body in kept.items()} == {
        f"{root}/pump-1/alarm/stall": ("magwatt.alarm/1", "UNACK"), f"{root}/alarm/disk": ("magwatt.alarm/1", "ACKED")
    }  # fmt: skip
    bench.publisher.followers.append(lambda topic, text, _retain: sent.append((topic, text)))
    bench.publisher.delete_retained(None, "alarm", "disk")
    assert sent == [(f"{root}/alarm/disk", b"")]
    changed = configured(tmp_path, "mqtt://127.0.0.1:1883", plant=SECOND)
    bench.publisher.reconfigure(changed, assets(changed))
    assert (f"{root}/pump-1/alarm/stall", b"") in sent
    assert not any("/alarm/" in topic for topic, _ in bench.publisher.retained_messages())

"""What the agent keeps at the broker about a motor's state."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from dialectkit import Bench, configured
from testkit import HandClock

from agent.deliver import Delivery
from agent.hold import HoldBook
from agent.marks import Marks
from agent.store import Store
from agent.store.quota import FULL


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(configured(tmp_path, "mqtt://127.0.0.1:1883"), tmp_path / "state")


def told(bench: Bench) -> dict[str, Any]:
    (payload,) = (text for topic, text in bench.publisher.greeting() if topic.endswith("/pump-1/state"))
    return json.loads(payload)  # type: ignore[no-any-return]


def test_another_reason_begins_no_other_state(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    now_ms = 1_790_000_000_000
    monkeypatch.setattr(type(bench.clock), "utc_ns", lambda _: now_ms * 1_000_000)
    bench.publisher.tell_state("pump-1", "offline", "mcc-1: no answer")
    now_ms += 60_000
    bench.publisher.tell_state("pump-1", "offline", "mcc-1: north: the machine is not there")
    found = told(bench)
    assert (found["t"], found["since"], found["reason"]) == (
        now_ms, now_ms - 60_000, "mcc-1: north: the machine is not there",
    )  # fmt: skip
    now_ms += 60_000
    bench.publisher.tell_state("pump-1", "online", "")
    assert told(bench)["since"] == now_ms
    now_ms += 60_000
    bench.publisher.tell_state("pump-1", "offline", "mcc-1: no answer")
    assert told(bench)["since"] == now_ms


class Carried:
    """What would go out, topic by topic."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        self.sent.append((topic, json.loads(payload)))
        return True


def test_a_hold_of_who_was_taken_out_of_the_configuration_ends_like_any_other(bench: Bench, tmp_path: Path) -> None:
    publisher, book, now_ms = bench.publisher, HoldBook(tmp_path), bench.clock.utc_ns() // 1_000_000
    publisher.carrier = carried = Carried()
    for motor in ("taken-out", "pump-1"):
        book.begin(motor, "new bearings", now_ms - 1000, None, "li")
    marks = Marks(publisher.publish, publisher.tell_state, bench.clock, book, lambda: True)
    marks.recall(now_ms - 2000)
    for motor in ("taken-out", "pump-1"):
        book.release(motor, now_ms)
    marks.take_holds(marks.look())
    events = [(topic.split("/")[4], body["v"]["event_state"]) for topic, body in carried.sent if "event" in topic]
    assert sorted(events) == [(name, state) for name in ("pump-1", "taken-out") for state in ("begin", "end")]
    assert told(bench)["state"] == "offline"
    assert not [topic for topic, _ in publisher.greeting() if "taken-out" in topic], "no state or meta without a motor"


def test_a_file_that_is_damaged_under_a_running_agent_is_told(tmp_path: Path) -> None:
    bench = Bench(configured(tmp_path, "mqtt://127.0.0.1:1"), tmp_path / "state")
    delivery = Delivery(bench.config, bench.publisher, bench.store, bench.clock)
    bench.publisher.carrier = carried = Carried()

    async def for_some_turns() -> None:
        telling = asyncio.create_task(delivery.run(HandClock()))
        await asyncio.sleep(0.2)
        assert carried.sent == []
        bench.store._writer.tell_damage("as a reader found it")
        await asyncio.to_thread(bench.store.flush)
        for _ in range(1000):
            await asyncio.sleep(0.01)
            if carried.sent:
                break
        await asyncio.sleep(0.1)
        telling.cancel()

    asyncio.run(for_some_turns())
    kinds = [body["v"]["event_kind"] for _, body in carried.sent]
    assert kinds.count("state_file_corrupt") == 1
    delivery.stop(lambda: None)


class Losing(HandClock):
    """Each time that somebody sleeps on it, a row more was lost; after a day all is over."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store, self.lost = store, 0

    async def sleep(self, seconds: float) -> None:
        self.move(seconds)
        if self.monotonic_ns() > 86_400 * 1e9:
            raise asyncio.CancelledError
        self.store.note_gap("telemetry", FULL, 1, 1_790_000_000_000, 1_790_000_000_000)
        self.lost += 1


def test_a_loss_that_goes_on_for_a_day_does_not_fill_the_spool_with_its_own_news(tmp_path: Path) -> None:
    bench = Bench(configured(tmp_path, "mqtt://127.0.0.1:1"), tmp_path / "state")
    delivery = Delivery(bench.config, bench.publisher, bench.store, bench.clock)
    bench.publisher.carrier = carried = Carried()
    clock = Losing(bench.store)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(delivery.run(clock))
    events = [body["v"] for topic, body in carried.sent if topic.endswith("/event")]
    assert len(events) < 110, "soon, and then every quarter of an hour"
    assert sum(event["event_rows"] for event in events) == clock.lost
    delivery.stop(lambda: None)

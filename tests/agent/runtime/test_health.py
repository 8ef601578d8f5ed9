"""Figures of the agent about itself: sums and each bus, event-loop lag, spool forecast, blocked buses."""

from __future__ import annotations

import asyncio
import random
import threading
from pathlib import Path
from typing import Any

from support.basics import HandClock

from agent.acquisition.scheduler import BusPoller
from agent.config.model import Bus
from agent.core.messages import Message
from agent.delivery.store import Store
from agent.runtime.health import POLL_GAP_MAX_S, BusNumbers, EventLoopLag, Health, HostMetrics


class Link:
    wire: Any = None
    tight: Any = frozenset()
    late = damaged = failed = 0
    response_s = 0.0


def poller(name: str, clock: HandClock, polls: int = 0, failed: int = 0) -> BusPoller:
    bus = Bus(name, None, (19200, 8, "N", 1), ("127.0.0.1", 502), "tcp", 1.0, 0.0, None, None)
    found = BusPoller(bus, [], Link(), clock, lambda _: None, random.Random(1))  # type: ignore[arg-type]
    found.polls, found.failed = polls, failed
    return found


def test_each_bus_is_reported_and_the_totals_are_the_sums_of_the_buses(clock: HandClock) -> None:
    buses = [poller("north", clock, 100, 3), poller("south-2", clock, 50, 1)]
    numbers = BusNumbers(lambda: buses, clock)()
    assert (numbers["polls"], numbers["polls_failed"]) == (150, 4)
    assert (numbers["bus_north_polls"], numbers["bus_south-2_polls_failed"]) == (100, 1)


def test_a_removed_bus_keeps_its_part_of_the_totals(clock: HandClock) -> None:
    """Counters never fall: a consumer would detect a restart."""
    buses = [poller("north", clock, 100), poller("south", clock, 50)]
    numbers = BusNumbers(lambda: buses, clock)
    numbers()
    buses[0].polls = 110
    del buses[0]
    assert numbers()["polls"] == 160
    buses.append(poller("north", clock, 5))
    assert numbers()["polls"] == 165
    assert numbers()["bus_north_polls"] == 5


def test_busy_is_the_part_of_the_time_since_the_last_message(clock: HandClock) -> None:
    bus = poller("north", clock)
    numbers = BusNumbers(lambda: [bus], clock)
    assert "bus_north_utilization_pct" not in numbers(), "nothing is known yet"
    clock.move(60)
    bus.busy_ns += 15_000_000_000
    assert numbers()["bus_north_utilization_pct"] == 25.0
    clock.move(60)
    assert numbers()["bus_north_utilization_pct"] == 0.0


def test_a_bus_that_starts_no_poll_is_reported_as_hanging(clock: HandClock) -> None:
    bus = poller("north", clock)
    numbers = BusNumbers(lambda: [bus], clock)
    clock.move(POLL_GAP_MAX_S)
    assert numbers.blocked() is None
    clock.move(1)
    assert "bus north" in (numbers.blocked() or "")
    bus.cycle_start_ns = clock.monotonic_ns()
    assert numbers.blocked() is None


def test_lateness_is_the_99th_percentile_and_the_worst(clock: HandClock) -> None:
    late = EventLoopLag(clock)
    assert late() == {}
    for value in random.Random(1).sample(range(1, 101), 100):
        late.add(float(value))
    assert late() == {"event_loop_lag_p99_ms": 99.0, "event_loop_lag_max_ms": 100.0}


def test_health_is_one_message_of_the_gateway(clock: HandClock, tmp_path: Path) -> None:
    published: list[Message] = []
    bus = poller("north", clock, 7)
    health = Health(clock, published.append, [BusNumbers(lambda: [bus], clock), HostMetrics(tmp_path)])
    asyncio.run(health.publish())
    assert (published[0].asset, published[0].kind) == (None, "health")
    values = published[0].values
    assert values["bus_north_polls"] == 7
    assert 5 < values["memory_mb"] < 5000
    assert values["disk_free_mb"] > 0


def test_a_slow_disk_does_not_delay_polling(tmp_path: Path, clock: HandClock) -> None:
    published, store = list[Message](), Store(tmp_path, clock)
    health = Health(clock, published.append, [], [store.figures])
    turns, busy, disk = 0, threading.Event(), threading.Event()

    async def poll() -> None:
        nonlocal turns
        publishing = asyncio.create_task(health.publish())
        while not publishing.done():
            await asyncio.sleep(0.001)
            turns += 1
            if turns == 20:
                disk.set()

    store.post(lambda _: busy.set() or disk.wait(60))  # a transaction on a slow disk
    assert busy.wait(60)
    asyncio.run(poll())
    assert turns >= 20
    assert published[0].values["spool_rows"] == 0
    store.close()

"""Parts of the agent process: what was dropped before it reached the store is announced."""

from __future__ import annotations

from pathlib import Path

from support.basics import HandClock

from agent.delivery.store import Store
from agent.delivery.store.reasons import READINGS_DROPPED
from agent.runtime.pipeline_queue import PipelineQueue
from agent.runtime.run import report_dropped_readings
from drivers.reading import Reading

START_MS = 1_790_000_000_000


def overload(queue: PipelineQueue, device: str, start_s: int) -> None:
    """Fills the queue with one reading a second; the first six of the device have no room."""
    for second in range(start_s, start_s + 1006):
        came_ns = (START_MS + 1000 * second) * 1_000_000
        queue.put(Reading(device, came_ns, came_ns, {}))
    while queue.get(0):
        pass


def test_dropped_readings_are_announced_as_one_gap_for_each_device_and_burst(tmp_path: Path, clock: HandClock) -> None:
    store, queue = Store(tmp_path, clock), PipelineQueue()
    overload(queue, "m-1", 0)
    overload(queue, "m-2", 0)
    report_dropped_readings(store, queue)
    overload(queue, "m-1", 100)
    report_dropped_readings(store, queue)
    first = store.fetch_gaps()
    overload(queue, "m-1", 5000)
    report_dropped_readings(store, queue)
    second = store.fetch_gaps()[len(first) :]
    assert [(gap.reason, gap.rows, gap.from_ms - START_MS, gap.to_ms - START_MS) for gap in (*first, *second)] == [
        (READINGS_DROPPED(device="m-1"), 12, 0, 105_000),
        (READINGS_DROPPED(device="m-2"), 6, 0, 5_000),
        (READINGS_DROPPED(device="m-1"), 6, 5_000_000, 5_005_000),
    ]
    store.close()


def test_dropped_readings_are_recorded_when_the_store_can_be_written_again(tmp_path: Path, clock: HandClock) -> None:
    closed, queue = Store(tmp_path / "closed", clock), PipelineQueue()
    closed.close()
    overload(queue, "m-1", 0)
    report_dropped_readings(closed, queue)
    store = Store(tmp_path / "state", clock)
    report_dropped_readings(store, queue)
    report_dropped_readings(store, queue)
    (gap,) = store.fetch_gaps()
    assert gap.rows == 6
    store.close()

"""Which readings, functions and blocks of waveforms are processed, and when, under overload, on virtual time."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from agent.runtime.pipeline import Item
from agent.runtime.pipeline_queue import DroppedReadings, PipelineQueue
from drivers.reading import Reading, Waveform

ROLES = ("u1", "u2", "u3", "i1", "i2", "i3")


def reading(device: str, at_s: float) -> Reading:
    at_ns = round(at_s * 1e9)
    return Reading(device, at_ns - 50_000_000, at_ns, {"active_power": 1.0}, monotonic_ns=at_ns)


def block(device: str, index: int, instants: int) -> Waveform:
    samples = np.broadcast_to(0.0, (6, instants)) if instants < 2000 else np.zeros((6, instants))
    return Waveform(device, 0, index, 10_240.0, ROLES, samples)


@dataclass
class Source:
    """Items that arrive regularly: `make` receives their number and time. cost_s: processing time of one."""

    period_s: float
    cost_s: float
    make: Callable[[int, float], Item]


def blocks(device: str, period_s: float, cost_s: float, instants: int) -> Source:
    return Source(period_s, cost_s, lambda number, _: block(device, number * instants, instants))


def processed(sources: list[Source], seconds: float) -> Iterator[tuple[Item, float, float]]:
    """Each processed item with the time of its arrival and of the start of its processing."""
    now_s = 0.0
    queue = PipelineQueue(lambda: now_s)
    arrivals = sorted((source.period_s, n, 0) for n, source in enumerate(sources))
    costs: dict[int, tuple[Item, float, float]] = {}  # by identity: item, arrival, cost
    free_s = 0.0
    while True:
        due_s, n, number = arrivals[0]
        if free_s < due_s:
            now_s = free_s
            if (item := queue.get(0)) is not None:
                item, arrival_s, cost_s = costs.pop(id(item))
                yield item, arrival_s, now_s
                free_s = now_s + cost_s
                continue
        if due_s > seconds:
            return
        now_s = due_s
        item = sources[n].make(number, due_s)
        costs[id(item)] = item, due_s, sources[n].cost_s
        queue.put(item)
        free_s = max(free_s, due_s)
        heapq.heapreplace(arrivals, (due_s + sources[n].period_s, n, number + 1))


FLOODS = {
    "many small blocks": blocks("bad", period_s=0.000_2, cost_s=0.002, instants=1),
    "huge blocks": blocks("bad", period_s=0.02, cost_s=0.2, instants=5461),
    "100 times real time": blocks("bad", period_s=0.000_1, cost_s=0.001, instants=102),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_ten_times_too_many_blocks_of_one_motor_delay_no_reading_and_take_no_block_of_another_motor(flood: str) -> None:
    bad = FLOODS[flood]
    assert bad.cost_s / bad.period_s == pytest.approx(10)
    found = list(processed([
        Source(1.0, 0.001, lambda _, at_s: reading("m-1", at_s)),
        Source(1.0, 0.001, lambda _, at_s: reading("m-2", at_s)),
        Source(1.0, 0.000_1, lambda _, at_s: lambda: None),  # the supervision of the clock
        blocks("good", period_s=0.01, cost_s=0.000_3, instants=102), bad,
    ], seconds=5.5))  # fmt: skip
    for device in ("m-1", "m-2"):
        assert len([item for item, _, _ in found if isinstance(item, Reading) and item.device == device]) == 5
    assert len([item for item, _, _ in found if callable(item)]) == 5
    waits_s = [start_s - arrival_s for item, arrival_s, start_s in found if not isinstance(item, Waveform)]
    assert max(waits_s) < 0.25 + bad.cost_s
    good = [item.index for item, _, _ in found if isinstance(item, Waveform) and item.device == "good"]
    assert good == [102 * number for number in range(len(good))]
    assert len(good) > (5.5 - 0.25) / 0.01
    bad_blocks = [item for item, _, _ in found if isinstance(item, Waveform) and item.device == "bad"]
    assert len(bad_blocks) * bad.cost_s > 0.9 * 5.5, "the rest of the time is used for the other stream"
    gaps = sum(a.index + a.samples.shape[1] != b.index for a, b in pairwise(bad_blocks))
    assert gaps <= 2 * 5, "two for each function: intervals long enough for the analysis remain"


def test_streams_share_the_processing_time(caplog: pytest.LogCaptureFixture) -> None:
    """Three streams, of which each alone needs 80 %, by blocks of different sizes: 33 % each."""
    streams = [blocks("a", 0.01, 0.008, 102), blocks("b", 0.1, 0.08, 1024), blocks("c", 0.4, 0.32, 4096)]
    used_s = dict.fromkeys("abc", 0.0)
    with caplog.at_level(logging.WARNING):
        for item, _, _ in processed(streams, seconds=60):
            assert isinstance(item, Waveform)
            used_s[item.device] += streams["abc".index(item.device)].cost_s
    assert list(used_s.values()) == pytest.approx([20, 20, 20], abs=0.7)
    assert len(caplog.records) == 3, "one log message for each stream"


def test_a_function_runs_after_everything_that_arrived_before_it() -> None:
    queue, order = PipelineQueue(), list[str]()
    for device in ("m-1", "m-2"):
        queue.put(reading(device, 1))
    for name in "ab":
        queue.put(block(name, 0, 10))
    queue.put(lambda: None)
    queue.put(reading("m-3", 1))
    queue.put(block("c", 0, 10))
    while (item := queue.get(0)) is not None:
        order.append("function" if callable(item) else item.device)
    assert order == ["m-1", "m-2", "a", "b", "function", "m-3", "c"]
    assert not queue.has_readings


def test_a_full_queue_drops_the_oldest_readings_of_the_device_that_sends_the_most() -> None:
    queue = PipelineQueue()
    queue.put(reading("m-1", 1))
    for number in range(1500):
        queue.put(reading("signals", 10 + number))
    queue.put(reading("m-1", 2))
    readings = []
    while isinstance(item := queue.get(0), Reading):
        readings.append((item.device, item.came_ns // 1_000_000_000))
    assert readings == [("m-1", 1), *(("signals", 10 + number) for number in range(502, 1500)), ("m-1", 2)]
    assert queue.dropped == 502
    dropped: list[DroppedReadings] = []
    queue.report_dropped(dropped.append)
    assert dropped == [DroppedReadings("signals", 502, 9_950, 511_000)]
    assert not queue.has_unreported


def test_dropped_readings_whose_report_fails_are_reported_later() -> None:
    queue, dropped = PipelineQueue(), list[DroppedReadings]()

    def fail(_: DroppedReadings) -> None:
        for number in range(10):
            queue.put(reading("m-1", 2000 + number))
        raise OSError("disk")

    for number in range(1001):
        queue.put(reading("m-1", number))
    with pytest.raises(OSError, match="disk"):
        queue.report_dropped(fail)
    assert queue.has_unreported
    queue.report_dropped(dropped.append)
    assert dropped == [DroppedReadings("m-1", 11, -50, 10_000)]


def test_the_blocks_of_a_stream_that_wait_are_limited_in_number_and_size() -> None:
    queue = PipelineQueue()
    for index in range(5000):
        queue.put(block("small", index, 1))
        queue.put(block("huge", index, 5461))
    waiting = []
    while isinstance(item := queue.get(0), Waveform):
        waiting.append(item)
    assert 1 <= len([item for item in waiting if item.device == "small"]) <= 500
    assert 1 <= sum(item.samples.nbytes for item in waiting if item.device == "huge") <= 4_000_000
    queue.put(block("small", 9000, 1))
    item = queue.get(0)
    assert isinstance(item, Waveform)
    assert item.index == 9000, "processed blocks make room"

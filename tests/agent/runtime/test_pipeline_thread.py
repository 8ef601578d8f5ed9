"""The thread of the pipeline: order, overload, errors and its end."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from support.basics import HandClock

from agent.runtime.pipeline import Item, Outputs, Pipeline
from agent.runtime.pipeline_thread import PipelineThread
from drivers.reading import Quality, Reading, Waveform


def reading(device: str, clock: HandClock) -> Reading:
    now_ns = clock.utc_ns()
    return Reading(device, now_ns, now_ns, {"active_power": 1.0}, Quality.GOOD, {}, None, clock.monotonic_ns())


def block(device: str, index: int) -> Waveform:
    return Waveform(device, 0, index, 10_240.0, ("u1",), np.zeros((1, 1)))


class Slow(Pipeline):
    """A pipeline that waits for a signal, so that the queue fills. seen: devices of the processed items."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__(clock, Outputs(lambda _: None))
        self.busy, self.go = threading.Event(), threading.Event()
        self.seen: list[str] = []

    def process(self, item: Item) -> None:
        if callable(item):
            item()
            return
        self.busy.set()
        self.go.wait(60)
        self.seen.append(item.device)

    def tick(self) -> None: ...


def test_blocks_of_a_waveform_push_out_no_reading_and_no_block_of_another_motor(clock: HandClock) -> None:
    slow = Slow(clock)
    thread = PipelineThread(slow)
    thread.start()
    thread.put(reading("m-1", clock))
    assert slow.busy.wait(60)
    for _ in range(10):
        thread.put(reading("m-1", clock))
        thread.put(block("good", 0))
    for index in range(5000):
        thread.put(block("bad", index))
    for _ in range(10):
        thread.put(reading("m-2", clock))
    slow.go.set()
    thread.stop()
    assert [slow.seen.count(name) for name in ("m-1", "m-2", "good")] == [11, 10, 10]
    assert 0 < slow.seen.count("bad") <= 500
    assert thread.queue.dropped == 0


def test_what_precedes_the_first_reading_does_not_delay_it(clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.runtime.pipeline_thread.GATHER_S", 60.0)
    slow, ran = Slow(clock), threading.Event()
    thread = PipelineThread(slow)
    thread.start()
    thread.put(ran.set)
    assert ran.wait(60)
    thread.put(reading("m-1", clock))
    assert slow.busy.wait(20), "processed without a wait for GATHER_S"
    slow.go.set()
    thread.stop()


def test_a_function_runs_in_its_turn_and_is_never_dropped(clock: HandClock) -> None:
    slow, ran = Slow(clock), list[int]()
    thread = PipelineThread(slow)
    thread.start()
    thread.put(reading("m-1", clock))
    assert slow.busy.wait(60)
    thread.put(lambda: ran.append(len(slow.seen)))
    for _ in range(2000):
        thread.put(reading("m-1", clock))
    thread.put(lambda: ran.append(len(slow.seen)))
    slow.go.set()
    thread.stop()
    assert ran == [1, 1001], "at most 1000 readings wait"
    assert thread.queue.dropped == 1000


def test_a_failing_function_does_not_affect_later_queue_entries(clock: HandClock) -> None:
    slow, ran = Slow(clock), list[int]()
    thread = PipelineThread(slow)
    thread.start()
    thread.put(reading("m-1", clock))
    assert slow.busy.wait(60)
    for _ in range(2):
        thread.put(lambda: ran[9])  # type: ignore[arg-type,return-value]
    for number in range(1000):
        thread.put(lambda number=number: ran.append(number))  # type: ignore[misc]
    slow.go.set()
    thread.stop()
    assert not thread.is_alive()
    assert ran == list(range(1000))
    assert thread.failures == 2


def test_stopping_does_not_wait_for_a_thread_that_hangs(clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.runtime.pipeline_thread.STOP_S", 0.1)
    slow = Slow(clock)
    thread = PipelineThread(slow)
    thread.start()
    for _ in range(1002):
        thread.put(reading("m-1", clock))
    began_s = time.monotonic()
    thread.stop()
    assert time.monotonic() - began_s < 5
    slow.go.set()

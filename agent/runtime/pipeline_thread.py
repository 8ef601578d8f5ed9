"""The thread of the pipeline, with its bounded queue."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from agent.runtime.pipeline import Item, Pipeline

log = logging.getLogger(__name__)

QUEUE_MAX = 1000  # readings and waveform blocks that wait
TICK_S = 0.25
ERRORS_LOGGED = 3
STOP_S = 5.0  # longest wait for the end of the thread


class PipelineThread(threading.Thread):
    """Processes items from a bounded queue that drops the oldest reading or block when it is full.

    A function in the queue runs in its turn and is never dropped. dropped: dropped readings and blocks. failures:
    internal errors. cycle_ns: monotonic time of the last cycle.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__(name="pipeline", daemon=True)
        self.dropped = self.failures = 0
        self.cycle_ns = time.monotonic_ns()
        self._pipeline = pipeline
        self._queue: queue.Queue[Item | None] = queue.Queue(QUEUE_MAX)
        self._displaced: deque[Callable[[], None]] = deque()

    def put(self, item: Item) -> None:
        while True:
            try:
                self._queue.put_nowait(item)
                return
            except queue.Full:
                with contextlib.suppress(queue.Empty):
                    oldest = self._queue.get_nowait()
                    if callable(oldest):
                        self._displaced.append(oldest)
                    else:
                        self.dropped += 1

    def stop(self) -> None:
        """Ends the thread after it has emptied the queue; a blocked thread is abandoned after STOP_S."""
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=STOP_S)
        self.join(STOP_S)

    def run(self) -> None:
        next_tick_s = time.monotonic()
        while True:
            self.cycle_ns = time.monotonic_ns()
            with contextlib.suppress(queue.Empty):
                item = self._queue.get(timeout=max(0.0, next_tick_s - time.monotonic()))
                while self._displaced:
                    self._attempt(self._displaced.popleft())
                if item is None:
                    return
                self._attempt(partial(self._pipeline.process, item))
            # While readings wait in the queue, they are not late.
            if time.monotonic() >= next_tick_s and self._queue.empty():
                next_tick_s = time.monotonic() + TICK_S
                self._attempt(self._pipeline.tick)

    def _attempt(self, step: Callable[[], None]) -> None:
        """An internal error with one input or row must not stop the measurement of all others. The first are logged."""
        try:
            step()
        except Exception:
            self.failures += 1
            if self.failures <= ERRORS_LOGGED:
                log.exception("internal error; the input or row is omitted")

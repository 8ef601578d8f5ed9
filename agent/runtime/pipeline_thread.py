"""The thread of the pipeline."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from agent.runtime.pipeline import Item, Pipeline
from agent.runtime.pipeline_queue import PipelineQueue
from drivers.reading import Reading

log = logging.getLogger(__name__)

TICK_S = 0.25
GATHER_S = 0.5  # shortest time between two wake-ups, which together with those of the sinks cost more than the readings
ERRORS_LOGGED = 3
STOP_S = 5.0  # longest wait for the end of the thread


class PipelineThread(threading.Thread):
    """Processes the items of its queue, from the first reading on those of GATHER_S together.

    failures: internal errors. cycle_ns: monotonic time of the last cycle.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__(name="pipeline", daemon=True)
        self.queue = PipelineQueue()
        self.failures = 0
        self.cycle_ns = time.monotonic_ns()
        self._pipeline = pipeline
        self._ending = False

    def put(self, item: Item) -> None:
        self.queue.put(item)

    def stop(self) -> None:
        """Ends the thread after it has emptied the queue; a blocked thread is abandoned after STOP_S."""
        self.put(self._end)
        self.join(STOP_S)

    def run(self) -> None:
        next_tick_s = next_wake_s = time.monotonic()
        measuring = False  # the first reading does not wait for its turn: the first row is published immediately
        while not self._ending:
            self.cycle_ns = time.monotonic_ns()
            if self.queue.is_empty:
                time.sleep(max(0.0, next_wake_s - time.monotonic()))
                item = self.queue.get(timeout_s=max(0.0, next_tick_s - time.monotonic()))
                if item is not None and measuring:
                    next_wake_s = time.monotonic() + GATHER_S
            else:
                item = self.queue.get(timeout_s=0.0)
            measuring = measuring or isinstance(item, Reading)
            if item is not None:
                self._attempt(partial(self._pipeline.process, item))
            # While readings wait in the queue, they are not late.
            if time.monotonic() >= next_tick_s and not self.queue.has_readings:
                next_tick_s = time.monotonic() + TICK_S
                self._attempt(self._pipeline.tick)

    def _end(self) -> None:
        self._ending = True

    def _attempt(self, step: Callable[[], None]) -> None:
        """An internal error with one input or row must not stop the measurement of all others. The first are logged."""
        try:
            step()
        except Exception:
            self.failures += 1
            if self.failures <= ERRORS_LOGGED:
                log.exception("internal error; the input or row is omitted")

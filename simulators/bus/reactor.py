"""A thread that waits for file descriptors and timers with a resolution of about 0.1 ms.

asyncio does not suffice: its timers round up to 1 ms, which is eleven characters at 115200 baud. The code under test
may block (minimalmodbus, libmodbus), so the other end of the line needs its own thread anyway.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from typing import Any

_IDLE_S = 1.0


class Timer:
    """A scheduled call that can be cancelled."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        self.call = None


class Reactor(threading.Thread):
    """Event loop in a thread: all callbacks run in this thread, one after the other.

    An exception in a callback ends the thread; `stop` raises it.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._timers: list[tuple[float, int, Timer]] = []
        self._readers: dict[int, Callable[[], None]] = {}
        self._calls: deque[Callable[[], None]] = deque()
        self._order = count()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._ending = False
        self._failure: BaseException | None = None

    @staticmethod
    def now() -> float:
        return time.monotonic()

    def at(self, when_s: float, call: Callable[[], object]) -> Timer:
        """Schedule a call at a monotonic time in seconds. From this thread only."""
        timer = Timer(call)
        heapq.heappush(self._timers, (when_s, next(self._order), timer))
        return timer

    def watch(self, fd: int, call: Callable[[], None]) -> None:
        self._readers[fd] = call

    def unwatch(self, fd: int) -> None:
        self._readers.pop(fd, None)

    def call_soon(self, call: Callable[[], None]) -> None:
        """Schedule a call as soon as possible. From any thread."""
        self._calls.append(call)
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"x")

    def ask(self, call: Callable[[], Any]) -> Any:
        """Run a call in this thread and return its result. From any other thread; waits at most 5 s."""
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(call())
            except Exception as error:
                future.set_exception(error)

        self.call_soon(run)
        return future.result(5)

    def stop(self) -> None:
        """End the thread, close all resources, and raise the exception that ended a callback, if any."""
        self._ending = True
        self.call_soon(lambda: None)
        if self.is_alive():
            self.join(5)
        self.close_resources()
        for fd in (self._wake_read, self._wake_write):
            os.close(fd)
        if self._failure is not None:
            raise self._failure

    def close_resources(self) -> None:
        """Close the resources of the subclass; the thread has already ended."""

    def run(self) -> None:
        try:
            while not self._ending:
                self._run_once()
        except BaseException as error:
            self._failure = error

    def _run_once(self) -> None:
        wait_s = _IDLE_S
        while self._timers:
            when_s, _, timer = self._timers[0]
            if timer.call is not None and (wait_s := when_s - self.now()) > 0:
                break
            heapq.heappop(self._timers)
            if timer.call is not None:
                timer.call()
            wait_s = _IDLE_S
        ready, _, _ = select.select([self._wake_read, *self._readers], [], [], max(0.0, min(wait_s, _IDLE_S)))
        for fd in ready:
            if fd == self._wake_read:
                with contextlib.suppress(BlockingIOError):
                    os.read(fd, 4096)
            elif fd in self._readers:
                self._readers[fd]()
        while self._calls:
            self._calls.popleft()()


class SilenceFraming:
    """Collects bytes until a silence of pause_s ends the frame. `on_bytes` runs in the thread of the reactor."""

    def __init__(self, reactor: Reactor, pause_s: float, on_frame: Callable[[bytes], None]) -> None:
        self._reactor, self._pause_s, self._on_frame = reactor, pause_s, on_frame
        self._received = bytearray()
        self._end: Timer | None = None

    def on_bytes(self, data: bytes) -> None:
        self._received += data
        if self._end is not None:
            self._end.cancel()
        self._end = self._reactor.at(self._reactor.now() + self._pause_s, self._on_silence)

    def _on_silence(self) -> None:
        frame, self._received = bytes(self._received), bytearray()
        self._on_frame(frame)

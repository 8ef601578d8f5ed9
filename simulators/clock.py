"""Virtual time: an event loop on which nothing real is waited for. When all tasks wait, the clock jumps to the next
timer.

    def month() -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(plant_and_agent(LoopClock()))
"""

from __future__ import annotations

import asyncio
import math
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from drivers.reading import Clock

START_UTC_NS = 1_790_000_000_000_000_000  # September 2026; the same in every run, so that the same seed gives the same
SPEED_MAX = 60.0  # of real wires: beyond it the time on the line is longer than the plant's seconds

T = TypeVar("T")


class Stuck(RuntimeError):
    """Every task waits for something that no timer will bring."""


class _Jump:
    """In the place of a selector: time passes, no file is looked at."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout_s: float | None) -> list[Any]:
        if timeout_s is None:
            raise Stuck("every task waits, and no timer runs: something real is waited for on a virtual clock")
        if timeout_s > 0:
            self._loop.now_ns += math.ceil(timeout_s * 1e9)
        return []


class VirtualLoop(BaseEventLoop):
    """now_ns: virtual time since the loop was made. Threads, sockets and signals are refused: they take real time."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 0
        self._clock_resolution = 1e-6  # wider than a float's last digit after some years: else a timer never falls due
        self._selector = _Jump(self)

    def time(self) -> float:
        return self.now_ns / 1e9

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps who would have to be woken."""

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        raise Stuck(f"{getattr(func, '__name__', func)}: a thread takes real time, which a virtual clock does not know")


class LoopClock:
    """The time of the running VirtualLoop, as a drivers.reading.Clock."""

    def __init__(self, loop: VirtualLoop, start_utc_ns: int = START_UTC_NS) -> None:
        self._loop, self._start_utc_ns = loop, start_utc_ns

    def utc_ns(self) -> int:
        return self._start_utc_ns + self._loop.now_ns

    def monotonic_ns(self) -> int:
        return self._loop.now_ns

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = self._loop.create_future()  # what asyncio.sleep does, without ending a timer that has fallen due
        timer = self._loop.call_later(seconds, _wake, woken)
        try:
            await woken
        except asyncio.CancelledError:
            timer.cancel()
            raise


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)


class FastClock:
    """Another clock, `speed` times as fast: for real wires, where that many seconds of plant pass in one."""

    def __init__(self, clock: Clock, speed: float) -> None:
        self._clock, self._speed = clock, speed
        self._utc_ns, self._monotonic_ns = clock.utc_ns(), clock.monotonic_ns()

    def utc_ns(self) -> int:
        """Starts at the present and runs ahead of it."""
        return int(self._utc_ns + (self.monotonic_ns() - self._monotonic_ns))

    def monotonic_ns(self) -> int:
        passed_ns = self._clock.monotonic_ns() - self._monotonic_ns
        return int(self._monotonic_ns + passed_ns * self._speed)

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds / self._speed)


def run_virtual(main: Callable[[LoopClock], Coroutine[Any, Any, T]], start_utc_ns: int = START_UTC_NS) -> T:
    """Runs `main` with a clock of its own from beginning to end; no real second is waited for."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        return runner.run(main(LoopClock(loop, start_utc_ns)))

"""Virtual time: an event loop whose clock advances to the next timer as soon as all tasks wait.

def month() -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(plant_and_agent(LoopClock()))
"""

from __future__ import annotations

import asyncio
import math
from asyncio.base_events import BaseEventLoop
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from drivers.reading import Clock

START_UTC_NS = 1_790_000_000_000_000_000  # September 2026; constant, so that the same seed gives the same run
SPEED_MAX = 60.0  # limit on real buses: a higher factor leaves too little real time for transmissions

T = TypeVar("T")


class NoTimerError(RuntimeError):
    """Every task waits for an event that no timer can cause."""


class _TimeSelector:
    """Replacement for a selector: advances the virtual time and polls no file descriptors."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout_s: float | None) -> list[Any]:
        if timeout_s is None:
            raise NoTimerError("every task waits and no timer is active; a virtual clock cannot provide real events")
        if timeout_s > 0:
            self._loop.now_ns += math.ceil(timeout_s * 1e9)
        return []


class VirtualLoop(BaseEventLoop):
    """Event loop on virtual time. Threads, sockets and signals are rejected because they take real time.

    now_ns: virtual time since the creation of the loop.
    """

    _ready: deque[asyncio.Handle]  # of BaseEventLoop, which states no types for them
    _scheduled: list[asyncio.TimerHandle]
    _stopping: bool

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 0
        # above the float resolution of time() after some years of virtual time; otherwise a timer would never be due
        self._clock_resolution = 1e-6
        self._selector = _TimeSelector(self)

    def time(self) -> float:
        return self.now_ns / 1e9

    def skip(self, seconds: float) -> bool:
        """Advance the time by `seconds` if nothing else can happen before; no timer and no round of the loop is needed.

        Only for the running task. Returns False, without a change, if another task is ready or another timer is due
        until then, or if the running task is to be cancelled: it must wait then.
        """
        now_s = self.time()
        end_s = now_s + seconds
        task = asyncio.current_task(self)
        if not seconds > 0 or self._ready or self._stopping or task is None or task.cancelling():
            return False
        if self._scheduled and self._scheduled[0].when() <= end_s + 2 * self._clock_resolution:
            return False
        self.now_ns += math.ceil((end_s - now_s) * 1e9)
        return True

    def _process_events(self, event_list: list[Any]) -> None:
        """There are no events."""

    def _write_to_self(self) -> None:
        """There is no blocking select() to wake up."""

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        raise NoTimerError(
            f"{getattr(func, '__name__', func)}: a thread takes real time, which a virtual clock does not have"
        )


class LoopClock:
    """The time of a VirtualLoop, as a drivers.reading.Clock."""

    def __init__(self, loop: VirtualLoop, start_utc_ns: int = START_UTC_NS) -> None:
        self._loop, self._start_utc_ns = loop, start_utc_ns

    def utc_ns(self) -> int:
        return self._start_utc_ns + self._loop.now_ns

    def monotonic_ns(self) -> int:
        return self._loop.now_ns

    async def sleep(self, seconds: float) -> None:
        if not self._loop.skip(seconds):
            await asyncio.sleep(seconds)


class FastClock:
    """A clock that runs `speed` times as fast as another one, for real buses."""

    def __init__(self, clock: Clock, speed: float) -> None:
        self._clock, self._speed = clock, speed
        self._utc_ns, self._monotonic_ns = clock.utc_ns(), clock.monotonic_ns()

    def utc_ns(self) -> int:
        """Return the accelerated UTC time; starts at the present."""
        return int(self._utc_ns + (self.monotonic_ns() - self._monotonic_ns))

    def monotonic_ns(self) -> int:
        passed_ns = self._clock.monotonic_ns() - self._monotonic_ns
        return int(self._monotonic_ns + passed_ns * self._speed)

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds / self._speed)


def run_virtual(main: Callable[[LoopClock], Coroutine[Any, Any, T]], start_utc_ns: int = START_UTC_NS) -> T:
    """Run `main` to completion on its own virtual clock, without waiting for real time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        return runner.run(main(LoopClock(loop, start_utc_ns)))

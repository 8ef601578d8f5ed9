"""Figures of the agent about itself, once a minute, and the supervision of its threads and tasks for the watchdog."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from agent.acquisition.scheduler import BusPoller
from agent.core.clock import rest_s
from agent.core.messages import Message
from agent.core.metrics import by_name, rounded
from agent.core.row_names import row_name
from agent.core.systemd import notify, watchdog_s
from drivers.reading import Clock

HEALTH_S = 60.0
POLL_GAP_MAX_S = 120.0  # a bus without a poll for longer is blocked: its longest wait (listening) is 60 s
CYCLE_MAX_S = 60.0  # a thread without a cycle for longer is blocked
LAG_INTERVAL_S = 0.5  # interval of the measurements of the event-loop lag

Numbers = Mapping[str, float | int]
Source = Callable[[], Numbers]


class Health:
    """Publishes the figures of all its sources as one message. A source is a function that returns figures by name.

    The names are rows of the metrics table; each bus has its own figure for each `bus_*` row.
    blocking_sources: may block, for example on a disk, and are called in another thread.
    """

    def __init__(
        self, clock: Clock, emit: Callable[[Message], None], sources: Sequence[Source],
        blocking_sources: Sequence[Source] = (),
    ) -> None:  # fmt: skip
        self._clock, self._emit = clock, emit
        self._sources, self._blocking_sources = sources, blocking_sources

    async def run(self, every_s: float = HEALTH_S, phase: float = 1.0) -> None:
        """Publishes the figures every `every_s` seconds.

        phase: share of the first period to wait, so that the gateways of a fleet do not publish at the same time.
        """
        await self._clock.sleep(phase * every_s)
        while True:
            await self.publish()
            await self._clock.sleep(every_s)

    async def publish(self) -> None:
        values: dict[str, float | int] = {}
        for source in self._sources:
            values |= source()
        for source in self._blocking_sources:
            values |= await asyncio.to_thread(source)
        table = by_name("health")
        rounded_values = {name: rounded(table[row_name(name)], value) for name, value in values.items()}
        self._emit(Message(None, "health", self._clock.utc_ns() // 1_000_000, rounded_values))


class BusNumbers:
    """Figures of all buses together and of each. The sums still contain the counts of removed buses."""

    def __init__(self, pollers: Callable[[], Iterable[BusPoller]], clock: Clock) -> None:
        self._pollers, self._clock = pollers, clock
        self._last: dict[BusPoller, tuple[int, int]] = {}  # time, busy time
        self._removed = Counter(dict.fromkeys(_OF_BUS, 0))

    def __call__(self) -> Numbers:
        pollers, now_ns = list(self._pollers()), self._clock.monotonic_ns()
        for removed in self._last.keys() - set(pollers):
            self._removed.update(_counts(removed))
        values: dict[str, float | int] = {}
        sums = self._removed.copy()
        for poller in pollers:
            name, counts = poller.bus.name, _counts(poller)
            sums.update(counts)
            values |= {f"bus_{name}_{key}": count for key, count in counts.items()}
            values[f"bus_{name}_offline"] = sum(polled.offline for polled in poller.devices)
            before_ns, before_busy_ns = self._last.get(poller, (now_ns, 0))
            if now_ns > before_ns:
                values[f"bus_{name}_utilization_pct"] = 100 * (poller.busy_ns - before_busy_ns) / (now_ns - before_ns)
        self._last = {poller: (now_ns, poller.busy_ns) for poller in pollers}
        return {**sums, **values}

    def blocked(self) -> str | None:
        """Status text about a bus that no longer polls; None when all do."""
        now_ns = self._clock.monotonic_ns()
        for poller in self._pollers():
            idle_s = (now_ns - poller.cycle_start_ns) / 1e9
            if idle_s > POLL_GAP_MAX_S + poller.bus.listen_before_start_s:
                return f"bus {poller.bus.name} has not polled for {idle_s:.0f} s"
        return None


_OF_BUS = ("polls", "polls_failed", "late_responses", "corrupt_responses")


def _counts(poller: BusPoller) -> dict[str, int]:
    return dict(zip(_OF_BUS, (poller.polls, poller.failed, poller.link.late, poller.link.damaged), strict=True))


class EventLoopLag:
    """Event-loop lag: delay with which the loop resumes tasks, which delays all polls."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lag_ms: deque[float] = deque(maxlen=round(HEALTH_S / LAG_INTERVAL_S))

    async def run(self) -> None:
        while True:
            now_ns = self._clock.monotonic_ns()
            wait_s = rest_s(now_ns, LAG_INTERVAL_S)
            due_ns = now_ns + int(wait_s * 1e9)
            await self._clock.sleep(wait_s)
            self.add(max(0.0, (self._clock.monotonic_ns() - due_ns) / 1e6))

    def add(self, lag_ms: float) -> None:
        self._lag_ms.append(lag_ms)

    def __call__(self) -> Numbers:
        found = sorted(self._lag_ms)
        if not found:
            return {}
        return {"event_loop_lag_p99_ms": found[math.ceil(0.99 * len(found)) - 1], "event_loop_lag_max_ms": found[-1]}


class HostMetrics:
    """Processor time, memory and free disk space."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._before = time.process_time(), time.monotonic()

    def __call__(self) -> Numbers:
        cpu_s, now_s = time.process_time(), time.monotonic()
        cpu_before_s, then_s = self._before
        self._before = cpu_s, now_s
        values: dict[str, float | int] = {}
        if now_s > then_s:
            values["cpu_pct"] = 100 * (cpu_s - cpu_before_s) / (now_s - then_s)
        try:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            values["memory_mb"] = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
            values["disk_free_mb"] = shutil.disk_usage(self._directory).free / 1e6
        except OSError:
            pass  # not Linux, or the directory is missing, which the store reports
        return values


async def feed_watchdog(clock: Clock, problem: Callable[[], str | None]) -> None:
    """Sends WATCHDOG=1 to systemd while `problem` returns None, otherwise its text as the status.

    It runs in the event loop that polls. Without a watchdog it waits until it is cancelled.
    """
    interval_s = watchdog_s()
    if interval_s is None:
        await asyncio.Event().wait()
        return
    blocked = False
    while True:
        text = problem()
        if text is not None:
            notify(STATUS=f"blocked: {text}")
        else:
            notify(WATCHDOG=1, **({"STATUS": "running"} if blocked else {}))
        blocked = text is not None
        await clock.sleep(interval_s / 3)

"""The agent's own numbers, once a minute, and whether its parts are alive: what `health` says and the watchdog asks."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from agent.messages import Message
from agent.metrics import by_name, rounded
from agent.notify import notify, watchdog_s
from agent.poll import BusPoller
from drivers.reading import Clock

HEALTH_S = 60.0
TURN_MAX_S = 120.0  # a bus that began no turn for that long hangs: its longest wait (listening) is 60 s
BEAT_MAX_S = 60.0  # so does a thread that did not come round for that long
LATE_S = 0.1  # the loop's lateness is tried that often

Numbers = Mapping[str, float | int]


class Health:
    """Publishes what all its sources say, as one message. `add` a source: a function that returns numbers by name.

    The names are rows of the metrics table; a bus has its own of each `bus_*` row.
    """

    def __init__(self, clock: Clock, emit: Callable[[Message], None]) -> None:
        self._clock, self._emit = clock, emit
        self._sources: list[tuple[Callable[[], Numbers], bool]] = []

    def add(self, source: Callable[[], Numbers], *, waits: bool = False) -> None:
        """waits: for a disk; it is asked beside the loop that polls."""
        self._sources.append((source, waits))

    async def run(self, every_s: float = HEALTH_S, part: float = 1.0) -> None:
        """part: of the first period that is waited for, so that a fleet does not speak at once."""
        await self._clock.sleep(part * every_s)
        while True:
            await self.publish()
            await self._clock.sleep(every_s)

    async def publish(self) -> None:
        values: dict[str, float | int] = {}
        for source, waits in self._sources:
            values |= await asyncio.to_thread(source) if waits else source()
        table = by_name("health")
        shown = {name: rounded(table[row_name(name)], value) for name, value in values.items()}
        self._emit(Message(None, "health", self._clock.utc_ns() // 1_000_000, shown))


def row_name(name: str) -> str:
    """`bus_north_2_polls` → `bus_*_polls`: the row of the metrics table that explains it."""
    if not name.startswith("bus_"):
        return name
    ends = [row for row in by_name("health") if row.startswith("bus_*_") and name.endswith(row[len("bus_*") :])]
    return max(ends, key=len)


class BusNumbers:
    """Of all buses together and of each. A bus that is no longer polled keeps its part of the sums."""

    def __init__(self, pollers: Callable[[], Iterable[BusPoller]], clock: Clock) -> None:
        self._pollers, self._clock = pollers, clock
        self._last: dict[str, tuple[BusPoller, int, int]] = {}  # bus → itself, then, how long it had asked by then
        self._gone = dict.fromkeys(_OF_BUS, 0)
        self._known: list[BusPoller] = []

    def __call__(self) -> Numbers:
        pollers, now_ns = list(self._pollers()), self._clock.monotonic_ns()
        for old in self._known:
            if all(old is not poller for poller in pollers):
                for name, count in _counts(old).items():
                    self._gone[name] += count
        self._known = pollers
        values: dict[str, float | int] = {}
        sums = dict(self._gone)
        for poller in pollers:
            name = poller.bus.name
            for key, count in _counts(poller).items():
                sums[key] += count
                values[f"bus_{name}_{key}"] = count
            values[f"bus_{name}_offline"] = sum(polled.offline for polled in poller.devices)
            before = self._last.get(name)
            if before is not None and before[0] is poller and now_ns > before[1]:
                values[f"bus_{name}_utilization_pct"] = 100 * (poller.busy_ns - before[2]) / (now_ns - before[1])
            self._last[name] = (poller, now_ns, poller.busy_ns)
        return sums | values

    def hanging(self) -> str:
        """The bus that does not come round any more; empty when all do."""
        now_ns = self._clock.monotonic_ns()
        for poller in self._pollers():
            silent_s = (now_ns - poller.turn_ns) / 1e9
            if silent_s > TURN_MAX_S + poller.bus.listen_before_start_s:
                return f"bus {poller.bus.name} hangs since {silent_s:.0f} s"
        return ""


_OF_BUS = ("polls", "polls_failed", "late_responses", "corrupt_responses")


def _counts(poller: BusPoller) -> dict[str, int]:
    return dict(zip(_OF_BUS, (poller.polls, poller.failed, poller.link.late, poller.link.damaged), strict=True))


class Lateness:
    """How late the loop wakes who sleeps: everything that is polled waits as long."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._late_ms: deque[float] = deque(maxlen=round(HEALTH_S / LATE_S))

    async def run(self) -> None:
        while True:
            due_ns = self._clock.monotonic_ns() + int(LATE_S * 1e9)
            await self._clock.sleep(LATE_S)
            self.note(max(0.0, (self._clock.monotonic_ns() - due_ns) / 1e6))

    def note(self, late_ms: float) -> None:
        self._late_ms.append(late_ms)

    def __call__(self) -> Numbers:
        found = sorted(self._late_ms)
        if not found:
            return {}
        return {"event_loop_lag_p99_ms": found[math.ceil(0.99 * len(found)) - 1], "event_loop_lag_max_ms": found[-1]}


class Machine:
    """Processor, memory and disk, as the kernel counts them."""

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
            pass  # another system, or the directory is gone: the store tells that
        return values


class Outlook:
    """When a spool that grows will be full, from how it grew over the last minutes."""

    def __init__(self, clock: Clock, kept: int = 10) -> None:
        self._clock = clock
        self._seen: deque[tuple[int, float]] = deque(maxlen=kept)

    def hours(self, used: float, limit: float) -> float | None:
        """Call with each message. None while it does not grow, or nothing is known yet; 0 when it is full."""
        self._seen.append((self._clock.monotonic_ns(), used))
        if used >= limit:
            return 0.0
        then_ns, before = self._seen[0]
        hours = (self._seen[-1][0] - then_ns) / 3.6e12
        if hours <= 0 or used <= before:
            return None
        return (limit - used) / ((used - before) / hours)


async def feed_watchdog(clock: Clock, trouble: Callable[[], str]) -> None:
    """Tells systemd that we live, as long as `trouble` is empty; it runs in the loop that polls.

    Where nobody asked for it, it waits for ever.
    """
    wanted_s = watchdog_s()
    if wanted_s is None:
        await asyncio.Event().wait()
        return
    hung = False
    while True:
        if told := trouble():
            notify(STATUS=f"hangs: {told}")
        else:
            notify(WATCHDOG=1, **({"STATUS": "goes on"} if hung else {}))
        hung = bool(told)
        await clock.sleep(wanted_s / 3)

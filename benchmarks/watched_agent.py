"""`magwatt run CONFIG` for some seconds with a ticker in its loop: prints memory, CPU and the lag of the loop.

watched_agent.py CONFIG SECONDS [MODULE]; the module then appears as not installed.

Every device is reduced to twenty registers of its profile (active power and following), read with each poll.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import sys
import threading
import time
from functools import cache
from pathlib import Path

from msgspec.structs import replace

import drivers.profiles

PR_SET_NAME = 15  # linux/prctl.h
TICK_S = 0.01
WARM_S = 5.0  # the start is not counted


WINDOW = range(3059, 3079)  # of schneider/pm5000: active, reactive and apparent power, a power factor


def cut_profiles() -> None:
    """Replace load_profile before anything of the agent is imported, because it keeps the function by name."""
    whole = drivers.profiles.load_profile

    @cache
    def twenty(profile_id: str) -> drivers.profiles.Profile:
        profile = whole(profile_id)
        return replace(profile, registers=tuple(row for row in profile.registers if row.address in WINDOW))

    drivers.profiles.load_profile = twenty  # type: ignore[assignment]


def run_agent(reduced: bool = True) -> None:
    """`magwatt` with the names of its threads known to the kernel. reduced: with reduced profiles."""
    libc, start = ctypes.CDLL(None), threading.Thread._bootstrap_inner  # type: ignore[attr-defined]

    def named(thread: threading.Thread) -> None:
        libc.prctl(PR_SET_NAME, thread.name.rstrip("0123456789").encode()[:15], 0, 0, 0)
        start(thread)

    threading.Thread._bootstrap_inner = named  # type: ignore[attr-defined]
    if reduced:
        cut_profiles()
    from agent.cli import main

    main()


async def tick(late_s: list[float]) -> None:
    """Sleep to each point of a grid and record the delay."""
    await asyncio.sleep(WARM_S)
    due_s = time.monotonic()
    while True:
        due_s = max(due_s + TICK_S, time.monotonic())
        await asyncio.sleep(due_s - time.monotonic())
        late_s.append(time.monotonic() - due_s)


async def main(config: Path, seconds: float) -> None:
    from agent.config.loader import load_config
    from agent.runtime.run import run

    late_s: list[float] = []
    ticker = asyncio.create_task(tick(late_s))
    loaded, _ = load_config(config)
    cpu_s, started_s = time.process_time(), time.monotonic()
    await run(loaded, seconds)
    cpu_s = time.process_time() - cpu_s
    ticker.cancel()
    late_s.sort()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())  # noqa: ASYNC240
    print(json.dumps({
        "rss_mb": int(status["VmRSS"].split()[0]) / 1024,
        "peak_mb": int(status["VmHWM"].split()[0]) / 1024,
        "late_p50_ms": 1e3 * late_s[len(late_s) // 2],
        "late_p99_ms": 1e3 * late_s[int(len(late_s) * 0.99)],
        "late_max_ms": 1e3 * late_s[-1],
        "cpu_pct": 100 * cpu_s / (time.monotonic() - started_s),
        "numpy": "numpy" in sys.modules,
    }))  # fmt: skip


if __name__ == "__main__":
    for missing in sys.argv[3:]:
        sys.modules[missing] = None  # type: ignore[assignment]
    cut_profiles()
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))

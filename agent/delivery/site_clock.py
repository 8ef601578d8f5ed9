"""The clock of a process of this site, which shows no time before the end of the agent's last run."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

from agent.config.model import Config
from agent.core.clock import ClockWatch, SystemClock, kernel_synchronized
from agent.core.state_directory import default_directory
from agent.delivery.store.database_file import NAME
from agent.delivery.store.read_only import open_read_only
from agent.delivery.store.runs import reached_ms


def start_clock(config: Config) -> tuple[SystemClock, ClockWatch]:
    """The clock of a process of this site: the agent, or a command. It does not show an implausible time."""
    return _clock_after(config, reached_ns(config.state_dir or default_directory()))


def utc_ms(config: Config, db: sqlite3.Connection | None = None) -> int:
    """UTC as the agent of this site dates it, milliseconds, for a command.

    db: the state file, if it is open; otherwise it is opened.
    """
    clock = start_clock(config)[0] if db is None else _clock_after(config, reached_ms(db) * 1_000_000)[0]
    return clock.utc_ns() // 1_000_000


def _clock_after(config: Config, reached_ns: int) -> tuple[SystemClock, ClockWatch]:
    clock = SystemClock(time.time_ns)
    trusted = config.site.assume_clock_synchronized or config.site.simulated
    return clock, ClockWatch(clock, kernel_synchronized, reached_ns, trusted)


def reached_ns(directory: Path) -> int:
    """UTC that the agent reached whose state is in this directory; 0: unknown."""
    with contextlib.suppress(OSError, sqlite3.Error, TypeError, ValueError):
        if (path := directory / NAME).is_file():
            with contextlib.closing(open_read_only(path)) as db:
                return reached_ms(db) * 1_000_000
    return 0

"""The file `boot` next to the state file: the number of the newest run, so that ids are never used twice although the
state file is lost, and the evidence that it was lost.

The state file of the newest run has this run in its table `boots`. When it does not, it was deleted, emptied, or
replaced by an older copy while the agent was stopped.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from agent.delivery.store.data_gaps import record_gap
from agent.delivery.store.database_file import NAME, private_file
from agent.delivery.store.reasons import STATE_FILE_LOST, STATE_FILE_OLDER
from drivers.reasons import Reason

FILE_NAME = "boot"


class NewestRun(NamedTuple):
    """run_id: number of the run. oldest_ms: UTC ms before which no row waited at its start; 0: unknown."""

    run_id: int = 0
    oldest_ms: int = 0


def read_newest_run(directory: Path | None) -> NewestRun:
    """Content of the file; zeros without it. Earlier versions wrote the number only."""
    if directory is not None:
        with contextlib.suppress(OSError, ValueError):
            words = (directory / FILE_NAME).read_text(encoding="ascii").split()
            return NewestRun(int(words[0]), int(words[1]) if len(words) > 1 else 0) if words else NewestRun()
    return NewestRun()


def write_newest_run(directory: Path, run: NewestRun) -> None:
    """Raises OSError."""
    private_file(directory / FILE_NAME)
    (directory / FILE_NAME).write_text(f"{run.run_id}\n{run.oldest_ms}\n", encoding="ascii")


def record_loss(db: sqlite3.Connection, newest: NewestRun, evidence: Sequence[Path], now_ms: int) -> Reason | None:
    """Compares the state file with the newest run before this one. Records the rows of a lost state file as a gap of
    unknown size and returns the reason; None: it is not lost. Call it before the new run is registered.

    evidence: files of earlier runs; they prove a loss when the file `boot` is lost, too.
    """
    last = db.execute("select n, last_ms from boots order by n desc limit 1").fetchone()
    if last is not None:
        if newest.run_id <= last[0]:
            return None
        reason, from_ms = STATE_FILE_OLDER(file=NAME, run=last[0], newest=newest.run_id), last[1]
        db.execute("update boots set closed = 1 where n = ?", (last[0],))  # its own gap would be a part of this one
    elif newest.run_id:
        reason, from_ms = STATE_FILE_LOST(file=NAME, evidence=FILE_NAME), newest.oldest_ms
    elif found := next((path for path in evidence if path.exists()), None):
        reason, from_ms = STATE_FILE_LOST(file=NAME, evidence=found.name), 0
    else:
        return None
    record_gap(db, "*", reason, None, min(from_ms, now_ms), now_ms)
    return reason

"""Prepares a restored state for its next run: its number, the announced data gap, and the record in the ledger."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from agent.backup.manifest import Manifest
from agent.backup.reasons import STATE_RESTORED
from agent.delivery.store.data_gaps import record_gap
from agent.delivery.store.database_file import NAME, connect
from agent.delivery.store.read_only import open_read_only
from agent.delivery.store.run_file import NewestRun, read_newest_run, write_newest_run
from agent.delivery.store.store import MINUTES_2020
from agent.savings.ledger.chain import append_to
from agent.savings.ledger.signing_key import FILE as KEY_FILE
from agent.savings.ledger.signing_key import load
from agent.savings.ledger.succession import key_in_force

# Runs that the gateway can have started since the backup, on a computer whose clock is behind: one each five seconds
# for two months. The number of a run is usually the minutes since 2020, and has room for 500 restorations.
RUNS_SKIPPED = 1 << 20


def continue_state(folder: Path, present: Path, manifest: Manifest, now_ms: int) -> None:
    """Changes the copied state in `folder`.

    present: the state directory, whose content is replaced.
    now_ms: UTC.
    Raises OSError, sqlite3.Error, and CodedError when the ledger cannot be continued.
    """
    with contextlib.closing(connect(folder / NAME)) as db:
        db.execute("pragma journal_mode = delete")
        with db:  # commits, or rolls back
            db.execute("begin immediate")
            run = _skip_runs(db, read_newest_run(present).run_id, manifest, now_ms)
            if db.execute("select 1 from ledger limit 1").fetchone() and (folder / KEY_FILE).is_file():
                body = _record(db, present / NAME, manifest)
                append_to(db, key_in_force(db, load(folder / KEY_FILE)), now_ms, [("restore", body)])
        oldest_ms = db.execute("select ifnull(min(t_ms), ?) from spool", (now_ms,)).fetchone()[0]
    write_newest_run(folder, NewestRun(run, oldest_ms))


def _skip_runs(db: sqlite3.Connection, newest: int, manifest: Manifest, now_ms: int) -> int:
    """Registers an ended run with a number above all used ones, and a gap since the last one; returns the number."""
    query = "select n, last_ms, spool_rows from boots order by n desc limit 1"
    last, last_ms, rows = db.execute(query).fetchone() or (0, manifest.made_ms, 0)
    run = max(newest, manifest.run, last, now_ms // 60_000 - MINUTES_2020) + RUNS_SKIPPED
    until_ms = max(now_ms, last_ms)
    record_gap(db, "*", STATE_RESTORED(backup_ms=manifest.made_ms), None, last_ms, until_ms)
    db.execute("update boots set closed = 1")
    db.execute(
        "insert into boots (n, opened_ms, last_ms, closed, spool_rows) values (?, ?, ?, 1, ?)",
        (run, until_ms, until_ms, rows),
    )
    return run


def _record(db: sqlite3.Connection, present: Path, manifest: Manifest) -> dict[str, Any]:
    """The body of the record: the backup, and the newest record of the ledger that is replaced, if it continues the
    one of the backup."""
    [(last, hash_)] = db.execute("select seq, hash from ledger order by seq desc limit 1").fetchall()
    body: dict[str, Any] = {"backup_ms": manifest.made_ms, "last": last, "hash": hash_}
    with contextlib.suppress(sqlite3.Error), contextlib.closing(open_read_only(present)) as replaced:
        if replaced.execute("select 1 from ledger where seq = ? and hash = ?", (last, hash_)).fetchone():
            [newest] = replaced.execute("select seq, hash from ledger order by seq desc limit 1").fetchall()
            body["replaced"] = {"last": newest[0], "hash": newest[1]}
    return body

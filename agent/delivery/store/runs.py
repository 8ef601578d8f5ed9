"""Runs of the agent: their numbers, and the registered sinks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from agent.delivery.store.batch import PendingRow
from agent.delivery.store.data_gaps import record_gap
from agent.delivery.store.reasons import AGENT_KILLED, UNSAVED_AT_STOP
from agent.delivery.store.row import number_of

RUNS_KEPT = 100
BITS = 60


def start_run(db: sqlite3.Connection, floor: int, now_ms: int) -> tuple[int, int, int]:
    """Number of this run, the row number before its first one, and number of rows in the spool.

    floor: lowest number that this run may get.
    An earlier run that did not close leaves a gap: the rows that it had measured and not committed.
    """
    last = db.execute("select n, last_ms, closed, spool_rows from boots order by n desc limit 1").fetchone()
    run_id = max(floor, last[0] + 1) if last else floor
    rows = last[3] if last else int(db.execute("select count(*) from spool").fetchone()[0])
    if last and not last[2]:
        record_gap(db, "*", AGENT_KILLED(), None, min(last[1], now_ms), now_ms)  # the clock may have been set back
        db.execute("update boots set closed = 1 where n = ?", (last[0],))
    db.execute(
        "insert into boots (n, opened_ms, last_ms, spool_rows) values (?, ?, ?, ?)",
        (run_id, now_ms, now_ms, rows),
    )
    db.execute("delete from boots where n <= (select n from boots order by n desc limit 1 offset ?)", (RUNS_KEPT,))
    return run_id, number_of(run_id, 0), rows


def reached_ms(db: sqlite3.Connection) -> int:
    """UTC that the last run reached, milliseconds: its end, or after a kill its newest committed row; 0: none."""
    row = db.execute("select last_ms from boots order by n desc limit 1").fetchone()
    return int(row[0]) if row else 0


def end_run(db: sqlite3.Connection, run_id: int, unsaved: Iterable[PendingRow], now_ms: int) -> None:
    """Closes a run. Rows that are still in memory only could not be written and are counted as a gap."""
    for pending in unsaved:
        if db.execute("select 1 from spool where n = ?", (pending.row.n,)).fetchone():
            continue  # written in this transaction
        record_gap(db, pending.row.kind, UNSAVED_AT_STOP(), 1, pending.row.t_ms, pending.row.t_ms)
    db.execute("update boots set closed = 1, last_ms = ? where n = ?", (now_ms, run_id))


def register_sinks(db: sqlite3.Connection, names: list[str]) -> tuple[dict[str, int], int]:
    """Bit of each sink, and the number of rows deleted because only removed sinks had not confirmed them."""
    known: dict[str, int] = dict(db.execute("select name, bit from sinks").fetchall())
    for name in set(known) - set(names):
        db.execute("delete from sinks where bit = ?", (known.pop(name),))
    for name in names:
        if name not in known:
            known[name] = next(bit for bit in range(BITS) if bit not in known.values())
            db.execute("insert into sinks values (?, ?)", (known[name], name))
    mask = sum(1 << bit for bit in known.values())
    db.execute(f"update spool set owed = owed & {mask} where owed & ~{mask}")
    deleted = db.execute("delete from spool where owed = 0").rowcount
    return known, deleted

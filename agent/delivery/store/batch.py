"""The rows, confirmations and jobs that are committed in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct, field

from agent.delivery.store.data_gaps import ANNOUNCED, record_gap
from agent.delivery.store.reasons import stored
from agent.delivery.store.row import CRC_BITS, CRC_MASK, StoredRow, checks, checksum, importance
from drivers.reasons import Reason

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]


class PendingRow(Struct):
    """A row to append.

    row: the row.
    run_id, seq: the two parts of its id.
    announces_gap: number of the gap that this row announces; None: none.
    confirmed: mask of the sinks that confirmed it before it was written to the file.
    """

    row: StoredRow
    run_id: int
    seq: int
    announces_gap: int | None = None
    confirmed: int = 0


class Rejection(NamedTuple):
    """A row that can never be delivered.

    kind, from_ms, to_ms: message type and time span of its gap; None: as the row states.
    """

    n: int
    reason: Reason
    span: tuple[str, int, int] | None = None


class WriteBatch(Struct):
    """Everything that the next transaction commits.

    rows: rows to append.
    counters: name → newest value.
    confirmed: bit of a sink → numbers of the rows that it confirmed.
    announced: numbers of gaps whose announcement all sinks confirmed before it was written.
    jobs: functions to run in the transaction, and the future of their result.
    progress: sequence of the newest row and UTC ms up to which the run is complete; None: as recorded before.
    """

    rows: list[PendingRow] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    confirmed: dict[int, list[int]] = field(default_factory=dict)
    rejected: list[Rejection] = field(default_factory=list)
    announced: list[int] = field(default_factory=list)
    jobs: list[tuple[Job[Any], Future[Any]]] = field(default_factory=list)
    progress: tuple[int, int] | None = None

    def __bool__(self) -> bool:
        return bool(
            self.rows or self.counters or self.confirmed or self.rejected or self.announced or self.jobs
            or self.progress
        )  # fmt: skip

    def precede_by(self, failed: WriteBatch) -> None:
        """Repeats counters, confirmations, rejections and announcements of a batch that was not committed."""
        self.counters = {**failed.counters, **self.counters}
        for bit, numbers in failed.confirmed.items():
            self.confirmed[bit] = numbers + self.confirmed.get(bit, [])
        self.rejected[:0] = failed.rejected
        self.announced[:0] = failed.announced


def insert(db: sqlite3.Connection, rows: list[PendingRow], owed: int) -> int:
    """Appends rows to the spool and marks the gaps that they announce; returns the number of rows.

    `owed`: mask of the sinks that have to confirm them.
    """
    if rows and owed:
        db.executemany(
            "insert into spool values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (row.n, pending.run_id, pending.seq, importance(row.kind), row.t_ms, row.asset, row.kind, row.payload,
                 owed & ~pending.confirmed,
                 checks(checksum(row.n, pending.run_id, pending.seq, row.t_ms,
                                 row.asset.encode() if row.asset else None, row.kind.encode(), row.payload),
                        owed & ~pending.confirmed))
                for pending in rows
                for row in [pending.row]
            ],
        )  # fmt: skip
    mark_announced(db, [pending.announces_gap for pending in rows if pending.announces_gap is not None])
    return len(rows) if owed else 0


def mark_announced(db: sqlite3.Connection, gaps: list[int]) -> None:
    """A row that announces each gap is committed, or all sinks have confirmed it."""
    db.executemany("update gaps set announced = ? where g = ?", [(ANNOUNCED, g) for g in gaps])


def remove_delivered(db: sqlite3.Connection, batch: WriteBatch, mask: int) -> int:
    """Deletes confirmed and rejected rows; returns how many left the spool. mask: bits of all sinks."""
    deleted = sum(_set_aside(db, *rejection) for rejection in batch.rejected)
    for bit, numbers in batch.confirmed.items():
        keys, delete = [(n,) for n in numbers], "delete from spool where n = ?"
        if others := mask & ~(1 << bit):
            copy = others << CRC_BITS | CRC_MASK
            db.executemany(f"update spool set owed = owed & {others}, checks = checks & {copy} where n = ?", keys)
            delete = f"delete from spool where n = ? and not (owed | (checks >> {CRC_BITS}))"
        deleted += db.executemany(delete, keys).rowcount
    return deleted


def _set_aside(db: sqlite3.Connection, n: int, reason: Reason, span: tuple[str, int, int] | None) -> int:
    """Moves a row that can never be delivered to the table `aside`, for inspection, and counts it as a gap."""
    row = db.execute("select kind, t_ms, t_ms from spool where n = ?", (n,)).fetchone()
    if row is None:
        return 0
    db.execute(
        "insert or replace into aside select n, boot, seq, t_ms, asset, kind, payload, ? from spool where n = ?",
        (stored(reason), n),
    )
    db.execute("delete from aside where n not in (select n from aside order by n desc limit 100)")
    db.execute("delete from spool where n = ?", (n,))
    kind, from_ms, to_ms = span or row
    record_gap(db, kind, reason, 1, from_ms, to_ms)
    return 1


def record_progress(
    db: sqlite3.Connection, run_id: int, spool_rows: int, progress: tuple[int, int] | None = None
) -> None:  # fmt: skip
    """Records the number of rows in the spool and, as `WriteBatch.progress`, how far the run is complete."""
    db.execute("update boots set spool_rows = ? where n = ?", (max(0, spool_rows), run_id))
    if progress is not None:
        db.execute("update boots set last_seq = ?, last_ms = ? where n = ?", (*progress, run_id))


def run_job(db: sqlite3.Connection, job: Job[T], future: Future[T]) -> Callable[[], None]:
    """Runs a job; returns a function that delivers its result or exception. A failed job is rolled back."""
    db.execute("savepoint job")
    try:
        resolve = partial(future.set_result, job(db))
    except sqlite3.Error:
        raise
    except Exception as error:
        db.execute("rollback to job")
        resolve = partial(future.set_exception, error)
    db.execute("release job")
    return resolve

"""Gaps: number, time span and cause of dropped rows, kept until they are announced.

Every function runs inside a transaction of the writer.
"""

from __future__ import annotations

import sqlite3

from msgspec import Struct

from agent.delivery.store.reasons import loaded, stored
from drivers.reasons import Reason

NEW, ANNOUNCING, ANNOUNCED = range(3)


class DataGap(Struct, frozen=True):
    """Rows of one message type that are missing for one reason.

    g: number of the gap, the key for deduplication.
    kind: message type; * for all types.
    reason: why the rows are missing.
    rows: number of rows; None: unknown (rows in memory when the process was killed).
    from_ms, to_ms: time span in UTC milliseconds.
    """

    g: int
    kind: str
    reason: Reason
    rows: int | None
    from_ms: int
    to_ms: int


def record_gap(db: sqlite3.Connection, kind: str, reason: Reason, rows: int | None, from_ms: int, to_ms: int) -> None:
    """Adds rows to the unannounced gap of this kind and reason, or starts a new gap."""
    grown = db.execute(
        "update gaps set rows = rows + ?, from_ms = min(from_ms, ?), to_ms = max(to_ms, ?) "
        "where kind = ? and reason = ? and announced = 0 and rows is not null",
        (rows, from_ms, to_ms, kind, stored(reason)),
    )
    if rows is None or not grown.rowcount:
        db.execute(
            "insert into gaps (kind, reason, rows, from_ms, to_ms) values (?, ?, ?, ?, ?)",
            (kind, stored(reason), rows, from_ms, to_ms),
        )


def fetch_gaps(db: sqlite3.Connection) -> list[DataGap]:
    """All gaps that are not announced. Later losses start new gaps."""
    db.execute("update gaps set announced = ? where announced = ?", (ANNOUNCING, NEW))
    rows = db.execute(
        "select g, kind, reason, rows, from_ms, to_ms from gaps where announced = ? order by g", (ANNOUNCING,)
    )
    return [DataGap(g, kind, loaded(text), count, from_ms, to_ms) for g, kind, text, count, from_ms, to_ms in rows]


def dropped_rows(db: sqlite3.Connection) -> int:
    """Number of rows dropped since the file was created, gaps of unknown size excluded."""
    return int(db.execute("select coalesce(sum(rows), 0) from gaps").fetchone()[0])

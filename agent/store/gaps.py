"""What was dropped, by number and time, until it is announced. Every function runs inside the writer's transaction."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

NEW, ANNOUNCING, ANNOUNCED = range(3)


@dataclass(frozen=True, slots=True)
class Gap:
    """g: its number, the key for removing duplicates. rows None: not known how many (the last moments of a kill)."""

    g: int
    kind: str
    reason: str
    rows: int | None
    from_ms: int
    to_ms: int


def note_gap(db: sqlite3.Connection, kind: str, reason: str, rows: int | None, from_ms: int, to_ms: int) -> None:
    """Adds to the gap of that kind and reason that nobody was told of yet, or begins one."""
    grown = db.execute(
        "update gaps set rows = rows + ?, from_ms = min(from_ms, ?), to_ms = max(to_ms, ?) "
        "where kind = ? and reason = ? and announced = 0 and rows is not null",
        (rows, from_ms, to_ms, kind, reason),
    )
    if rows is None or not grown.rowcount:
        db.execute(
            "insert into gaps (kind, reason, rows, from_ms, to_ms) values (?, ?, ?, ?, ?)",
            (kind, reason, rows, from_ms, to_ms),
        )


def take_gaps(db: sqlite3.Connection) -> list[Gap]:
    """All that are not announced. From now on nothing is added to them."""
    db.execute("update gaps set announced = ? where announced = ?", (ANNOUNCING, NEW))
    rows = db.execute(
        "select g, kind, reason, rows, from_ms, to_ms from gaps where announced = ? order by g", (ANNOUNCING,)
    )
    return [Gap(*row) for row in rows]


def dropped_rows(db: sqlite3.Connection) -> int:
    """Counted drops since the file was made."""
    return int(db.execute("select coalesce(sum(rows), 0) from gaps").fetchone()[0])

"""Space: when it is short, rows are thinned, then dropped; the least important and oldest rows first.

Each step is one short transaction of the writer. Every dropped row is counted in `gaps` in the same transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Container
from pathlib import Path

from msgspec import Struct, field

from agent.delivery.store.data_gaps import record_gap
from agent.delivery.store.database_file import free_bytes
from agent.delivery.store.history_rows import MINUTE_S, QUARTER_S, SECOND_S, delete_oldest
from agent.delivery.store.reasons import NO_SPACE_LEFT, RETENTION_EXPIRED, ROWS_THINNED
from agent.delivery.store.row import THIN_MS
from drivers.reasons import Code

CHUNK = 500  # rows examined in one step
CLASSES = 5
SPARE_PAGES = 64  # unused pages inside the file that are enough for the next transactions
TARGET, URGENT = 0.97, 1.1  # shares of the quota: after space was freed; above it new rows wait for free space
SHRINK_PAGES = 4096  # unused pages beyond this number are returned to the file system gradually


class Quota(Struct):
    """Limits of the state file.

    directory: of the file; None: in memory.
    bytes_max: largest size of the file.
    min_free_share: share of the file system that stays free, at most bytes_max: the file cannot take more.
    """

    directory: Path | None
    bytes_max: int
    min_free_share: float
    _thin_from: dict[int, int] = field(default_factory=dict)  # importance → n up to which rows were thinned
    _drop_from: dict[int, int] = field(default_factory=dict)

    def exceeded(self, db: sqlite3.Connection, share: float = 1.0, spare_pages: int = SPARE_PAGES) -> bool:
        """Whether the file exceeds this share of the quota, or the disk is short of space and the file has fewer unused
        pages."""
        used, spare, size = pages(db)
        return used * size > share * self.bytes_max or (spare < spare_pages and self._disk_short())

    def _disk_short(self) -> bool:
        """Whether the file system has less free space than required."""
        if self.directory is None:
            return False
        try:
            free, size = free_bytes(self.directory)
        except OSError:  # the directory is gone: the next write reports it
            return False
        return free < min(self.min_free_share * size, self.bytes_max)

    def evict(self, db: sqlite3.Connection, busy: Container[int]) -> int | None:
        """Frees some space in one transaction; number of spool rows dropped, None when nothing can be dropped.

        busy: rows that a sink has sent and that are not confirmed.
        """
        if delete_oldest(db, SECOND_S) or delete_oldest(db, MINUTE_S):  # coarser history of the same time remains
            return 0
        if (dropped := self._thin(db, busy)) is not None:
            return dropped
        if delete_oldest(db, QUARTER_S):
            return 0
        return self._drop(db, busy)

    def expire(self, db: sqlite3.Connection, busy: Container[int], up_to: int) -> int:
        """Drops one chunk of the rows up to this number, whatever their date; returns how many."""
        rows = db.execute("select n, kind, t_ms from spool where n <= ? order by n limit ?", (up_to, CHUNK)).fetchall()
        return _delete(db, [row for row in rows if row[0] not in busy], RETENTION_EXPIRED)

    def _thin(self, db: sqlite3.Connection, busy: Container[int]) -> int | None:
        """Thins the older half of the spool; the newer half stays complete."""
        middle = db.execute("select (min(n) + max(n)) / 2 from spool").fetchone()[0]
        for importance in sorted(THIN_MS, reverse=True):
            rows = _next(db, importance, self._thin_from, middle or 0)
            if not rows:
                continue
            slots: set[tuple[str | None, str, int]] = set()
            surplus = []
            for n, kind, t_ms, asset in rows:
                slot = asset, kind, t_ms // THIN_MS[importance]
                if slot in slots and n not in busy:
                    surplus.append((n, kind, t_ms))
                slots.add(slot)
            return _delete(db, surplus, ROWS_THINNED)
        return None

    def _drop(self, db: sqlite3.Connection, busy: Container[int]) -> int | None:
        for importance in reversed(range(CLASSES)):
            rows = _next(db, importance, self._drop_from, 1 << 62)
            if rows:
                return _delete(db, [row[:3] for row in rows if row[0] not in busy], NO_SPACE_LEFT)
        self._drop_from.clear()  # rows that were busy may be dropped in the next pass
        return None


def pages(db: sqlite3.Connection) -> tuple[int, int, int]:
    """Used pages, unused pages, bytes per page."""
    count, spare, size = (
        int(db.execute(f"pragma {name}").fetchone()[0]) for name in ("page_count", "freelist_count", "page_size")
    )
    return count - spare, spare, size


def shrink(db: sqlite3.Connection) -> None:
    """Returns unused pages to the file system."""
    if pages(db)[1] > SHRINK_PAGES:
        db.executescript("pragma incremental_vacuum(256)")  # `execute` would return a single page


def _next(
    db: sqlite3.Connection, importance: int, done: dict[int, int], up_to: int
) -> list[tuple[int, str, int, str | None]]:
    """The next rows of one importance, oldest first; every row is examined once."""
    rows = db.execute(
        "select n, kind, t_ms, asset from spool where n > ? and n <= ? and importance = ? order by n limit ?",
        (done.get(importance, 0), up_to, importance, CHUNK),
    ).fetchall()
    if rows:
        done[importance] = rows[-1][0]
    return rows


def _delete(db: sqlite3.Connection, rows: list[tuple[int, str, int]], code: Code) -> int:
    db.executemany("delete from spool where n = ?", [(n,) for n, _, _ in rows])
    for kind in {kind for _, kind, _ in rows}:
        times = [t_ms for _, other, t_ms in rows if other == kind]
        record_gap(db, kind, code(), len(times), min(times), max(times))
    return len(rows)

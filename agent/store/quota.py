"""Room: when there is too little of it, the least important and oldest rows go first, thinned before dropped.

Each step is one short transaction of the writer's; each row that goes is counted in `gaps` in that same transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Container
from dataclasses import dataclass, field
from pathlib import Path

from agent.store.file import free_bytes
from agent.store.gaps import note_gap
from agent.store.row import EVENT, THIN_MS

CHUNK = 500  # rows looked at in one step
CLASSES = 5
SPARE_PAGES = 64  # so many unused pages inside the file are room enough for the next groups
TARGET = 0.97  # of the quota, after making room
SHRINK_PAGES = 4096  # more unused pages than that are given back to the file system, bit by bit

THINNED, FULL, OLD = "thinned to save room", "quota reached", "older than the spool keeps"


@dataclass(slots=True)
class Quota:
    """bytes_max: of the whole file. free_share: of the file system stays free."""

    directory: Path | None
    bytes_max: int
    free_share: float
    _thin_from: dict[int, int] = field(default_factory=dict)  # importance → n up to which rows are thinned
    _drop_from: dict[int, int] = field(default_factory=dict)

    def short(self, db: sqlite3.Connection) -> bool:
        """Whether room has to be made."""
        used, spare, size = pages(db)
        if used * size > self.bytes_max:
            return True
        return spare < SPARE_PAGES and self.disk_short()

    def disk_short(self) -> bool:
        if self.directory is None:
            return False
        try:
            free, whole = free_bytes(self.directory)
        except OSError:  # the directory is gone: whoever writes finds out
            return False
        return free < self.free_share * whole

    def enough(self, db: sqlite3.Connection) -> bool:
        used, spare, size = pages(db)
        return used * size <= TARGET * self.bytes_max and (spare >= 2 * SPARE_PAGES or not self.disk_short())

    def far_over(self, db: sqlite3.Connection) -> bool:
        """New rows have to wait until there is room."""
        used, spare, size = pages(db)
        return used * size > 1.1 * self.bytes_max or (spare < SPARE_PAGES and self.disk_short())

    def step(self, db: sqlite3.Connection, busy: Container[int]) -> int | None:
        """One transaction that makes some room; how many rows of the spool went, None when nothing is left to give.

        busy: rows that a sink has sent and waits for.
        """
        for give in (self._history, self._thin, self._drop):
            went = give(db, busy)
            if went is not None:
                return went
        return None

    def age(self, db: sqlite3.Connection, busy: Container[int], up_to: int) -> int:
        """Drops one chunk of the rows up to that one, whatever date they bear; how many went."""
        rows = db.execute("select n, kind, t_ms from spool where n <= ? order by n limit ?", (up_to, CHUNK)).fetchall()
        return _delete(db, [row for row in rows if row[0] not in busy], OLD)

    def _history(self, db: sqlite3.Connection, _busy: Container[int]) -> int | None:
        """The finest history goes before any row of the spool: what it holds was measured again in coarser steps."""
        gone = db.execute(
            "delete from history where (step_s, asset, t_ms) in "
            "(select step_s, asset, t_ms from history where step_s = 1 order by t_ms limit 50)"
        )
        return 0 if gone.rowcount else None

    def _thin(self, db: sqlite3.Connection, busy: Container[int]) -> int | None:
        """Of the older half of the spool; the newer one stays whole."""
        middle = db.execute("select (min(n) + max(n)) / 2 from spool").fetchone()[0]
        for importance in sorted(THIN_MS, reverse=True):
            rows = _next(db, importance, self._thin_from, middle or 0)
            if not rows:
                continue
            seen: set[tuple[str | None, str, int]] = set()
            surplus = []
            for n, kind, t_ms, asset in rows:
                slot = asset, kind, t_ms // THIN_MS[importance]
                if slot in seen and n not in busy:
                    surplus.append((n, kind, t_ms))
                seen.add(slot)
            return _delete(db, surplus, THINNED)
        return None

    def _drop(self, db: sqlite3.Connection, busy: Container[int]) -> int | None:
        for importance in range(CLASSES - 1, EVENT - 1, -1):
            rows = _next(db, importance, self._drop_from, 1 << 62)
            if rows:
                return _delete(db, [row[:3] for row in rows if row[0] not in busy], FULL)
        self._drop_from.clear()  # what was busy then may go now
        return None


def pages(db: sqlite3.Connection) -> tuple[int, int, int]:
    """Used pages, unused pages, bytes of one."""
    whole, spare, size = (
        int(db.execute(f"pragma {name}").fetchone()[0]) for name in ("page_count", "freelist_count", "page_size")
    )
    return whole - spare, spare, size


def shrink(db: sqlite3.Connection) -> None:
    if pages(db)[1] > SHRINK_PAGES:
        db.execute("pragma incremental_vacuum(256)").fetchall()


def _next(
    db: sqlite3.Connection, importance: int, done: dict[int, int], up_to: int
) -> list[tuple[int, str, int, str | None]]:
    """The oldest rows of one importance that were not looked at; every row is looked at once."""
    rows = db.execute(
        "select n, kind, t_ms, asset from spool where n > ? and n <= ? and importance = ? order by n limit ?",
        (done.get(importance, 0), up_to, importance, CHUNK),
    ).fetchall()
    if rows:
        done[importance] = rows[-1][0]
    return rows


def _delete(db: sqlite3.Connection, rows: list[tuple[int, str, int]], reason: str) -> int:
    db.executemany("delete from spool where n = ?", [(n,) for n, _, _ in rows])
    for kind in {kind for _, kind, _ in rows}:
        times = [t_ms for _, other, t_ms in rows if other == kind]
        note_gap(db, kind, reason, len(times), min(times), max(times))
    return len(rows)

"""Deletion by age: one date that follows the clock slowly, so that a wrong clock deletes little.

History and rows dated before this date minus their retention are deleted. The date is never later than the clock, and
advances at most RATE times as fast as the agent runs: a clock that is a year ahead for a night of ten hours deletes the
oldest four days of data, not all of them. After a power-off, data are kept longer until the date has caught up: three
days after a month. A date is never a reason to delete newer data, so data dated in the future by a wrong clock stay
until that date has passed, except rows, which are deleted before the rows measured after them.
"""

from __future__ import annotations

import contextlib
import sqlite3

from agent.delivery.store.runs import reached_ms

KIND, NAME = "retention", "date"  # of the note whose time is the date
RATE = 10.0
SAVE_S = 600.0  # a kill sets the date back by at most RATE times this


class RetentionDate:
    """The date that the age of data is measured from. Used in the writer's thread only.

    at_ms: the date, UTC milliseconds.
    """

    def __init__(self, at_ms: int, monotonic_s: float) -> None:
        self.at_ms = at_ms
        self._advanced_s = self._saved_s = monotonic_s

    def advance(self, utc_ms: int, monotonic_s: float) -> None:
        """Moves the date towards UTC: back immediately, forward at most RATE times the time since the last call."""
        ran_s, self._advanced_s = max(0.0, monotonic_s - self._advanced_s), monotonic_s
        self.at_ms = min(utc_ms, self.at_ms + round(1000 * RATE * ran_s))

    def correct(self, db: sqlite3.Connection, delta_ms: int) -> None:
        """Follows a correction of the clock, positive for a step forward, in the first run of a file: before it the
        time was unknown, and no data are older.
        """
        if db.execute("select count(*) from boots").fetchone()[0] == 1:
            self.at_ms += max(0, delta_ms)

    def expired_up_to(self, db: sqlite3.Connection, utc_ms: int, age_s: float) -> int:
        """Number up to which rows of the spool are older than age_s; 0: none.

        Rows dated in the future are as old as the next row that is not.
        """
        oldest_ms = self.at_ms - round(1000 * age_s)
        kept = db.execute("select n from spool where t_ms between ? and ? order by n limit 1", (oldest_ms, utc_ms))
        below = (kept.fetchone() or (1 << 62,))[0]
        expired = db.execute("select n from spool where n < ? and t_ms < ? order by n desc limit 1", (below, oldest_ms))
        return int((expired.fetchone() or (0,))[0])

    def save(self, db: sqlite3.Connection, force: bool = False) -> None:
        """Stores the date in the transaction of the caller, every SAVE_S seconds or with `force`."""
        if force or self._advanced_s - self._saved_s >= SAVE_S:
            self._saved_s = self._advanced_s
            row = KIND, NAME, "", self.at_ms, "{}"
            db.execute("insert or replace into note values (?, ?, ?, ?, ?)", row)


def load(db: sqlite3.Connection, utc_ms: int, monotonic_s: float) -> RetentionDate:
    """The stored date; without one, the time that the last run reached; in a new file, UTC. Never later than UTC."""
    with contextlib.suppress(sqlite3.Error):
        row = db.execute("select saved_ms from note where kind = ? and name = ?", (KIND, NAME)).fetchone()
        utc_ms = min(utc_ms, row[0] if row else reached_ms(db) or utc_ms)
    return RetentionDate(utc_ms, monotonic_s)

"""What time it is, for deleting by age: a clock that jumps makes nothing older until that has stood for a day.

A clock may show 2099 for a night, or 1970, synchronised or not. So this time goes on with the monotonic clock from
what it was; where UTC stands elsewhere for a day of running, it goes there, no faster than time passes. A month without
power is caught up within a month; a wrong clock deletes at most as much as it lasted beyond a day.

A row that a wrong clock dated into the past is no older for it: marks remember how far the spool had come at which of
these times.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any

import msgspec

KIND, NAME = "age", "reached"
NEAR_MS = 60_000  # a clock that is set by less is followed at once: no retention is as short
STANDS_MS = 86_400_000
SAVE_S = 600.0  # a kill costs that much of the progress, and is caught up with
MARKS = 32  # over the time that a row is kept: it may stay that part longer


class Age:
    """believed_ms: UTC as an earlier run believed it. From the writer's thread only."""

    def __init__(
        self, believed_ms: int, monotonic_s: float, jump_ms: int = 0, stood_ms: int = 0,
        marks: list[tuple[int, int]] | None = None,
    ) -> None:  # fmt: skip
        self._believed_ms, self._at_s = believed_ms, monotonic_s
        self._jump_ms, self._stood_ms = jump_ms, stood_ms
        self._marks = marks or []  # (this time, the newest row of then)
        self._saved_s = monotonic_s

    def now_ms(self, utc_ms: int, monotonic_s: float) -> int:
        """Never later than UTC itself."""
        passed_ms = max(0, round(1000 * (monotonic_s - self._at_s)))
        self._at_s += passed_ms / 1000
        self._believed_ms += passed_ms
        jump_ms = utc_ms - self._believed_ms
        if abs(jump_ms) <= NEAR_MS:
            self._believed_ms, self._jump_ms, self._stood_ms = utc_ms, 0, 0
        elif abs(jump_ms - self._jump_ms) > STANDS_MS:  # another one
            self._jump_ms, self._stood_ms = jump_ms, 0
        else:
            self._stood_ms += passed_ms
            if self._stood_ms >= STANDS_MS:
                self._believed_ms = min(utc_ms, self._believed_ms + passed_ms)
                self._jump_ms = utc_ms - self._believed_ms
        return min(utc_ms, self._believed_ms)

    def old_to(self, db: sqlite3.Connection, age_s: float) -> int:
        """The newest row of the spool that was measured so long ago; 0: none."""
        kept_ms, marks = round(1000 * age_s), self._marks
        if not marks or self._believed_ms - marks[-1][0] >= kept_ms / MARKS:
            newest = db.execute("select max(seq) from sqlite_sequence where name = 'spool'").fetchone()[0]
            marks.append((self._believed_ms, int(newest or 0)))
        while len(marks) > 1 and marks[1][0] <= self._believed_ms - kept_ms:
            del marks[0]
        return marks[0][1] if marks[0][0] <= self._believed_ms - kept_ms else 0

    def save(self, db: sqlite3.Connection, monotonic_s: float, force: bool = False) -> None:
        """In a transaction of the caller, now and then."""
        if force or monotonic_s - self._saved_s >= SAVE_S:
            self._saved_s = monotonic_s
            body = {"ms": self._believed_ms, "jump_ms": self._jump_ms, "stood_ms": self._stood_ms, "marks": self._marks}
            row = KIND, NAME, "", self._believed_ms, msgspec.json.encode(body).decode()
            db.execute("insert or replace into note values (?, ?, ?, ?, ?)", row)


def recall(db: sqlite3.Connection, utc_ms: int, monotonic_s: float) -> Age:
    """What an earlier run believed; of a file that tells nothing, what its last run reached; of a new file UTC."""
    with contextlib.suppress(sqlite3.Error, msgspec.MsgspecError, KeyError, TypeError, ValueError):
        row = db.execute("select body from note where kind = ? and name = ?", (KIND, NAME)).fetchone()
        if row is not None:
            body: dict[str, Any] = msgspec.json.decode(row[0])
            marks = [(int(ms), int(n)) for ms, n in body["marks"]]
            return Age(int(body["ms"]), monotonic_s, int(body["jump_ms"]), int(body["stood_ms"]), marks)
        reached_ms, newest = db.execute("select max(last_ms), (select max(n) from spool) from boots").fetchone()
        if reached_ms:
            return Age(min(utc_ms, reached_ms), monotonic_s, marks=[(0, newest or 0)])  # theirs is all that is known
    return Age(utc_ms, monotonic_s)

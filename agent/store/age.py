"""How old a thing is, for deleting by age: by the time that the agent ran since, whatever its clock showed.

A clock may show 2099 for a night, or 1970, synchronised or not; a gateway may begin in January and learn of November
half a minute later. No such jump makes anything older or younger. So time here is the monotonic clock's, summed up over
the runs; while the power is off nothing grows old. Which dates what was measured has, tell spans in which UTC ran
beside it; how far the spool had come, tell marks.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any, NamedTuple

import msgspec

KIND, NAME = "age", "reached"
NEAR_MS = 60_000  # a clock that is set by less goes on in the same span
SAVE_S = 600.0  # a kill costs that much of the time that was summed up
SPANS = 64  # beyond that neighbours are joined; what they held may stay longer, by what they differ
MARKS = 32  # over the time that a row is kept: it may stay that part longer


class Span(NamedTuple):
    """From `start_ms` of the time summed up, UTC was ahead of that by least_ms to most_ms."""

    start_ms: int
    least_ms: int
    most_ms: int


class Dates(NamedTuple):
    """UTC in ms. What is dated before `first` or after `last` was measured longer ago than was asked for."""

    first: int
    last: int


class Age:
    """ran_ms: the time summed up by earlier runs. From the writer's thread only."""

    def __init__(
        self, ran_ms: int, monotonic_s: float, spans: list[Span], marks: list[tuple[int, int]] | None = None
    ) -> None:
        self._ran_ms, self._at_s, self._saved_s = ran_ms, monotonic_s, monotonic_s
        self._spans = spans
        self._marks = marks or []  # (this time, the newest row of then)
        self._ahead_ms = spans[-1].most_ms  # of UTC, now

    def go_on(self, utc_ms: int, monotonic_s: float) -> None:
        passed_ms = max(0, round(1000 * (monotonic_s - self._at_s)))
        self._at_s += passed_ms / 1000
        self._ran_ms += passed_ms
        ahead_ms, before_ms = utc_ms - self._ran_ms, self._ahead_ms
        self._ahead_ms = ahead_ms
        if abs(ahead_ms - before_ms) <= NEAR_MS:
            start_ms, least_ms, most_ms = self._spans[-1]
            self._spans[-1] = Span(start_ms, min(least_ms, ahead_ms), max(most_ms, ahead_ms))
        else:
            self._spans.append(Span(self._ran_ms, ahead_ms, ahead_ms))
            if len(self._spans) > SPANS:
                self._join()

    def young(self, age_s: float) -> Dates:
        """Between which dates lies all that was measured in the last `age_s` seconds."""
        from_ms = self._ran_ms - round(1000 * age_s)
        ends_ms = [span.start_ms for span in self._spans[1:]] + [self._ran_ms]
        first, last = 1 << 62, -(1 << 62)
        for k, (span, end_ms) in enumerate(zip(self._spans, ends_ms, strict=True)):
            if end_ms >= from_ms:
                begin_ms = max(span.start_ms, from_ms) if k else from_ms
                first, last = min(first, begin_ms + span.least_ms), max(last, end_ms + span.most_ms)
        return Dates(first, last + round(2000 * SAVE_S))  # a killed run went on for as long as it had not saved

    def old_to(self, db: sqlite3.Connection, age_s: float) -> int:
        """The newest row of the spool that was measured so long ago; 0: none."""
        kept_ms, marks = round(1000 * age_s), self._marks
        if not marks or self._ran_ms - marks[-1][0] >= kept_ms / MARKS:
            newest = db.execute("select max(seq) from sqlite_sequence where name = 'spool'").fetchone()[0]
            marks.append((self._ran_ms, int(newest or 0)))
        while len(marks) > 1 and marks[1][0] <= self._ran_ms - kept_ms:
            del marks[0]
        return marks[0][1] if marks[0][0] <= self._ran_ms - kept_ms else 0

    def save(self, db: sqlite3.Connection, monotonic_s: float, force: bool = False) -> None:
        """In a transaction of the caller, now and then."""
        if force or monotonic_s - self._saved_s >= SAVE_S:
            self._saved_s = monotonic_s
            body = {"ran_ms": self._ran_ms, "spans": self._spans, "marks": self._marks}
            row = KIND, NAME, "", self._ran_ms, msgspec.json.encode(body).decode()
            db.execute("insert or replace into note values (?, ?, ?, ?, ?)", row)

    def _join(self) -> None:
        """Two neighbours that differ least, the longer ago the sooner."""

        def cost(k: int) -> float:
            one, other = self._spans[k : k + 2]
            spread_ms = max(one.most_ms, other.most_ms) - min(one.least_ms, other.least_ms)
            return spread_ms / (1 + self._ran_ms - other.start_ms)

        k = min(range(len(self._spans) - 2), key=cost)
        one, other = self._spans[k : k + 2]
        self._spans[k : k + 2] = [
            Span(one.start_ms, min(one.least_ms, other.least_ms), max(one.most_ms, other.most_ms))
        ]


def recall(db: sqlite3.Connection, utc_ms: int, monotonic_s: float) -> Age:
    """What earlier runs summed up. A file that does not tell begins with the time that its last run reached, a new one
    with UTC."""
    with contextlib.suppress(sqlite3.Error, msgspec.MsgspecError, KeyError, TypeError, ValueError):
        row = db.execute("select body from note where kind = ? and name = ?", (KIND, NAME)).fetchone()
        if row is not None:
            body: dict[str, Any] = msgspec.json.decode(row[0])
            spans = [Span(int(start), int(least), int(most)) for start, least, most in body["spans"]]
            if spans:
                marks = [(int(ms), int(n)) for ms, n in body["marks"]]
                return Age(int(body["ran_ms"]), monotonic_s, spans, marks)
    with contextlib.suppress(sqlite3.Error):
        row = db.execute("select last_ms, (select max(n) from spool) from boots order by n desc limit 1").fetchone()
        if row is not None and row[0]:
            before = Span(0, min(row[0], utc_ms), max(row[0], utc_ms))
            return Age(0, monotonic_s, [before, Span(0, utc_ms, utc_ms)], [(0, row[1] or 0)])
    return Age(0, monotonic_s, [Span(0, utc_ms, utc_ms)])

"""Age of rows and history for their deletion, measured by the running time of the agent and not by its UTC clock.

The clock may be wrong by years for a night, synchronized or not; a gateway without a battery-backed clock may start in
January and be set to November half a minute later. Such a step must not change the age of anything. Time is therefore
the monotonic clock, summed over all runs; it does not advance while the power is off. Spans record the offset of UTC
from this running time, so that dates can be compared with it; marks record the newest spool row at a running time.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Annotated, NamedTuple

import msgspec

KIND, NAME = "age", "reached"
NEAR_MS = 60_000  # a smaller clock correction stays in the same span
SAVE_S = 600.0  # a kill loses at most this much of the running time
SPANS = 64  # beyond this number adjacent spans are merged, and their data may be kept longer
MARKS = 32  # per retention time: a row may be kept longer by this fraction


class ClockOffsetSpan(NamedTuple):
    """Offset of UTC from the running time, from the running time `start_ms` on: min_ms to max_ms."""

    start_ms: int
    min_ms: int
    max_ms: int


class DateRange(NamedTuple):
    """UTC in ms. Data dated before `first` or after `last` are older than the requested age."""

    first: int
    last: int


class _Saved(msgspec.Struct):
    ran_ms: int
    spans: Annotated[list[ClockOffsetSpan], msgspec.Meta(min_length=1)]
    marks: list[tuple[int, int]]


class RetentionClock:
    """Used in the writer's thread only.

    ran_ms: running time of the earlier runs.
    monotonic_s: monotonic clock now.
    spans: offsets of UTC, oldest first, at least one.
    marks: running time, ms, and the newest spool row at that time; oldest first.
    """

    def __init__(
        self, ran_ms: int, monotonic_s: float, spans: list[ClockOffsetSpan], marks: list[tuple[int, int]] | None = None
    ) -> None:
        self._ran_ms, self._at_s, self._saved_s = ran_ms, monotonic_s, monotonic_s
        self._spans = spans
        self._marks = marks or []
        self._offset_ms = spans[-1].max_ms  # present offset of UTC

    def advance(self, utc_ms: int, monotonic_s: float) -> None:
        """Updates the running time and the offset of UTC."""
        passed_ms = max(0, round(1000 * (monotonic_s - self._at_s)))
        self._at_s += passed_ms / 1000
        self._ran_ms += passed_ms
        offset_ms, before_ms = utc_ms - self._ran_ms, self._offset_ms
        self._offset_ms = offset_ms
        if abs(offset_ms - before_ms) <= NEAR_MS:
            start_ms, min_ms, max_ms = self._spans[-1]
            self._spans[-1] = ClockOffsetSpan(start_ms, min(min_ms, offset_ms), max(max_ms, offset_ms))
        else:
            self._spans.append(ClockOffsetSpan(self._ran_ms, offset_ms, offset_ms))
            if len(self._spans) > SPANS:
                self._merge()

    def retained_range(self, age_s: float) -> DateRange:
        """Range of the dates of all data measured in the last `age_s` seconds of running time."""
        from_ms = self._ran_ms - round(1000 * age_s)
        ends_ms = [span.start_ms for span in self._spans[1:]] + [self._ran_ms]
        first, last = 1 << 62, -(1 << 62)
        for k, (span, end_ms) in enumerate(zip(self._spans, ends_ms, strict=True)):
            if end_ms >= from_ms:
                begin_ms = max(span.start_ms, from_ms) if k else from_ms
                first, last = min(first, begin_ms + span.min_ms), max(last, end_ms + span.max_ms)
        killed_ms = round(2000 * SAVE_S)  # a killed run continued for up to this time after it saved
        return DateRange(first, last + killed_ms)

    def expired_up_to(self, db: sqlite3.Connection, age_s: float) -> int:
        """Number of the newest spool row that is older than `age_s` seconds of running time; 0: none."""
        kept_ms, marks = round(1000 * age_s), self._marks
        if not marks or self._ran_ms - marks[-1][0] >= kept_ms / MARKS:
            newest = db.execute("select max(n) from spool").fetchone()[0]
            marks.append((self._ran_ms, int(newest or 0)))
        while len(marks) > 1 and marks[1][0] <= self._ran_ms - kept_ms:
            del marks[0]
        return marks[0][1] if marks[0][0] <= self._ran_ms - kept_ms else 0

    def save(self, db: sqlite3.Connection, monotonic_s: float, force: bool = False) -> None:
        """Saves in the transaction of the caller, every SAVE_S seconds or with `force`."""
        if force or monotonic_s - self._saved_s >= SAVE_S:
            self._saved_s = monotonic_s
            body = msgspec.json.encode(_Saved(self._ran_ms, self._spans, self._marks)).decode()
            row = KIND, NAME, "", self._ran_ms, body
            db.execute("insert or replace into note values (?, ?, ?, ?, ?)", row)

    def _merge(self) -> None:
        """Merges the two adjacent spans with the smallest difference, weighted towards old ones."""

        def cost(k: int) -> float:
            one, other = self._spans[k : k + 2]
            spread_ms = max(one.max_ms, other.max_ms) - min(one.min_ms, other.min_ms)
            return spread_ms / (1 + self._ran_ms - other.start_ms)

        k = min(range(len(self._spans) - 2), key=cost)
        one, other = self._spans[k : k + 2]
        self._spans[k : k + 2] = [
            ClockOffsetSpan(one.start_ms, min(one.min_ms, other.min_ms), max(one.max_ms, other.max_ms))
        ]


def load(db: sqlite3.Connection, utc_ms: int, monotonic_s: float) -> RetentionClock:
    """The age saved by earlier runs. Without it, a file starts with the time that its last run reached, a new file with
    UTC."""
    with contextlib.suppress(sqlite3.Error, msgspec.MsgspecError):
        row = db.execute("select body from note where kind = ? and name = ?", (KIND, NAME)).fetchone()
        if row is not None:
            saved = msgspec.json.decode(row[0], type=_Saved)
            return RetentionClock(saved.ran_ms, monotonic_s, saved.spans, saved.marks)
    with contextlib.suppress(sqlite3.Error):
        row = db.execute("select last_ms, (select max(n) from spool) from boots order by n desc limit 1").fetchone()
        if row is not None and row[0]:
            before = ClockOffsetSpan(0, min(row[0], utc_ms), max(row[0], utc_ms))
            return RetentionClock(0, monotonic_s, [before, ClockOffsetSpan(0, utc_ms, utc_ms)], [(0, row[1] or 0)])
    return RetentionClock(0, monotonic_s, [ClockOffsetSpan(0, utc_ms, utc_ms)])

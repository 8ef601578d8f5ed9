"""Hourly ledger records: what was measured in one hour of one asset, in whole watt-hours, and what it was made from.

An hour is recorded once it is over and its quarter hours are written; one that is dated into the future is over when
the clock that dated it so was put back. When more of it becomes known later (a register
that told a gap, an import, a clock that runs there twice), it is recorded again at once; the earlier record stays, and
both are seen. Only what this process itself wrote is recorded again: a trigger of its own connection tells, so that an
hour which somebody edited from outside keeps its old record, and `verify` finds the difference. So it is with quarter
hours of long ago that stand in no record: only those that this process wrote are recorded. The trigger's list is this
process's memory, so such hours are recorded in the transaction that writes them (`pressing`): a kill leaves both or
neither. An hour that cannot be read gets no record, and is found by that.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from agent.savings.adjust import expected_wh
from agent.savings.ledger import Record, append_to, records
from agent.savings.ledger_key import Key
from agent.savings.source import frozen_baseline
from agent.savings.types import QUARTER_MS, Interval

HOUR_MS = 4 * QUARTER_MS
SETTLED_MS = 20 * 60_000  # after the hour's end: its last quarter hour is written by then
LOOKED_BACK_MS = 14 * 24 * HOUR_MS  # before the last record, the first time; later two days, and what was written
RECENT_MS = 48 * HOUR_MS
LEFT_MS = 4 * HOUR_MS  # behind the newest record: what a killed run may have left, whatever its clock said
MOST = 2000  # records in one transaction: the writer has others to serve
WATCHED = (
    "create temp table if not exists touched (asset text, start_ms integer, primary key (asset, start_ms))",
    "create temp trigger if not exists touch after insert on main.interval begin "
    "insert or ignore into touched values (new.asset, new.start_ms); end",
)


def due_ms(now_ms: int) -> int:
    """What begins before it is of an hour that is over and settled: it is recorded by now."""
    return (now_ms - SETTLED_MS) // HOUR_MS * HOUR_MS


class _Known(NamedTuple):
    """Of the record that holds for an hour."""

    seq: int
    quarters: frozenset[int]
    intervals: str


class Keeper:
    """Appends what is not recorded yet. facts: configuration and software, told in each record.

    `watch` the connection before its first interval.
    """

    def __init__(self, key: Key, facts: Mapping[str, str]) -> None:
        self._key, self.facts = key, facts
        self._seen, self._looked_back = 0, False
        self._furthest_ms = 0  # that the clock ever showed
        self._known: dict[tuple[str, int], _Known] = {}  # asset and hour → the record that holds
        self._known_from_ms = 1 << 62  # hours from here on are in it

    @staticmethod
    def watch(db: sqlite3.Connection) -> None:
        for statement in WATCHED:
            db.execute(statement)

    def pressing(self, db: sqlite3.Connection, now_ms: int) -> bool:
        """Whether this process wrote into hours that whoever comes later would find changed, or in no record: recorded
        ones, and such of a time that is recorded. Then `keep_up` in the same transaction."""
        self.watch(db)
        touched, over_ms = _touched(db), max(_recent_ms(now_ms), _recorded_to_ms(db))
        if any(from_ms < over_ms for _, from_ms in touched):
            return True
        if touched:
            self._learn(db, min(from_ms for _, from_ms in touched))
        return any(place in self._known for place in touched)

    def keep_up(self, db: sqlite3.Connection, now_ms: int) -> list[Record]:
        """In a transaction of the caller. Returns the new records, `MOST` at once: call again while there are."""
        self.watch(db)
        touched, since_ms = _touched(db), _recent_ms(now_ms)
        self._furthest_ms = max(self._furthest_ms, now_ms)
        left = set[tuple[str, int]]()
        if not self._looked_back:
            left = _left(db)
            query = "select max(t_ms) from ledger where kind = 'hour' and t_ms <= ?"  # not of a clock that was ahead
            last_ms = db.execute(query, (now_ms,)).fetchone()[0] or 0
            since_ms = min(since_ms, (last_ms - LOOKED_BACK_MS) // HOUR_MS * HOUR_MS)
        self._learn(db, min([since_ms, *(from_ms for _, from_ms in touched | left)]))
        over_ms = max(since_ms, _recorded_to_ms(db))
        entries = []
        for (asset, from_ms), quarters in _hours(db, since_ms, touched | left):
            old, ours = self._known.get((asset, from_ms)), (asset, from_ms) in touched
            ahead = now_ms < from_ms  # the clock that dated it so was put back
            over = from_ms < due_ms(now_ms) or (ahead and from_ms <= self._furthest_ms)
            due = (
                (over and from_ms >= since_ms)
                or ((over or ahead) and (asset, from_ms) in left)
                or (ours and (from_ms < over_ms or old is not None))
            )
            if due and (old is None or ours or _grown(db, old, asset, from_ms, quarters)):
                with contextlib.suppress(msgspec.MsgspecError):
                    entries.append(("hour", self._body(db, asset, from_ms, quarters, old.seq if old else 0)))
            if len(entries) == MOST:
                break
        self._looked_back |= len(entries) < MOST
        written = append_to(db, self._key, now_ms, entries) if entries else []
        for record in written:
            self._note(record)
            if record.kind == "hour":
                span = record.body["asset"], record.body["from_ms"], record.body["to_ms"]
                db.execute("delete from temp.touched where asset = ? and start_ms >= ? and start_ms < ?", span)
        if self._looked_back:
            self._forget(_recent_ms(now_ms))
        return written

    def _learn(self, db: sqlite3.Connection, from_ms: int) -> None:
        """Records written since the last time; all that may be of hours from there on, where it is earlier."""
        if from_ms < self._known_from_ms:
            self._known_from_ms, self._seen = from_ms, 0
        for record in records(db, "hour", self._seen, self._known_from_ms - 24 * HOUR_MS):  # clocks are set
            self._note(record)

    def _forget(self, before_ms: int) -> None:
        """What no later round asks for, unless this process writes there: then it is read again."""
        if self._known_from_ms < before_ms:
            self._known_from_ms = before_ms
            self._known = {place: known for place, known in self._known.items() if place[1] >= before_ms}

    def _note(self, record: Record) -> None:
        self._seen = max(self._seen, record.seq)
        if record.kind == "hour":
            body = record.body
            place = body["asset"], body["from_ms"]
            self._known[place] = _Known(record.seq, frozenset(body["quarters"]), body["intervals"])

    def _body(
        self, db: sqlite3.Connection, asset: str, from_ms: int, quarters: Sequence[int], replaces: int
    ) -> dict[str, Any]:
        rows = rows_of_hour(db, asset, from_ms, from_ms + HOUR_MS, quarters)
        found = [msgspec.json.decode(text, type=Interval) for _, text in rows]
        baseline, _ = frozen_baseline(db, asset)
        expected = [expected_wh(baseline, item) if baseline else None for item in found]
        known = [wh for wh in expected if wh is not None]
        body: dict[str, Any] = {
            "asset": asset, "from_ms": from_ms, "to_ms": from_ms + HOUR_MS, "quarters": list(quarters),
            "intervals": digest_of_rows(rows),
            "adjusted_wh": round(sum(known)) if len(known) == len(found) else None,
            "baseline": baseline.hash if baseline else "",
            **summed(found),
            **self.facts,
        }  # fmt: skip
        if replaces:
            body["replaces"] = replaces
        return body


def summed(found: Sequence[Interval]) -> dict[str, Any]:
    """What an hour's record says of its quarter hours, and nothing else decides."""
    registers = [item.register_wh for item in found if item.register_wh is not None]
    return {
        "energy_wh": _whole(item.energy_wh for item in found),
        "unknown": sum(item.energy_wh is None for item in found),
        "auxiliary_wh": _whole(item.auxiliary_wh for item in found),
        "filled_wh": _whole(item.filled_wh for item in found),
        "shaft_wh": _whole(item.shaft_wh for item in found),
        "drive_loss_wh": _whole(item.drive_loss_wh for item in found),
        "motor_loss_wh": _whole(item.motor_loss_wh for item in found),
        "register_wh": [registers[0][0], registers[-1][1]] if registers else None,
        "meter": sorted({item.meter for item in found if item.meter}),
        "covered_s": round(sum(item.length_s * item.coverage for item in found)),
        "flags": sorted({flag for item in found for flag in item.flags}),
        "source": sorted({item.source for item in found}),
    }


def _recent_ms(now_ms: int) -> int:
    return (now_ms - RECENT_MS) // HOUR_MS * HOUR_MS


def _recorded_to_ms(db: sqlite3.Connection) -> int:
    """What begins before it was recorded when the last such record was written; 0: nothing was."""
    row = db.execute(
        "select t_ms from ledger where kind in ('hour', 'baseline', 'decision', 'import') order by seq desc limit 1"
    ).fetchone()
    return due_ms(row[0]) if row else 0


def _left(db: sqlite3.Connection) -> set[tuple[str, int]]:
    """Asset and hour of what the run before may not have come to record; its clock may have been years off when it was
    killed."""
    row = db.execute("select t_ms from ledger where kind = 'hour' order by seq desc limit 1").fetchone()
    if row is None:
        return set()
    from_ms, found = due_ms(row[0]), set()
    for (asset,) in db.execute(_ASSETS).fetchall():
        found |= {(asset, from_ms + ms) for ms in range(0, LEFT_MS, HOUR_MS)}
    return found


def _touched(db: sqlite3.Connection) -> set[tuple[str, int]]:
    """Asset and hour of what this process wrote and no record holds yet."""
    rows = db.execute("select asset, start_ms from temp.touched").fetchall()
    return {(asset, start_ms // HOUR_MS * HOUR_MS) for asset, start_ms in rows}


_ASSETS = """
with recursive found(asset) as (
    select min(asset) from interval union all
    select (select min(asset) from interval where asset > found.asset) from found where found.asset is not null
) select asset from found where asset is not null
"""


def _hours(
    db: sqlite3.Connection, since_ms: int, touched: Iterable[tuple[str, int]]
) -> list[tuple[tuple[str, int], list[int]]]:  # fmt: skip
    """Asset and hour, with the quarters that are kept of it: all hours since then, and those touched; in order of time.

    Asked for each asset by itself: the table's key begins with it, and the rest of the years is not read.
    """
    starts: list[tuple[int, str]] = []
    for (asset,) in db.execute(_ASSETS).fetchall():
        rows = db.execute("select start_ms from interval where asset = ? and start_ms >= ?", (asset, since_ms))
        starts += ((start_ms, asset) for (start_ms,) in rows.fetchall())
    for asset, from_ms in touched:
        if from_ms < since_ms:
            span = asset, from_ms, from_ms + HOUR_MS
            rows = db.execute("select start_ms from interval where asset = ? and start_ms >= ? and start_ms < ?", span)
            starts += ((start_ms, asset) for (start_ms,) in rows.fetchall())
    hours: dict[tuple[str, int], list[int]] = {}
    for start_ms, asset in sorted(starts):
        hours.setdefault((asset, start_ms // HOUR_MS * HOUR_MS), []).append(start_ms % HOUR_MS // QUARTER_MS)
    return list(hours.items())


def _grown(db: sqlite3.Connection, known: _Known, asset: str, from_ms: int, quarters: Sequence[int]) -> bool:
    """Whether quarter hours were added to what was recorded, which is as it was."""
    if known.quarters.issuperset(quarters):
        return False
    return digest_of_quarters(db, asset, from_ms, from_ms + HOUR_MS, known.quarters) == known.intervals


def digest_of_quarters(
    db: sqlite3.Connection, asset: str, from_ms: int, to_ms: int, quarters: Iterable[int]
) -> str:  # fmt: skip
    """SHA-256 over the texts of these intervals as they stand in the state file; of one that is missing it differs."""
    return digest_of_rows(rows_of_hour(db, asset, from_ms, to_ms, quarters))


def rows_of_hour(
    db: sqlite3.Connection, asset: str, from_ms: int, to_ms: int, quarters: Iterable[int]
) -> list[tuple[int, str]]:  # fmt: skip
    wanted = {from_ms + quarter * QUARTER_MS for quarter in quarters}
    rows = db.execute(
        "select start_ms, body from interval where asset = ? and start_ms >= ? and start_ms < ? order by start_ms",
        (asset, from_ms, to_ms),
    ).fetchall()
    return [(start_ms, text) for start_ms, text in rows if start_ms in wanted]


def digest_of_rows(rows: Iterable[tuple[int, str]]) -> str:
    return hashlib.sha256("\n".join(f"{start_ms} {text}" for start_ms, text in rows).encode()).hexdigest()


def _whole(values: Iterable[float | None]) -> int | None:
    """Their sum in whole Wh; None when nothing is known."""
    known = [value for value in values if value is not None]
    return round(sum(known)) if known else None

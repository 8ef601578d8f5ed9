"""Hourly ledger records: what was measured in one hour of one asset, in whole watt-hours, and what it was made from.

An hour is recorded once it is over and its quarter hours are written. When more of it becomes known later (a register
that told a gap, an import, a clock that runs there twice), it is recorded again at once; the earlier record stays, and
both are seen. Only what this process itself wrote is recorded again: a trigger of its own connection tells, so that an
hour which somebody edited from outside keeps its old record, and `verify` finds the difference. So it is with quarter
hours of long ago that stand in no record: only those that this process wrote are recorded. One that cannot be read gets
no record, and is found by that.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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
MOST = 2000  # records in one transaction: the writer has others to serve
WATCHED = (
    "create temp table if not exists touched (asset text, start_ms integer, primary key (asset, start_ms))",
    "create temp trigger if not exists touch after insert on main.interval begin "
    "insert or ignore into touched values (new.asset, new.start_ms); end",
)


def due_ms(now_ms: int) -> int:
    """What begins before it is of an hour that is over and settled: it is recorded by now."""
    return (now_ms - SETTLED_MS) // HOUR_MS * HOUR_MS


class Keeper:
    """Appends what is not recorded yet. facts: configuration and software, told in each record.

    `watch` the connection before its first interval.
    """

    def __init__(self, key: Key, facts: Mapping[str, str]) -> None:
        self._key, self.facts = key, facts
        self._seen, self._looked_back = 0, False
        self._known: dict[tuple[str, int], Record] = {}  # asset and hour → the record that holds

    @staticmethod
    def watch(db: sqlite3.Connection) -> None:
        for statement in WATCHED:
            db.execute(statement)

    def keep_up(self, db: sqlite3.Connection, now_ms: int) -> list[Record]:
        """In a transaction of the caller. Returns the new records, `MOST` at once: call again while there are."""
        self.watch(db)
        touched = {
            (asset, start_ms // HOUR_MS * HOUR_MS)
            for asset, start_ms in db.execute("select asset, start_ms from temp.touched").fetchall()
        }
        since_ms = now_ms - RECENT_MS
        if not self._looked_back:
            last_ms = db.execute("select max(t_ms) from ledger where kind = 'hour'").fetchone()[0] or 0
            since_ms = min(since_ms, last_ms - LOOKED_BACK_MS)
        since_ms = since_ms // HOUR_MS * HOUR_MS
        first_ms = min([since_ms, *(from_ms for _, from_ms in touched)])
        for record in records(db, "hour", self._seen, first_ms - 24 * HOUR_MS):  # clocks are set
            self._note(record)
        rows = db.execute(
            "select asset, start_ms from interval where start_ms >= ? order by start_ms, asset", (first_ms,)
        )
        hours: dict[tuple[str, int], list[int]] = {}
        for asset, start_ms in rows.fetchall():
            hours.setdefault((asset, start_ms // HOUR_MS * HOUR_MS), []).append(start_ms % HOUR_MS // QUARTER_MS)
        entries = []
        for (asset, from_ms), quarters in hours.items():
            old, ours = self._known.get((asset, from_ms)), (asset, from_ms) in touched
            due = since_ms <= from_ms < due_ms(now_ms) or (ours and (from_ms < since_ms or old is not None))
            if due and (old is None or ours or _grown(db, old.body, quarters)):
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
        return written

    def _note(self, record: Record) -> None:
        self._seen = max(self._seen, record.seq)
        if record.kind == "hour":
            place = (record.body["asset"], record.body["from_ms"])
            self._known[place] = record

    def _body(
        self, db: sqlite3.Connection, asset: str, from_ms: int, quarters: Sequence[int], replaces: int
    ) -> dict[str, Any]:
        rows = _rows(db, asset, from_ms, from_ms + HOUR_MS, quarters)
        found = [msgspec.json.decode(text, type=Interval) for _, text in rows]
        baseline, _ = frozen_baseline(db, asset)
        expected = [expected_wh(baseline, item) if baseline else None for item in found]
        known = [wh for wh in expected if wh is not None]
        registers = [item.register_wh for item in found if item.register_wh is not None]
        body: dict[str, Any] = {
            "asset": asset, "from_ms": from_ms, "to_ms": from_ms + HOUR_MS, "quarters": list(quarters),
            "intervals": _digest(rows),
            "energy_wh": _whole(item.energy_wh for item in found),
            "unknown": sum(item.energy_wh is None for item in found),
            "auxiliary_wh": _whole(item.auxiliary_wh for item in found),
            "filled_wh": _whole(item.filled_wh for item in found),
            "shaft_wh": _whole(item.shaft_wh for item in found),
            "drive_loss_wh": _whole(item.drive_loss_wh for item in found),
            "motor_loss_wh": _whole(item.motor_loss_wh for item in found),
            "adjusted_wh": round(sum(known)) if len(known) == len(found) else None,
            "baseline": baseline.hash if baseline else "",
            "register_wh": [registers[0][0], registers[-1][1]] if registers else None,
            "meter": sorted({item.meter for item in found if item.meter}),
            "covered_s": round(sum(item.length_s * item.coverage for item in found)),
            "flags": sorted({flag for item in found for flag in item.flags}),
            "source": sorted({item.source for item in found}),
            **self.facts,
        }  # fmt: skip
        if replaces:
            body["replaces"] = replaces
        return body


def _grown(db: sqlite3.Connection, body: Mapping[str, Any], quarters: Sequence[int]) -> bool:
    """Whether quarter hours were added to what was recorded, which is as it was."""
    if set(quarters) <= set(body["quarters"]):
        return False
    then = digest_of_quarters(db, body["asset"], body["from_ms"], body["to_ms"], body["quarters"])
    return bool(then == body["intervals"])


def digest_of_quarters(
    db: sqlite3.Connection, asset: str, from_ms: int, to_ms: int, quarters: Iterable[int]
) -> str:  # fmt: skip
    """SHA-256 over the texts of these intervals as they stand in the state file; of one that is missing it differs."""
    return _digest(_rows(db, asset, from_ms, to_ms, quarters))


def _rows(
    db: sqlite3.Connection, asset: str, from_ms: int, to_ms: int, quarters: Iterable[int]
) -> list[tuple[int, str]]:  # fmt: skip
    wanted = {from_ms + quarter * QUARTER_MS for quarter in quarters}
    rows = db.execute(
        "select start_ms, body from interval where asset = ? and start_ms >= ? and start_ms < ? order by start_ms",
        (asset, from_ms, to_ms),
    ).fetchall()
    return [(start_ms, text) for start_ms, text in rows if start_ms in wanted]


def _digest(rows: Iterable[tuple[int, str]]) -> str:
    return hashlib.sha256("\n".join(f"{start_ms} {text}" for start_ms, text in rows).encode()).hexdigest()


def _whole(values: Iterable[float | None]) -> int | None:
    """Their sum in whole Wh; None when nothing is known."""
    known = [value for value in values if value is not None]
    return round(sum(known)) if known else None

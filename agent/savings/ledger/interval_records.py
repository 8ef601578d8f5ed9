"""Hourly ledger records: the energy of one asset in one hour, in whole watt-hours, and the digest of its intervals.

An hour is recorded when it is over and its intervals are written. An hour dated into the future is over once the clock
was set to an earlier time. When more data arrive later (the meter register closes a data gap, an import, a clock that
passes the same hour twice), the hour is recorded again immediately; the earlier record stays in the ledger.

Only intervals that this process wrote lead to a new record; a trigger of its database connection lists them. An hour
that was edited by other means keeps its record, and `verify` finds the difference. In the same way, old intervals
without a record are only recorded if this process wrote them. The list of the trigger is lost when the process is
killed; therefore such hours are recorded in the transaction that writes their intervals (`pressing`): after a kill the
file contains both or neither. An hour that cannot be read gets no record, and `verify` reports it.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from agent.savings.accounting.avoided_energy import expected_wh
from agent.savings.ledger.chain import LedgerRecord, append_to, records
from agent.savings.ledger.signing_key import LedgerKey
from agent.savings.records.model import QUARTER_MS, Interval
from agent.savings.records.repository import load_frozen

HOUR_MS = 4 * QUARTER_MS
SETTLED_MS = 20 * 60_000  # after the end of an hour its last interval is written
LOOKED_BACK_MS = 14 * 24 * HOUR_MS  # in the first round: time before the newest record in which hours are searched
RECENT_MS = 48 * HOUR_MS  # in later rounds: time before now
LEFT_MS = 4 * HOUR_MS  # after the newest record: hours that a killed run may have left, whatever its clock showed
MOST = 2000  # records in one transaction, because other writes wait for it
WATCHED = (
    "create temp table if not exists touched (asset text, start_ms integer, primary key (asset, start_ms))",
    "create temp trigger if not exists touch after insert on main.interval begin "
    "insert or ignore into touched values (new.asset, new.start_ms); end",
)


def due_ms(now_ms: int) -> int:
    """UTC ms; the records of hours that end at or before this time are due."""
    return (now_ms - SETTLED_MS) // HOUR_MS * HOUR_MS


class _Known(NamedTuple):
    """The newest record of an hour.

    seq: its number.
    quarters: which intervals of the hour it contains, 0 to 3.
    intervals: their digest.
    """

    seq: int
    quarters: frozenset[int]
    intervals: str


class HourlyRecorder:
    """Appends records of hours that are not recorded yet.

    facts: hash of the configuration and version of the software, for each record.
    Call `watch` on the connection before it writes its first interval.
    """

    def __init__(self, key: LedgerKey, facts: Mapping[str, str]) -> None:
        self._key, self.facts = key, facts
        self._seen, self._looked_back = 0, False
        self._furthest_ms = 0  # latest time that the clock showed
        self._known: dict[tuple[str, int], _Known] = {}  # asset and hour → its newest record
        self._known_from_ms = 1 << 62  # hours from here on are in _known

    @staticmethod
    def watch(db: sqlite3.Connection) -> None:
        """Lists the intervals that this connection writes from now on."""
        for statement in WATCHED:
            db.execute(statement)

    def pressing(self, db: sqlite3.Connection, now_ms: int) -> bool:
        """Whether this process wrote intervals into recorded hours, or into a time that is recorded already.

        Then call `keep_up` in the same transaction; otherwise a later verification finds them changed or unrecorded.
        """
        self.watch(db)
        touched, over_ms = _touched(db), max(_recent_ms(now_ms), _recorded_to_ms(db))
        if any(from_ms < over_ms for _, from_ms in touched):
            return True
        if touched:
            self._learn(db, min(from_ms for _, from_ms in touched))
        return any(place in self._known for place in touched)

    def keep_up(self, db: sqlite3.Connection, now_ms: int) -> list[LedgerRecord]:
        """Appends records in the transaction of the caller and returns them: at most `MOST`; repeat until none."""
        self.watch(db)
        touched, since_ms = _touched(db), _recent_ms(now_ms)
        self._furthest_ms = max(self._furthest_ms, now_ms)
        left = set[tuple[str, int]]()
        if not self._looked_back:
            left = _left(db)
            # without the records of a clock that was ahead
            query = "select max(t_ms) from ledger where kind = 'hour' and t_ms <= ?"
            last_ms = db.execute(query, (now_ms,)).fetchone()[0] or 0
            since_ms = min(since_ms, (last_ms - LOOKED_BACK_MS) // HOUR_MS * HOUR_MS)
        self._learn(db, min([since_ms, *(from_ms for _, from_ms in touched | left)]))
        over_ms = max(since_ms, _recorded_to_ms(db))
        entries = []
        for (asset, from_ms), quarters in _hours(db, since_ms, touched | left):
            old, ours = self._known.get((asset, from_ms)), (asset, from_ms) in touched
            ahead = now_ms < from_ms  # the clock was set to an earlier time since then
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
        """Reads the records that are new since the last call, or all of hours from from_ms on if that is earlier."""
        if from_ms < self._known_from_ms:
            self._known_from_ms, self._seen = from_ms, 0
        for record in records(
            db, "hour", self._seen, self._known_from_ms - 24 * HOUR_MS
        ):  # margin for clocks that were set
            self._note(record)

    def _forget(self, before_ms: int) -> None:
        """Discards records of earlier hours; they are read again if this process writes intervals there."""
        if self._known_from_ms < before_ms:
            self._known_from_ms = before_ms
            self._known = {place: known for place, known in self._known.items() if place[1] >= before_ms}

    def _note(self, record: LedgerRecord) -> None:
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
        baseline = None
        with contextlib.suppress(ValueError):
            baseline = load_frozen(db, asset)
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
    """The fields of an hour's record that only depend on its intervals."""
    registers = [item.register_wh for item in found if item.register_wh is not None]
    return {
        "energy_wh": _sum_wh(item.energy_wh for item in found),
        "unknown": sum(item.energy_wh is None for item in found),
        "auxiliary_wh": _sum_wh(item.auxiliary_wh for item in found),
        "filled_wh": _sum_wh(item.filled_wh for item in found),
        "shaft_wh": _sum_wh(item.shaft_wh for item in found),
        "drive_loss_wh": _sum_wh(item.drive_loss_wh for item in found),
        "motor_loss_wh": _sum_wh(item.motor_loss_wh for item in found),
        "register_wh": [registers[0][0], registers[-1][1]] if registers else None,
        "meter": sorted({item.meter for item in found if item.meter}),
        "covered_s": round(sum(item.length_s * item.coverage for item in found)),
        "flags": sorted({flag for item in found for flag in item.flags}),
        "source": sorted({item.source for item in found}),
    }


def _recent_ms(now_ms: int) -> int:
    return (now_ms - RECENT_MS) // HOUR_MS * HOUR_MS


def _recorded_to_ms(db: sqlite3.Connection) -> int:
    """UTC ms: hours up to here were recorded when the newest such record was written; 0: there is none."""
    row = db.execute(
        "select t_ms from ledger where kind in ('hour', 'baseline', 'decision', 'import') order by seq desc limit 1"
    ).fetchone()
    return due_ms(row[0]) if row else 0


def _left(db: sqlite3.Connection) -> set[tuple[str, int]]:
    """Asset and hour that the previous run may not have recorded. Its clock may have been wrong by years."""
    row = db.execute("select t_ms from ledger where kind = 'hour' order by seq desc limit 1").fetchone()
    if row is None:
        return set()
    from_ms, found = due_ms(row[0]), set()
    for (asset,) in db.execute(_ASSETS).fetchall():
        found |= {(asset, from_ms + ms) for ms in range(0, LEFT_MS, HOUR_MS)}
    return found


def _touched(db: sqlite3.Connection) -> set[tuple[str, int]]:
    """Asset and hour of intervals that this process wrote and that are in no record yet."""
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
    """Asset and hour, with the numbers of its intervals (0 to 3): all hours from since_ms on, and `touched`; by time.

    One query for each asset: the primary key starts with it, so that SQLite does not read older rows.
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
    """Whether intervals were added to the recorded ones, which are unchanged."""
    if known.quarters.issuperset(quarters):
        return False
    return digest_of_quarters(db, asset, from_ms, from_ms + HOUR_MS, known.quarters) == known.intervals


def digest_of_quarters(
    db: sqlite3.Connection, asset: str, from_ms: int, to_ms: int, quarters: Iterable[int]
) -> str:  # fmt: skip
    """SHA-256 of the texts of these intervals in the state file. It changes if one is missing."""
    return digest_of_rows(rows_of_hour(db, asset, from_ms, to_ms, quarters))


def rows_of_hour(
    db: sqlite3.Connection, asset: str, from_ms: int, to_ms: int, quarters: Iterable[int]
) -> list[tuple[int, str]]:  # fmt: skip
    """Start and text of these intervals, in order."""
    wanted = {from_ms + quarter * QUARTER_MS for quarter in quarters}
    rows = db.execute(
        "select start_ms, body from interval where asset = ? and start_ms >= ? and start_ms < ? order by start_ms",
        (asset, from_ms, to_ms),
    ).fetchall()
    return [(start_ms, text) for start_ms, text in rows if start_ms in wanted]


def digest_of_rows(rows: Iterable[tuple[int, str]]) -> str:
    """SHA-256 of start and text of intervals."""
    return hashlib.sha256("\n".join(f"{start_ms} {text}" for start_ms, text in rows).encode()).hexdigest()


def _sum_wh(values: Iterable[float | None]) -> int | None:
    """The sum of the known values, rounded to Wh; None if no value is known."""
    known = [value for value in values if value is not None]
    return round(sum(known)) if known else None

"""Ledger records of intervals: one for each version of an interval, appended in the transaction that writes it.

`replaces` is the digest of the recorded version before. The running interval changes every minute: until it is over, it
has a provisional record, which is signed like the others but stored in the table `note`, one for each asset.

Earlier versions recorded hours (kind `hour`), 20 min after their end. These records stay valid until one of their
intervals changes; then all intervals of the hour get records.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Annotated, Any

import msgspec

from agent.savings.accounting.interval_comparison import expected_wh
from agent.savings.ledger.chain import LedgerRecord, append_to, canonical, digest, records, signed, signed_by
from agent.savings.ledger.signing_key import LedgerKey
from agent.savings.records.model import QUARTER_MS, Baseline, Interval
from agent.savings.records.repository import FROZEN, load_frozen, rows_of
from drivers.reasons import InvalidValue

INTERVAL, HOUR = "interval", "hour"  # kinds of records
PROVISIONAL = "ledger-provisional"  # kind of note; its name is the asset
HOUR_MS = 4 * QUARTER_MS
SETTLED_MS = 20 * 60_000  # after the end of an hour an earlier version recorded it


class RecordPlace(msgspec.Struct):
    """Fields of the record of an interval or hour that name stored intervals; `quarters`: of an hour."""

    asset: str
    from_ms: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
    length_s: int = 0
    quarters: tuple[Annotated[int, msgspec.Meta(ge=0, le=3)], ...] = ()


class IntervalRecorder:
    """Records versions of intervals.

    key: signs the records.
    provenance: "config" and "software": hash of the configuration and version of magwatt, for each record.
    """

    def __init__(self, key: LedgerKey, provenance: Mapping[str, str]) -> None:
        self.key, self.provenance = key, dict(provenance)
        self._baselines: dict[str, tuple[object, Baseline | None]] = {}  # asset → row in the state file, baseline

    def record(
        self, db: sqlite3.Connection, now_ms: int, intervals: Iterable[Interval], written_ms: int | None = None
    ) -> list[LedgerRecord]:  # fmt: skip
        """Records intervals in the transaction of the caller, before they replace the stored ones.

        An unchanged interval gets no record; one that was not over when it was written (written_ms; None: at now_ms)
        gets a provisional record.
        """
        written_ms = now_ms if written_ms is None else written_ms
        entries, replaced = list[dict[str, Any]](), set[tuple[str, int]]()
        for item in sorted(intervals, key=lambda item: _running(item, written_ms)):
            [(asset, start_ms, text)] = rows_of([item])
            old, running = stored_text(db, asset, start_ms), _running(item, written_ms)
            if text == old:
                continue
            provisional = self._provisional_record(db, asset)
            replaces = digest(old) if old is not None else None
            if provisional and provisional["from_ms"] == start_ms and provisional["interval"] == replaces:
                replaces = provisional.get("replaces")
            else:
                replaced |= {(asset, start_ms)} if old is not None else set()
                if provisional and (provisional["from_ms"] == start_ms or running):
                    entries.append(record_of_provisional(provisional))
            body = self._body(db, item, text, replaces)
            if running:
                self._write_provisional(db, now_ms, body)
            else:
                remove_provisional(db, [item])
                entries.append(body)
        entries += self._siblings(db, replaced)
        return append_to(db, self.key, now_ms, [(INTERVAL, body) for body in entries])

    def adopt(self, db: sqlite3.Connection, now_ms: int) -> list[LedgerRecord]:
        """Records the stored intervals since the newest record that have none: those of an earlier version, and of a
        time when the key could not sign. They are marked as `late`.
        """
        # records of other kinds may have been appended just now
        newest = db.execute(
            "select t_ms from ledger where kind not in ('checkpoint', 'restore') and (kind != 'key' or seq = 1) "
            "order by seq desc limit 1"
        ).fetchone()
        since_ms = unrecorded_from_ms(newest[0]) if newest else 0
        rows = {(asset, start_ms): text for asset, start_ms, text in db.execute(_SINCE, (since_ms, now_ms))}
        for place in _recorded_places(db):
            rows.pop(place, None)
            if not rows:
                return []
        entries = []
        for text in rows.values():
            with contextlib.suppress(msgspec.MsgspecError):  # `verify` reports an interval that cannot be read
                item = msgspec.json.decode(text, type=Interval)
                entries.append((INTERVAL, self._body(db, item, text, None) | {"late": True}))
        return append_to(db, self.key, now_ms, entries)

    def _write_provisional(self, db: sqlite3.Connection, now_ms: int, body: Mapping[str, Any]) -> None:
        text = canonical(signed(self.key, {**body, "kind": PROVISIONAL, "t_ms": now_ms}))
        db.execute("insert or replace into note values (?, ?, '', ?, ?)", (PROVISIONAL, body["asset"], now_ms, text))

    def _provisional_record(self, db: sqlite3.Connection, asset: str) -> dict[str, Any] | None:
        """The provisional record of an asset; None: there is none with a valid signature."""
        records_of_asset = (body for _, body in provisional_records(db) if body["asset"] == asset)
        return next((body for body in records_of_asset if signed_by(self.key, body)), None)

    def _siblings(self, db: sqlite3.Connection, replaced: set[tuple[str, int]]) -> list[dict[str, Any]]:
        """Records of the unchanged intervals of hours that an earlier version recorded and in which intervals are
        replaced now: the record of such an hour can no longer be verified. An hour that was edited before is left out.

        replaced: asset and start.
        """
        hours = {(asset, start_ms // HOUR_MS * HOUR_MS) for asset, start_ms in replaced}
        newest = {place: record.body for record in (records(db, HOUR) if hours else ())
                  if (place := (record.body.get("asset"), record.body.get("from_ms"))) in hours}  # fmt: skip
        return [
            self._body(db, msgspec.json.decode(text, type=Interval), text, digest(text))
            for (asset, _), body in newest.items()
            if digest_of_hour(rows := rows_of_record(db, body)) == body["intervals"]
            for start_ms, text in rows
            if (asset, start_ms) not in replaced
        ]

    def _body(self, db: sqlite3.Connection, item: Interval, text: str, replaces: str | None) -> dict[str, Any]:
        body = fields_of(item)
        if (baseline := self._baseline(db, item.asset)) is not None:
            expected = expected_wh(baseline, item)
            body |= {"adjusted_wh": None if expected is None else round(expected), "baseline": baseline.hash[:16]}
        body |= {"interval": digest(text), **self.provenance}
        return body if replaces is None else body | {"replaces": replaces}

    def _baseline(self, db: sqlite3.Connection, asset: str) -> Baseline | None:
        """The baseline in force; it is decoded when it changes."""
        row = db.execute("select body from note where kind = ? and name = ?", (FROZEN, asset)).fetchone()
        if asset not in self._baselines or self._baselines[asset][0] != row:
            baseline = None
            with contextlib.suppress(InvalidValue):  # reported where it is used
                baseline = load_frozen(db, asset)
            self._baselines[asset] = row, baseline
        return self._baselines[asset][1]


def fields_of(item: Interval) -> dict[str, Any]:
    """The fields of a record that depend on its interval only, energies in whole Wh. Fields that are zero or empty are
    left out, except energy_wh (None: unknown), and source unless the interval was imported.
    """
    more = {
        "auxiliary_wh": round(item.auxiliary_wh), "filled_wh": round(item.filled_wh), "flags": list(item.flags),
        "meter": item.meter, "register_wh": item.register_wh and list(item.register_wh),
        "source": item.source if item.source != "measured" else "",
    }  # fmt: skip
    return {
        "asset": item.asset, "from_ms": item.start_ms, "length_s": item.length_s,
        "energy_wh": None if item.energy_wh is None else round(item.energy_wh),
        "covered_s": round(item.length_s * item.coverage),
        **{name: value for name, value in more.items() if value},
    }  # fmt: skip


def _running(item: Interval, at_ms: int) -> bool:
    return item.start_ms <= at_ms < item.end_ms


def unrecorded_from_ms(newest_ms: int) -> int:
    """Intervals that start earlier are recorded when the newest record is of this time, also by an earlier version."""
    return (newest_ms - SETTLED_MS) // HOUR_MS * HOUR_MS


def written_by_earlier_version(db: sqlite3.Connection) -> bool:
    """Whether the ledger has records of an earlier version: of hours, or with the time up to which it recorded them."""
    query = "select 1 from ledger where kind = ? or instr(body, '\"hours_to_ms\":') limit 1"
    return db.execute(query, (HOUR,)).fetchone() is not None


def remove_provisional(db: sqlite3.Connection, intervals: Iterable[Interval]) -> None:
    """Removes the provisional records of these intervals."""
    for text, body in provisional_records(db):
        if any((item.asset, item.start_ms) == (body["asset"], body["from_ms"]) for item in intervals):
            db.execute("delete from note where kind = ? and body = ?", (PROVISIONAL, text))


def record_of_provisional(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of the record that a provisional record becomes in the chain."""
    return {name: body[name] for name in body if name not in ("kind", "t_ms", "sig")}


def remove_provisional_of(db: sqlite3.Connection, text: str, body: Mapping[str, Any]) -> bool:
    """Removes a provisional record if it describes the stored interval; returns whether it did."""
    if digest(stored_text(db, body["asset"], body["from_ms"]) or "") != body.get("interval"):
        return False
    db.execute("delete from note where kind = ? and body = ?", (PROVISIONAL, text))
    return True


def provisional_records(db: sqlite3.Connection) -> list[tuple[str, dict[str, Any]]]:
    """Text and content of the provisional records; signatures are not verified."""
    found = []
    for (text,) in db.execute("select body from note where kind = ?", (PROVISIONAL,)).fetchall():
        with contextlib.suppress(ValueError, TypeError, KeyError, msgspec.ValidationError):
            body = json.loads(text)
            msgspec.convert(body, RecordPlace)
            if body["kind"] == PROVISIONAL:
                found.append((text, body))
    return found


def stored_text(db: sqlite3.Connection, asset: str, start_ms: int) -> str | None:
    """The text of an interval in the state file."""
    row = db.execute("select body from interval where asset = ? and start_ms = ?", (asset, start_ms)).fetchone()
    return None if row is None else str(row[0])


# The primary key of the table starts with the asset: one index search for each asset.
_SINCE = """
with recursive assets(asset) as (
    select min(asset) from interval union all
    select (select min(asset) from interval where asset > assets.asset) from assets where assets.asset is not null
) select interval.* from assets join interval using (asset) where start_ms between ? and ?
"""


def _recorded_places(db: sqlite3.Connection) -> Iterable[tuple[str, int]]:
    """Asset and start of the intervals of provisional records, and of all records, newest first: an import can have
    appended any number of records after those of the newest measured intervals.
    """
    query = "select body from ledger where kind in (?, ?) order by seq desc"
    newest = (text for (text,) in db.execute(query, (INTERVAL, HOUR)))
    for text in chain((text for text, _ in provisional_records(db)), newest):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            body = json.loads(text)
            yield from ((body["asset"], start_ms) for start_ms in starts_of(body))


def starts_of(body: Mapping[str, Any]) -> list[int]:
    """Starts of the intervals of a record, of an interval or of an hour."""
    return [int(body["from_ms"]) + quarter * QUARTER_MS for quarter in body.get("quarters", (0,))]


def rows_of_record(db: sqlite3.Connection, body: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Start and text of the stored intervals of a record, in order; missing ones are left out."""
    asset = str(body["asset"])
    return [(start_ms, text) for start_ms in starts_of(body) if (text := stored_text(db, asset, start_ms)) is not None]


def digest_of_hour(rows: Iterable[tuple[int, str]]) -> str:
    """SHA-256 of start and text of intervals, as the record of an hour contains it."""
    return digest("\n".join(f"{start_ms} {text}" for start_ms, text in rows))

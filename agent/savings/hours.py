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
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import msgspec

from agent.savings.adjust import expected_wh
from agent.savings.keep import rows_of
from agent.savings.ledger import Record, append_to, canonical, digest, records, signed, signed_by
from agent.savings.ledger_key import Key
from agent.savings.source import frozen_baseline
from agent.savings.types import QUARTER_MS, Baseline, Interval

INTERVAL, HOUR = "interval", "hour"  # kinds of records
PROVISIONAL = "ledger-provisional"  # kind of note; its name is the asset
HOUR_MS = 4 * QUARTER_MS
SETTLED_MS = 20 * 60_000  # after the end of an hour an earlier version recorded it
SEARCHED = 20_000  # newest records among which `adopt` looks for the record of an interval


class Version(NamedTuple):
    """A version of an interval: the interval, its text in the state file, and the text that it replaces or None."""

    item: Interval
    text: str
    old: str | None


class IntervalRecorder:
    """Records versions of intervals.

    key: signs the records.
    provenance: "config" and "software": hash of the configuration and version of magwatt, for each record.
    """

    def __init__(self, key: Key, provenance: Mapping[str, str]) -> None:
        self.key, self.provenance = key, dict(provenance)
        self._provisional: dict[str, str] = {}  # asset → provisional record that this process wrote
        self._upgraded_ms: int | None = None

    def record(self, db: sqlite3.Connection, now_ms: int, intervals: Iterable[Interval]) -> list[Record]:
        """Records intervals in the transaction of the caller, before they replace the stored ones.

        An unchanged interval gets no record; one that is not over at now_ms gets a provisional record.
        """
        versions = [
            Version(item, text, old)
            for item in intervals
            for _, start_ms, text in rows_of([item])
            if (old := _stored(db, item.asset, start_ms)) != text
        ]
        entries = [self._body(db, version, digest(version.text)) for version in self._siblings(db, versions)]
        for version in sorted(versions, key=lambda version: _running(version.item, now_ms)):
            entries += self._entries(db, version, now_ms)
        return append_to(db, self.key, now_ms, [(INTERVAL, body) for body in entries])

    def adopt(self, db: sqlite3.Connection, now_ms: int) -> list[Record]:
        """Records the stored intervals since the newest record that have none: those of an earlier version, and of a
        time when the key could not sign. They are marked as `late`.
        """
        # a checkpoint may have been appended just now
        newest = db.execute("select t_ms from ledger where kind != 'checkpoint' order by seq desc limit 1").fetchone()
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
                entries.append((INTERVAL, self._body(db, Version(item, text, None), None) | {"late": True}))
        return append_to(db, self.key, now_ms, entries)

    def _entries(self, db: sqlite3.Connection, version: Version, now_ms: int) -> list[dict[str, Any]]:
        """The records of a version; a running interval has none, but its provisional record is written."""
        item, entries = version.item, []
        held = self._held(db, item.asset)
        old_digest = replaces = None if version.old is None else digest(version.old)
        if held is not None:
            if held["from_ms"] == item.start_ms and held["interval"] == old_digest:
                replaces = held.get("replaces")
            elif held["from_ms"] == item.start_ms or _running(item, now_ms):  # another interval, or edited meanwhile
                entries.append({name: held[name] for name in held if name not in ("kind", "t_ms", "sig")})
        if not _running(item, now_ms):
            if held is not None and held["from_ms"] == item.start_ms:
                _remove_provisional(db, item.asset)
            return [*entries, self._body(db, version, replaces)]
        body = signed(self.key, self._body(db, version, replaces) | {"kind": PROVISIONAL, "t_ms": now_ms})
        self._provisional[item.asset] = text = canonical(body)
        db.execute("insert or replace into note values (?, ?, '', ?, ?)", (PROVISIONAL, item.asset, now_ms, text))
        return entries

    def _held(self, db: sqlite3.Connection, asset: str) -> dict[str, Any] | None:
        """The provisional record of an asset; None: there is none with a valid signature."""
        text = provisional_records(db, asset).get(asset, "")
        body = provisional_body(text)
        own = text == self._provisional.get(asset)
        return body if body is not None and (own or signed_by(self.key, body)) else None

    def _siblings(self, db: sqlite3.Connection, versions: Sequence[Version]) -> list[Version]:
        """The unchanged intervals of hours that an earlier version recorded and in which intervals are replaced now:
        the record of such an hour can no longer be verified. An hour that was edited before is left out.
        """
        replaced = {(version.item.asset, version.item.start_ms) for version in versions if version.old is not None}
        hours = {(asset, start_ms // HOUR_MS * HOUR_MS) for asset, start_ms in replaced
                 if start_ms < self._hours_to_ms(db)}  # fmt: skip
        newest = {place: record.body for record in (records(db, HOUR) if hours else ())
                  if (place := (record.body["asset"], record.body["from_ms"])) in hours}  # fmt: skip
        found = []
        for (asset, _), body in newest.items():
            rows = rows_of_record(db, body)
            if digest_of_hour(rows) == body["intervals"]:
                found += [Version(msgspec.json.decode(text, type=Interval), text, text)
                          for start_ms, text in rows if (asset, start_ms) not in replaced]  # fmt: skip
        return found

    def _hours_to_ms(self, db: sqlite3.Connection) -> int:
        """UTC ms until which an earlier version recorded hours; 0: it recorded none."""
        if self._upgraded_ms is None:
            first = db.execute("select min(seq) from ledger where kind = ?", (INTERVAL,)).fetchone()[0]
            query = "select max(t_ms) from ledger where kind = ? and seq < ?"
            self._upgraded_ms = db.execute(query, (HOUR, 1 << 62 if first is None else first)).fetchone()[0] or 0
        return self._upgraded_ms

    def _body(self, db: sqlite3.Connection, version: Version, replaces: str | None) -> dict[str, Any]:
        item = version.item
        baseline, _ = frozen_baseline(db, item.asset)
        return {
            **fields_of(item), **_adjusted(baseline, item), "interval": digest(version.text), **self.provenance,
            **({"replaces": replaces} if replaces else {}),
        }  # fmt: skip


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


def _adjusted(baseline: Baseline | None, item: Interval) -> dict[str, Any]:
    """Adjusted baseline energy (None: it cannot be calculated) and the baseline; empty without a baseline."""
    if baseline is None:
        return {}
    expected = expected_wh(baseline, item)
    return {"adjusted_wh": None if expected is None else round(expected), "baseline": baseline.hash[:16]}


def _running(item: Interval, now_ms: int) -> bool:
    return item.start_ms <= now_ms < item.end_ms


def unrecorded_from_ms(newest_ms: int) -> int:
    """Intervals that start earlier are recorded when the newest record is of this time, also by an earlier version."""
    return (newest_ms - SETTLED_MS) // HOUR_MS * HOUR_MS


def remove_provisional(db: sqlite3.Connection, intervals: Iterable[Interval]) -> None:
    """Call this when intervals are written that cannot be recorded: `adopt` records them later."""
    for item in intervals:
        for text in provisional_records(db, item.asset).values():
            if f'"from_ms":{item.start_ms},' in text:
                _remove_provisional(db, item.asset)


def _remove_provisional(db: sqlite3.Connection, asset: str) -> None:
    db.execute("delete from note where kind = ? and name = ?", (PROVISIONAL, asset))


def provisional_records(db: sqlite3.Connection, asset: str | None = None) -> dict[str, str]:
    """Asset → text of its provisional record, of one asset or (None) of all."""
    query = "select name, body from note where kind = ? and (? is null or name = ?)"
    return dict(db.execute(query, (PROVISIONAL, asset, asset)).fetchall())


def provisional_body(text: str) -> dict[str, Any] | None:
    """The body of a provisional record, its signature not verified; None: the text is not one."""
    with contextlib.suppress(ValueError):
        body = json.loads(text)
        if isinstance(body, dict) and body.get("kind") == PROVISIONAL:
            return body
    return None


def _stored(db: sqlite3.Connection, asset: str, start_ms: int) -> str | None:
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
    """Asset and start of the intervals of the newest records, newest first, and of provisional records."""
    query = "select body from ledger where kind in (?, ?) order by seq desc limit ?"
    newest = (text for (text,) in db.execute(query, (INTERVAL, HOUR, SEARCHED)))
    for text in chain(provisional_records(db).values(), newest):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            body = json.loads(text)
            yield from ((body["asset"], start_ms) for start_ms in starts_of(body))


def starts_of(body: Mapping[str, Any]) -> list[int]:
    """Starts of the intervals of a record, of an interval or of an hour."""
    return [int(body["from_ms"]) + quarter * QUARTER_MS for quarter in body.get("quarters", (0,))]


def rows_of_record(db: sqlite3.Connection, body: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Start and text of the stored intervals of a record, in order; missing ones are left out."""
    asset = str(body["asset"])
    return [(start_ms, text) for start_ms in starts_of(body) if (text := _stored(db, asset, start_ms)) is not None]


def digest_of_hour(rows: Iterable[tuple[int, str]]) -> str:
    """SHA-256 of start and text of intervals, as the record of an hour contains it."""
    return digest("\n".join(f"{start_ms} {text}" for start_ms, text in rows))

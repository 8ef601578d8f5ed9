"""Verify the ledger: name the first record that was edited, removed or moved, or that contradicts a checkpoint."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from agent.savings.beside import check_baselines, check_decisions, check_hours
from agent.savings.elsewhere import check_external
from agent.savings.hours import HOUR_MS, due_ms
from agent.savings.ledger import BEGIN, canonical, digest, signed_by
from agent.savings.ledger_key import Key, LedgerKeyError, of_record
from agent.savings.unrecorded import Held, Horizon, Unrecorded, stray_said, unrecorded

LATE_MS = 2 * HOUR_MS  # after its end; a running agent records an hour within 21 minutes
PUT_BACK_MS = 60_000  # of the clock between two records: a time server's own corrections are smaller
UNDER = ("config", "software")


class Run(NamedTuple):
    """Hours recorded one after the other under the same version of what a record names. since_ms: the first's begin."""

    what: str  # of UNDER
    version: str
    since_ms: int
    hours: int


@dataclass(slots=True)
class Verdict:
    """first_bad: number of the first record that is not what was written; None: there is none. problems: in words, in
    the records' order. unchecked: what could not be looked at. amended: hours recorded again when more became known.
    ahead: hours that are dated after the newest record: the clock had been ahead. put_back: records that are dated
    before the one before them. late: measured hours whose first record came hours later: the agent was stopped, or an
    end was cut off and written anew. unrecorded: what stands in no record; what waits for its record is no problem.
    self_named: nothing but the ledger itself says whose key it is. under: versions, as they changed. places: site and
    gateway in its checkpoints."""

    records: int = 0
    first_bad: int | None = None
    problems: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    last_hash: str = ""
    last_ms: int = 0
    checkpoints: int = 0
    external_checkpoints: int = 0
    amended: int = 0
    late: int = 0
    ahead: int = 0
    put_back: list[int] = field(default_factory=list)
    unrecorded: Unrecorded = field(default_factory=Unrecorded)
    keys: list[str] = field(default_factory=list)
    self_named: bool = True
    under: list[Run] = field(default_factory=list)
    places: list[tuple[str, str]] = field(default_factory=list)

    @property
    def content(self) -> bool:
        return self.first_bad is None and not self.problems and not self.unchecked

    def bad(self, seq: int, text: str) -> None:
        if self.first_bad is None or seq < self.first_bad:
            self.first_bad = seq
        if (said := f"record {seq}: {text}") not in self.problems:
            self.problems.append(said)


def open_copy(path: Path) -> sqlite3.Connection:
    """The state file, to read only: a running agent's, or a copy on a medium that cannot be written. Raises
    sqlite3.Error."""
    uri = path.resolve().as_uri()
    try:
        db = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=5)
        db.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.OperationalError:
        db = sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True)
        db.execute("select count(*) from sqlite_master").fetchone()
    return db


def strangeness(db: sqlite3.Connection) -> str:
    """Why this is no state file with a ledger, and what to do; empty when it is one. Raises sqlite3.Error."""
    tables = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'").fetchall()}
    if {"ledger", "interval", "note"} <= tables:
        return ""
    if {"boot", "note"} <= tables or {"boots", "note"} <= tables:
        return (
            "a state file of an earlier magwatt, which kept no ledger; `magwatt run` of this version brings the "
            "gateway's own up to date and begins one: then look again, or copy it anew"
        )
    return "a database, but no state file of magwatt: name the state directory or its magwatt.sqlite"


def verify(
    db: sqlite3.Connection, key: Key | None = None, checkpoints: Iterable[Mapping[str, Any]] = (), first: int = 1,
    since_ms: int = 0,
) -> Verdict:  # fmt: skip
    """key: whose signatures are expected; None: those of the key that the first record announces. first: where to
    begin; of what lies before only key, baselines, decisions and those records that checkpoints name are looked at.
    since_ms: quarter hours before it are not looked for in the records; with `first` that of its begin.

    The intervals and baselines that reports are made from are looked at too: they must be those of the records.
    Raises sqlite3.Error for what is no state file.
    """
    if db.in_transaction:
        return _verify(db, key, checkpoints, first, since_ms)
    db.execute("begin")  # all is looked at as it is now: a running agent goes on writing
    try:
        return _verify(db, key, checkpoints, first, since_ms)
    finally:
        db.rollback()


def _verify(
    db: sqlite3.Connection, key: Key | None, checkpoints: Iterable[Mapping[str, Any]], first: int, since_ms: int
) -> Verdict:  # fmt: skip
    found = Verdict(self_named=key is None)
    before = db.execute("select t_ms from ledger where kind = 'hour' and seq < ? order by seq desc limit 1", (first,))
    chain = _Chain(found, key, Horizon(due_ms(row[0]) if (row := before.fetchone()) else 0))
    rows = db.execute(
        "select seq, t_ms, kind, body, hash from ledger "
        "where seq >= ? or kind in ('key', 'baseline', 'decision') order by seq",
        (first,),
    )
    for row in rows:
        found.records += 1
        if chain.seq + 1 < row[0] <= first:  # what lies between is not asked about
            last = db.execute("select hash from ledger where seq = ?", (row[0] - 1,)).fetchone()
            chain.seq, chain.before = (row[0] - 1, last[0]) if last else (row[0] - 2, chain.before)
        chain.take(*row)
    found.last_hash, found.last_ms = chain.before, chain.t_ms
    found.keys = chain.fingerprints
    found.ahead = sum(from_ms > chain.t_ms for _, from_ms in chain.hours)
    check_external(db, found, checkpoints, chain.key, next(iter(found.keys), ""))
    check_hours(db, found, chain.hours)
    found.unrecorded = unrecorded(db, chain.hours, chain.horizon.reach_ms, since_ms)
    found.problems += [stray_said(asset, starts) for asset, starts in found.unrecorded.stray.items()]
    check_baselines(db, found, chain.baselines)
    check_decisions(db, found, chain.decisions)
    return found


class _Chain:
    def __init__(self, found: Verdict, expected: Key | None, horizon: Horizon) -> None:
        self.found, self.expected, self.horizon = found, expected, horizon
        self.key: Key | None = None
        self.fingerprints: list[str] = []
        self.seq, self.before, self.t_ms = 0, BEGIN, 0
        self.hours: dict[tuple[str, int], Held] = {}
        self._quarters: dict[tuple[int, ...], tuple[int, ...]] = {}  # the few that there are, each kept once
        self._last: dict[str, int] = {}  # of UNDER → its newest run in found.under
        self.baselines: dict[str, tuple[int, dict[str, Any]]] = {}
        self.decisions: dict[tuple[str, int], tuple[int, dict[str, Any]]] = {}

    def take(self, seq: int, t_ms: int, kind: str, text: str, said: str) -> None:
        if seq != self.seq + 1:
            gone = f"gone, and all up to {seq - 1}" if seq > self.seq + 2 else "gone"
            self.found.bad(self.seq + 1, gone if seq > self.seq else "numbers run backwards")
        wrong = self._wrong(seq, t_ms, kind, text, said)
        if wrong:
            self.found.bad(seq, wrong)
        self.seq, self.before = seq, said
        if isinstance(t_ms, int):
            if t_ms < self.t_ms - PUT_BACK_MS:
                self.found.put_back.append(seq)
            self.t_ms = t_ms

    def _wrong(self, seq: int, t_ms: int, kind: str, text: str, said: str) -> str:
        """What is not as it was written; empty when all is."""
        if not isinstance(text, str) or digest(text) != said:
            return "its text does not have its hash: it was edited"
        try:
            body = json.loads(text)
            if not isinstance(body, dict) or canonical(body) != text:
                return "not in the form in which records are written"
        except ValueError:
            return "not readable"
        if (body.get("seq"), body.get("t_ms"), body.get("kind")) != (seq, t_ms, kind):
            return f"its text is that of record {body.get('seq')}: it was moved or renamed"
        if body.get("prev") != self.before:
            return "does not follow the record before it"
        wrong = self._signed(body, kind)
        if not wrong:
            self._note(seq, t_ms, kind, body)
        return wrong

    def _signed(self, body: dict[str, Any], kind: str) -> str:
        if self.key is None or kind == "key":
            if kind != "key":
                return "the ledger does not begin with the key that signs it"
            try:
                announced = of_record(body)
            except ValueError as error:
                return str(error)
            wrong = self._announce(announced, str(body["key"].get("fingerprint", "")))
            if wrong or self.key is None:
                return wrong
        try:
            if not signed_by(self.key, body):
                return f"not signed by key {self.fingerprints[-1]}"
        except LedgerKeyError as error:
            if str(error) not in self.found.unchecked:
                self.found.unchecked.append(str(error))
        return ""

    def _announce(self, announced: Key, fingerprint: str) -> str:
        """The first key is taken as it is, unless another one is expected; a second one is never."""
        if self.key is not None:
            return f"another key, {fingerprint}: from here on somebody else writes, or the key file was lost"
        self.fingerprints.append(fingerprint)
        self.key = announced
        if self.expected is not None:
            if self.expected.fingerprint != fingerprint:
                return f"begun with key {fingerprint}, not with {self.expected.fingerprint}"
            self.key = self.expected
        return ""

    def _note(self, seq: int, t_ms: int, kind: str, body: dict[str, Any]) -> None:
        self.horizon.take(kind, t_ms, body)
        if kind == "checkpoint":
            self.found.checkpoints += 1
            place = str(body.get("site")), str(body.get("gateway"))
            if place not in self.found.places:
                self.found.places.append(place)
        elif kind == "hour":
            self._note_hour(seq, t_ms, body)
        elif kind == "baseline" and isinstance(body.get("baseline"), dict):
            self.baselines[str(body["baseline"].get("hash"))] = (seq, body["baseline"])
        elif kind == "decision" and isinstance(body.get("event"), dict):
            event = body["event"]
            self.decisions[(str(event.get("asset")), int(event.get("number", 0)))] = (seq, event)

    def _note_hour(self, seq: int, t_ms: int, body: dict[str, Any]) -> None:
        hour = sys.intern(str(body.get("asset"))), int(body.get("from_ms", 0))
        if hour in self.hours:
            self.found.amended += 1
        elif body.get("source") == ["measured"] and t_ms - int(body.get("to_ms", t_ms)) > LATE_MS:
            self.found.late += 1
        quarters = tuple(body.get("quarters", ()))
        self.hours[hour] = Held(seq, self._quarters.setdefault(quarters, quarters))
        for what in UNDER:
            self._note_version(what, str(body.get(what, "")), hour[1])

    def _note_version(self, what: str, version: str, from_ms: int) -> None:
        place = self._last.get(what)
        if place is None or self.found.under[place].version != version:
            self._last[what] = len(self.found.under)
            self.found.under.append(Run(what, version, from_ms, 1))
        else:
            run = self.found.under[place]
            self.found.under[place] = run._replace(hours=run.hours + 1)

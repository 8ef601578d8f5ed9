"""Verify the ledger: name the first record that was edited, removed or moved, or that contradicts a checkpoint."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from agent.savings.ledger import reasons as codes
from agent.savings.ledger.chain import BEGIN, canonical, digest, signed_by
from agent.savings.ledger.interval_records import HOUR_MS, due_ms
from agent.savings.ledger.signing_key import LedgerKey, LedgerKeyError, of_record
from agent.savings.ledger.unrecorded import CompletenessHorizon, RecordedHour, Unrecorded, unrecorded
from agent.savings.ledger.verify_checkpoints import check_external
from agent.savings.ledger.verify_state import check_baselines, check_decisions, check_hours
from drivers.reasons import Code, InvalidValue, Reason

LATE_MS = 2 * HOUR_MS  # after the end of an hour; a running agent records it within 21 minutes
PUT_BACK_MS = 60_000  # between the times of two records: corrections by a time server are smaller
UNDER = ("config", "software")  # fields of a record that state its provenance


class ProvenanceRun(NamedTuple):
    """Consecutive hours that were recorded with the same configuration or the same software.

    what: one of UNDER.
    version: hash of the configuration, or version of the software.
    since_ms: start of the first hour, UTC ms.
    hours: their number.
    """

    what: str
    version: str
    since_ms: int
    hours: int


@dataclass(slots=True)
class VerificationResult:
    """Result of the verification.

    records: number of records.
    first_bad: number of the first invalid record; None: all are valid.
    problems: what is wrong, in the order of the records.
    unchecked: why something could not be checked.
    last_hash, last_ms: hash and UTC time of the newest record.
    checkpoints: number of checkpoints in the ledger.
    external_checkpoints: number of external checkpoints that were compared.
    amended: hours that were recorded again after more data arrived.
    late: measured hours that were first recorded hours later: the agent was stopped, or the ledger was truncated and
        continued.
    ahead: hours dated after the newest record: the clock was ahead.
    put_back: numbers of records dated before their predecessor: the clock was set to an earlier time.
    unrecorded: intervals without a record; those that are not recorded yet are not a problem.
    keys: fingerprint of the key that the ledger declares.
    self_named: only the ledger itself declares its key.
    under: configurations and software versions, as they changed.
    places: site and gateway in the checkpoints.
    """

    records: int = 0
    first_bad: int | None = None
    problems: list[Reason] = field(default_factory=list)
    unchecked: list[Reason] = field(default_factory=list)
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
    under: list[ProvenanceRun] = field(default_factory=list)
    places: list[tuple[str, str]] = field(default_factory=list)

    @property
    def content(self) -> bool:
        """Whether everything was checked and is valid."""
        return self.first_bad is None and not self.problems and not self.unchecked

    def bad(self, seq: int, code: Code, **data: Any) -> None:
        """Adds a problem of a record: a code with `seq` and the other data."""
        if self.first_bad is None or seq < self.first_bad:
            self.first_bad = seq
        if (problem := code(seq=seq, **data)) not in self.problems:
            self.problems.append(problem)


def open_copy(path: Path) -> sqlite3.Connection:
    """The state file, read-only: that of a running agent, or a copy on a read-only medium. Raises sqlite3.Error."""
    uri = path.resolve().as_uri()
    try:
        db = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=5)
        db.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.OperationalError:
        db = sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True)
        db.execute("select count(*) from sqlite_master").fetchone()
    return db


def check_tables(db: sqlite3.Connection, path: Path) -> Reason | None:
    """Why this file is not a state file with a ledger; None: it is one. Raises sqlite3.Error."""
    tables = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'").fetchall()}
    if {"ledger", "interval", "note"} <= tables:
        return None
    if {"boot", "note"} <= tables or {"boots", "note"} <= tables:
        return codes.STATE_FILE_WITHOUT_LEDGER(path=str(path))
    return codes.NOT_A_STATE_FILE(path=str(path))


def verify(
    db: sqlite3.Connection, key: LedgerKey | None = None, checkpoints: Iterable[Mapping[str, Any]] = (), first: int = 1,
    since_ms: int = 0,
) -> VerificationResult:  # fmt: skip
    """Verifies the records, and that the intervals, baselines and decisions of the state file are the recorded ones.

    key: expected key; None: the one that the first record declares.
    checkpoints: external checkpoints.
    first: number of the first record to verify. Of earlier ones only the key, baselines, decisions and the records of
        external checkpoints are verified.
    since_ms: intervals that start earlier need no record; with `first` the start of the hours from there on.
    Raises sqlite3.Error when this is not a state file.
    """
    if db.in_transaction:
        return _verify(db, key, checkpoints, first, since_ms)
    db.execute("begin")  # reads one state, while a running agent continues to write
    try:
        return _verify(db, key, checkpoints, first, since_ms)
    finally:
        db.rollback()


def _verify(
    db: sqlite3.Connection, key: LedgerKey | None, checkpoints: Iterable[Mapping[str, Any]], first: int, since_ms: int
) -> VerificationResult:  # fmt: skip
    found = VerificationResult(self_named=key is None)
    before = db.execute("select t_ms from ledger where kind = 'hour' and seq < ? order by seq desc limit 1", (first,))
    chain = _Chain(found, key, CompletenessHorizon(due_ms(row[0]) if (row := before.fetchone()) else 0))
    rows = db.execute(
        "select seq, t_ms, kind, body, hash from ledger "
        "where seq >= ? or kind in ('key', 'baseline', 'decision') order by seq",
        (first,),
    )
    for row in rows:
        found.records += 1
        if chain.seq + 1 < row[0] <= first:  # records in between are not verified
            last = db.execute("select hash from ledger where seq = ?", (row[0] - 1,)).fetchone()
            chain.seq, chain.before = (row[0] - 1, last[0]) if last else (row[0] - 2, chain.before)
        chain.take(*row)
    found.last_hash, found.last_ms = chain.before, chain.t_ms
    found.keys = chain.fingerprints
    found.ahead = sum(from_ms > chain.t_ms for _, from_ms in chain.hours)
    check_external(db, found, checkpoints, chain.key, next(iter(found.keys), ""))
    check_hours(db, found, chain.hours)
    found.unrecorded = unrecorded(db, chain.hours, chain.horizon.reach_ms, since_ms)
    found.problems += [codes.INTERVALS_NOT_RECORDED(n=len(starts), asset=asset, first_ms=starts[0])
                       for asset, starts in found.unrecorded.stray.items()]  # fmt: skip
    check_baselines(db, found, chain.baselines)
    check_decisions(db, found, chain.decisions)
    return found


class _Chain:
    """Verifies one record after the other and collects what they contain."""

    def __init__(self, found: VerificationResult, expected: LedgerKey | None, horizon: CompletenessHorizon) -> None:
        self.found, self.expected, self.horizon = found, expected, horizon
        self.key: LedgerKey | None = None
        self.fingerprints: list[str] = []
        self.seq, self.before, self.t_ms = 0, BEGIN, 0
        self.hours: dict[tuple[str, int], RecordedHour] = {}
        self._quarters: dict[tuple[int, ...], tuple[int, ...]] = {}  # shares equal tuples
        self._last: dict[str, int] = {}  # one of UNDER → its newest run in found.under
        self.baselines: dict[str, tuple[int, dict[str, Any]]] = {}
        self.decisions: dict[tuple[str, int], tuple[int, dict[str, Any]]] = {}

    def take(self, seq: int, t_ms: int, kind: str, text: str, hash_: str) -> None:
        """Verifies the next record."""
        if seq > self.seq + 2:
            self.found.bad(self.seq + 1, codes.RECORDS_MISSING, last_seq=seq - 1)
        elif seq == self.seq + 2:
            self.found.bad(self.seq + 1, codes.RECORD_MISSING)
        elif seq != self.seq + 1:
            self.found.bad(self.seq + 1, codes.RECORD_NUMBERS_DECREASE)
        self._check(seq, t_ms, kind, text, hash_)
        self.seq, self.before = seq, hash_
        if isinstance(t_ms, int):
            if t_ms < self.t_ms - PUT_BACK_MS:
                self.found.put_back.append(seq)
            self.t_ms = t_ms

    def _check(self, seq: int, t_ms: int, kind: str, text: str, hash_: str) -> None:
        """Reports the first problem of a record; without one collects its content."""
        bad = self.found.bad
        if not isinstance(text, str) or digest(text) != hash_:
            return bad(seq, codes.RECORD_HASH_WRONG)
        try:
            body = json.loads(text)
            if not isinstance(body, dict) or canonical(body) != text:
                return bad(seq, codes.RECORD_NOT_CANONICAL)
        except ValueError:
            return bad(seq, codes.RECORD_UNREADABLE)
        if (body.get("seq"), body.get("t_ms"), body.get("kind")) != (seq, t_ms, kind):
            signed = str(body.get("seq")), str(body.get("kind"))
            return bad(seq, codes.RECORD_MOVED, signed_seq=signed[0], signed_kind=signed[1])
        if body.get("prev") != self.before:
            return bad(seq, codes.RECORD_UNCHAINED)
        if self._signature_valid(seq, kind, body):
            self._note(seq, t_ms, kind, body)
        return None

    def _signature_valid(self, seq: int, kind: str, body: dict[str, Any]) -> bool:
        """Whether a record is signed with the key of the ledger; reports the problem if not."""
        if self.key is None and kind != "key":
            self.found.bad(seq, codes.KEY_RECORD_MISSING)
            return False
        if kind == "key" and not self._key_accepted(seq, body):
            return False
        assert self.key is not None
        try:
            if not signed_by(self.key, body):
                self.found.bad(seq, codes.SIGNATURE_WRONG, fingerprint=self.fingerprints[-1])
                return False
        except LedgerKeyError as error:
            if error.reason not in self.found.unchecked:
                self.found.unchecked.append(error.reason)
        return True

    def _key_accepted(self, seq: int, body: dict[str, Any]) -> bool:
        """Accepts the first declared key, unless another one is expected, and rejects a second one."""
        try:
            declared = of_record(body)
        except InvalidValue as error:
            self.found.bad(seq, codes.KEY_RECORD_INVALID, cause=error.reason)
            return False
        fingerprint = str(body["key"].get("fingerprint", ""))
        if self.key is not None:
            self.found.bad(seq, codes.KEY_CHANGED, fingerprint=fingerprint)
            return False
        self.fingerprints.append(fingerprint)
        self.key = declared
        if self.expected is None:
            return True
        if self.expected.fingerprint != fingerprint:
            self.found.bad(seq, codes.KEY_UNEXPECTED, fingerprint=fingerprint, expected=self.expected.fingerprint)
            return False
        self.key = self.expected
        return True

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
        self.hours[hour] = RecordedHour(seq, self._quarters.setdefault(quarters, quarters))
        for what in UNDER:
            self._note_version(what, str(body.get(what, "")), hour[1])

    def _note_version(self, what: str, version: str, from_ms: int) -> None:
        place = self._last.get(what)
        if place is None or self.found.under[place].version != version:
            self._last[what] = len(self.found.under)
            self.found.under.append(ProvenanceRun(what, version, from_ms, 1))
        else:
            run = self.found.under[place]
            self.found.under[place] = run._replace(hours=run.hours + 1)

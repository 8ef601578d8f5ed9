"""Verify the ledger: name the first record that was edited, removed or moved, or that contradicts a checkpoint."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from agent.savings.ledger import reasons as codes
from agent.savings.ledger.chain import BEGIN, canonical, digest, signed_by
from agent.savings.ledger.interval_records import HOUR, INTERVAL, RecordPlace
from agent.savings.ledger.signing_key import LedgerKey, LedgerKeyError, of_record
from agent.savings.ledger.succession import follows_validly
from agent.savings.ledger.verification import ProvenanceSpan, VerificationResult
from agent.savings.ledger.verify_checkpoints import DeclaredKey, check_external
from agent.savings.ledger.verify_months import NamedLines, check_months
from agent.savings.ledger.verify_state import IntervalCheck, check_baselines, check_decisions
from drivers.reasons import InvalidValue, Reason

SET_BACK_MS = 60_000  # between the times of two records: corrections by a time server are smaller
PROVENANCE_FIELDS = ("config", "software")


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


def verify_chain(db: sqlite3.Connection, checkpoints: Iterable[Mapping[str, Any]] = ()) -> VerificationResult:
    """Verifies the records alone, of a copy of the table without the intervals of the state file, as a lake has it."""
    found = VerificationResult()
    chain = _Chain(found, None, UncheckedIntervals())
    for row in db.execute("select seq, t_ms, kind, body, hash from ledger order by seq"):
        found.records += 1
        chain.add(*row)
    chain.close()
    check_external(db, found, checkpoints, chain.keys)
    return found


def _verify(
    db: sqlite3.Connection, key: LedgerKey | None, checkpoints: Iterable[Mapping[str, Any]], first: int, since_ms: int
) -> VerificationResult:  # fmt: skip
    found = VerificationResult(self_named=key is None)
    intervals = IntervalCheck(db, found, first > 1)
    chain = _Chain(found, key, intervals)
    rows = db.execute(
        "select seq, t_ms, kind, body, hash from ledger "
        "where seq >= ? or kind in ('key', 'baseline', 'decision', 'restore') order by seq",
        (first,),
    )
    for row in rows:
        found.records += 1
        if chain.seq + 1 < row[0] <= first:  # records in between are not verified
            last = db.execute("select hash from ledger where seq = ?", (row[0] - 1,)).fetchone()
            chain.seq, chain.before = (row[0] - 1, last[0]) if last else (row[0] - 2, chain.before)
        chain.add(*row)
    chain.close()
    check_external(db, found, checkpoints, chain.keys)
    intervals.finish(chain.key, since_ms)
    check_baselines(db, found, chain.baselines)
    check_decisions(db, found, chain.decisions)
    check_months(db, found, chain.months)
    return found


class UncheckedIntervals:
    """Instead of an IntervalCheck where there are no stored intervals."""

    def add(self, seq: int, t_ms: int, body: Mapping[str, Any]) -> None: ...

    def add_hour(self, seq: int, body: Mapping[str, Any]) -> None: ...


class _Chain:
    """Verifies one record after the other and collects what they contain."""

    def __init__(
        self, found: VerificationResult, expected: LedgerKey | None, intervals: IntervalCheck | UncheckedIntervals
    ) -> None:
        self.found, self.expected, self.intervals = found, expected, intervals
        self.key: LedgerKey | None = None
        self.keys: dict[str, DeclaredKey] = {}  # by the declared fingerprint
        self._named = set[str]()  # fingerprints in `key` records, rejected ones included
        self.seq, self.before, self.t_ms = 0, BEGIN, 0
        self._last: dict[str, int] = {}  # one of PROVENANCE_FIELDS → its newest span in found.recorded_under
        self.baselines: dict[str, tuple[int, dict[str, Any]]] = {}
        self.decisions: dict[tuple[str, int], tuple[int, dict[str, Any]]] = {}
        self.months: dict[int, NamedLines] = {}

    def add(self, seq: int, t_ms: int, kind: str, text: str, hash_: str) -> None:
        """Verifies the next record."""
        if seq > self.seq + 2:
            self.found.add_problem(codes.RECORDS_MISSING(seq=self.seq + 1, last_seq=seq - 1))
        elif seq == self.seq + 2:
            self.found.add_problem(codes.RECORD_MISSING(seq=self.seq + 1))
        if problem := self._check(seq, t_ms, kind, text, hash_):
            self.found.add_problem(problem)
        self.seq, self.before = seq, hash_
        if isinstance(t_ms, int):
            if t_ms < self.t_ms - SET_BACK_MS:
                self.found.clock_set_back.append(seq)
            self.t_ms = t_ms

    def _check(self, seq: int, t_ms: int, kind: str, text: str, hash_: str) -> Reason | None:
        """The first problem of a record; None: there is none, and its content is collected."""
        if not isinstance(text, str) or digest(text) != hash_:
            return codes.RECORD_HASH_WRONG(seq=seq)
        try:
            body = json.loads(text)
            if not isinstance(body, dict) or canonical(body) != text:
                return codes.RECORD_NOT_CANONICAL(seq=seq)
        except ValueError:
            return codes.RECORD_UNREADABLE(seq=seq)
        if (body.get("seq"), body.get("t_ms"), body.get("kind")) != (seq, t_ms, kind):
            return codes.RECORD_MOVED(seq=seq, signed_seq=str(body.get("seq")), signed_kind=str(body.get("kind")))
        if kind == "key" and isinstance(body.get("key"), dict):
            self._named.add(str(body["key"].get("fingerprint")))
        if body.get("prev") != self.before:
            return codes.RECORD_UNCHAINED(seq=seq)
        if kind == "key" and (problem := self._check_key(seq, body)):
            return problem
        if self.key is None:
            return codes.KEY_RECORD_MISSING(seq=seq)
        try:
            if not signed_by(self.key, body):
                return codes.SIGNATURE_WRONG(seq=seq, fingerprint=list(self.keys)[-1])
        except LedgerKeyError as error:
            if error.reason not in self.found.unchecked:
                self.found.unchecked.append(error.reason)
        try:
            self._collect(seq, t_ms, kind, body)
        except (msgspec.ValidationError, ValueError, TypeError, KeyError, OverflowError) as error:
            return codes.RECORD_FIELDS_INVALID(seq=seq, error=str(error))
        return None

    def _check_key(self, seq: int, body: dict[str, Any]) -> Reason | None:
        """Accepts the first declared key, and an Ed25519 key that follows an HMAC key; rejects others."""
        try:
            declared = of_record(body)
        except InvalidValue as error:
            return codes.KEY_RECORD_INVALID(seq=seq, cause=error.reason)
        fingerprint = str(body["key"].get("fingerprint", ""))
        if self.key is not None and not follows_validly(
            body, declared, self.key, list(self.keys)[-1], seq, self.before
        ):
            return codes.KEY_CHANGED(seq=seq, fingerprint=fingerprint)
        known = [key for key in (self.expected, self.expected and self.expected.former) if key]
        self.key = next((key for key in known if key.fingerprint == fingerprint), declared)
        self.keys[fingerprint] = DeclaredKey(self.key, seq)
        return None

    def close(self) -> None:
        """Reports that no record declares the expected key, and what confirms HMAC records without their secret."""
        self.found.last_hash, self.found.last_ms, self.found.keys = self.before, self.t_ms, list(self.keys)
        if self.expected is not None and self.keys and self.expected.fingerprint not in self._named:
            self.found.add_problem(
                codes.KEY_UNEXPECTED(seq=1, fingerprint=next(iter(self.keys)), expected=self.expected.fingerprint)
            )
        unverified = codes.HMAC_SECRET_NEEDED()
        if len(self.keys) > 1 and unverified in self.found.unchecked:
            self.found.unchecked.remove(unverified)
            seq = list(self.keys.values())[-1].seq
            self.found.hmac_part = codes.HMAC_PART_CONFIRMED(
                last_seq=seq - 1, fingerprint=next(iter(self.keys)), seq=seq
            )

    def _collect(self, seq: int, t_ms: int, kind: str, body: dict[str, Any]) -> None:
        """Raises ValidationError, TypeError, ValueError, KeyError or OverflowError when a field is invalid."""
        if kind in (INTERVAL, HOUR):
            msgspec.convert(body, RecordPlace)
        if kind == "checkpoint":
            self.found.checkpoints += 1
            gateway = str(body.get("site")), str(body.get("gateway"))
            if gateway not in self.found.gateways:
                self.found.gateways.append(gateway)
        elif kind == "restore":
            self.found.restored.append(_restoration(seq, t_ms, body))
        elif kind == INTERVAL:
            self.intervals.add(seq, t_ms, body)
            self._add_provenance(body, 1)
        elif kind == HOUR:
            self.intervals.add_hour(seq, body)
            self._add_provenance(body, len(body.get("quarters", ())))
        elif kind == "month":
            self.months[seq] = msgspec.convert(body["month"]["document"], NamedLines)
        elif kind == "baseline" and isinstance(body.get("baseline"), dict):
            self.baselines[str(body["baseline"].get("hash"))] = (seq, body["baseline"])
        elif kind == "decision" and isinstance(body.get("event"), dict):
            event = body["event"]
            self.decisions[(str(event.get("asset")), int(event.get("number", 0)))] = (seq, event)

    def _add_provenance(self, body: Mapping[str, Any], intervals: int) -> None:
        spans = self.found.recorded_under
        for what in PROVENANCE_FIELDS:
            version, place = str(body.get(what, ""))[:16], self._last.get(what)
            if place is None or spans[place].version != version:
                self._last[what] = len(spans)
                spans.append(ProvenanceSpan(what, version, int(body.get("from_ms", 0)), intervals))
            else:
                spans[place] = spans[place]._replace(intervals=spans[place].intervals + intervals)


def _restoration(seq: int, t_ms: int, body: Mapping[str, Any]) -> Reason:
    """What a record of kind `restore` states. Raises KeyError, TypeError, ValueError when a field is invalid."""
    times = {"seq": seq, "restored_ms": t_ms, "backup_ms": int(body["backup_ms"])}
    if (replaced := body.get("replaced")) is None:
        return codes.LEDGER_FORKED(**times)
    return codes.LEDGER_RESTORED(**times, n=int(replaced["last"]) - int(body["last"]))

"""Compare the intervals, baselines and decisions of the state file, from which reports are made, with the records."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from agent.savings.ledger import reasons as codes
from agent.savings.ledger.chain import canonical, digest, signed_by
from agent.savings.ledger.interval_records import (
    HOUR_MS,
    digest_of_hour,
    fields_of,
    provisional_records,
    rows_of_record,
    starts_of,
    stored_text,
    unrecorded_from_ms,
    written_by_earlier_version,
)
from agent.savings.ledger.signing_key import LedgerKey, LedgerKeyError
from agent.savings.ledger.verification import VerificationResult
from agent.savings.records.model import Interval

LATE_MS = 2 * HOUR_MS  # after the end of an interval; a running agent records it within a minute
DECIDED = ("decision", "adjust_wh", "by", "reason", "decided_ms")
FIELDS = (
    "asset", "from_ms", "length_s", "energy_wh", "covered_s", "auxiliary_wh", "filled_wh", "flags", "meter",
    "register_wh", "source",
)  # fmt: skip


class IntervalCheck:
    """Compares records of intervals, in their order, with the intervals of the state file.

    partial: earlier records are not verified; a record may replace one of these.
    """

    def __init__(self, db: sqlite3.Connection, found: VerificationResult, partial: bool) -> None:
        self._db, self._found, self._partial = db, found, partial
        self._records: dict[str, dict[int, int]] = {}  # as VerificationResult.newest_records
        self._hours: dict[tuple[str, int], tuple[int, tuple[int, ...]]] = {}  # number and starts of the newest record
        self._in_hour: dict[str, set[int]] = {}  # asset → starts in records of hours
        self._differing: dict[tuple[str, int], int] = {}  # intervals that their newest record does not describe

    def add_hour(self, seq: int, body: Mapping[str, Any]) -> None:
        """The record of an hour, of an earlier version."""
        asset, from_ms = sys.intern(str(body.get("asset"))), int(body.get("from_ms", 0))
        if (asset, from_ms) in self._hours:
            self._found.amended += 1
        self._hours[asset, from_ms] = seq, tuple(starts_of(body))
        self._in_hour.setdefault(asset, set()).update(starts_of(body))

    def add(self, seq: int, t_ms: int, body: Mapping[str, Any]) -> None:
        """The record of an interval."""
        asset, start_ms = sys.intern(str(body.get("asset"))), int(body.get("from_ms", 0))
        if "replaces" in body:
            self._found.amended += 1
        elif "source" not in body:
            late = body.get("late") or t_ms - start_ms - 1000 * int(body.get("length_s", 0)) > LATE_MS
            self._found.late += bool(late)
        if not self._continues(asset, start_ms, body):
            self._found.add_problem(codes.VERSION_NOT_RECORDED(seq=seq, asset=asset, from_ms=start_ms))
        self._records.setdefault(asset, {})[start_ms] = seq
        self._differing.pop((asset, start_ms), None)
        text = stored_text(self._db, asset, start_ms)
        if text is None or digest(text) != body.get("interval"):
            self._differing[asset, start_ms] = seq  # unless a later record describes it
        else:
            for name, computed in _wrong_fields(text, body).items():
                self._found.add_problem(codes.RECORD_FIELD_WRONG(seq=seq, field=name, asset=asset, from_ms=start_ms,
                                recorded=json.dumps(body.get(name)), computed=json.dumps(computed)))  # fmt: skip

    def finish(self, key: LedgerKey | None, since_ms: int) -> None:
        """Reports intervals that are not the recorded ones.

        key: that of the ledger; None: it is not known.
        since_ms: intervals that start earlier need no record.
        """
        running = self._running(key)
        for (asset, start_ms), seq in self._differing.items():
            if (asset, start_ms) not in running:
                self._found.add_problem(codes.INTERVAL_CHANGED(seq=seq, asset=asset, from_ms=start_ms))
        self._find_unrecorded(running, since_ms)
        self._check_hours()
        starts = (start_ms for each in self._records.values() for start_ms in each)
        self._found.ahead = sum(start_ms > self._found.last_ms for start_ms in starts)
        self._found.newest_records = self._records

    def _continues(self, asset: str, start_ms: int, body: Mapping[str, Any]) -> bool:
        """Whether a record replaces the version that was recorded before; without one, whether it replaces none."""
        seq, replaces = self._records.get(asset, {}).get(start_ms), body.get("replaces")
        if seq is not None:
            [text] = self._db.execute("select body from ledger where seq = ?", (seq,)).fetchone()
            return bool(json.loads(text).get("interval") == replaces)
        return replaces is None or self._partial or start_ms in self._in_hour.get(asset, ())

    def _running(self, key: LedgerKey | None) -> set[tuple[str, int]]:
        """Asset and start of the intervals that a provisional record describes."""
        found = set()
        for _, body in provisional_records(self._db):
            asset, start_ms = body["asset"], body["from_ms"]
            try:
                valid = key is None or signed_by(key, body)
            except LedgerKeyError:  # reported for the other records
                valid = True
            if valid and self._continues(asset, start_ms, body):
                found.add((asset, start_ms))
                if digest(stored_text(self._db, asset, start_ms) or "") != body.get("interval"):
                    self._found.problems.append(codes.RUNNING_INTERVAL_CHANGED(asset=asset, from_ms=start_ms))
        return found

    def _check_hours(self) -> None:
        """Records of hours are valid until one of their intervals is recorded separately."""
        for (asset, from_ms), (seq, starts) in self._hours.items():
            records = self._records.setdefault(asset, {})
            own = [start_ms for start_ms in starts if start_ms in records]
            if len(own) == len(starts):
                continue
            body = json.loads(self._db.execute("select body from ledger where seq = ?", (seq,)).fetchone()[0])
            if own or digest_of_hour(rows_of_record(self._db, body)) != body.get("intervals"):
                self._found.add_problem(codes.HOUR_INTERVALS_CHANGED(seq=seq, asset=asset, from_ms=from_ms))
            else:
                records[from_ms] = seq

    def _find_unrecorded(self, running: set[tuple[str, int]], since_ms: int) -> None:
        """An earlier version left its newest intervals to the next run; there are none when intervals have records."""
        earlier = not self._records and written_by_earlier_version(self._db)
        pending_ms = unrecorded_from_ms(self._found.last_ms) if earlier else 1 << 62
        unrecorded, pending = dict[str, list[int]](), dict[str, list[int]]()
        query = "select asset, start_ms from interval where start_ms >= ? order by start_ms, asset"
        for asset, start_ms in self._db.execute(query, (since_ms,)):
            recorded = start_ms in self._records.get(asset, ()) or start_ms in self._in_hour.get(asset, ())
            if not recorded and (asset, start_ms) not in running:
                (unrecorded if start_ms < pending_ms else pending).setdefault(asset, []).append(start_ms)
        self._found.unrecorded, self._found.pending = unrecorded, pending
        self._found.problems += [codes.INTERVALS_NOT_RECORDED(n=len(starts), asset=asset, first_ms=starts[0])
                                 for asset, starts in unrecorded.items()]  # fmt: skip


def _wrong_fields(text: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a record that differ from what its interval gives → the value that it gives."""
    try:
        fields = fields_of(msgspec.json.decode(text, type=Interval))
    except msgspec.MsgspecError:  # an interval of another version; its digest is correct
        return {}
    return {name: fields.get(name) for name in FIELDS if body.get(name) != fields.get(name)}


def check_baselines(
    db: sqlite3.Connection, found: VerificationResult, recorded: Mapping[str, tuple[int, dict[str, Any]]]
) -> None:
    """Check that each frozen baseline of the state file is in the ledger, unchanged, and that the newest is in use.

    recorded: hash of a baseline → number of its record, and the baseline.
    """
    in_use: dict[str, str] = {}
    for name, text in db.execute("select name, body from note where kind = 'baseline'").fetchall():
        try:
            body = json.loads(text)
        except ValueError:
            continue
        if not isinstance(body, dict) or not body.get("hash"):
            continue
        asset, hash_ = str(body.get("asset")), str(body["hash"])
        if name == asset:
            in_use[name] = hash_
        seq, was = recorded.get(hash_, (0, {}))
        if not seq:
            found.problems.append(codes.BASELINE_NOT_RECORDED(asset=asset, hash=hash_[:16]))
        elif canonical(was) != canonical(body):
            found.add_problem(codes.BASELINE_EDITED(seq=seq, asset=asset))
    newest = {str(was.get("asset")): (seq, hash_) for hash_, (seq, was) in recorded.items()}
    for asset, (seq, hash_) in newest.items():
        if asset not in in_use:
            found.add_problem(codes.BASELINE_REMOVED(seq=seq, asset=asset))
        elif in_use[asset] != hash_ and in_use[asset] in recorded:
            found.add_problem(codes.BASELINE_ROLLED_BACK(seq=seq, asset=asset, hash=in_use[asset][:16]))


def check_decisions(
    db: sqlite3.Connection, found: VerificationResult, recorded: Mapping[tuple[str, int], tuple[int, dict[str, Any]]]
) -> None:
    """Check that the decisions on events in the state file are those of the ledger.

    recorded: asset and number of an event → number of the record of its decision, and the event.
    """
    stored = set()
    for name, text in db.execute("select name, body from note where kind = 'savings-event'").fetchall():
        try:
            body = json.loads(text)
            asset, number = str(body["asset"]), int(body["number"])
        except (ValueError, KeyError, TypeError):
            found.problems.append(codes.STORED_EVENT_INVALID(name=str(name)))
            continue
        stored.add((asset, number))
        seq, was = recorded.get((asset, number), (0, {}))
        if all(body.get(name) == was.get(name) for name in DECIDED) or (not seq and body.get("decision") is None):
            continue
        if seq:
            found.add_problem(codes.DECISION_EDITED(seq=seq, number=number, asset=asset))
        else:
            found.problems.append(codes.DECISION_NOT_RECORDED(number=number, asset=asset))
    for (asset, number), (seq, was) in recorded.items():
        if was.get("decision") is not None and (asset, number) not in stored:
            found.add_problem(codes.DECIDED_EVENT_REMOVED(seq=seq, number=number, asset=asset))

"""Compare the intervals, baselines and decisions of the state file, from which reports are made, with the records."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from agent.savings.ledger import reasons as codes
from agent.savings.ledger.chain import canonical
from agent.savings.ledger.interval_records import digest_of_rows, rows_of_hour, summed
from agent.savings.ledger.unrecorded import RecordedHour
from agent.savings.records.model import Interval

if TYPE_CHECKING:
    from agent.savings.ledger.verify import VerificationResult

DECIDED = ("decision", "adjust_wh", "by", "reason", "decided_ms")


def check_hours(
    db: sqlite3.Connection, found: VerificationResult, hours: Mapping[tuple[str, int], RecordedHour]
) -> None:
    """Check that the intervals of each hour are those of its record, and that the recorded sums are correct."""
    for (asset, from_ms), held in hours.items():
        body = json.loads(db.execute("select body from ledger where seq = ?", (held.seq,)).fetchone()[0])
        rows = rows_of_hour(db, asset, from_ms, int(body.get("to_ms", 0)), held.quarters)
        if digest_of_rows(rows) != body.get("intervals"):
            found.bad(held.seq, codes.HOUR_INTERVALS_CHANGED, asset=asset, from_ms=from_ms)
            continue
        for name, computed in _wrong_sums(rows, body).items():
            found.bad(held.seq, codes.HOUR_SUM_WRONG, field=name, asset=asset, from_ms=from_ms,
                      recorded=json.dumps(body[name]), computed=json.dumps(computed))  # fmt: skip


def _wrong_sums(rows: list[tuple[int, str]], body: Mapping[str, Any]) -> dict[str, Any]:
    """Recorded fields that differ from what the intervals give → the value that they give."""
    try:
        sums = summed([msgspec.json.decode(text, type=Interval) for _, text in rows])
    except msgspec.MsgspecError:  # intervals of another version; their digest is correct
        return {}
    return {name: value for name, value in sums.items() if name in body and body[name] != value}


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
            found.bad(seq, codes.BASELINE_EDITED, asset=asset)
    newest = {str(was.get("asset")): (seq, hash_) for hash_, (seq, was) in recorded.items()}
    for asset, (seq, hash_) in newest.items():
        if asset not in in_use:
            found.bad(seq, codes.BASELINE_REMOVED, asset=asset)
        elif in_use[asset] != hash_ and in_use[asset] in recorded:
            found.bad(seq, codes.BASELINE_ROLLED_BACK, asset=asset, hash=in_use[asset][:16])


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
            found.bad(seq, codes.DECISION_EDITED, number=number, asset=asset)
        else:
            found.problems.append(codes.DECISION_NOT_RECORDED(number=number, asset=asset))
    for (asset, number), (seq, was) in recorded.items():
        if was.get("decision") is not None and (asset, number) not in stored:
            found.bad(seq, codes.DECIDED_EVENT_REMOVED, number=number, asset=asset)

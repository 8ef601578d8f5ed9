"""Comparison of a month with the ledger: its records are intact, and their energies equal those of the report."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.savings.ledger import checkpoints
from agent.savings.ledger.chain import records
from agent.savings.ledger.interval_records import HOUR_MS
from agent.savings.ledger.signing_key import LedgerKey
from agent.savings.ledger.unrecorded import USUAL, pending
from agent.savings.ledger.verify import VerificationResult, verify
from agent.savings.records.model import QUARTER_MS, Interval
from agent.savings.report import reasons as codes
from drivers.reasons import Reason

WHOLE = 10_000  # records that are verified within about two seconds
WAITING = (USUAL, 0.01)  # intervals that may be unrecorded: those that a running agent leaves, or this share of all


Elsewhere = Mapping[str, Sequence[Mapping[str, Any]]]  # file → the external checkpoints in it


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """One motor and month, compared with the ledger. Counts are of intervals of 15 min unless stated otherwise.

    hours: hours that are recorded.
    recorded_wh: their energy in the ledger.
    reported_wh: energy of the same intervals in this report, rounded in the same way.
    differing: hours whose energies differ.
    stray: intervals without a record, although later ones are recorded.
    waiting: intervals that are not recorded yet.
    most_waiting: largest number of these with which the ledger still confirms the report.
    verdict: result of the verification; None: the ledger has no record of this time.
    checkpoint: the newest checkpoint; None: there is none yet.
    elsewhere: files of the external checkpoints that were compared.
    key: the public key that the ledger declares.
    under: "config" and "software" → version → hours recorded with it.
    notes: what is missing or wrong.
    """

    hours: int = 0
    recorded_wh: int = 0
    reported_wh: int = 0
    differing: int = 0
    stray: int = 0
    waiting: int = 0
    most_waiting: float = 0.0
    verdict: VerificationResult | None = None
    checkpoint: dict[str, Any] | None = None
    elsewhere: Sequence[str] = ()
    key: Mapping[str, str] | None = None
    under: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    notes: tuple[Reason, ...] = ()

    @property
    def hints(self) -> list[Reason]:
        """What is not wrong, but a reader needs to know."""
        verdict = self.verdict
        if verdict is None or not verdict.self_named or not verdict.keys or verdict.unchecked:
            return []
        return [codes.KEY_SELF_DECLARED(key=verdict.keys[0])]

    @property
    def intact(self) -> bool:
        """Whether there are records, all of them valid, with the energies of the report."""
        verdict = self.verdict
        return verdict is not None and verdict.first_bad is None and not verdict.problems and not self.differing

    @property
    def confirmed(self) -> bool:
        """Whether the ledger confirms the report: intact, the same sum, and no more unrecorded intervals than usual."""
        return self.intact and self.recorded_wh == self.reported_wh and self.waiting <= self.most_waiting


def prove(
    db: sqlite3.Connection, asset: str, from_ms: int, to_ms: int, shown: Sequence[Interval], key: LedgerKey | None,
    elsewhere: Elsewhere,
) -> LedgerCheck:  # fmt: skip
    """Verifies the ledger and compares the intervals of a month with it.

    A long ledger is verified from the start of the month (with all baselines and decisions), so that a report takes
    seconds; `magwatt ledger verify` verifies all of it. shown: the intervals of the report. elsewhere: file → its
    checkpoints.
    """
    first = db.execute("select min(seq) from ledger where t_ms >= ?", (from_ms,)).fetchone()[0]
    if first is None:
        if not shown:
            return LedgerCheck()
        return LedgerCheck(waiting=len(shown), notes=(codes.LEDGER_RECORD_MISSING(),))
    records_there = db.execute("select count(*) from ledger").fetchone()[0]
    external = [checkpoint for found in elsewhere.values() for checkpoint in found]
    verdict = verify(db, key, external, *((1, 0) if records_there <= WHOLE else (int(first), from_ms)))
    hours = {
        record.body["from_ms"]: record.body
        for record in records(db, "hour")
        if record.body.get("asset") == asset and from_ms < record.body["to_ms"] and record.body["from_ms"] < to_ms
    }
    by_hour: dict[int, list[Interval]] = {}
    for item in shown:
        by_hour.setdefault(item.start_ms // HOUR_MS * HOUR_MS, []).append(item)
    recorded_wh = reported_wh = differing = 0
    for hour_ms, body in hours.items():
        if not from_ms <= hour_ms <= to_ms - HOUR_MS:
            continue  # an hour of two months
        items = [
            item for item in by_hour.get(hour_ms, []) if (item.start_ms - hour_ms) // QUARTER_MS in body["quarters"]
        ]
        own_wh = round(sum(item.energy_wh or 0.0 for item in items)) + round(sum(item.auxiliary_wh for item in items))
        ledger_wh = (body["energy_wh"] or 0) + (body["auxiliary_wh"] or 0)
        reported_wh, recorded_wh = reported_wh + own_wh, recorded_wh + ledger_wh
        differing += own_wh != ledger_wh
    newest = checkpoints.newest(db)
    stray, waiting = (
        [start_ms for start_ms in found.get(asset, ()) if from_ms <= start_ms < to_ms]
        for found in (verdict.unrecorded.stray, verdict.unrecorded.waiting)
    )
    return LedgerCheck(
        len(hours), recorded_wh, reported_wh, differing, len(stray), len(waiting),
        max(WAITING[0], WAITING[1] * len(shown)),
        verdict, checkpoints.checkpoint_message(newest) if newest else None, tuple(elsewhere), _declared_key(db),
        {name: dict(Counter(str(body.get(name, "")) for body in hours.values())) for name in ("config", "software")},
        tuple(_notes(verdict, differing, pending({asset: waiting} if waiting else {}))),
    )  # fmt: skip


def _declared_key(db: sqlite3.Connection) -> Mapping[str, str] | None:
    found = next(iter(records(db, "key")), None)
    key = found.body.get("key") if found else None
    return {str(name): str(value) for name, value in key.items()} if isinstance(key, Mapping) else None


def _notes(verdict: VerificationResult, differing: int, not_recorded: Reason | None) -> list[Reason]:
    found = []
    if verdict.first_bad is not None:
        found.append(codes.LEDGER_INVALID(problem=verdict.problems[0]))
    elif verdict.problems:
        found.append(codes.LEDGER_PROBLEM(problem=verdict.problems[0]))
    found += [codes.SIGNATURES_UNCHECKED(cause=cause) for cause in verdict.unchecked]
    if differing:
        found.append(codes.LEDGER_DIFFERS(n=differing))
    return [*found, not_recorded] if not_recorded else found

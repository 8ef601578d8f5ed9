"""Whether the ledger bears a month out: its records are whole, and they say what the report says, to the watt-hour."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.savings import roots
from agent.savings.hours import HOUR_MS, SETTLED_MS
from agent.savings.ledger import records
from agent.savings.ledger_key import Key
from agent.savings.types import QUARTER_MS, Interval
from agent.savings.verify import Verdict, verify

WHOLE = 10_000  # records that are looked at in about two seconds


@dataclass(frozen=True, slots=True)
class Proof:
    """hours: of this motor and month that are recorded. recorded_wh: what they sum to; shown_wh: what the report has
    for the same quarter hours, rounded in the same way. differing: hours in which the two differ. unrecorded: quarter
    hours that stand in no record yet. root: the newest that was told."""

    hours: int = 0
    recorded_wh: int = 0
    shown_wh: int = 0
    differing: int = 0
    unrecorded: int = 0
    verdict: Verdict | None = None
    root: dict[str, Any] | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def bears_out(self) -> bool:
        """Whether there are records, all whole, and they say the same as the report."""
        whole = self.verdict is not None and self.verdict.first_bad is None and not self.verdict.problems
        return whole and self.differing == 0 and self.recorded_wh == self.shown_wh


def prove(
    db: sqlite3.Connection, asset: str, from_ms: int, to_ms: int, shown: Sequence[Interval], key: Key | None
) -> Proof:  # fmt: skip
    """A long ledger is verified from the month's begin on (with all baselines and decisions), so that a report takes
    seconds; `magwatt verify` looks at all of it."""
    first = db.execute("select min(seq) from ledger where t_ms >= ?", (from_ms,)).fetchone()[0]
    if first is None:
        if not shown:
            return Proof()
        return Proof(unrecorded=len(shown), notes=("no ledger record covers this month: nothing proves these numbers",))
    records_there = db.execute("select count(*) from ledger").fetchone()[0]
    verdict = verify(db, key, first=1 if records_there <= WHOLE else int(first))
    held = {
        record.body["from_ms"]: record.body
        for record in records(db, "hour")
        if record.body.get("asset") == asset and from_ms < record.body["to_ms"] and record.body["from_ms"] < to_ms
    }
    by_hour: dict[int, list[Interval]] = {}
    unrecorded = 0
    for item in shown:
        hour_ms = item.start_ms // HOUR_MS * HOUR_MS
        by_hour.setdefault(hour_ms, []).append(item)
        body = held.get(hour_ms)
        inside = body is not None and (item.start_ms - hour_ms) // QUARTER_MS in body["quarters"]
        unrecorded += not inside and hour_ms + HOUR_MS + SETTLED_MS < to_ms
    recorded = seen = differing = 0
    for hour_ms, body in held.items():
        if not from_ms <= hour_ms <= to_ms - HOUR_MS:
            continue  # an hour that two months share
        items = [
            item for item in by_hour.get(hour_ms, []) if (item.start_ms - hour_ms) // QUARTER_MS in body["quarters"]
        ]
        mine = round(sum(item.energy_wh or 0.0 for item in items)) + round(sum(item.auxiliary_wh for item in items))
        theirs = (body["energy_wh"] or 0) + (body["auxiliary_wh"] or 0)
        seen, recorded, differing = seen + mine, recorded + theirs, differing + (mine != theirs)
    root = roots.newest(db)
    return Proof(len(held), recorded, seen, differing, unrecorded, verdict, roots.told(root) if root else None,
                 tuple(_notes(verdict, differing, unrecorded)))  # fmt: skip


def _notes(verdict: Verdict, differing: int, unrecorded: int) -> list[str]:
    found = []
    if verdict.first_bad is not None:
        found.append(f"the ledger is not whole: first bad record {verdict.first_bad} ({verdict.problems[0]})")
    elif verdict.problems:
        found.append(f"the ledger: {verdict.problems[0]}")
    found += [f"the ledger's signatures were not checked: {text}" for text in verdict.unchecked]
    if differing:
        found.append(f"{differing} hours of this report differ from the ledger")
    if unrecorded:
        found.append(f"{unrecorded} quarter hours stand in no ledger record")
    return found

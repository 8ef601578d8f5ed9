"""Whether the ledger bears a month out: its records are whole, and they say what the report says, to the watt-hour."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.savings import checkpoints
from agent.savings.hours import HOUR_MS
from agent.savings.ledger import records
from agent.savings.ledger_key import Key
from agent.savings.types import QUARTER_MS, Interval
from agent.savings.unrecorded import USUAL, waiting_said
from agent.savings.verify import Verdict, verify
from agent.words import counted

WHOLE = 10_000  # records that are looked at in about two seconds
WAITING = (USUAL, 0.01)  # quarter hours that may wait for their record: those of a running agent, or a hundredth of all


Elsewhere = Mapping[str, Sequence[Mapping[str, Any]]]  # file → the external checkpoints in it


@dataclass(frozen=True, slots=True)
class Proof:
    """hours: of this motor and month that are recorded. recorded_wh: what they sum to; shown_wh: what the report has
    for the same quarter hours, rounded in the same way. differing: hours in which the two differ. stray: quarter hours
    that stand in no record though their time was recorded; waiting: that are not recorded yet; of the month, as verify
    counts them. checkpoint: the newest one. elsewhere: sources of the external checkpoints that were compared. key: the
    public half that the first record announces. under: "config" and "software" → version → hours recorded under it."""

    hours: int = 0
    recorded_wh: int = 0
    shown_wh: int = 0
    differing: int = 0
    stray: int = 0
    waiting: int = 0
    most_waiting: float = 0.0
    verdict: Verdict | None = None
    checkpoint: dict[str, Any] | None = None
    elsewhere: Sequence[str] = ()
    key: Mapping[str, str] | None = None
    under: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    notes: tuple[str, ...] = field(default=())

    @property
    def hints(self) -> list[str]:
        """What is not wrong, and a reader should know."""
        verdict = self.verdict
        if verdict is None or not verdict.self_named or not verdict.keys or verdict.unchecked:
            return []
        return [
            f"the ledger's signatures were checked with key {verdict.keys[0]}, which only record 1 itself names; who "
            "writes all anew names a key of his own: give --key with an earlier report's JSON"
        ]

    @property
    def bears_out(self) -> bool:
        """Whether there are records of it, all whole, and they say the same as the report."""
        whole = self.verdict is not None and self.verdict.first_bad is None and not self.verdict.problems
        same = self.differing == 0 and self.recorded_wh == self.shown_wh
        return whole and same and self.waiting <= self.most_waiting


def prove(
    db: sqlite3.Connection, asset: str, from_ms: int, to_ms: int, shown: Sequence[Interval], zone: str,
    key: Key | None, elsewhere: Elsewhere,
) -> Proof:  # fmt: skip
    """A long ledger is verified from the month's begin on (with all baselines and decisions), so that a report takes
    seconds; `magwatt ledger verify` looks at all of it. elsewhere: file → its checkpoints."""
    first = db.execute("select min(seq) from ledger where t_ms >= ?", (from_ms,)).fetchone()[0]
    if first is None:
        if not shown:
            return Proof()
        return Proof(waiting=len(shown), notes=("no ledger record covers this month: nothing proves these numbers",))
    records_there = db.execute("select count(*) from ledger").fetchone()[0]
    external = [checkpoint for found in elsewhere.values() for checkpoint in found]
    verdict = verify(db, key, external, *((1, 0) if records_there <= WHOLE else (int(first), from_ms)))
    held = {
        record.body["from_ms"]: record.body
        for record in records(db, "hour")
        if record.body.get("asset") == asset and from_ms < record.body["to_ms"] and record.body["from_ms"] < to_ms
    }
    by_hour: dict[int, list[Interval]] = {}
    for item in shown:
        by_hour.setdefault(item.start_ms // HOUR_MS * HOUR_MS, []).append(item)
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
    checkpoint = checkpoints.newest(db)
    stray, waiting = (
        [start_ms for start_ms in found.get(asset, ()) if from_ms <= start_ms < to_ms]
        for found in (verdict.unrecorded.stray, verdict.unrecorded.waiting)
    )
    return Proof(
        len(held), recorded, seen, differing, len(stray), len(waiting), max(WAITING[0], WAITING[1] * len(shown)),
        verdict, checkpoints.checkpoint_message(checkpoint) if checkpoint else None, tuple(elsewhere), _announced(db),
        {name: dict(Counter(str(body.get(name, "")) for body in held.values())) for name in ("config", "software")},
        (*_notes(verdict, differing), *([waiting_said({asset: waiting}, zone)] if waiting else [])),
    )  # fmt: skip


def _announced(db: sqlite3.Connection) -> Mapping[str, str] | None:
    found = next(iter(records(db, "key")), None)
    key = found.body.get("key") if found else None
    return {str(name): str(value) for name, value in key.items()} if isinstance(key, Mapping) else None


def _notes(verdict: Verdict, differing: int) -> list[str]:
    found = []
    if verdict.first_bad is not None:
        found.append(f"the ledger is not whole: first bad record {verdict.first_bad} ({verdict.problems[0]})")
    elif verdict.problems:
        found.append(f"the ledger: {verdict.problems[0]}")
    found += [f"the ledger's signatures were not checked: {text}" for text in verdict.unchecked]
    if differing:
        found.append(
            f"{counted(differing, 'hour')} of this report {'differs' if differing == 1 else 'differ'} from the ledger"
        )
    return found

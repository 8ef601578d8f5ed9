"""Comparison of a month with the ledger: its records are intact, and their energies equal those of the report."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from agent.savings.ledger import checkpoints
from agent.savings.ledger.chain import records
from agent.savings.ledger.interval_records import starts_of
from agent.savings.ledger.reasons import HMAC_LEDGER
from agent.savings.ledger.signing_key import HMAC, LedgerKey
from agent.savings.ledger.verification import VerificationResult, pending_reason
from agent.savings.ledger.verify import PROVENANCE_FIELDS, verify
from agent.savings.records.model import Interval
from agent.savings.report import reasons as codes
from drivers.reasons import Reason

MOST = 10_000  # records that are all verified for a report


ExternalCheckpoints = Mapping[str, Sequence[Mapping[str, Any]]]  # file → the external checkpoints in it


class LedgerVerifier:
    """Verifies the ledger for the motors of a report, once for the same records.

    key: expected key; None: the one that the ledger declares.
    external: checkpoints to compare.
    """

    def __init__(self, key: LedgerKey | None = None, external: ExternalCheckpoints | None = None) -> None:
        self._key, self.external = key, external or {}
        self._results: dict[tuple[int, int], VerificationResult] = {}

    def verify(self, db: sqlite3.Connection, first: int, since_ms: int) -> VerificationResult:
        """As `verify`, from record `first` on."""
        if (first, since_ms) not in self._results:
            checkpoints = [checkpoint for found in self.external.values() for checkpoint in found]
            self._results[first, since_ms] = verify(db, self._key, checkpoints, first, since_ms)
        return self._results[first, since_ms]


class LedgerCheck(Struct, frozen=True):
    """One motor and month, compared with the ledger. Counts are of intervals unless stated otherwise.

    intervals: recorded ones.
    recorded_wh: their energy in the ledger.
    reported_wh: energy of the same intervals in this report, rounded in the same way.
    differing: records whose energies differ.
    unrecorded: intervals that must have a record and have none.
    pending: intervals of an earlier version that are not recorded yet.
    result: of the verification; None: the ledger has no record of this time.
    checkpoint: the newest checkpoint; None: there is none yet.
    external: files of the external checkpoints that were compared.
    key: the public key that the ledger declares.
    recorded_under: "config" and "software" → version → intervals recorded with it.
    notes: what is missing or wrong.
    """

    intervals: int = 0
    recorded_wh: int = 0
    reported_wh: int = 0
    differing: int = 0
    unrecorded: int = 0
    pending: int = 0
    result: VerificationResult | None = None
    checkpoint: dict[str, Any] | None = None
    external: Sequence[str] = ()
    key: Mapping[str, str] | None = None
    recorded_under: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    notes: tuple[Reason, ...] = ()

    @property
    def hints(self) -> list[Reason]:
        """What is not wrong, but a reader needs to know."""
        result = self.result
        if result is None:
            return []
        found = [*result.restored, *([result.hmac_part] if result.hmac_part else [])]
        if self.is_hmac:
            found.append(HMAC_LEDGER())
        if result.self_named and result.keys and not result.unchecked:
            found.append(codes.KEY_SELF_DECLARED(key=result.keys[-1]))
        return found

    @property
    def is_hmac(self) -> bool:
        """Whether the ledger is signed with a key of an earlier version, which has no public half."""
        return bool(self.key) and self.key.get("kind") == HMAC  # type: ignore[union-attr]

    @property
    def intact(self) -> bool:
        """Whether there are records, all of them valid, with the energies of the report."""
        result = self.result
        return result is not None and result.first_bad is None and not result.problems and not self.differing

    @property
    def confirmed(self) -> bool:
        """Whether the ledger confirms the report: intact, the same sum, and all intervals recorded."""
        return self.intact and self.recorded_wh == self.reported_wh and not self.pending


def compare_with_ledger(
    db: sqlite3.Connection, asset: str, from_ms: int, to_ms: int, reported: Sequence[Interval], check: LedgerVerifier
) -> LedgerCheck:  # fmt: skip
    """Verifies the ledger and compares the intervals of a month with it.

    A long ledger is verified from the start of the month (with all baselines and decisions), so that a report takes
    seconds; `magwatt ledger verify` verifies all of it. reported: the intervals of the report.
    """
    first, count = db.execute(
        "select (select min(seq) from ledger where t_ms >= ?), count(*) from ledger", (from_ms,)
    ).fetchone()
    if first is None:
        return LedgerCheck(pending=len(reported), notes=(codes.LEDGER_RECORD_MISSING(),) if reported else ())
    result = check.verify(db, *((1, 0) if count <= MOST else (first, from_ms)))
    by_start = {item.start_ms: item for item in reported}
    intervals = recorded_wh = reported_wh = differing = 0
    under: dict[str, Counter[str]] = {name: Counter() for name in PROVENANCE_FIELDS}
    for body in _bodies(db, result, asset, from_ms, to_ms):
        items = [by_start[start_ms] for start_ms in starts_of(body) if start_ms in by_start]
        own_wh = round(sum(item.energy_wh or 0.0 for item in items)) + round(sum(item.auxiliary_wh for item in items))
        ledger_wh = (body.get("energy_wh") or 0) + (body.get("auxiliary_wh") or 0)
        reported_wh, recorded_wh = reported_wh + own_wh, recorded_wh + ledger_wh
        differing += own_wh != ledger_wh
        intervals += len(starts_of(body))
        for name in PROVENANCE_FIELDS:
            under[name][str(body.get(name, ""))[:16]] += len(starts_of(body))
    newest = checkpoints.newest(db)
    unrecorded, pending = (
        [start_ms for start_ms in found.get(asset, ()) if from_ms <= start_ms < to_ms]
        for found in (result.unrecorded, result.pending)
    )
    return LedgerCheck(
        intervals, recorded_wh, reported_wh, differing, len(unrecorded), len(pending), result,
        checkpoints.checkpoint_message(newest) if newest else None, tuple(check.external), _declared_key(db, result),
        under, tuple(_notes(result, differing, asset, pending)),
    )  # fmt: skip


def _bodies(db: sqlite3.Connection, result: VerificationResult, asset: str, from_ms: int, to_ms: int) -> Iterator[Any]:
    """Bodies of the newest records of a motor's intervals, and hours, that are completely in this time, without
    withdrawn intervals.
    """
    for start_ms, seq in result.newest_records.get(asset, {}).items():
        if from_ms <= start_ms < to_ms:
            [text] = db.execute("select body from ledger where seq = ?", (seq,)).fetchone()
            body = json.loads(text)
            withdrawn = body.get("length_s") == 0
            if starts_of(body)[-1] < to_ms and not withdrawn:
                yield body


def _declared_key(db: sqlite3.Connection, result: VerificationResult) -> Mapping[str, str] | None:
    """The key in force, as its record declares it."""
    for record in records(db, "key"):
        key = record.body.get("key")
        if isinstance(key, Mapping) and [key.get("fingerprint")] == result.keys[-1:]:
            return {str(name): str(value) for name, value in key.items()}
    return None


def _notes(result: VerificationResult, differing: int, asset: str, pending: Sequence[int]) -> Iterable[Reason]:
    if result.first_bad is not None:
        yield codes.LEDGER_INVALID(problem=result.problems[0])
    elif result.problems:
        yield codes.LEDGER_PROBLEM(problem=result.problems[0])
    yield from (codes.SIGNATURES_UNCHECKED(cause=cause) for cause in result.unchecked)
    if differing:
        yield codes.LEDGER_DIFFERS(n=differing)
    if (reason := pending_reason({asset: pending} if pending else {})) is not None:
        yield reason

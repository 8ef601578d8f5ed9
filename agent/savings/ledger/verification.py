"""Result of the verification of the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct, field

from agent.savings.ledger.reasons import RECORDS_PENDING
from drivers.reasons import Reason


class ProvenanceSpan(NamedTuple):
    """Consecutive intervals that were recorded with the same configuration or the same software.

    what: "config" or "software".
    version: hash of the configuration, or version of the software.
    since_ms: start of the first interval, UTC ms.
    intervals: their number.
    """

    what: str
    version: str
    since_ms: int
    intervals: int


class VerificationResult(Struct):
    """Result of the verification.

    records: number of records.
    first_bad: number of the first invalid record; None: all are valid.
    problems: what is wrong, in the order of the records.
    unchecked: why something could not be checked.
    last_hash, last_ms: hash and UTC time of the newest record.
    checkpoints: number of checkpoints in the ledger.
    external_checkpoints: number of external checkpoints that were compared.
    amended: records that replace an earlier one of the same interval or hour.
    late: measured intervals that were recorded hours after their end, or by `adopt`
    (agent.savings.ledger.interval_records).
    ahead: intervals dated after the newest record: the clock was ahead.
    clock_set_back: numbers of records dated before their predecessor: the clock was set to an earlier time.
    unrecorded: asset → starts of stored intervals without a record, UTC ms; a problem for each asset.
    pending: as `unrecorded`, for the newest intervals of an earlier version; they are not a problem.
    newest_records: asset → start of an interval, or of an hour of an earlier version → number of its newest record.
    keys: fingerprints of the keys that the ledger declares, the one in force last.
    self_named: only the ledger itself declares its key.
    hmac_part: what a record of an Ed25519 key confirms about the HMAC records before it, whose signatures were not
    verified; None: there are none.
    recorded_under: configurations and software versions, as they changed.
    gateways: site and gateway in the checkpoints.
    restored: restorations of a backup, after which the ledger continued without the records since the backup.
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
    clock_set_back: list[int] = field(default_factory=list)
    unrecorded: Mapping[str, Sequence[int]] = field(default_factory=dict)
    pending: Mapping[str, Sequence[int]] = field(default_factory=dict)
    newest_records: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    self_named: bool = True
    hmac_part: Reason | None = None
    recorded_under: list[ProvenanceSpan] = field(default_factory=list)
    gateways: list[tuple[str, str]] = field(default_factory=list)
    restored: list[Reason] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything was checked and is valid."""
        return self.first_bad is None and not self.problems and not self.unchecked

    def add_problem(self, problem: Reason) -> None:
        """Adds a problem of a record, whose number is the `seq` of the reason."""
        seq = problem.data["seq"]
        self.first_bad = seq if self.first_bad is None else min(self.first_bad, seq)
        if problem not in self.problems:
            self.problems.append(problem)


def pending_reason(pending: Mapping[str, Sequence[int]]) -> Reason | None:
    """How many intervals are not recorded yet, and since when; None: there are none."""
    starts = [start_ms for each in pending.values() for start_ms in each]
    return RECORDS_PENDING(n=len(starts), assets=tuple(pending), since_ms=min(starts)) if starts else None

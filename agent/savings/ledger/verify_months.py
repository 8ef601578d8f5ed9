"""Compare the lines that a month of a contract names with the ledger. Format: docs/reference/contract-format.md."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from msgspec import Struct

from agent.savings.ledger import reasons as codes
from agent.savings.ledger.verification import VerificationResult


class NamedRange(Struct, frozen=True):
    """The lines from which the energies follow: number and hash of the last one."""

    last: int
    hash: str


class NamedDecision(Struct, frozen=True):
    """line: hash of the line of a decision."""

    line: str


class NamedByMotor(Struct, frozen=True):
    decisions: tuple[NamedDecision, ...]


class NamedLines(Struct, frozen=True):
    """The lines of the ledger that the document of a month names."""

    ledger: NamedRange
    motor: Mapping[str, NamedByMotor]


def check_months(db: sqlite3.Connection, found: VerificationResult, recorded: Mapping[int, NamedLines]) -> None:
    """Check that the lines that months name are in the ledger before their records.

    recorded: number of the record of a month → the lines that it names.
    """
    for seq, month in recorded.items():
        last = month.ledger.last
        row = db.execute("select hash from ledger where seq = ? and seq < ?", (last, seq)).fetchone()
        if row is None or row[0] != month.ledger.hash:
            found.add_problem(codes.MONTH_LINES_WRONG(seq=seq, last=last))
        for decision in (each for motor in month.motor.values() for each in motor.decisions):
            query = "select 1 from ledger where kind = 'decision' and hash = ? and seq < ?"
            if db.execute(query, (decision.line, seq)).fetchone() is None:
                found.add_problem(codes.MONTH_DECISION_MISSING(seq=seq, hash=decision.line[:16]))

"""The bundle of a month: lines of the ledger, signed plans and months, for a verifier without state file and magwatt.

Format and the steps of a verification: docs/reference/ledger-format.md.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from agent.contract import reasons as codes
from agent.contract.documents import file_body
from agent.contract.month import ContractMonth
from agent.contract.month_states import MonthRevision
from agent.contract.plan_versions import PlanVersion
from agent.contract.recorded_months import KIND
from agent.savings.ledger.chain import records
from agent.savings.ledger.interval_records import INTERVAL
from agent.savings.ledger.signing_key import ED25519
from drivers.reasons import InvalidValue

SCHEMA = "magwatt.bundle/2"
BEFORE = ("key", "baseline", "decision", "plan")  # kinds of single lines that precede those of the month
AFTER = ("baseline", "decision", "plan", "month")  # and of those that follow


def bundle_of(
    db: sqlite3.Connection, month: str, span: tuple[int, int], motors: Collection[str], plans: Iterable[PlanVersion],
    months: Sequence[MonthRevision] = (),
) -> dict[str, Any]:  # fmt: skip
    """The bundle of some motors in a month; signatures are not verified.

    span: the billing month, UTC ms. months: all revisions of the month.
    Raises InvalidValue when the ledger has no records of it, or they are signed with an HMAC key.
    """
    first, last = _range(db, span, motors, month, [each.month for each in months])
    declared = [(record.seq, record.body.get("key")) for record in records(db, "key")]
    seq, key = declared[-1] if declared else (0, None)
    if not isinstance(key, dict) or key.get("kind") != ED25519 or seq >= first:
        raise InvalidValue(codes.BUNDLE_WITHOUT_PUBLIC_KEY, month=month)
    lines = "select body from ledger where seq between ? and ? order by seq"
    return {
        "s": SCHEMA, "month": month, "from_ms": span[0], "to_ms": span[1], "motors": list(motors),
        "key": str(key.get("public")),
        "before": [line for _, line in _single(db, "seq < ?", first, BEFORE)],
        "lines": [line for (line,) in db.execute(lines, (first, last))],
        "after": [line for kind, line in _single(db, "seq > ?", last, AFTER) if kind != KIND or _of(line, month)],
        "plans": [file_body(version.signed) for version in plans],
        "months": [file_body(each.signed) for each in months],
    }  # fmt: skip


def _single(db: sqlite3.Connection, place: str, seq: int, kinds: Sequence[str]) -> list[tuple[str, str]]:
    """Kind and text of the lines of some kinds. place: condition on their numbers."""
    marks = ", ".join("?" for _ in kinds)
    query = f"select kind, body from ledger where {place} and kind in ({marks}) order by seq"
    return db.execute(query, (seq, *kinds)).fetchall()


def _of(line: str, month: str) -> bool:
    """Whether the line of a month is that of this one."""
    document = json.loads(line).get(KIND, {}).get("document", {})
    return bool(document.get("month") == month)


def _range(
    db: sqlite3.Connection, span: tuple[int, int], motors: Collection[str], month: str, issued: Sequence[ContractMonth]
) -> tuple[int, int]:  # fmt: skip
    """Numbers of the first and the last line: all records of the month, and the next checkpoint, if there is one."""
    found = [
        record.seq
        for record in records(db, INTERVAL)
        if record.body.get("asset") in motors and span[0] <= record.body.get("from_ms", -1) < span[1]
    ]
    if not found:
        raise InvalidValue(codes.BUNDLE_EMPTY, month=month, motors=tuple(motors))
    first = min([found[0], *(each.ledger.first for each in issued)])
    last = max([found[-1], *(each.ledger.last for each in issued)])
    query = "select min(seq) from ledger where kind = 'checkpoint' and seq > ?"
    [checkpoint] = db.execute(query, (last,)).fetchone()
    return first, checkpoint or last


def bundle_text(bundle: dict[str, Any]) -> str:
    """The bundle as a file; each line of the ledger stays as it is, as a string."""
    return json.dumps(bundle, ensure_ascii=False, indent=0) + "\n"

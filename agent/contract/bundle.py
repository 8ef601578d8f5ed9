"""The bundle of a month: the lines of the ledger and the signed plans, for a verifier without state file and magwatt.

Format and the steps of a verification: docs/reference/ledger-format.md.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable
from typing import Any

from agent.contract import reasons as codes
from agent.contract.documents import file_body
from agent.contract.plan_versions import PlanVersion
from agent.savings.ledger.chain import records
from agent.savings.ledger.interval_records import INTERVAL
from agent.savings.ledger.signing_key import ED25519
from drivers.reasons import InvalidValue

SCHEMA = "magwatt.bundle/1"
BEFORE = ("key", "baseline", "decision", "plan")  # kinds of single lines that precede those of the month


def bundle_of(
    db: sqlite3.Connection, month: str, span: tuple[int, int], motors: Collection[str], plans: Iterable[PlanVersion]
) -> dict[str, Any]:  # fmt: skip
    """The bundle of some motors in a month; signatures are not verified.

    span: the billing month, UTC ms.
    Raises InvalidValue when the ledger has no records of it, or they are signed with an HMAC key.
    """
    first, last = _range(db, span, motors, month)
    declared = [(record.seq, record.body.get("key")) for record in records(db, "key")]
    seq, key = declared[-1] if declared else (0, None)
    if not isinstance(key, dict) or key.get("kind") != ED25519 or seq >= first:
        raise InvalidValue(codes.BUNDLE_WITHOUT_PUBLIC_KEY, month=month)
    marks = ", ".join("?" for _ in BEFORE)
    before = f"select body from ledger where seq < ? and kind in ({marks}) order by seq"
    lines = "select body from ledger where seq between ? and ? order by seq"
    return {
        "s": SCHEMA, "month": month, "from_ms": span[0], "to_ms": span[1], "motors": list(motors),
        "key": str(key.get("public")),
        "before": [line for (line,) in db.execute(before, (first, *BEFORE))],
        "lines": [line for (line,) in db.execute(lines, (first, last))],
        "plans": [file_body(version.signed) for version in plans],
    }  # fmt: skip


def _range(db: sqlite3.Connection, span: tuple[int, int], motors: Collection[str], month: str) -> tuple[int, int]:
    """Numbers of the first and the last line: all records of the month, and the next checkpoint, if there is one."""
    found = [
        record.seq
        for record in records(db, INTERVAL)
        if record.body.get("asset") in motors and span[0] <= record.body.get("from_ms", -1) < span[1]
    ]
    if not found:
        raise InvalidValue(codes.BUNDLE_EMPTY, month=month, motors=tuple(motors))
    query = "select min(seq) from ledger where kind = 'checkpoint' and seq > ?"
    [checkpoint] = db.execute(query, (found[-1],)).fetchone()
    return found[0], checkpoint or found[-1]


def bundle_text(bundle: dict[str, Any]) -> str:
    """The bundle as a file; each line of the ledger stays as it is, as a string."""
    return json.dumps(bundle, ensure_ascii=False, indent=0) + "\n"

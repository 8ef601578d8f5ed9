"""Why a ledger is empty: since when the agent has been running, and when its first record is due."""

from __future__ import annotations

import sqlite3

from agent.savings.ledger import reasons as codes
from agent.savings.ledger.interval_records import HOUR_MS, SETTLED_MS
from drivers.reasons import Reason


def why_empty(db: sqlite3.Connection, now_ms: int) -> Reason:
    """Why the ledger has no record, and when the first one is due. Raises sqlite3.Error."""
    last = db.execute("select opened_ms, last_ms, closed from boots order by n desc limit 1").fetchone()
    first_ms = db.execute("select min(start_ms) from interval").fetchone()[0]
    if last is None and first_ms is None:
        return codes.LEDGER_EMPTY()
    opened_ms, last_ms, closed = last or (first_ms, first_ms, 1)
    due_ms = (opened_ms if first_ms is None else first_ms) // HOUR_MS * HOUR_MS + HOUR_MS + SETTLED_MS
    if closed:
        code = codes.FIRST_RECORD_PENDING_STOPPED if now_ms < due_ms else codes.FIRST_RECORD_OVERDUE_STOPPED
        return code(until_ms=last_ms, due_ms=due_ms)
    code = codes.FIRST_RECORD_PENDING if now_ms < due_ms else codes.FIRST_RECORD_OVERDUE
    return code(since_ms=opened_ms, due_ms=due_ms)

"""Why a ledger is still empty: since when the agent runs, and when its first record is due."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from agent.savings.hours import HOUR_MS, SETTLED_MS


def empty_said(db: sqlite3.Connection, now_ms: int, zone: str = "UTC") -> str:
    """Raises sqlite3.Error."""
    last = db.execute("select opened_ms, last_ms, closed from boots order by n desc limit 1").fetchone()
    first_ms = db.execute("select min(start_ms) from interval").fetchone()[0]
    if last is None and first_ms is None:
        return "the ledger is empty: no agent ran here yet"
    opened_ms, last_ms, closed = last or (first_ms, first_ms, 1)
    due_ms = (opened_ms if first_ms is None else first_ms) // HOUR_MS * HOUR_MS + HOUR_MS + SETTLED_MS
    ran = f"the agent ran until {_at(last_ms, zone)}" if closed else f"the agent runs since {_at(opened_ms, zone)}"
    if now_ms < due_ms:
        if closed:
            return f"the ledger is empty: {ran}; started again, it makes the first record at {_at(due_ms, zone)}"
        return f"the ledger is empty: {ran}, and makes the first record at {_at(due_ms, zone)}: look again then"
    why = "started again, it makes it" if closed else "it was killed, measures no motor, or its log says why it cannot"
    return f"the ledger is empty, though its first record was due at {_at(due_ms, zone)}: {ran}; {why}"


def _at(t_ms: int, zone: str) -> str:
    return f"{datetime.fromtimestamp(t_ms / 1000, UTC).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"

"""What reports and ledger records are made from, read from the state file or a copy of it, without writing anything."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from typing import Any

import msgspec

from agent.core.codec import decode_reason
from agent.savings import baseline as baselines
from agent.savings.keep import EVENT, FROZEN
from agent.savings.types import Baseline, Event, Interval


def intervals(db: sqlite3.Connection, asset: str, from_ms: int, to_ms: int) -> list[Interval]:
    """from_ms ≤ start < to_ms, in order. Raises ValueError for one that cannot be read."""
    rows = db.execute(
        "select start_ms, body from interval where asset = ? and start_ms >= ? and start_ms < ? order by start_ms",
        (asset, from_ms, to_ms),
    ).fetchall()
    return [_interval(asset, start_ms, text) for start_ms, text in rows]


def _interval(asset: str, start_ms: int, text: str) -> Interval:
    try:
        return msgspec.json.decode(text, type=Interval)
    except (msgspec.DecodeError, TypeError) as error:
        when = datetime.fromtimestamp(start_ms / 1000, UTC)
        raise ValueError(
            f"{asset}: the quarter hour of {when:%Y-%m-%d %H:%M} UTC in the state file cannot be read ({error}); "
            "magwatt ledger verify names its record"
        ) from None


def known_span(db: sqlite3.Connection, asset: str) -> tuple[int, int] | None:
    """First and last start of all intervals there are."""
    row = db.execute("select min(start_ms), max(start_ms) from interval where asset = ?", (asset,)).fetchone()
    return (row[0], row[1]) if row and row[0] is not None else None


def frozen_baseline(db: sqlite3.Connection, asset: str) -> tuple[Baseline | None, str]:
    """The one in force, and what is wrong with it."""
    try:
        body = _note(db, FROZEN, asset)
        if body is None:
            return None, ""
        found = baselines.from_json(body)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return None, f"the baseline in the store cannot be read: {error!r}"
    if not baselines.intact(found):
        return None, "the baseline in the store is not the one that was frozen: its hash differs"
    return found, ""


def events(db: sqlite3.Connection, asset: str, from_ms: int, to_ms: int) -> list[Event]:
    """Those that touch this time, in order. Raises ValueError for one that cannot be read."""
    rows = db.execute("select name, body from note where kind = ?", (EVENT,)).fetchall()
    found = [_event(name, text) for name, text in rows]
    return sorted(
        (
            event
            for event in found
            if event.asset == asset and event.from_ms < to_ms and (event.to_ms is None or event.to_ms > from_ms)
        ),
        key=lambda event: (event.from_ms, event.number),
    )


def _event(name: str, text: str) -> Event:
    try:
        return msgspec.json.decode(text, type=Event, dec_hook=decode_reason)
    except (msgspec.MsgspecError, TypeError) as error:
        raise ValueError(
            f"the event {name} in the state file cannot be read ({error}); see magwatt ledger verify"
        ) from None


def _note(db: sqlite3.Connection, kind: str, name: str) -> Any:
    row = db.execute("select body from note where kind = ? and name = ?", (kind, name)).fetchone()
    return json.loads(row[0]) if row else None

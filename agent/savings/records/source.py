"""Intervals, baselines and events of the state file or of a copy of it, read only: for reports and the ledger."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import msgspec

from agent.core.codec import decode_reason
from agent.savings.baseline import baseline as baselines
from agent.savings.reasons import BASELINE_CHANGED, BASELINE_UNREADABLE, EVENT_UNREADABLE, INTERVAL_UNREADABLE
from agent.savings.records.keep import EVENT, FROZEN
from agent.savings.records.model import Baseline, Interval, NonRoutineEvent
from drivers.reasons import InvalidValue, Reason


def intervals(db: sqlite3.Connection, asset: str, from_ms: int, to_ms: int) -> list[Interval]:
    """Intervals with from_ms ≤ start < to_ms, in order. Raises InvalidValue for one that cannot be read."""
    rows = db.execute(
        "select start_ms, body from interval where asset = ? and start_ms >= ? and start_ms < ? order by start_ms",
        (asset, from_ms, to_ms),
    ).fetchall()
    return [_interval(asset, start_ms, text) for start_ms, text in rows]


def _interval(asset: str, start_ms: int, text: str) -> Interval:
    try:
        return msgspec.json.decode(text, type=Interval)
    except (msgspec.DecodeError, TypeError) as error:
        raise InvalidValue(INTERVAL_UNREADABLE, asset=asset, start_ms=start_ms, error=str(error)) from None


def known_span(db: sqlite3.Connection, asset: str) -> tuple[int, int] | None:
    """Start of the first and of the last interval of an asset; None without intervals."""
    row = db.execute("select min(start_ms), max(start_ms) from interval where asset = ?", (asset,)).fetchone()
    return (row[0], row[1]) if row and row[0] is not None else None


def frozen_baseline(db: sqlite3.Connection, asset: str) -> tuple[Baseline | None, Reason | None]:
    """The baseline in force (None: there is none that can be used), and what is wrong with it (None: nothing)."""
    try:
        body = _note(db, FROZEN, asset)
        if body is None:
            return None, None
        found = baselines.from_json(body)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return None, BASELINE_UNREADABLE(error=repr(error))
    if not baselines.intact(found):
        return None, BASELINE_CHANGED()
    return found, None


def events(db: sqlite3.Connection, asset: str, from_ms: int, to_ms: int) -> list[NonRoutineEvent]:
    """Non-routine events that overlap this time, in order. Raises InvalidValue for one that cannot be read."""
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


def _event(name: str, text: str) -> NonRoutineEvent:
    try:
        return msgspec.json.decode(text, type=NonRoutineEvent, dec_hook=decode_reason)
    except (msgspec.MsgspecError, TypeError) as error:
        raise InvalidValue(EVENT_UNREADABLE, name=name, error=str(error)) from None


def _note(db: sqlite3.Connection, kind: str, name: str) -> Any:
    row = db.execute("select body from note where kind = ? and name = ?", (kind, name)).fetchone()
    return json.loads(row[0]) if row else None

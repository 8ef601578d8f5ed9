"""Corrects the times of rows that are still in the spool, when it is known how wrong their clock was."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

CHUNK = 1000
_TIMES_IN_VALUES = ("event_start_ms", "snapshot_start_ms")


def shift_rows(db: sqlite3.Connection, boot: int, delta_ms: int, after: int, seen: tuple[int, int]) -> int:
    """Adds delta_ms (signed) to all times of each row of that boot with a sequence above `after`; returns how many.

    seen: sequence and time, by the old clock, when the step was made: of later rows those are moved that are nearer to
    that time than to the new one, for they were measured before.
    """
    moved, above, (up_to, old_ms) = 0, 0, seen
    while rows := db.execute(
        "select n, payload from spool where n > ? and boot = ? and seq > ? "
        "and (seq <= ? or abs(t_ms - ?) < abs(t_ms - ?)) order by n limit ?",
        (above, boot, after, up_to, old_ms, old_ms + delta_ms, CHUNK),
    ).fetchall():
        db.executemany(
            "update spool set t_ms = t_ms + ?, payload = ? where n = ?",
            [(delta_ms, shifted(payload, delta_ms), n) for n, payload in rows],
        )
        moved, above = moved + len(rows), rows[-1][0]
    return moved


def shifted(payload: bytes, delta_ms: int) -> bytes:
    """The message with every time in it moved; its id and all else stay. As it is when it is no message."""
    try:
        body: Any = msgspec.json.decode(payload)
    except msgspec.DecodeError:
        return payload
    if not isinstance(body, dict) or not isinstance(body.get("t"), int):
        return payload
    body["t"] += delta_ms
    values = body.get("v")
    if isinstance(values, dict):
        for name in _TIMES_IN_VALUES:
            if isinstance(values.get(name), int):
                values[name] += delta_ms
    return msgspec.json.encode(body)

"""Corrects the times of rows in the spool when the error of their clock is known."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

CHUNK = 1000
_KEY, _NAMES = "n, boot, seq", "cast(asset as blob), cast(kind as blob)"  # arguments of row_crc
_TIMES_IN_VALUES = ("event_start_ms", "snapshot_start_ms")


def correct_timestamps(db: sqlite3.Connection, run_id: int, delta_ms: int, after: int, seen: tuple[int, int]) -> int:
    """Adds delta_ms (signed) to all times of the rows of a run with a sequence above `after`; returns their number.

    seen: sequence and time, on the old clock, when the clock was stepped. A later row is corrected when its time is
    nearer to the old than to the new time, because it was measured before the step.
    """
    corrected, above, (up_to, old_ms) = 0, 0, seen
    while rows := db.execute(
        "select n, payload from spool where n > ? and boot = ? and seq > ? "
        "and (seq <= ? or abs(t_ms - ?) < abs(t_ms - ?)) order by n limit ?",
        (above, run_id, after, up_to, old_ms, old_ms + delta_ms, CHUNK),
    ).fetchall():
        db.executemany(
            f"update spool set t_ms = t_ms + ?1, payload = ?2, crc = row_crc({_KEY}, t_ms + ?1, {_NAMES}, ?2) "
            f"where n = ?3 and (crc is null or crc = row_crc({_KEY}, t_ms, {_NAMES}, payload))",
            [(delta_ms, shifted(payload, delta_ms), n) for n, payload in rows],
        )
        corrected, above = corrected + len(rows), rows[-1][0]
    return corrected


def shifted(payload: bytes, delta_ms: int) -> bytes:
    """The message with all its times shifted, otherwise unchanged. A payload that is not a message stays as it is."""
    try:
        body = msgspec.json.decode(payload, type=dict[str, Any])
        body["t"] += delta_ms
    except (msgspec.DecodeError, KeyError, TypeError):
        return payload
    values = body.get("v", {})
    for name in _TIMES_IN_VALUES:
        if isinstance(values.get(name), int):
            values[name] += delta_ms
    return msgspec.json.encode(body)

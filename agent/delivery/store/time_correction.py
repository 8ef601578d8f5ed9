"""Corrects the times of rows in the spool when the error of their clock is known."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from agent.delivery.store.data_gaps import ANNOUNCED
from agent.delivery.store.row import CRC_MASK

CHUNK = 1000
_KEY, _NAMES = "n, boot, seq", "cast(asset as blob), cast(kind as blob)"  # arguments of row_crc
_TIMES_IN_VALUES = ("event_start_ms", "snapshot_start_ms")


def correct_timestamps(db: sqlite3.Connection, run_id: int, delta_ms: int, after: int, seen: tuple[int, int]) -> int:
    """Adds delta_ms (signed) to all times of the rows of a run with a sequence above `after`; returns their number.

    Times before the start of the run are those of earlier runs and stay, such as the start of the gap of a kill. If
    the time was not known since the start (after = 0), the start itself and gaps that wait to be announced move too.

    seen: sequence and time, on the old clock, when the clock was stepped. A later row is corrected when its time is
    nearer to the old than to the new time, because it was measured before the step.
    """
    corrected, above, (up_to, old_ms) = 0, 0, seen
    row = db.execute("select opened_ms from boots where n = ?", (run_id,)).fetchone()
    opened_ms = int(row[0]) if row else 0
    while rows := db.execute(
        "select n, t_ms, payload from spool where n > ? and boot = ? and seq > ? "
        "and (seq <= ? or abs(t_ms - ?) < abs(t_ms - ?)) order by n limit ?",
        (above, run_id, after, up_to, old_ms, old_ms + delta_ms, CHUNK),
    ).fetchall():
        db.executemany(
            f"update spool set t_ms = t_ms + ?1, payload = ?2, "
            f"checks = checks & ~{CRC_MASK} | row_crc({_KEY}, t_ms + ?1, {_NAMES}, ?2) "
            f"where n = ?3 and checks & {CRC_MASK} = row_crc({_KEY}, t_ms, {_NAMES}, payload)",
            [(delta_ms * (t_ms >= opened_ms), shifted(payload, delta_ms, opened_ms), n) for n, t_ms, payload in rows],
        )
        corrected, above = corrected + len(rows), rows[-1][0]
    if not after:
        db.execute("update boots set opened_ms = opened_ms + ? where n = ?", (delta_ms, run_id))
        db.execute(
            "update gaps set from_ms = from_ms + ? * (from_ms > ?), to_ms = to_ms + ? "
            "where announced != ? and to_ms >= ?",
            (delta_ms, opened_ms, delta_ms, ANNOUNCED, opened_ms),
        )
    return corrected


def shifted(payload: bytes, delta_ms: int, opened_ms: int) -> bytes:
    """The message with its times since opened_ms shifted. A payload that is not a message stays as it is."""
    try:
        body = msgspec.json.decode(payload, type=dict[str, Any])
        body["t"] += delta_ms * (body["t"] >= opened_ms)
    except (msgspec.DecodeError, KeyError, TypeError):
        return payload
    values = body.get("v", {})
    for name in _TIMES_IN_VALUES:
        if isinstance(at_ms := values.get(name), int) and at_ms > opened_ms:
            values[name] += delta_ms
    return msgspec.json.encode(body)

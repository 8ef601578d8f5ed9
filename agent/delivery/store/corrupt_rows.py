"""Finds rows of the spool whose checksum is wrong: flash memory can change bytes that SQLite does not check."""

from __future__ import annotations

from typing import Any

from agent.delivery.store.batch import Rejection
from agent.delivery.store.reasons import ROW_CORRUPT
from agent.delivery.store.row import IMPORTANCE, StoredRow, checksum

_DAY_MS = 86_400_000


def intact(rows: list[tuple[Any, ...]], now_ms: int) -> tuple[list[StoredRow], list[Rejection]]:
    """The intact rows, and the rejections of the corrupt ones.

    rows: n, run, sequence, t_ms, asset, kind, payload, checksum, in order.
    """
    found = [None if _is_corrupt(*row) else StoredRow(row[0], f"{row[1]}-{row[2]}", *row[3:7]) for row in rows]
    corrupt = [
        Rejection(row[0], ROW_CORRUPT(), _span(row, found[:index], found[index + 1 :], now_ms))
        for index, row in enumerate(rows)
        if found[index] is None
    ]
    return [row for row in found if row is not None], corrupt


def _is_corrupt(n: int, run_id: int, seq: int, t_ms: Any, asset: Any, kind: Any, payload: Any, crc: object) -> bool:
    """A corrupt record header can change the type of any column, and leave the last one without a value."""
    try:
        return crc != checksum(n, run_id, seq, t_ms, asset.encode() if asset else None, kind.encode(), payload)
    except (AttributeError, OverflowError, TypeError, ValueError):
        return True


def _span(
    row: tuple[Any, ...], before: list[StoredRow | None], after: list[StoredRow | None], now_ms: int
) -> tuple[str, int, int]:
    """Message type and time span of the gap of a corrupt row, whose own columns may be wrong: the times of its
    neighbors, and its own where it is near them."""
    near = [next((other.t_ms for other in side if other is not None), None) for side in (before[::-1], after)]
    times = [t_ms for t_ms in near if t_ms is not None]
    t_ms = row[3]
    if isinstance(t_ms, int) and any(abs(t_ms - other_ms) < _DAY_MS for other_ms in times or [now_ms]):
        times.append(t_ms)
    kind = row[5] if row[5] in IMPORTANCE else "*"
    return (kind, min(times), max(times)) if times else (kind, 0, now_ms)

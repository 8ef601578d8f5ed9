"""Finds rows of the spool whose checksum is wrong: flash memory can change bytes that SQLite does not check."""

from __future__ import annotations

from typing import Any

from agent.delivery.store.batch import Rejection
from agent.delivery.store.reasons import ROW_CORRUPT
from agent.delivery.store.row import CRC_MASK, IMPORTANCE, StoredRow, checksum

NEAR = 8  # rows of one moment are not in the order of their times


def intact(rows: list[tuple[Any, ...]], oldest_ms: int, now_ms: int) -> tuple[list[StoredRow], list[Rejection]]:
    """The intact rows, and the rejections of the corrupt ones.

    rows: n, run, sequence, t_ms, asset, kind, payload, checks, in order.
    oldest_ms, now_ms: times between which all rows were measured.
    """
    found = [None if _is_corrupt(*row) else StoredRow(row[0], f"{row[1]}-{row[2]}", *row[3:7]) for row in rows]
    corrupt = []
    for index, row in enumerate(rows):
        if found[index] is None:
            kind = row[5] if row[5] in IMPORTANCE else "*"
            span = _span(found[:index], found[index + 1 :], oldest_ms, now_ms)
            corrupt.append(Rejection(row[0], ROW_CORRUPT(), (kind, *span)))
    return [row for row in found if row is not None], corrupt


def _is_corrupt(n: int, run_id: int, seq: int, t_ms: Any, asset: Any, kind: Any, payload: Any, checks: Any) -> bool:
    """A corrupt record header can change the type of any column, and leave the last one without a value."""
    try:
        crc = checksum(n, run_id, seq, t_ms, asset.encode() if asset else None, kind.encode(), payload)
        return bool(checks & CRC_MASK != crc)
    except (AttributeError, OverflowError, TypeError, ValueError):
        return True


def _span(
    before: list[StoredRow | None], after: list[StoredRow | None], oldest_ms: int, now_ms: int
) -> tuple[int, int]:
    """Time span of a corrupt row, whose own columns may be wrong: that of its neighbors."""
    earlier = [row.t_ms for row in before[-NEAR:] if row is not None]
    later = [row.t_ms for row in after[:NEAR] if row is not None]
    times = [*earlier, *later] + [oldest_ms] * (not earlier) + [now_ms] * (not later)
    return min(times), max(times)

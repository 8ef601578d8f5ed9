"""Rows of the history: read from a store or a state file that is open read-only, and deleted when space is short."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

SECOND_S, MINUTE_S, QUARTER_S = 1, 60, 900
_MINUTE_MS = 60_000
Stats = list[float]  # n, mean, minimum, maximum, flags
Rows = Callable[[str, tuple[Any, ...]], Iterable[Any]]  # runs a query, such as `Store.rows`
CHUNK = 50  # rows
# The oldest row of each asset, by two look-ups each: a scan of all rows would read the whole file
_OLDEST = """
with recursive known(asset) as (
    select min(asset) from history where step_s = :step_s
    union all
    select (select min(asset) from history where step_s = :step_s and asset > known.asset) from known
    where known.asset is not null
)
select asset, (select min(t_ms) from history where step_s = :step_s and asset = known.asset) from known
where asset is not null
"""
_QUERY = "select t_ms, body from history where step_s = ? and asset = ? and t_ms >= ? and t_ms < ? order by t_ms"


def read_stats(
    rows: Rows, asset: str, metrics: Sequence[str], step_s: int, from_ms: int, to_ms: int
) -> dict[str, list[tuple[int, Stats]]]:
    """Metric → start in UTC ms and statistics of each interval with from_ms ≤ t < to_ms, in order.

    step_s: 1 (single values, n = 1, without flags), 60 or 900.
    """
    found: dict[str, list[tuple[int, Stats]]] = {metric: [] for metric in metrics}
    if step_s == SECOND_S:
        _add_singles(rows, asset, from_ms, to_ms, found)
        return found
    decode = msgspec.json.Decoder(_selected(metrics, Stats)).decode  # skips the other 70 metrics of a row
    for start_ms, packed in rows(_QUERY, (step_s, asset, from_ms, to_ms)):
        body = decode(zlib.decompress(packed))
        for number, metric in enumerate(metrics):
            if (stats := getattr(body, f"f{number}")) is not None:
                found[metric].append((start_ms, stats))
    return found


def delete_oldest(db: sqlite3.Connection, step_s: int) -> int:
    """Deletes the oldest rows of one step, about CHUNK; returns how many. In a transaction of the caller."""
    oldest = dict(db.execute(_OLDEST, {"step_s": step_s}).fetchall())
    if not oldest:
        return 0
    end_ms = min(oldest.values()) + 1000 * max(step_s, MINUTE_S) * max(1, CHUNK // len(oldest))
    query = "delete from history where step_s = ? and asset = ? and t_ms < ?"
    return sum(db.execute(query, (step_s, asset, end_ms)).rowcount for asset in oldest)


def _add_singles(rows: Rows, asset: str, from_ms: int, to_ms: int, found: dict[str, list[tuple[int, Stats]]]) -> None:
    columns = _selected(list(found), list[Any])
    decode = msgspec.json.Decoder(msgspec.defstruct("Minute", [("t", list[int]), ("v", columns)])).decode
    for _, packed in rows(_QUERY, (SECOND_S, asset, from_ms // _MINUTE_MS * _MINUTE_MS, to_ms)):
        body: Any = decode(zlib.decompress(packed))
        for number, points in enumerate(found.values()):
            column = getattr(body.v, f"f{number}") or []
            points += [
                (t_ms, [1, value, value, value, 0])
                for t_ms, value in zip(body.t, column, strict=False)
                if value is not None and from_ms <= t_ms < to_ms
            ]


def _selected(metrics: Sequence[str], kind: Any) -> type[msgspec.Struct]:
    """A record of these metrics: fields f0, f1, … in their order."""
    names = [f"f{number}" for number in range(len(metrics))]
    return msgspec.defstruct(
        "Selected", [(name, kind | None, None) for name in names], rename=dict(zip(names, metrics, strict=True))
    )

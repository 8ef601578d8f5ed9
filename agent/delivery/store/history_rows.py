"""Rows of the history: read from a store or a state file that is open read-only, and deleted when space is short.

A row of 1 s is compressed JSON with the single values of a minute. A row of 1 min or 15 min has statistics of one
interval: packed, or written by earlier software as compressed JSON. The names of packed values are in rows of step
LAYOUT_STEP, a few for each asset, whose time is the number of the layout. Software that does not know this step
leaves them alone.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from agent.delivery.store.interval_stats import Stats
from agent.delivery.store.packed_stats import PACKED, RowLayout, stored_layout, unpack

LAYOUT_STEP, SECOND_S, MINUTE_S, QUARTER_S = -2, 1, 60, 900
_MINUTE_MS = 60_000
Rows = Callable[[str, tuple[Any, ...]], Iterable[Any]]  # runs a query, such as `Store.rows`
Decode = Callable[[bytes], dict[str, Stats]]
# Significant digits: with seven a 32-bit float is the published value, which has six. Of 1 s also counters are stored.
DIGITS = {SECOND_S: 12, MINUTE_S: 7, QUARTER_S: 7}
CHUNK = {SECOND_S: 50, MINUTE_S: 500, QUARTER_S: 500}  # rows: about as many bytes
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
_LAYOUTS = "select body from history where step_s = ? and asset = ?"


def read_stats(
    rows: Rows, asset: str, metrics: Sequence[str], step_s: int, from_ms: int, to_ms: int
) -> dict[str, list[tuple[int, Stats]]]:
    """Metric → start in UTC ms and statistics of each interval with from_ms ≤ t < to_ms, in order.

    step_s: 1 (single values, n = 1, without flags), 60 or 900.
    """
    found: dict[str, list[tuple[int, Stats]]] = {metric: [] for metric in metrics}
    for t_ms, row in read_rows(rows, asset, metrics, step_s, from_ms, to_ms):
        for metric, stats in row.items():
            found[metric].append((t_ms, stats))
    return found


def read_rows(
    rows: Rows, asset: str, metrics: Sequence[str], step_s: int, from_ms: int, to_ms: int
) -> Iterator[tuple[int, dict[str, Stats]]]:
    """As `read_stats`, one interval after the other, with the metrics that it has. Unreadable rows are left out."""
    if step_s == SECOND_S:
        yield from _singles(rows, asset, metrics, from_ms, to_ms)
        return
    decode = decoder(read_layouts(rows, asset), metrics)
    for t_ms, body in rows(_QUERY, (step_s, asset, from_ms, to_ms)):
        yield t_ms, decode(body)


def decoder(known: Iterable[RowLayout], metrics: Sequence[str] | None = None) -> Decode:
    """A function that returns the statistics of these metrics in a body of 1 min or 15 min; None: of all."""
    layouts = {layout.number: layout for layout in known}
    earlier: Decode | None = None

    def decode(body: bytes) -> dict[str, Stats]:
        nonlocal earlier
        if body[:1] == bytes([PACKED]):
            return unpack(body, layouts, metrics)
        earlier = earlier or _json_decoder(metrics)
        return earlier(body)

    return decode


def read_layouts(rows: Rows, asset: str) -> list[RowLayout]:
    """The layouts of the packed rows of an asset, without unreadable ones."""
    found = []
    for (body,) in rows(_LAYOUTS, (LAYOUT_STEP, asset)):
        try:
            found.append(stored_layout(body))
        except msgspec.DecodeError:
            continue
    return found


def delete_oldest(db: sqlite3.Connection, step_s: int) -> int:
    """Deletes the oldest rows of one step, about CHUNK; returns how many. In a transaction of the caller."""
    oldest = dict(db.execute(_OLDEST, {"step_s": step_s}).fetchall())
    if not oldest:
        return 0
    end_ms = min(oldest.values()) + 1000 * max(step_s, MINUTE_S) * max(1, CHUNK[step_s] // len(oldest))
    query = "delete from history where step_s = ? and asset = ? and t_ms < ?"
    return sum(db.execute(query, (step_s, asset, end_ms)).rowcount for asset in oldest)


def _json_decoder(metrics: Sequence[str] | None) -> Decode:
    """Of rows of earlier software: [n, mean, minimum, maximum, flags] by metric."""
    if metrics is None:
        every = msgspec.json.Decoder(dict[str, tuple[int, float, float, float, int]]).decode
        return lambda body: {name: Stats(*values) for name, values in _decoded(every, body, {}).items()}
    fields = {metric: f"f{number}" for number, metric in enumerate(metrics)}
    some = msgspec.json.Decoder(_selected(metrics, tuple[int, float, float, float, int])).decode  # skips the others

    def decode(body: bytes) -> dict[str, Stats]:
        row = _decoded(some, body, None)
        found = ((metric, getattr(row, field, None)) for metric, field in fields.items())
        return {metric: Stats(*values) for metric, values in found if values is not None}

    return decode


def _decoded(decode: Callable[[bytes], Any], body: bytes, default: Any) -> Any:
    try:
        return decode(zlib.decompress(body))
    except (zlib.error, msgspec.DecodeError, TypeError):  # the latter: changed bytes made the blob a text or a number
        return default


def _singles(
    rows: Rows, asset: str, metrics: Sequence[str], from_ms: int, to_ms: int
) -> Iterator[tuple[int, dict[str, Stats]]]:
    columns = _selected(metrics, list[Any])
    decode = msgspec.json.Decoder(msgspec.defstruct("Minute", [("t", list[int]), ("v", columns)])).decode
    for _, packed in rows(_QUERY, (SECOND_S, asset, from_ms // _MINUTE_MS * _MINUTE_MS, to_ms)):
        body = _decoded(decode, packed, None)
        for index, t_ms in enumerate(body.t if body else ()):
            if not from_ms <= t_ms < to_ms:
                continue
            found = {}
            for number, metric in enumerate(metrics):
                column = getattr(body.v, f"f{number}") or ()
                if index < len(column) and (value := column[index]) is not None:
                    found[metric] = Stats(1, value, value, value)
            yield t_ms, found


def _selected(metrics: Sequence[str], kind: Any) -> type[msgspec.Struct]:
    """A record of these metrics: fields f0, f1, … in their order."""
    names = [f"f{number}" for number in range(len(metrics))]
    return msgspec.defstruct(
        "Selected", [(name, kind | None, None) for name in names], rename=dict(zip(names, metrics, strict=True))
    )

"""The minutes of the history in the state file as files of the lake: one row for each motor and minute.

Of each metric that the history keeps: the mean <metric>, where kept <metric>_min, <metric>_max and <metric>_u, and the
number of values <metric>_n. `flags` is the union of the flags of all metrics, as names separated by spaces.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from agent.delivery.files.lake.parts import Origin, folder_of, write
from agent.delivery.files.lake.rows import DAY_MS, day_of, in_order
from agent.delivery.store.history_rows import MINUTE_S, decoder, read_layouts
from agent.delivery.store.interval_stats import Stats
from drivers.reading import Quality

DATASET = "minute"
_QUERY = "select t_ms, body from history where step_s = ? and asset = ? and t_ms >= ? and t_ms < ? order by t_ms"
_FLAGS = "flags"


def export_minutes(db: sqlite3.Connection, lake: Path, origin: Origin, after_ms: int, to_ms: int) -> int:
    """Writes the complete UTC days from after_ms (0: the oldest one) to to_ms, a file for each; returns to_ms.

    Raises OSError, sqlite3.Error.
    """
    if not after_ms:
        (oldest,) = db.execute("select min(t_ms) from history where step_s = ?", (MINUTE_S,)).fetchone()
        after_ms = to_ms if oldest is None else oldest // DAY_MS * DAY_MS
    for from_ms in range(after_ms, to_ms, DAY_MS):
        table = minute_table(_minutes(db, from_ms, from_ms + DAY_MS))
        if table.num_rows:
            day = day_of(from_ms)
            write(folder_of(lake, DATASET, origin, month=day[:7]) / f"part-{day}.parquet", table, origin)
    return max(after_ms, to_ms)


def minute_table(rows: Iterable[tuple[str, int, dict[str, Stats]]]) -> pa.Table:
    """Rows of asset, start in UTC milliseconds and statistics by metric."""
    assets, times, flags = list[str](), list[int](), list[str | None]()
    columns: dict[str, list[float | None]] = {}
    for asset, t_ms, found in rows:
        union = Quality.GOOD
        for metric, stats in found.items():
            union |= Quality(stats.flags)
            for suffix, value in (("", stats.mean), ("_n", stats.n), ("_min", stats.minimum), ("_max", stats.maximum),
                                  ("_u", stats.u)):  # fmt: skip
                if value is not None:
                    column = columns.setdefault(metric + suffix, [])
                    column.extend([None] * (len(times) - len(column)))
                    column.append(value)
        assets.append(asset)
        times.append(t_ms)
        flags.append(" ".join(union.names()) or None)
    frame = {
        "t": pa.array(times, pa.timestamp("ms", tz="UTC")), "asset": pa.array(assets, pa.string()).dictionary_encode(),
        _FLAGS: pa.array(flags, pa.string()).dictionary_encode(),
    }  # fmt: skip
    for name, column in sorted(columns.items()):
        column.extend([None] * (len(times) - len(column)))
        frame[name] = pa.array(column, pa.int32() if name.endswith("_n") else pa.float32())
    return in_order(pa.table(frame))


def _minutes(db: sqlite3.Connection, from_ms: int, to_ms: int) -> Iterator[tuple[str, int, dict[str, Stats]]]:
    assets = db.execute("select distinct asset from history where step_s = ? and t_ms >= ? and t_ms < ?",
                        (MINUTE_S, from_ms, to_ms)).fetchall()  # fmt: skip
    for (asset,) in assets:
        decode = decoder(read_layouts(lambda query, values: db.execute(query, values).fetchall(), asset))
        for t_ms, body in db.execute(_QUERY, (MINUTE_S, asset, from_ms, to_ms)).fetchall():
            yield asset, t_ms, decode(body)

"""History of measured values: as polled ("1 s") and as means of 1 min and 15 min, each with its own retention.

Telemetry is collected for one minute and then added to one row per step; a kill loses the current minute, also of the
15 min values. Rows of 1 s have all metrics, the others those that agent/core/kept.py keeps.
"""

from __future__ import annotations

import math
import sqlite3
import zlib
from array import array
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct, field

from agent.core.kept import NOTHING
from agent.core.messages import Message
from agent.core.metrics import kept
from agent.delivery.store.history_rows import (
    DIGITS,
    LAYOUT_STEP,
    MINUTE_S,
    QUARTER_S,
    SECOND_S,
    decoder,
    read_layouts,
    read_stats,
)
from agent.delivery.store.interval_stats import Stats, joined
from agent.delivery.store.packed_stats import RowLayout, pack
from agent.delivery.store.store import Store
from drivers.reading import BAD, Quality

_MINUTE_MS, _QUARTER_MS = 60_000, 900_000


class HistoryPoint(Struct, frozen=True):
    """One value of the history.

    t_ms: UTC milliseconds of the start of the interval; for single values the time of the sample.
    n: number of usable values.
    mean, minimum, maximum: mean, minimum and maximum of these values; None: not kept of this metric.
    flags: union of their flags; not stored for single values.
    u: mean of their expanded uncertainties; None: there is none, or it was not kept.
    """

    t_ms: int
    n: int
    mean: float
    minimum: float | None
    maximum: float | None
    flags: Quality
    u: float | None = None


class _Minute(Struct):
    """Rows of one minute, in arrays: lists of numbers would need four times as much memory.

    values: metric → value of each row, NaN: none is usable; at its end, those of rows without the metric are missing.
    flags: metric → union of the flags of its usable values.
    uncertainties: metric → sum and number.
    """

    start_ms: int
    times_ms: array[int] = field(default_factory=lambda: array("q"))
    values: dict[str, array[float]] = field(default_factory=dict)
    flags: dict[str, int] = field(default_factory=dict)
    uncertainties: dict[str, tuple[float, int]] = field(default_factory=dict)

    def add(self, message: Message) -> None:
        index = len(self.times_ms)
        self.times_ms.append(message.t_ms)
        for name, value in message.values.items():
            flag = message.flags.get(name, Quality.GOOD) | message.quality
            column = self.values.get(name)
            if column is None:
                column = self.values[name] = array("d")
            if len(column) < index:
                column.extend([math.nan] * (index - len(column)))
            if not isinstance(value, int | float) or flag & BAD:
                column.append(math.nan)
                continue
            column.append(value)
            if flag:
                self.flags[name] = self.flags.get(name, 0) | int(flag)
            if name in message.uncertainties:
                total, count = self.uncertainties.get(name, (0.0, 0))
                self.uncertainties[name] = total + message.uncertainties[name], count + 1


class History:
    """A live sink.

    keep_s: retention of values of 1 s, 1 min and 15 min, seconds; 0 for 1 s: no such history.
    """

    def __init__(self, store: Store, keep_s: tuple[float, float, float]) -> None:
        self._store, self._keep_s = store, keep_s
        self._minutes: dict[str, _Minute] = {}

    def on_published(self, message: Message) -> None:
        if message.kind != "telemetry" or message.asset is None:
            return
        start_ms = message.t_ms // _MINUTE_MS * _MINUTE_MS
        minute = self._minutes.get(message.asset)
        if minute is None or minute.start_ms != start_ms:
            if minute is not None:
                self._put(message.asset, minute)
            minute = self._minutes[message.asset] = _Minute(start_ms)
        minute.add(message)

    def reconfigure(self, *_changed: object) -> None:
        """Another retention requires a restart."""

    def start(self) -> None:
        """Nothing to do: earlier parts of a minute are merged when it is written."""

    def stop(self) -> None:
        """Writes the incomplete minutes; later parts are merged with them."""
        for asset, minute in self._minutes.items():
            self._put(asset, minute)
        self._minutes.clear()

    def points(self, asset: str, metric: str, step_s: int, from_ms: int, to_ms: int) -> list[HistoryPoint]:
        """Values with from_ms ≤ t < to_ms, in order, without the current minute. step_s: 1, 60 or 900."""
        found = read_stats(self._store.rows, asset, [metric], step_s, from_ms, to_ms)[metric]
        return [HistoryPoint(t_ms, n, mean, low, high, Quality(flags), u)
                for t_ms, stats in found
                for n, mean, low, high, flags, u in [stats.rounded(DIGITS[step_s])]]  # fmt: skip

    def _put(self, asset: str, minute: _Minute) -> None:
        self._store.post(_write_minute(asset, minute, self._keep_s, self._store.oldest_ms), deferred=True)


def _write_minute(
    asset: str, minute: _Minute, keep_s: tuple[float, float, float], oldest_ms: Callable[[float], int]
) -> Callable[[sqlite3.Connection], None]:
    stats = _statistics(minute)

    def job(db: sqlite3.Connection) -> None:
        if keep_s[0] > 0:
            _add_singles(db, asset, minute)
        if stats:
            _add_statistics(db, asset, minute.start_ms, stats)
        for step_s, kept_s in zip((SECOND_S, MINUTE_S, QUARTER_S), keep_s, strict=True):
            db.execute(
                "delete from history where step_s = ? and asset = ? and t_ms < ?",
                (step_s, asset, oldest_ms(kept_s) - 1000 * max(step_s, MINUTE_S)),  # t_ms is the start of the row
            )

    return job


def _statistics(minute: _Minute) -> dict[str, Stats]:
    """Statistics of the metrics that are kept and have a usable value."""
    found = {}
    for name, column in minute.values.items():
        if kept(name) == NOTHING or not (values := [value for value in column if not math.isnan(value)]):
            continue
        total_u, count_u = minute.uncertainties.get(name, (0.0, 0))
        u = total_u / count_u if count_u else None
        flags = minute.flags.get(name, 0)
        found[name] = Stats(len(values), sum(values) / len(values), min(values), max(values), flags, u)
    return found


def _add_statistics(db: sqlite3.Connection, asset: str, start_ms: int, stats: dict[str, Stats]) -> None:
    """Adds a minute, or a part of it, to the rows of the minute and of the quarter of an hour."""
    layouts = read_layouts(db.execute, asset)
    decode = decoder(layouts)
    layout = max(layouts, key=lambda known: len(known.columns), default=RowLayout(()))
    for step_s, t_ms in ((MINUTE_S, start_ms), (QUARTER_S, start_ms // _QUARTER_MS * _QUARTER_MS)):
        before = _load(db, step_s, asset, t_ms)
        found = joined([decode(before), stats]) if before else stats
        wider = layout.widened(found)
        if wider is not layout:
            layout = wider
            _save(db, LAYOUT_STEP, asset, layout.number, layout.body)
        _save(db, step_s, asset, t_ms, pack(found, layout))


def _add_singles(db: sqlite3.Connection, asset: str, minute: _Minute) -> None:
    columns = {name: column.tolist() for name, column in minute.values.items()}  # NaN becomes null
    more: dict[str, Any] = {"t": minute.times_ms.tolist(), "v": columns}
    if before := _load(db, SECOND_S, asset, minute.start_ms):
        more = _appended(msgspec.json.decode(zlib.decompress(before), type=dict[str, Any]), more)
    _save(db, SECOND_S, asset, minute.start_ms, zlib.compress(msgspec.json.encode(more), 1))


def _appended(before: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    index = len(before["t"])
    values = {name: column + [None] * (index - len(column)) for name, column in before["v"].items()}
    for name, column in more["v"].items():
        values[name] = values.get(name, [None] * index) + column
    return {"t": before["t"] + more["t"], "v": values}


def _load(db: sqlite3.Connection, step_s: int, asset: str, t_ms: int) -> bytes | None:
    query = "select body from history where step_s = ? and asset = ? and t_ms = ?"
    row = db.execute(query, (step_s, asset, t_ms)).fetchone()
    return row[0] if row else None


def _save(db: sqlite3.Connection, step_s: int, asset: str, t_ms: int, body: bytes) -> None:
    db.execute("insert or replace into history values (?, ?, ?, ?)", (step_s, asset, t_ms, body))

"""History of measured values: as polled ("1 s") and as means of 1 min and 15 min, each with its own retention.

Telemetry is collected for one minute and then added to one row per step; a kill loses the current minute, also of the
15 min values. Rows of 1 s have all metrics, the others those that agent/core/kept.py keeps.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable
from functools import reduce
from operator import or_
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
    start_ms: int
    times_ms: list[int] = field(default_factory=list)
    values: dict[str, list[float | None]] = field(default_factory=dict)
    flags: dict[str, list[int]] = field(default_factory=dict)
    uncertainties: dict[str, list[float]] = field(default_factory=dict)


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
        index = len(minute.times_ms)
        minute.times_ms.append(message.t_ms)
        for name, value in message.values.items():
            flag = message.flags.get(name, Quality.GOOD) | message.quality
            usable = isinstance(value, int | float) and not flag & BAD
            column = minute.values.setdefault(name, [])
            column.extend([None] * (index - len(column)))
            column.append(value if usable else None)
            if usable and flag:
                minute.flags.setdefault(name, []).append(int(flag))
            if usable and name in message.uncertainties:
                minute.uncertainties.setdefault(name, []).append(message.uncertainties[name])

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
        if kept(name) == NOTHING or not (values := [value for value in column if value is not None]):
            continue
        flags, all_u = reduce(or_, minute.flags.get(name, ()), 0), minute.uncertainties.get(name)
        u = sum(all_u) / len(all_u) if all_u else None
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
    more = {"t": minute.times_ms, "v": minute.values}
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

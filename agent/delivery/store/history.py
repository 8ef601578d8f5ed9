"""History of measured values: as polled ("1 s") and as means of 1 min and 15 min, each with its own retention.

Telemetry is collected for one minute and then written as one compressed row per step; a kill loses the current minute.
The 15 min values are computed again from their minutes each time, so they never lack more than that.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_
from typing import Any

import msgspec
from msgspec import Struct, field

from agent.core.messages import Message
from agent.delivery.store.history_rows import MINUTE_S, QUARTER_S, SECOND_S, Stats, read_stats
from agent.delivery.store.store import Store
from drivers.reading import BAD, Quality

_MINUTE_MS, _QUARTER_MS = 60_000, 900_000


class HistoryPoint(Struct, frozen=True):
    """One value of the history.

    t_ms: UTC milliseconds of the start of the interval; for single values the time of the sample.
    n: number of usable values.
    mean, minimum, maximum: mean, minimum and maximum of these values.
    flags: union of their flags; not stored for single values.
    """

    t_ms: int
    n: int
    mean: float
    minimum: float
    maximum: float
    flags: Quality


class _Minute(Struct):
    start_ms: int
    times_ms: list[int] = field(default_factory=list)
    values: dict[str, list[float | None]] = field(default_factory=dict)
    flags: dict[str, list[int]] = field(default_factory=dict)


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
        return [HistoryPoint(t_ms, int(n), mean, low, high, Quality(int(flags)))
                for t_ms, (n, mean, low, high, flags) in found]  # fmt: skip

    def _put(self, asset: str, minute: _Minute) -> None:
        self._store.post(_write_minute(asset, minute, self._keep_s, self._store.oldest_ms), deferred=True)


def _write_minute(
    asset: str, minute: _Minute, keep_s: tuple[float, float, float], oldest_ms: Callable[[float], int]
) -> Callable[[sqlite3.Connection], None]:
    stats = {name: found for name, column in minute.values.items() if (found := _stats(column, minute.flags.get(name)))}
    single = {"t": minute.times_ms, "v": minute.values}

    def job(db: sqlite3.Connection) -> None:
        start_ms = minute.start_ms
        if keep_s[0] > 0:
            _save(db, SECOND_S, asset, start_ms, _appended(_load(db, SECOND_S, asset, start_ms), single))
        before = _load(db, MINUTE_S, asset, start_ms)
        _save(db, MINUTE_S, asset, start_ms, joined([before, stats]) if before else stats)
        quarter_ms = start_ms // _QUARTER_MS * _QUARTER_MS
        parts = db.execute(
            "select body from history where step_s = ? and asset = ? and t_ms >= ? and t_ms < ?",
            (MINUTE_S, asset, quarter_ms, quarter_ms + _QUARTER_MS),
        ).fetchall()
        _save(db, QUARTER_S, asset, quarter_ms, joined(_unpack(body) for (body,) in parts))
        for step_s, kept_s in zip((SECOND_S, MINUTE_S, QUARTER_S), keep_s, strict=True):
            db.execute(
                "delete from history where step_s = ? and asset = ? and t_ms < ?",
                (step_s, asset, oldest_ms(kept_s) - 1000 * max(step_s, MINUTE_S)),  # t_ms is the start of the row
            )

    return job


def joined(parts: Iterable[dict[str, Stats]]) -> dict[str, Stats]:
    """Combined statistics of intervals; means are weighted by the number of values."""
    found: dict[str, Stats] = {}
    for part in parts:
        for name, (n, mean, minimum, maximum, flags) in part.items():
            old = found.get(name)
            if old is None:
                found[name] = [n, mean, minimum, maximum, flags]
            else:
                total = old[0] + n
                found[name] = [
                    total, old[1] + (mean - old[1]) * n / total, min(old[2], minimum), max(old[3], maximum),
                    int(old[4]) | int(flags),
                ]  # fmt: skip
    return found


def _stats(column: list[float | None], flags: list[int] | None) -> Stats | None:
    values = [value for value in column if value is not None]
    if not values:
        return None
    all_flags = reduce(or_, flags or (), 0)
    return [len(values), sum(values) / len(values), min(values), max(values), all_flags]


def _appended(before: dict[str, Any] | None, more: dict[str, Any]) -> dict[str, Any]:
    if before is None:
        return more
    index = len(before["t"])
    values = {name: column + [None] * (index - len(column)) for name, column in before["v"].items()}
    for name, column in more["v"].items():
        values[name] = values.get(name, [None] * index) + column
    return {"t": before["t"] + more["t"], "v": values}


def _load(db: sqlite3.Connection, step_s: int, asset: str, t_ms: int) -> dict[str, Any] | None:
    row = db.execute(
        "select body from history where step_s = ? and asset = ? and t_ms = ?", (step_s, asset, t_ms)
    ).fetchone()
    return _unpack(row[0]) if row else None


def _save(db: sqlite3.Connection, step_s: int, asset: str, t_ms: int, body: dict[str, Any]) -> None:
    packed = zlib.compress(msgspec.json.encode(body), 1)
    db.execute("insert or replace into history values (?, ?, ?, ?)", (step_s, asset, t_ms, packed))


def _unpack(body: bytes) -> dict[str, Any]:
    return msgspec.json.decode(zlib.decompress(body), type=dict[str, Any])

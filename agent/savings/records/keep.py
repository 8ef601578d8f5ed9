"""Intervals, baselines and events in the state file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from agent.core.codec import decode_reason, encode_reason
from agent.delivery.store import Store, StoreError
from agent.delivery.store.reasons import STORED_OBJECT_UNREADABLE
from agent.savings.baseline import baseline as baselines
from agent.savings.reasons import BASELINE_CHANGED, BASELINE_UNREADABLE, DRAFT_UNREADABLE
from agent.savings.records.model import Baseline, Driver, Interval, NonRoutineEvent
from agent.savings.tracking.interval_accumulator import SHAFT_LEAST
from drivers.reasons import InvalidValue

DRAFT, FROZEN, EVENT = "baseline-draft", "baseline", "savings-event"


YET_MS = 31 * 86_400_000  # ahead of now, as a report of the running month

Rows = list[tuple[str, int, str]]


def save_interval(
    store: Store, *intervals: Interval, counters: Mapping[str, int] | None = None,
    record: Callable[[sqlite3.Connection, Sequence[Interval], int], object] | None = None,
) -> None:  # fmt: skip
    """Stores intervals, replacing earlier versions, with counters and with what `record` writes, in one transaction.

    record: called before earlier versions are replaced, with the intervals and the time of this call, UTC ms.
    Does not wait: it is committed with the next write batch. A failed write is not reported: check with `holds`.
    """
    rows, whole, called_ms = rows_of(intervals), list((counters or {}).items()), store.now_ms

    def job(db: sqlite3.Connection) -> None:
        if record is not None:
            record(db, intervals, called_ms)
        insert_intervals(db, rows)
        db.executemany("insert or replace into counters values (?, ?)", whole)

    store.post(job)


def save_intervals(store: Store, intervals: list[Interval]) -> None:
    """Stores all of the intervals or none. Waits for the commit. Raises StoreError."""
    rows = rows_of(intervals)
    store.do(lambda db: insert_intervals(db, rows))


def insert_intervals(db: sqlite3.Connection, rows: Rows) -> None:
    """Writes intervals in a transaction of the caller. Unchanged intervals are not written again."""
    for row in rows:
        if not db.execute(_SAME, row).fetchone():
            db.execute("insert or replace into interval values (?, ?, ?)", row)


def holds(store: Store, interval: Interval) -> bool:
    """Whether the state file has this version of an interval. Raises StoreError."""
    return bool(store.rows(_SAME, rows_of([interval])[0]))


_SAME = "select 1 from interval where asset = ? and start_ms = ? and body = ?"


def rows_of(intervals: Iterable[Interval]) -> Rows:
    return [(item.asset, item.start_ms, msgspec.json.encode(item).decode()) for item in intervals]


def load_intervals(store: Store, asset: str, from_ms: int = 0, to_ms: int | None = None) -> list[Interval]:
    """Committed intervals with from_ms ≤ start < to_ms, in order. Raises StoreError.

    to_ms None: up to 31 days from now. This includes hours that a clock has not reached again after a step back, and
    excludes those that a wrong clock dated years ahead.
    """
    to_ms = store.now_ms + YET_MS if to_ms is None else to_ms
    rows = store.rows(
        "select body from interval where asset = ? and start_ms >= ? and start_ms < ? order by start_ms",
        (asset, from_ms, to_ms),
    )
    return [_decoded(body, Interval, asset) for (body,) in rows]


def last_interval(store: Store, asset: str) -> Interval | None:
    """The newest stored interval that started before now; None: there is none. Raises StoreError."""
    query = "select body from interval where asset = ? and start_ms <= ? order by start_ms desc limit 1"
    rows = store.rows(query, (asset, store.now_ms))
    return _decoded(rows[0][0], Interval, asset) if rows else None


def save_draft(store: Store, baseline: Baseline) -> None:
    store.save_entry(DRAFT, baseline.asset, "", baselines.to_json(baseline))


def load_draft(store: Store, asset: str) -> Baseline | None:
    return _load(store, DRAFT, asset)


def save_frozen(store: Store, baseline: Baseline) -> None:
    """Puts a baseline in force; earlier ones stay under their hash. Raises InvalidValue without a valid hash."""
    store.do(lambda db: insert_frozen(db, baseline, baseline.frozen_ms or 0))


def insert_frozen(db: sqlite3.Connection, baseline: Baseline, now_ms: int) -> None:
    """Same as `save_frozen`, in a transaction of the caller."""
    if not baselines.intact(baseline):
        raise InvalidValue(BASELINE_CHANGED)
    body = baselines.to_json(baseline)
    for name in (f"{baseline.asset}/{baseline.hash[:16]}", baseline.asset):
        _insert_note(db, FROZEN, name, now_ms, body)


def load_frozen(store: Store, asset: str) -> Baseline | None:
    """The baseline in force; None when there is none. Raises InvalidValue when it is not the one that was frozen."""
    found = _load(store, FROZEN, asset)
    if found is not None and not baselines.intact(found):
        raise InvalidValue(BASELINE_CHANGED)
    return found


def load_events(store: Store, asset: str) -> list[NonRoutineEvent]:
    """The events of an asset, in the order of their numbers. Raises StoreError."""
    rows = store.rows(
        "select body from note where kind = ? and name between ? and ?", (EVENT, f"{asset}/", f"{asset}0")
    )
    found = [_decoded(body, NonRoutineEvent, asset) for (body,) in rows]
    return sorted(found, key=lambda event: event.number)


def save_event(store: Store, event: NonRoutineEvent) -> NonRoutineEvent:
    """Stores an event; number 0: it gets the next number. Waits for the commit. Raises StoreError."""
    if event.number == 0:
        event = replace(event, number=1 + max((old.number for old in load_events(store, event.asset)), default=0))
    store.save_entry(EVENT, f"{event.asset}/{event.number}", "", event_json(event))
    return event


def insert_event(db: sqlite3.Connection, event: NonRoutineEvent, now_ms: int) -> None:
    """Writes an event that has a number, in a transaction of the caller."""
    _insert_note(db, EVENT, f"{event.asset}/{event.number}", now_ms, event_json(event))


def event_json(event: NonRoutineEvent) -> dict[str, Any]:
    """The event for JSON: as it is stored, recorded in the ledger and printed by `--json`."""
    found: dict[str, Any] = msgspec.to_builtins(event, enc_hook=encode_reason)
    return found


def _insert_note(db: sqlite3.Connection, kind: str, name: str, now_ms: int, body: Any) -> None:
    row = kind, name, "", now_ms, json.dumps(body)
    db.execute("insert or replace into note values (?, ?, ?, ?, ?)", row)


T = TypeVar("T")


def _decoded(body: str, kind: type[T], asset: str) -> T:
    try:
        return msgspec.json.decode(body, type=kind, dec_hook=decode_reason)
    except msgspec.MsgspecError as error:
        name = kind.__name__.lower()
        raise StoreError(STORED_OBJECT_UNREADABLE, asset=asset, kind=name, error=str(error)) from None


def _load(store: Store, kind: str, asset: str) -> Baseline | None:
    rows = store.rows("select body from note where kind = ? and name = ?", (kind, asset))
    if not rows:
        return None
    try:
        return baselines.from_json(msgspec.json.decode(rows[0][0]))
    except (KeyError, TypeError, ValueError, AttributeError, msgspec.MsgspecError) as error:
        code = DRAFT_UNREADABLE if kind == DRAFT else BASELINE_UNREADABLE
        raise InvalidValue(code, error=repr(error)) from None


_SUMS = ("energy_wh", "auxiliary_wh", "reactive_varh", "filled_wh", "running_s")
_LOSSES = ("drive_loss_wh", "motor_loss_wh", "u_drive_loss_wh", "u_motor_loss_wh")


def merged(a: Interval, b: Interval) -> Interval:
    """Two parts of one interval: before and after a restart, or of a clock that passed it twice.

    If only one part has shaft energy and losses, they are extrapolated to both if it is most of the time
    (`SHAFT_LEAST`), otherwise they are unknown.
    """

    def plus(x: float | None, y: float | None) -> float | None:
        return y if x is None else x if y is None else x + y

    weight_a, weight_b = max(a.coverage, 1e-9), max(b.coverage, 1e-9)

    def mean(x: float | None, y: float | None) -> float | None:
        return y if x is None else x if y is None else (x * weight_a + y * weight_b) / (weight_a + weight_b)

    drivers = {**a.drivers, **b.drivers}
    for name in a.drivers.keys() & b.drivers.keys():
        one, other = a.drivers[name], b.drivers[name]
        both = mean(one.mean, other.mean)
        assert both is not None
        drivers[name] = Driver(both, max(one.u, other.u))
    flags = set(a.flags) | set(b.flags)
    if a.coverage + b.coverage > 1.02:
        flags.add("clock_step")
    register = a.register_wh or b.register_wh
    if a.register_wh and b.register_wh:
        register = a.register_wh[0], b.register_wh[1]
    added: dict[str, Any] = {name: plus(getattr(a, name), getattr(b, name)) for name in _SUMS}
    shaft = _shaft_of((a, b), plus)
    return replace(
        a, **added, **shaft, speed_rpm=mean(a.speed_rpm, b.speed_rpm), drivers=drivers,
        coverage=a.coverage + b.coverage, meter=b.meter or a.meter, register_wh=register, flags=tuple(sorted(flags)),
    )  # fmt: skip


def _shaft_of(parts: tuple[Interval, Interval], plus: Callable[[Any, Any], Any]) -> dict[str, Any]:
    known = [part for part in parts if part.shaft_wh is not None]
    names = ("shaft_wh", *_LOSSES)
    if len(known) != 1:
        return {name: plus(*(getattr(part, name) for part in parts)) for name in names}
    share = known[0].coverage / max(sum(part.coverage for part in parts), 1e-9)
    if share >= SHAFT_LEAST:
        return {name: None if (wh := getattr(known[0], name)) is None else wh / share for name in names}
    return dict.fromkeys(names[:3]) | dict.fromkeys(names[3:], 0.0)

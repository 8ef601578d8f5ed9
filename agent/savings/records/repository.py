"""Intervals, baselines and events in the state file: through the store of a process, or in a copy that is read only.

Errors of the file: StoreError through a store, sqlite3.Error in a copy. Content that cannot be read: InvalidValue.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

import agent.analysis.efficiency.reasons  # noqa: F401 - declares the codes of causes of events
from agent.core.codec import decode_reason, encode_reason
from agent.core.messages import Message, encode
from agent.delivery.store import Store, write_counters
from agent.savings.reasons import (
    BASELINE_CHANGED,
    BASELINE_MODEL_UNKNOWN,
    BASELINE_UNREADABLE,
    DRAFT_UNREADABLE,
    EVENT_UNREADABLE,
    INTERVAL_UNREADABLE,
)
from agent.savings.records import baseline_json
from agent.savings.records.model import MODEL_KINDS, Baseline, Interval, NonRoutineEvent
from drivers.reasons import InvalidValue

if TYPE_CHECKING:
    from agent.config.model import Config

DRAFT, FROZEN, EVENT, MESSAGE = "baseline-draft", "baseline", "savings-event", "savings-message"  # kinds of notes
_VIRTUAL_TIME = "clock", "virtual"
FUTURE_MS = 31 * 86_400_000  # ahead of now, as a report of the running month
INTERVAL_MS_MAX = 3_600_000  # longest interval: one that starts earlier than this before a time has ended then

Source = Store | sqlite3.Connection
Rows = list[tuple[str, int, str]]
Record = Callable[[sqlite3.Connection, Sequence[Interval], int], object]


def save_interval(
    store: Store, *intervals: Interval, counters: Mapping[str, int] | None = None, record: Record | None = None
) -> None:
    """Stores intervals, replacing earlier versions, with counters and with what `record` writes, in one transaction.

    record: called before earlier versions are replaced, with the intervals and the time of this call, UTC ms.
    Does not wait: it is committed with the next write batch. A failed write is not reported: check with `is_stored`.
    """
    rows, called_ms = rows_of(intervals), store.now_ms

    def job(db: sqlite3.Connection) -> None:
        if record is not None:
            record(db, intervals, called_ms)
        insert_intervals(db, rows)
        write_counters(db, counters or {})

    store.post(job)


def insert_intervals(db: sqlite3.Connection, rows: Rows) -> None:
    """Writes intervals in a transaction of the caller. Unchanged intervals are not written again."""
    for row in rows:
        if not db.execute(_SAME, row).fetchone():
            db.execute("insert or replace into interval values (?, ?, ?)", row)


def is_stored(source: Source, interval: Interval) -> bool:
    """Whether the state file has this version of an interval."""
    return bool(_rows(source, _SAME, *rows_of([interval])[0]))


_SAME = "select 1 from interval where asset = ? and start_ms = ? and body = ?"


def rows_of(intervals: Iterable[Interval]) -> Rows:
    return [(item.asset, item.start_ms, msgspec.json.encode(item).decode()) for item in intervals]


def load_intervals(source: Source, asset: str, from_ms: int = 0, to_ms: int | None = None) -> list[Interval]:
    """Committed intervals with from_ms ≤ start < to_ms, in order, without those that an import withdrew.

    to_ms None: of a store, up to 31 days from now. This includes hours that a clock has not reached again after a step
    back, and excludes those that a wrong clock dated years ahead.
    """
    if to_ms is None:
        to_ms = source.now_ms + FUTURE_MS if isinstance(source, Store) else 1 << 62
    query = "select start_ms, body from interval where asset = ? and start_ms >= ? and start_ms < ? order by start_ms"
    found = [_interval(asset, start_ms, body) for start_ms, body in _rows(source, query, asset, from_ms, to_ms)]
    return [item for item in found if item.length_s]


def last_interval(store: Store, asset: str) -> Interval | None:
    """The newest stored interval that started before now; None: there is none."""
    query = "select max(start_ms) from interval where asset = ? and start_ms <= ?"
    [(newest_ms,)] = _rows(store, query, asset, store.now_ms)
    if newest_ms is None:
        return None
    found = load_intervals(store, asset, newest_ms - INTERVAL_MS_MAX, newest_ms + 1)  # the newest can be withdrawn
    return found[-1] if found else None


def interval_span(source: Source, asset: str) -> tuple[int, int] | None:
    """Start of the first and end of the last interval of an asset; None without intervals."""
    [(first_ms, last_ms)] = _rows(source, "select min(start_ms), max(start_ms) from interval where asset = ?", asset)
    if first_ms is None:
        return None
    last = load_intervals(source, asset, last_ms - INTERVAL_MS_MAX, last_ms + 1)
    return first_ms, max((item.end_ms for item in last), default=last_ms)


def save_draft(store: Store, baseline: Baseline) -> None:
    store.save_entry(DRAFT, baseline.asset, "", baseline_json.to_json(baseline))


def load_draft(source: Source, asset: str) -> Baseline | None:
    """The draft of the next baseline; None when there is none that this version can use."""
    found = _baseline(source, DRAFT, asset)
    return found if found is None or not _earlier_model(found) else None


def insert_frozen(db: sqlite3.Connection, baseline: Baseline, now_ms: int) -> None:
    """Puts a baseline in force, in a transaction of the caller; earlier ones stay under their hash. Raises InvalidValue
    without a valid hash.
    """
    if not baseline_json.intact(baseline):
        raise InvalidValue(BASELINE_CHANGED)
    body = baseline_json.to_json(baseline)
    for name in (f"{baseline.asset}/{baseline.hash[:16]}", baseline.asset):
        _insert_note(db, FROZEN, name, now_ms, body)


def load_frozen(source: Source, asset: str) -> Baseline | None:
    """The baseline in force; None when there is none. Raises InvalidValue when it is not the one that was frozen, and
    when this version does not know its model.
    """
    found = load_frozen_of_any_kind(source, asset)
    if found is not None and (kind := _earlier_model(found)):
        raise InvalidValue(BASELINE_MODEL_UNKNOWN, asset=asset, kind=kind)
    return found


def _earlier_model(baseline: Baseline) -> str:
    """The model of a baseline if only earlier versions can use it; "": this version can.

    The key `still` of a shape: a limit of a driver below which the motor was off; the limit is now one of energy.
    """
    if "still" in baseline.shape:
        return f"{baseline.kind} + still"
    return "" if baseline.kind in MODEL_KINDS else baseline.kind


def load_frozen_of_any_kind(source: Source, asset: str) -> Baseline | None:
    """The same, also with a model of an earlier version, with which no saving can be computed."""
    found = _baseline(source, FROZEN, asset)
    if found is not None and not baseline_json.intact(found):
        raise InvalidValue(BASELINE_CHANGED)
    return found


def load_events(source: Source, asset: str) -> list[NonRoutineEvent]:
    """The events of an asset, in the order of their numbers."""
    query = "select name, body from note where kind = ? and name between ? and ?"
    found = []
    for name, body in _rows(source, query, EVENT, f"{asset}/", f"{asset}0"):
        try:
            found.append(msgspec.json.decode(body, type=NonRoutineEvent, dec_hook=decode_reason))
        except (msgspec.MsgspecError, TypeError) as error:
            raise InvalidValue(EVENT_UNREADABLE, name=name, error=str(error)) from None
    return sorted(found, key=lambda event: event.number)


def save_events(store: Store, events: Sequence[NonRoutineEvent]) -> list[NonRoutineEvent]:
    """Stores events as measured, keeps the decisions in the file, and returns the stored events.

    An event with number 0 gets the next number, or the one that it got when an earlier call timed out.
    Waits for the commit. Raises StoreError, InvalidValue.
    """
    now_ms = store.now_ms

    def job(db: sqlite3.Connection) -> list[NonRoutineEvent]:
        saved = []
        for event in events:
            known = load_events(db, event.asset)
            if (old := next((old for old in known if _same(event, old)), None)) is not None:
                event = replace(old, to_ms=event.to_ms, energy_wh=event.energy_wh)
            elif event.number == 0:
                event = replace(event, number=1 + max((old.number for old in known), default=0))
            insert_event(db, event, now_ms)
            saved.append(event)
        return saved

    return store.do(job)


def _same(event: NonRoutineEvent, stored: NonRoutineEvent) -> bool:
    if event.number:
        return event.number == stored.number
    return (event.kind, event.from_ms) == (stored.kind, stored.from_ms)


def insert_event(db: sqlite3.Connection, event: NonRoutineEvent, now_ms: int) -> None:
    """Writes an event that has a number, in a transaction of the caller."""
    _insert_note(db, EVENT, f"{event.asset}/{event.number}", now_ms, event_json(event))


def event_json(event: NonRoutineEvent) -> dict[str, Any]:
    """The event for JSON: as it is stored, recorded in the ledger and printed by `--json`."""
    found: dict[str, Any] = msgspec.to_builtins(event, enc_hook=encode_reason)
    return found


def save_message(store: Store, asset: str, message: Message) -> None:
    """Stores the newest message of a motor, without an id, for a page that has not received one. Does not wait."""
    row = MESSAGE, asset, "", store.now_ms, encode(message, "").decode()
    store.post(lambda db: db.execute(_SAVE_NOTE, row).rowcount)


def save_virtual_time(store: Store, utc_ms: int) -> None:
    """Stores where a run on virtual time ended. Raises StoreError."""
    store.save_entry(*_VIRTUAL_TIME, "", {"utc_ms": utc_ms})


def present_ms(config: Config, source: Source, clock_ms: int) -> int:
    """clock_ms, or the end of the run on virtual time of a simulated plant: otherwise a baseline would be dated after
    its month.
    """
    body = _note(source, *_VIRTUAL_TIME) if config.site.simulated else None
    return int(json.loads(body)["utc_ms"]) if body is not None else clock_ms


def _rows(source: Source, query: str, *values: Any) -> list[Any]:
    if isinstance(source, Store):
        return source.rows(query, values)
    return source.execute(query, values).fetchall()


def _interval(asset: str, start_ms: int, body: str) -> Interval:
    try:
        return msgspec.json.decode(body, type=Interval)
    except (msgspec.MsgspecError, TypeError) as error:
        raise InvalidValue(INTERVAL_UNREADABLE, asset=asset, start_ms=start_ms, error=str(error)) from None


def _baseline(source: Source, kind: str, asset: str) -> Baseline | None:
    if (body := _note(source, kind, asset)) is None:
        return None
    try:
        return baseline_json.from_json(msgspec.json.decode(body))
    except (TypeError, ValueError, AttributeError, msgspec.MsgspecError) as error:
        raise InvalidValue(DRAFT_UNREADABLE if kind == DRAFT else BASELINE_UNREADABLE, error=repr(error)) from None


def _note(source: Source, kind: str, name: str) -> str | None:
    rows = _rows(source, "select body from note where kind = ? and name = ?", kind, name)
    return rows[0][0] if rows else None


def _insert_note(db: sqlite3.Connection, kind: str, name: str, now_ms: int, body: Any) -> None:
    db.execute(_SAVE_NOTE, (kind, name, "", now_ms, json.dumps(body)))


_SAVE_NOTE = "insert or replace into note values (?, ?, ?, ?, ?)"

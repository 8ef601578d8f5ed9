"""Intervals, baselines and events that are written to the state file without a record in the ledger."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from agent.delivery.store import Store
from agent.savings.records.model import Baseline, Interval, NonRoutineEvent
from agent.savings.records.repository import insert_event, insert_frozen, insert_intervals, load_events, rows_of


def save_intervals(store: Store, intervals: Iterable[Interval]) -> None:
    """Stores all of the intervals or none, and waits for the commit."""
    rows = rows_of(intervals)
    store.do(lambda db: insert_intervals(db, rows))


def save_frozen(store: Store, baseline: Baseline) -> None:
    """Puts a baseline in force, and waits for the commit."""
    store.do(lambda db: insert_frozen(db, baseline, baseline.frozen_ms or 0))


def save_event(store: Store, event: NonRoutineEvent) -> NonRoutineEvent:
    """Stores an event with its decision; number 0: it gets the next number. Waits for the commit."""
    number = event.number or 1 + max((old.number for old in load_events(store, event.asset)), default=0)
    numbered = replace(event, number=number)
    store.do(lambda db: insert_event(db, numbered, store.now_ms))
    return numbered

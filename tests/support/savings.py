"""Intervals and baselines that are written to the state file without a record in the ledger."""

from __future__ import annotations

from collections.abc import Iterable

from agent.delivery.store import Store
from agent.savings.records.model import Baseline, Interval
from agent.savings.records.repository import insert_frozen, insert_intervals, rows_of


def save_intervals(store: Store, intervals: Iterable[Interval]) -> None:
    """Stores all of the intervals or none, and waits for the commit."""
    rows = rows_of(intervals)
    store.do(lambda db: insert_intervals(db, rows))


def save_frozen(store: Store, baseline: Baseline) -> None:
    """Puts a baseline in force, and waits for the commit."""
    store.do(lambda db: insert_frozen(db, baseline, baseline.frozen_ms or 0))

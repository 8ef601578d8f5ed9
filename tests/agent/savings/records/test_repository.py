"""Events in the state file while two processes write it: no decision, end or event is lost."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.basics import HandClock
from support.metered_retrofit import PLANT
from support.savings import save_event, save_intervals

from agent.config.loader import load_config
from agent.delivery.store import Store
from agent.savings.reasons import MAINTENANCE
from agent.savings.records.model import Interval, NonRoutineEvent
from agent.savings.records.non_routine_events import decided
from agent.savings.records.repository import (
    insert_event,
    interval_span,
    last_interval,
    load_events,
    load_intervals,
    save_events,
)
from agent.savings.service import SavingsService

FROM_MS, TO_MS = 1_789_995_600_000, 1_789_999_200_000
OPEN = NonRoutineEvent(0, "fan", "maintenance", FROM_MS, None, MAINTENANCE(), 1e5, "exclude")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state", HandClock())


def test_the_span_of_intervals_of_other_lengths(store: Store) -> None:
    """Hours that replaced intervals of 15 min: the withdrawn ones are neither the last interval nor the end."""
    assert (interval_span(store, "fan"), last_interval(store, "fan")) == (None, None)
    begin_ms = HandClock().utc_ns() // 3_600_000_000_000 * 3_600_000 - 7_200_000
    hours = [Interval("fan", begin_ms + 3_600_000 * k, 1.0, 3600, source="imported") for k in range(2)]
    withdrawn = Interval("fan", hours[1].start_ms + 2_700_000, None, 0, coverage=0.0, source="imported")
    save_intervals(store, [*hours, withdrawn])
    assert load_intervals(store, "fan") == hours
    assert interval_span(store, "fan") == (begin_ms, begin_ms + 7_200_000)
    assert last_interval(store, "fan") == hours[1]
    store.close()


def during_a_transaction(store: Store, event: NonRoutineEvent, action: Callable[[], Any]) -> None:
    """Calls action while another process is in a transaction that writes event."""
    with ThreadPoolExecutor(1) as threads, sqlite3.connect(store.path, isolation_level=None) as other:
        other.execute("begin immediate")
        insert_event(other, event, FROM_MS)
        future = threads.submit(action)
        time.sleep(0.3)  # it can read, and then has to wait
        other.execute("commit")
        future.result()


def test_an_event_that_ends_during_a_decision_has_both(store: Store, tmp_path: Path) -> None:
    (tmp_path / "plant.toml").write_text(PLANT, encoding="utf-8")
    service = SavingsService(load_config(tmp_path / "plant.toml")[0], store, "fan", TO_MS)
    event = save_event(store, OPEN)
    ended = replace(event, to_ms=TO_MS, energy_wh=2e5)
    during_a_transaction(store, ended, lambda: service.decide(1, "keep", "Li Wei", "it was running", 0.0))
    assert load_events(store, "fan") == [decided(ended, "keep", "Li Wei", "it was running", TO_MS)]
    store.close()


def test_a_decision_during_the_end_of_an_event_is_kept(store: Store) -> None:
    event = save_event(store, OPEN)
    decision = decided(event, "keep", "Li Wei", "it was running", FROM_MS)
    ended = replace(event, to_ms=TO_MS, energy_wh=2e5)
    during_a_transaction(store, decision, lambda: save_events(store, [ended]))
    assert load_events(store, "fan") == [replace(decision, to_ms=TO_MS, energy_wh=2e5)]
    store.close()


def test_events_of_two_processes_get_different_numbers(store: Store) -> None:
    of_other = replace(OPEN, number=1, kind="bypass")
    during_a_transaction(store, of_other, lambda: save_events(store, [OPEN]))
    assert load_events(store, "fan") == [of_other, replace(OPEN, number=2)]
    store.close()


def test_an_event_that_is_stored_again_after_a_time_out_keeps_its_number(store: Store) -> None:
    assert save_events(store, [OPEN]) == save_events(store, [OPEN]) == load_events(store, "fan")
    assert save_events(store, [replace(OPEN, to_ms=TO_MS)]) == [replace(OPEN, number=1, to_ms=TO_MS)]
    store.close()


def test_causes_of_events_are_read_without_the_estimator() -> None:
    """Otherwise a decision writes `unknown` instead of the cause into state file and ledger."""
    program = (
        "import agent.savings.records.repository\n"
        "from drivers.reasons import CODES\n"
        "print(*{'meter_ratio', 'meter_wiring', 'drive_bypassed', 'wiring_ratio'} - set(map(str.__str__, CODES)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""

"""What outlives the process: ids that never come again, counters, and a file that somebody else holds."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from testkit import HandClock

from agent.store import Store, StoreError


def test_every_opening_is_a_boot_and_ids_never_repeat(tmp_path: Path, clock: HandClock) -> None:
    seen: set[str] = set()
    boots = []
    for _ in range(3):
        store = Store(tmp_path, clock)
        boots.append(store.boot)
        ids = [store.next_id() for _ in range(10)]
        assert not seen & set(ids)
        seen |= set(ids)
        store.close()
    assert boots == [boots[0], boots[0] + 1, boots[0] + 2]


def test_a_lost_file_does_not_bring_old_ids_back(tmp_path: Path, clock: HandClock) -> None:
    first = Store(tmp_path / "a", clock)
    clock.move(120)
    second = Store(tmp_path / "b", clock)
    assert second.boot > first.boot
    first.close()
    second.close()


def test_counters_come_back(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock)
    store.save_counters({"a": 1.5})
    store.save_counters({"a": 2.5, "b": 1.0})
    store.close()
    again = Store(tmp_path, clock)
    assert (again.counter("a"), again.counter("b"), again.counter("c")) == (2.5, 1.0, 0.0)
    again.close()


def test_a_locked_file_is_an_error_with_its_name_and_heals(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock)
    store._db.execute("pragma busy_timeout = 50")
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("begin exclusive")
    with pytest.raises(StoreError, match=r"magwatt\.sqlite"):
        store.save_counters({"a": 1.0})
    other.execute("rollback")
    other.close()
    store.save_counters({"a": 2.0})
    assert store.counter("a") == 2.0
    store.close()


@pytest.mark.parametrize("kind", ["a file", "no sqlite", "nul"])
def test_a_place_that_cannot_be_used_is_named(tmp_path: Path, clock: HandClock, kind: str) -> None:
    place = tmp_path / "state"
    if kind == "a file":
        place.write_text("x")
    elif kind == "no sqlite":
        place.mkdir()
        (place / "magwatt.sqlite").write_bytes(b"this is no database, and long enough to be looked at" * 50)
    else:
        place = Path(str(tmp_path / "a\0b"))
    with pytest.raises(StoreError, match=r"store\.dir"):
        Store(place, clock)

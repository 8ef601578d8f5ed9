"""State over restarts: ids that are never used twice, counters, and a locked state file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from support.basics import HandClock

from agent.delivery.store import Store, StoreError
from agent.delivery.store.reasons import STATE_DIR_UNUSABLE, STATE_FILE_UNWRITABLE


def test_each_opening_is_a_new_run_and_ids_never_repeat(tmp_path: Path, clock: HandClock) -> None:
    seen: set[str] = set()
    boots = []
    for _ in range(3):
        store = Store(tmp_path, clock)
        boots.append(store.run_id)
        ids = {store.append("m", "telemetry", 0, str.encode).id for _ in range(10)}
        assert len(ids) == 10
        assert not seen & ids
        seen |= ids
        store.close()
    assert boots == [boots[0], boots[0] + 1, boots[0] + 2]


def test_a_lost_file_does_not_bring_old_ids_back(tmp_path: Path, clock: HandClock) -> None:
    first = Store(tmp_path / "a", clock)
    earlier = first.run_id
    clock.move(120)
    second = Store(tmp_path / "b", clock)
    assert second.run_id > earlier
    first.close()
    second.close()


def test_counters_come_back(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock)
    store.save_counters({"a": 1})
    store.save_counters({"a": 2, "b": 1})
    store.close()
    again = Store(tmp_path, clock)
    assert again.counters() == {"a": 2, "b": 1}
    again.close()


def test_an_entry_is_valid_for_its_age_also_when_a_wrong_clock_dated_it_ahead(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock)
    store.save_entry("refused", "m", "", 1)
    clock.step(-60)
    assert store.entry("refused", "m", "", 3600) == 1
    clock.step(-365 * 86_400)
    assert store.entry("refused", "m", "", 3600) is None
    store.close()


def test_counters_that_cannot_be_read_are_an_error_of_the_store(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock)
    store.do(lambda db: db.execute("drop view counters").rowcount)
    with pytest.raises(StoreError, match="counters"):
        store.counters()
    store.close()


def test_a_locked_file_is_an_error_until_it_is_released(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock)
    store.do(lambda db: db.execute("pragma busy_timeout = 50").fetchall())
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("begin exclusive")
    with pytest.raises(StoreError) as error:
        store.save_entry("a", "b", "", 1)
    assert error.value.reason == STATE_FILE_UNWRITABLE(error="database is locked")
    other.execute("rollback")
    other.close()
    store.save_entry("a", "b", "", 2)
    assert store.entry("a", "b", "") == 2
    store.close()


@pytest.mark.parametrize("kind", ["a file", "nul"])
def test_an_unusable_directory_is_named(tmp_path: Path, clock: HandClock, kind: str) -> None:
    place = tmp_path / "state"
    if kind == "a file":
        place.write_text("x")
    else:
        place = Path(str(tmp_path / "a\0b"))
    with pytest.raises(StoreError) as error:
        Store(place, clock)
    assert error.value.reason.code == STATE_DIR_UNUSABLE
    assert error.value.reason.data["directory"] == str(place)

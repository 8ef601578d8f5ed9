"""A corrupt state file, at the start and while running, is reported and replaced; readable rows are recovered."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from support.basics import ROOT, HandClock, wait_until
from support.store import T_MS, left, lost, measure, small

from agent.config.model import StoreSettings
from agent.delivery.store import Store, StoreError
from agent.delivery.store.database_file import NAME, NEEDED
from agent.delivery.store.history import History
from agent.delivery.store.reasons import ROWS_UNREADABLE, STATE_FILE_REPLACED

pytestmark = pytest.mark.usefixtures("fresh_for_long")


@pytest.mark.parametrize("damage", ["head", "middle"])
def test_a_corrupt_file_is_set_aside_and_its_readable_part_is_recovered(
    tmp_path: Path, clock: HandClock, damage: str
) -> None:
    store = Store(tmp_path, clock, small())
    store.sink_cursors(["mqtt"])
    made = measure(store, 400)
    store.save_counters({"wh": 5})
    boot = store.run_id
    store.close()
    with (tmp_path / NAME).open("r+b") as file:
        file.seek(0 if damage == "head" else 300_000)
        file.write(os.urandom(60_000))
    again = Store(tmp_path, clock, small())
    again.sink_cursors(["mqtt"])
    assert again.corruption is not None
    assert again.corruption.code == STATE_FILE_REPLACED
    assert [path.name for path in tmp_path.glob(f"{NAME}.corrupt-*Z")] == [again.corruption.data["file"]]
    assert (again.corruption.data["rows"] > 100) == (damage == "middle")
    assert again.run_id > boot, "numbers do not come again, whatever was lost"
    if damage == "middle":
        assert again.counters() == {"wh": 5}
        assert sum(left(again).values()) > 100, "rows before the damage were saved"
        assert sum(left(again).values()) + lost(again)["*"] == made, "what could not be read is counted"
    else:
        assert [(gap.kind, gap.reason, gap.rows) for gap in again.fetch_gaps()] == [("*", ROWS_UNREADABLE(), None)]
    measure(again, 5)
    again.close()


def test_a_corrupt_file_named_by_a_slow_clock_is_not_the_one_deleted(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock, small())
    store.sink_cursors(["mqtt"])
    measure(store, 100)
    store.close()
    for day in range(1, 4):
        (tmp_path / f"{NAME}.corrupt-2031010{day}T000000Z").write_bytes(b"x")
    with (tmp_path / NAME).open("r+b") as file:
        file.seek(100_000)
        file.write(os.urandom(20_000))
    again = Store(tmp_path, clock, small())
    again.sink_cursors(["mqtt"])
    assert sum(left(again).values()) > 10, "rows before the damage were saved"
    assert sorted(item.name[-16:-8] for item in tmp_path.glob("*.corrupt-*Z")) == ["20260921", "20310102", "20310103"]
    again.close()


@pytest.mark.parametrize("table", NEEDED)
def test_a_large_file_with_corrupt_small_tables_does_not_prevent_the_start(
    tmp_path: Path, clock: HandClock, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path, clock, small())
    store.sink_cursors(["mqtt"])
    measure(store, 100)
    store.close()
    with closing(sqlite3.connect(tmp_path / NAME)) as db:
        root = db.execute("select rootpage from sqlite_master where name = ?", (table,)).fetchone()[0]
        size = db.execute("pragma page_size").fetchone()[0]
    with (tmp_path / NAME).open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * size)
    monkeypatch.setattr("agent.delivery.store.database_file.QUICK_CHECK_BYTES", 0)
    again = Store(tmp_path, clock, small())
    again.sink_cursors(["mqtt"])
    assert again.corruption is not None
    assert again.corruption.code == STATE_FILE_REPLACED
    assert again.counters() == {}
    assert sum(left(again).values()) > 100, "the rows were saved"
    again.close()


def test_a_file_that_becomes_corrupt_while_the_agent_runs_is_replaced(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock, StoreSettings(commit_interval_s=0.01, min_free_share=0.0))
    drain = store.sink_cursors(["mqtt"])["mqtt"]
    measure(store, 4000)  # more than SQLite keeps in memory
    with (tmp_path / NAME).open("r+b") as file:
        file.write(os.urandom(os.path.getsize(tmp_path / NAME)))
    with (tmp_path / f"{NAME}-wal").open("r+b") as file:
        file.write(os.urandom(200_000))
    for n in range(200):
        store.append("m", "telemetry", T_MS + n, lambda _: b"x" * 3000)
        drain.fetch_backlog(1)
        time.sleep(0.002)
    wait_until(lambda: store.corruption is not None, 10, "a new file is created")
    store.flush()
    assert store.figures()["rows_in_memory"] == 0
    assert not store.unsaved_reason
    store.close()


def test_notes_of_a_file_that_becomes_corrupt_are_none_and_the_file_is_replaced(
    tmp_path: Path, clock: HandClock
) -> None:
    """A reload reads the unsupported registers of devices from notes; it continues without them."""
    store = Store(tmp_path, clock, StoreSettings(commit_interval_s=0.01, min_free_share=0.0))
    for n in range(400):
        store.save_entry("refused", f"device-{n}", "", "x" * 20_000)  # more than SQLite keeps in memory
    store.flush()
    with (tmp_path / NAME).open("r+b") as file:
        file.write(os.urandom(os.path.getsize(tmp_path / NAME)))
    with (tmp_path / f"{NAME}-wal").open("r+b") as file:
        file.write(os.urandom(os.path.getsize(tmp_path / f"{NAME}-wal")))
    found = [store.entry("refused", f"device-{n}", "") for n in range(400)]
    assert None in found
    assert len(store.entries("refused")) < 400
    wait_until(lambda: store.corruption is not None, 10, "a new file is created")
    store.save_entry("refused", "device-0", "", "again")
    assert store.entry("refused", "device-0", "") == "again"
    assert not store.unsaved_reason
    store.close()


def test_an_internal_error_in_the_housekeeping_does_not_end_the_writer(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> int:
        raise TypeError("internal")

    monkeypatch.setattr("agent.delivery.store.housekeeping.HOUSEKEEPING_S", 0.0)
    monkeypatch.setattr("agent.delivery.store.retention_date.RetentionDate.expired_up_to", fail)
    store = Store(tmp_path, clock, small())
    drain = store.sink_cursors(["mqtt"])["mqtt"]
    for n in range(3):
        store.append("m", "telemetry", T_MS + n, lambda _: b"x")
        store.flush()
    assert len(drain.fetch_live(10)) == 3
    assert store.alive
    store.close()
    assert caplog.text.count("TypeError: internal") == 1, "one traceback"


READERS: dict[str, Callable[[Store], object]] = {
    "interval": lambda store: store.rows("select body from interval"),
    "history": lambda store: History(store, (1.0, 1.0, 1.0)).points("m", "active_power_w", 60, 0, 1 << 62),
    "counter_value": lambda store: store.counters(),
    "gaps": lambda store: store.figures(),
}


@pytest.mark.parametrize("table", READERS)
def test_corruption_that_a_reader_finds_is_reported_and_the_file_replaced(
    tmp_path: Path, clock: HandClock, table: str
) -> None:
    """Without writes the writer does not find it."""
    store = Store(tmp_path, clock, StoreSettings(commit_interval_s=0.01, min_free_share=0.0))
    store.save_counters({"wh": 1})
    root = store.rows("select rootpage from sqlite_master where name = ?", (table,))[0][0]
    size = store.rows("pragma page_size")[0][0]
    store.close()
    store = Store(tmp_path, clock, StoreSettings(commit_interval_s=0.01, min_free_share=0.0))
    with (tmp_path / NAME).open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * size)
    store.rows("pragma shrink_memory")  # SQLite drops its cached pages
    with suppress(StoreError, sqlite3.Error):
        READERS[table](store)
    wait_until(lambda: store.corruption is not None, 10, "a new file is created")
    READERS[table](store)
    store.close()


def test_an_entry_that_is_not_json_is_none(tmp_path: Path, clock: HandClock) -> None:
    """Flipped bits on flash memory that SQLite does not detect."""
    store = Store(tmp_path, clock, small())
    store.save_entry("refused", "a", "", "whole")
    store.save_entry("refused", "b", "", "broken")
    store.do(lambda db: db.execute("update note set body = '\"bro' where name = 'b'").rowcount)
    assert store.entry("refused", "b", "") is None
    assert store.entries("refused") == {"a": "whole"}
    store.close()


def test_a_commit_waits_for_the_disk(tmp_path: Path) -> None:
    """In a separate process: stores in this one do not wait (tests/conftest.py)."""
    code = "from pathlib import Path; from agent.core.clock import SystemClock; "
    code += "from agent.delivery.store import Store; "
    code += f"store = Store(Path({str(tmp_path)!r}), SystemClock()); "
    code += "print(*store.do(lambda db: db.execute('pragma synchronous').fetchone())); store.close()"
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "2\n", "FULL: https://www.sqlite.org/pragma.html#pragma_synchronous"

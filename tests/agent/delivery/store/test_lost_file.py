"""A state file that is deleted, emptied or replaced by an older copy is announced; its files are private."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.basics import HandClock, wait_until
from support.store import kill, left, measure, small

from agent.delivery.store import Store
from agent.delivery.store.data_gaps import DataGap
from agent.delivery.store.database_file import NAME
from agent.delivery.store.reasons import STATE_FILE_LOST, STATE_FILE_OLDER, STATE_FILE_REMOVED

ROWS = 50


def deleted(directory: Path) -> None:
    for file in directory.glob(f"{NAME}*"):
        file.unlink()


def emptied(directory: Path) -> None:
    os.truncate(directory / NAME, 0)


def deleted_with_the_run_number(directory: Path) -> None:
    deleted(directory)
    (directory / "boot").unlink()
    (directory / "ledger.key").write_bytes(b"key")


@pytest.mark.parametrize("lose", [deleted, emptied, deleted_with_the_run_number])
@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_waiting_rows_of_a_lost_file_are_a_gap(
    tmp_path: Path, clock: HandClock, lose: Callable[[Path], None], end: str, caplog: pytest.LogCaptureFixture
) -> None:
    directory = tmp_path / "state"
    store = Store(directory, clock, small())
    store.sink_cursors(["mqtt"])
    measure(store, ROWS, clock.utc_ns() // 1_000_000)
    first_ms, run_id = clock.utc_ns() // 1_000_000, store.run_id
    clock.move(ROWS)
    (kill if end == "killed" else Store.close)(store)
    lose(directory)
    again = Store(directory, clock, small())
    again.sink_cursors(["mqtt"])
    assert again.loss is not None
    assert again.loss.code == STATE_FILE_LOST
    assert str(again.loss) in caplog.text
    gap = only_gap(again)
    assert (gap.kind, gap.reason, gap.rows) == ("*", again.loss, None)
    assert gap.from_ms <= first_ms < first_ms + 1000 * (ROWS - 1) <= gap.to_ms
    assert gap.from_ms >= first_ms - 1000 or lose is deleted_with_the_run_number
    assert again.run_id > run_id
    again.close()


def test_an_older_copy_is_announced_from_its_last_commit(tmp_path: Path, clock: HandClock) -> None:
    directory = tmp_path / "state"
    Store(directory, clock, small()).close()
    store = Store(directory, clock, small())
    store.sink_cursors(["mqtt"])
    measure(store, ROWS, clock.utc_ns() // 1_000_000)
    copied_ms = clock.utc_ns() // 1_000_000 + 1000 * (ROWS - 1)
    store.close()
    shutil.copy(directory / NAME, tmp_path / "copy")
    clock.move(1000)
    again = Store(directory, clock, small())
    again.sink_cursors(["mqtt"])
    measure(again, ROWS, clock.utc_ns() // 1_000_000)
    kill(again)
    deleted(directory)
    shutil.copy(tmp_path / "copy", directory / NAME)
    clock.move(1000)
    third = Store(directory, clock, small())
    third.sink_cursors(["mqtt"])
    assert third.loss is not None
    assert third.loss.code == STATE_FILE_OLDER
    gap = only_gap(third)
    assert (gap.reason, gap.rows) == (third.loss, None)
    assert copied_ms - 1000 * (ROWS - 1) <= gap.from_ms <= copied_ms, "the rows of its last commit or later"
    assert gap.to_ms == clock.utc_ns() // 1_000_000
    third.close()


def test_a_missing_wal_of_a_killed_run_leaves_the_gap_of_the_kill(tmp_path: Path, clock: HandClock) -> None:
    directory = tmp_path / "state"
    store = Store(directory, clock, small())
    store.sink_cursors(["mqtt"])
    with closing(sqlite3.connect(directory / NAME)) as other:
        other.execute("pragma wal_checkpoint(truncate)").fetchall()
    measure(store, ROWS, clock.utc_ns() // 1_000_000)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in (NAME, "boot"):
        shutil.copy(directory / name, copy)
    store.close()
    clock.move(ROWS)
    again = Store(copy, clock, small())
    again.sink_cursors(["mqtt"])
    gap = only_gap(again)
    assert gap.rows is None
    assert gap.from_ms <= clock.utc_ns() // 1_000_000 - 1000 * ROWS < gap.to_ms
    again.close()


def test_a_first_start_and_a_clean_restart_announce_nothing(tmp_path: Path, clock: HandClock) -> None:
    for _ in range(3):
        store = Store(tmp_path / "state", clock, small(), evidence=[tmp_path / "checkpoints.jsonl"])
        store.sink_cursors(["mqtt"])
        measure(store, 3, clock.utc_ns() // 1_000_000)
        assert store.loss is None
        assert store.fetch_gaps() == []
        store.close()
    shutil.rmtree(tmp_path / "state")
    (tmp_path / "checkpoints.jsonl").write_text("{}")
    store = Store(tmp_path / "state", clock, small(), evidence=[tmp_path / "checkpoints.jsonl"])
    assert store.run_id
    assert store.loss == STATE_FILE_LOST(file=NAME, evidence="checkpoints.jsonl")
    store.close()


@pytest.mark.parametrize("how", ["deleted", "main file only", "replaced"])
def test_a_file_that_is_removed_while_the_agent_runs_is_written_again(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr("agent.delivery.store.housekeeping.HOUSEKEEPING_S", 0.05)
    directory = tmp_path / "state"
    store = Store(directory, clock, small())
    store.sink_cursors(["mqtt"])
    made = measure(store, ROWS)
    store.save_counters({"wh": 5})
    store.flush()
    if how == "replaced":
        other = tmp_path / "other"
        other.write_bytes(b"x")
        other.rename(directory / NAME)
    elif how == "deleted":
        deleted(directory)
    else:
        (directory / NAME).unlink()
    store.append("m", "telemetry", 1, lambda _: b"x")
    flush_until(store, lambda: store.corruption == STATE_FILE_REMOVED(file=NAME))
    store.flush()
    kill(store)
    again = Store(directory, clock, small())
    again.sink_cursors(["mqtt"])
    assert sum(left(again).values()) == made + 1
    assert again.counters() == {"wh": 5}
    assert again.loss is None
    again.close()


def test_a_file_that_is_emptied_while_the_agent_runs_is_replaced(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.delivery.store.housekeeping.HOUSEKEEPING_S", 0.05)
    store = Store(tmp_path, clock, small())
    store.sink_cursors(["mqtt"])
    measure(store, ROWS)
    with closing(sqlite3.connect(tmp_path / NAME)) as other:
        wait_until(lambda: other.execute("pragma wal_checkpoint(truncate)").fetchone()[0] == 0, 5, "no commit runs")
    os.truncate(tmp_path / NAME, 0)
    flush_until(store, lambda: store.corruption is not None)
    assert [gap.rows for gap in store.fetch_gaps()] == [None]
    store.close()


def test_only_the_account_of_the_agent_can_read_the_files(tmp_path: Path, clock: HandClock) -> None:
    before = os.umask(0o022)
    try:
        directory = tmp_path / "new" / "state"
        store = Store(directory, clock, small())
        store.sink_cursors(["mqtt"])
        measure(store, 3)
        modes = {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()}
        assert {modes[name] for name in (NAME, f"{NAME}-wal", f"{NAME}-shm", "boot", "reserve")} == {0o600}
        assert {path.stat().st_mode & 0o777 for path in (directory, directory.parent)} == {0o700}
        store.close()
        (directory / NAME).chmod(0o644)
        Store(directory, clock, small()).close()
        assert (directory / NAME).stat().st_mode & 0o777 == 0o600, "a file of an earlier version"
    finally:
        os.umask(before)


def flush_until(store: Store, condition: Callable[[], bool]) -> None:
    """Housekeeping follows each commit."""

    def flushed() -> bool:
        store.flush()
        return condition()

    wait_until(flushed, 5, "the file is new")


def only_gap(store: Store) -> DataGap:
    (gap,) = store.fetch_gaps()
    return gap

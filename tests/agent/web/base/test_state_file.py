"""The state file as the page reads it: of a running, a killed and a stopped agent, of other versions, and bad ones."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.basics import HandClock, program
from support.store import without_fsync

from agent.config.model import StoreSettings
from agent.core.messages import Message
from agent.delivery.store import Store
from agent.delivery.store.database_file import NAME
from agent.delivery.store.event_history import EventHistory, read_events
from agent.delivery.store.history_rows import read_stats
from agent.delivery.store.migrations import VERSION
from agent.web.base import state_file
from agent.web.base.state_file import StateFile, StateFileError

T_MS = 1_790_000_000_000


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        program("writing_agent", str(tmp_path)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    yield process
    process.kill()
    process.wait(5)
    assert process.stdout is not None
    process.stdout.close()


def until(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        assert not line.startswith(("error", "Traceback")), line
        if line.startswith(word):
            return
    raise AssertionError(f"the process ended before {word}")


def stored(folder: Path) -> Store:
    """A store with one event, as a running agent."""
    with without_fsync():
        store = Store(folder, HandClock(), StoreSettings(commit_interval_s=0.01, defer_s=0.01))
    EventHistory(store).on_published(Message("m", "event", T_MS, {"event_kind": "dip"}))
    store.flush()
    return store


def events(folder: Path) -> int:
    return len(StateFile(folder).read(lambda db: read_events(db.execute, 0, 1 << 60)))


def why(folder: Path) -> str:
    reason = StateFile(folder).problem()
    assert reason is not None
    return str.__str__(reason.code)


def test_the_page_reads_while_the_agent_writes_and_after_it_was_killed(
    agent: subprocess.Popen[str], tmp_path: Path
) -> None:
    """No lock error in either; each result is one state, and never older than the one before."""
    until(agent, "ready")
    file, seen = StateFile(tmp_path), 0
    for _ in range(60):
        count, means = file.read(newest)
        assert means == sorted(means)
        assert count >= seen
        seen = count
    agent.kill()
    agent.wait(5)
    assert agent.stdout is not None
    assert "error" not in agent.stdout.read()
    killed = file.read(newest)
    assert killed[0] >= seen > 50
    with without_fsync():
        Store(tmp_path, HandClock()).close()
    assert file.read(newest) == killed


def newest(db: sqlite3.Connection) -> tuple[int, list[float]]:
    """Number of minutes, and the means of the last ones with their events."""
    count, last_ms = db.execute("select count(*), max(t_ms) from history where step_s = 60").fetchone()
    points = read_stats(db.execute, "m", ["active_power_w"], 60, last_ms - 1_200_000, 1 << 60)["active_power_w"]
    assert all(event.has_waveform for event in read_events(db.execute, last_ms - 600_000, 1 << 60))
    return count, [stats[1] for _, stats in points]


def test_nothing_is_written_to_the_directory_of_a_stopped_agent(tmp_path: Path) -> None:
    stored(tmp_path).close()
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert events(tmp_path) == 1
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_an_agent_that_starts_during_a_read_makes_it_run_again(tmp_path: Path) -> None:
    stored(tmp_path).close()
    started: list[Store] = []

    def read(db: sqlite3.Connection) -> int:
        if not started:
            started.append(stored(tmp_path))
        return len(read_events(db.execute, 0, 1 << 60))

    assert StateFile(tmp_path).read(read) == 2
    started[0].close()


def test_a_connection_of_the_page_leaves_the_wal_of_the_agent(tmp_path: Path) -> None:
    store = stored(tmp_path)
    assert events(tmp_path) == 1
    assert (tmp_path / f"{NAME}-wal").stat().st_size > 0
    EventHistory(store).on_published(Message("m", "event", T_MS, {"event_kind": "dip"}))
    store.flush()
    assert events(tmp_path) == 2
    store.close()


def test_a_file_that_the_agent_replaced_is_noticed(tmp_path: Path) -> None:
    stored(tmp_path).close()
    file = StateFile(tmp_path)
    assert file.problem() is None
    (tmp_path / NAME).rename(tmp_path / "old")
    assert why(tmp_path) == state_file.STATE_FILE_ABSENT
    stored(tmp_path).close()
    assert file.problem() is None


def test_other_versions_missing_and_damaged_files_are_named(tmp_path: Path) -> None:
    assert why(tmp_path) == state_file.STATE_FILE_ABSENT
    stored(tmp_path).close()
    for version, code in ((VERSION + 1, state_file.STATE_FILE_NEWER), (1, state_file.STATE_FILE_OUTDATED)):
        set_version(tmp_path, version)
        assert why(tmp_path) == code
    set_version(tmp_path, 4)  # its history is the same; the agent will migrate it
    assert events(tmp_path) == 1
    path = tmp_path / NAME
    content = path.read_bytes()
    for damaged in (b"not a database" * 400, content[:2000], b"", content[:4096] + b"\xff" * (len(content) - 4096)):
        path.write_bytes(damaged)
        with pytest.raises(StateFileError) as failed:
            events(tmp_path)
        assert failed.value.reason.code in (state_file.STATE_FILE_DAMAGED, state_file.STATE_FILE_OUTDATED)
    path.unlink()
    path.mkdir()
    assert why(tmp_path) == state_file.STATE_FILE_FORBIDDEN


def test_a_file_that_another_program_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_file, "LOCKED_S", 0.02)
    stored(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as db:
        db.execute("pragma locking_mode = exclusive")
        db.execute("begin exclusive")
        assert why(tmp_path) == state_file.STATE_FILE_LOCKED
        db.execute("rollback")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_of_another_user_is_named(tmp_path: Path) -> None:
    stored(tmp_path).close()
    (tmp_path / NAME).chmod(0)
    assert why(tmp_path) == state_file.STATE_FILE_FORBIDDEN


def set_version(folder: Path, version: int) -> None:
    with closing(sqlite3.connect(folder / NAME, isolation_level=None)) as db:
        db.execute(f"pragma user_version = {version}")

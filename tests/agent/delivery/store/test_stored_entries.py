"""Reads of a state file that an agent uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.basics import HandClock

from agent.delivery.store import Store
from agent.delivery.store.database_file import NAME
from agent.delivery.store.stored_entries import stored_entries, unreadable

COMMAND = (
    "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('select n from spool').fetchall(); db.close()"
)


def test_a_command_leaves_the_wal_of_an_agent_that_has_read_its_own_state(tmp_path: Path, clock: HandClock) -> None:
    """SQLite deletes the WAL when the last connection closes. An open and close of the file in the agent would release
    its locks, and the command would count as the last one."""
    store = Store(tmp_path, clock)
    try:
        store.save_entry("maintenance", "m", "", {"reason": "test"})
        assert unreadable(tmp_path) is None
        stored_entries(tmp_path, "maintenance")
        subprocess.run([sys.executable, "-c", COMMAND, str(tmp_path / NAME)], check=True, timeout=60)
        assert (tmp_path / f"{NAME}-wal").exists()
    finally:
        store.close()


def test_a_state_file_that_is_missing_is_not_unreadable(tmp_path: Path) -> None:
    assert unreadable(tmp_path) is None
    (tmp_path / "file").touch()
    assert isinstance(unreadable(tmp_path / "file"), OSError)

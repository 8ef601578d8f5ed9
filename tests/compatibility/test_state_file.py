"""A state file that version 1.0.0 wrote is opened by each later version, with its waiting rows and counters."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from support.basics import HandClock

from agent.delivery.store import Store
from agent.delivery.store.database_file import NAME

FILE = Path(__file__).with_name("state-1.0.0.sql")


def test_a_state_file_of_the_first_release_is_opened(tmp_path: Path, clock: HandClock) -> None:
    with closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as db:
        db.executescript(FILE.read_text(encoding="utf-8"))
    store = Store(tmp_path, clock)
    assert store.counters() == {"energy_counted_import/pump-1": 3000}
    assert store.entry("refused", "mcc-1", "abc") == {"absent": [3]}
    waiting = store.sink_cursors(["mqtt"])["mqtt"].fetch_backlog(9)
    assert [row.id for row in waiting] == ["3536053-1", "3536053-2", "3536053-3"]
    assert store.run_id == 3_536_054, "no id is used twice"
    assert store.fetch_gaps() == []
    store.close()

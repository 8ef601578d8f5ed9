"""What must outlive the process. One SQLite file, one writer.

For now: the boot counter, so that message ids never repeat, and counters of allocated energy. The spool comes here.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

_SCHEMA = """
create table if not exists boot (one integer primary key check (one = 1), count integer not null);
create table if not exists counter (name text primary key, value real not null) without rowid;
"""


class Store:
    """Opens or makes the file; each opening is one boot. Use from one thread."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / "magwatt.sqlite"
        self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.executescript(_SCHEMA)
        row = self._db.execute(
            "insert into boot values (1, 1) on conflict (one) do update set count = count + 1 returning count"
        ).fetchone()
        self.boot = int(row[0])
        self._sequence = 0

    def next_id(self) -> str:
        """boot-sequence: never used before, by this or any earlier run."""
        self._sequence += 1
        return f"{self.boot}-{self._sequence}"

    def counter(self, name: str) -> float:
        row = self._db.execute("select value from counter where name = ?", (name,)).fetchone()
        return float(row[0]) if row else 0.0

    def save_counters(self, values: dict[str, float]) -> None:
        self._db.execute("begin immediate")
        self._db.executemany("insert or replace into counter values (?, ?)", values.items())
        self._db.execute("commit")

    def close(self) -> None:
        self._db.close()


def default_directory() -> Path:
    """The platform's place for state: systemd's STATE_DIRECTORY, else XDG_STATE_HOME, else ~/.local/state."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "magwatt"

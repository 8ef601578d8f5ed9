"""What must outlive the process. One SQLite file, one writer.

For now: the boot counter, so that message ids never repeat, and counters of allocated energy. The spool comes here.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from drivers.reading import Clock

MINUTES_2020 = 26_297_280  # from 1970 to 2020

_SCHEMA = """
create table if not exists boot (one integer primary key check (one = 1), count integer not null);
create table if not exists counter (name text primary key, value real not null) without rowid;
"""


class StoreError(Exception):
    """The state file cannot be used; the message names it."""


class Store:
    """Opens or makes the file; each opening is one boot. Use from one thread at a time. Raises StoreError.

    A new file begins with a number taken from the clock (minutes since 2020), so that ids do not come again when the
    file was lost.
    """

    def __init__(self, directory: Path, clock: Clock) -> None:
        first = max(1, clock.utc_ns() // 60_000_000_000 - MINUTES_2020)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._open(directory / "magwatt.sqlite", first)
        except (OSError, ValueError, sqlite3.Error) as error:
            raise StoreError(f"store.dir {directory}: {error}") from None

    def _open(self, path: Path, first: int) -> None:
        self.path = path
        self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.executescript(_SCHEMA)
        row = self._db.execute(
            "insert into boot values (1, ?) on conflict (one) do update set count = count + 1 returning count", (first,)
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
        """Raises StoreError when the file is locked, full or gone; nothing is half written."""
        try:
            with self._db:
                self._db.executemany("insert or replace into counter values (?, ?)", list(values.items()))
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from None

    def close(self) -> None:
        self._db.close()


def default_directory() -> Path:
    """The platform's place for state: systemd's STATE_DIRECTORY, else XDG_STATE_HOME, else ~/.local/state."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "magwatt"

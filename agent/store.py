"""What must outlive the process. One SQLite file, one writer.

For now: the boot counter, so that message ids never repeat, counters of allocated energy, and what was learnt about
each device. The spool comes here.
"""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

from drivers.reading import Clock

MINUTES_2020 = 26_297_280  # from 1970 to 2020

_SCHEMA = """
create table if not exists boot (one integer primary key check (one = 1), count integer not null);
create table if not exists counter (name text primary key, value real not null) without rowid;
create table if not exists note (
    kind text, name text, fingerprint text not null, saved_ms integer not null, body text not null,
    primary key (kind, name)
) without rowid;
"""


class StoreError(Exception):
    """The state file cannot be used; the message names it."""


class Store:
    """Opens or makes the file; each opening is one boot. Use from one thread at a time. Raises StoreError.

    A new file begins with a number taken from the clock (minutes since 2020), so that ids do not come again when the
    file was lost.
    """

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._clock = clock
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

    def note(self, kind: str, name: str, fingerprint: str, age_max_s: float = float("inf")) -> Any:
        """The body kept under kind and name; None when there is none, it is older, or of another fingerprint."""
        row = self._db.execute(
            "select fingerprint, saved_ms, body from note where kind = ? and name = ?", (kind, name)
        ).fetchone()
        if row is None or row[0] != fingerprint or self._clock.utc_ns() / 1e9 - row[1] / 1e3 > age_max_s:
            return None
        return json.loads(row[2])

    def save_note(self, kind: str, name: str, fingerprint: str, body: Any) -> None:
        """Keeps a body that JSON can carry; fingerprint: what it holds for. Raises StoreError."""
        row = (kind, name, fingerprint, self._clock.utc_ns() // 1_000_000, json.dumps(body))
        try:
            with self._db:
                self._db.execute("insert or replace into note values (?, ?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from None

    def close(self) -> None:
        self._db.close()


def default_directory() -> Path:
    """The platform's place for state: systemd's STATE_DIRECTORY, else XDG_STATE_HOME, else ~/.local/state."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "magwatt"

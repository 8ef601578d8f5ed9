"""The state file itself: opened, set aside when it is damaged, with a reserve for a full disk."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from agent.store.gaps import note_gap
from agent.store.migrate import TooNew, migrate, version

log = logging.getLogger(__name__)

NAME = "magwatt.sqlite"
RESERVE_BYTES = 4 << 20  # given back to a full disk, so that confirmed rows can still be deleted
START_BYTES = RESERVE_BYTES // 8  # free for the files beside the database, and a first transaction
WAL_PAGES = 256
ASIDE_KEPT = 3
UNREAD = "the state file was damaged"
SALVAGED = ("counters", "note", "sinks", "gaps", "boots", "spool", "aside", "history", "interval", "ledger")
QUICK_CHECK_BYTES = 32 << 20  # of a larger file only NEEDED is looked through at the start: measuring would wait for it
NEEDED = ("boots", "counters", "note", "sinks", "gaps")  # small tables that a start cannot do without


class StoreError(Exception):
    """The state file cannot be used; the message names it."""


class Damaged(Exception):
    """What stands in the file is no database of ours, or no longer."""


def open_file(directory: Path, utc_s: Callable[[], float], reserve: Reserve) -> tuple[sqlite3.Connection, str]:
    """The connection, and what was wrong (empty: nothing). A damaged file is set aside, and what can be read of it is
    taken over; a full disk gets the reserve. Raises StoreError."""
    path = directory / NAME
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if free_bytes(directory)[0] < START_BYTES and reserve.release():
            log.warning("%s: the disk is full; the reserve was given to it", directory)
        try:
            return connect(path), ""
        except Damaged as error:
            return replace_file(directory, str(error), utc_s())
    except (OSError, ValueError, sqlite3.Error, TooNew, Damaged) as error:
        raise StoreError(f"store.state_dir {directory}: {_spoken(error)}") from None


def replace_file(directory: Path, error: str, utc_s: float) -> tuple[sqlite3.Connection, str]:
    """Sets a damaged file aside and begins a new one with what can be read of it. Raises StoreError."""
    path = directory / NAME
    try:
        aside = set_aside(path, utc_s)
        db = connect(path)
    except (OSError, sqlite3.Error, Damaged) as again:
        raise StoreError(f"store.state_dir {directory}: {_spoken(again)}") from None
    saved = salvage(db, aside, round(1000 * utc_s))
    said = f"{error}; the file was set aside as {aside.name}, {saved} rows were saved from it"
    log.error("%s: %s", path, said)
    return db, said


def connect(path: Path | str) -> sqlite3.Connection:
    """Raises Damaged, sqlite3.Error, TooNew."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    try:
        version(db)
        db.execute("pragma synchronous = full")
        db.execute(f"pragma wal_autocheckpoint = {WAL_PAGES}")
        db.execute(f"pragma journal_size_limit = {8192 * WAL_PAGES}")
        migrate(db)
        db.execute("pragma journal_mode = wal")
        small = path == ":memory:" or os.path.getsize(path) < QUICK_CHECK_BYTES
        for part in ("1",) if small else NEEDED:
            found = db.execute(f"pragma quick_check({part})").fetchone()[0]
            if found != "ok":
                raise Damaged(str(found).splitlines()[-1])
    except sqlite3.DatabaseError as error:
        db.close()
        if is_damage(error):
            raise Damaged(str(error)) from None
        raise
    except BaseException:
        db.close()
        raise
    return db


def is_damage(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_full(error: Exception) -> bool:
    """The disk, most likely: SQLite says FULL for a page and IOERR for the files beside it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def set_aside(path: Path, utc_s: float) -> Path:
    """Renames the file and what belongs to it; only the last few are kept."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(utc_s))
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    earlier = sorted(set(path.parent.glob(f"{path.name}.corrupt-*Z")) - {aside})  # by a clock that may have stepped
    for item in earlier[: 1 - ASIDE_KEPT]:
        for suffix in ("", "-wal", "-shm"):
            item.with_name(item.name + suffix).unlink(missing_ok=True)
    return aside


def salvage(db: sqlite3.Connection, damaged: Path, now_ms: int) -> int:
    """Copies what can be read of a damaged file of this version; returns how many rows. Of the spool the others are
    a gap."""
    saved = 0
    with contextlib.suppress(sqlite3.Error):
        old = sqlite3.connect(damaged, isolation_level=None)
        try:
            if version(old) == version(db):
                saved = sum(_copy(old, db, table) for table in SALVAGED)
        finally:
            old.close()
    _note_unread(db, now_ms)
    return saved


def _note_unread(db: sqlite3.Connection, now_ms: int) -> None:
    """Tables are read from their begin on: what is missing came after the last row that was read. Where the count of
    rows is gone too, nobody can know: from 1970 on."""
    last = db.execute("select spool_rows, last_ms from boots order by n desc limit 1").fetchone()
    rows, read_ms = db.execute("select count(*), max(t_ms) from spool").fetchone()
    if last is None:
        note_gap(db, "*", UNREAD, None, 0, now_ms)
    elif last[0] > rows:
        since_ms = read_ms if rows else db.execute("select min(opened_ms) from boots").fetchone()[0]
        note_gap(db, "*", UNREAD, last[0] - rows, since_ms, max(since_ms, last[1]))
    db.execute("update boots set spool_rows = ?", (rows,))


def _copy(old: sqlite3.Connection, db: sqlite3.Connection, table: str) -> int:
    saved = 0
    db.execute("begin")
    with contextlib.suppress(sqlite3.Error):
        for row in old.execute(f"select * from {table}"):
            db.execute(f"insert or ignore into {table} values ({','.join('?' * len(row))})", row)
            saved += 1
    db.execute("commit")
    return saved


class Reserve:
    """A file that only takes up room. `release` gives it to a full disk; `restore` takes it back when there is some."""

    def __init__(self, directory: Path | None) -> None:
        self._path = directory / "reserve" if directory else None

    @property
    def is_gone(self) -> bool:
        """Whether the disk has it, or had no room for it."""
        return self._path is not None and not self._path.exists()

    def batch(self, spare_pages: int) -> int | None:
        """How many rows may be written at once on a disk that was full; None: it is no longer.

        What was given back is for deleting, and for the checkpoint that makes the deletion count; new rows only get
        what is beyond that.
        """
        free = free_bytes(self._path.parent)[0] if self._path else 0
        if free >= 2 * RESERVE_BYTES:
            return None
        if free >= RESERVE_BYTES:
            return 256
        return 32 if spare_pages > 64 and free > START_BYTES else 0

    def release(self) -> bool:
        """Whether there was something to release."""
        if self._path is None or not self._path.exists():
            return False
        self._path.unlink(missing_ok=True)
        return True

    def restore(self) -> None:
        path = self._path
        if path is None or path.exists() or free_bytes(path.parent)[0] < 2 * RESERVE_BYTES:
            return
        with contextlib.suppress(OSError), path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)


def free_bytes(directory: Path) -> tuple[int, int]:
    """Free for us, and the size of the file system."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


def default_directory() -> Path:
    """The platform's place for state: systemd's STATE_DIRECTORY, else XDG_STATE_HOME, else ~/.local/state."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "magwatt"


def _spoken(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error)

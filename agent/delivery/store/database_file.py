"""The state file: opening, replacement of a corrupt file, and a reserve for a full disk."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from operator import methodcaller
from pathlib import Path

from agent.delivery.store.data_gaps import record_gap
from agent.delivery.store.migrations import SchemaTooNew, migrate, version
from agent.delivery.store.reasons import ROWS_UNREADABLE, STATE_DIR_UNUSABLE, STATE_FILE_REPLACED
from agent.delivery.store.row import checksum
from agent.delivery.store.storage_errors import is_damage, storage_problem
from drivers.reasons import CodedError, Reason

log = logging.getLogger(__name__)

NAME = "magwatt.sqlite"
# The reserve is 1/32 of the file system. It is released when the disk is full, so that confirmed rows can be deleted.
RESERVE_BYTES_MIN, RESERVE_BYTES_MAX = 256 << 10, 4 << 20
START_BYTES = RESERVE_BYTES_MIN // 2  # for the WAL and shared-memory files and a first transaction
WAL_PAGES = 256
ASIDE_KEPT = 3
ROWS_UNLIMITED = 1 << 30
SALVAGED = (
    "counter_name",
    "counter_value",
    "note",
    "sinks",
    "gaps",
    "boots",
    "spool",
    "aside",
    "history",
    "interval",
    "ledger",
)
QUICK_CHECK_BYTES = 32 << 20  # a full check of a larger file would delay the start: only NEEDED is checked
NEEDED = ("boots", "counter_name", "counter_value", "note", "sinks", "gaps")  # small tables that a start requires

# A corrupt text must not prevent that its table is read; the checksum of its row finds it.
_text = methodcaller("decode", "utf-8", "replace")


class StoreError(CodedError):
    """The state file cannot be used."""


class DatabaseDamaged(Exception):
    """The file is not a SQLite database, or its content is corrupt."""


def open_file(
    directory: Path, utc_s: Callable[[], float], reserve: DiskReserve
) -> tuple[sqlite3.Connection, Reason | None]:
    """The connection, and how a corrupt file was replaced; None: the file was intact.

    The readable rows of a corrupt file are copied to the new one. The reserve is released when the disk is full.
    Raises StoreError.
    """
    path = directory / NAME
    try:
        private_directory(directory)
        if free_bytes(directory)[0] < START_BYTES and reserve.release():
            log.warning("%s: the disk is full; the reserved space was released", directory)
        try:
            return connect(path), None
        except DatabaseDamaged as error:
            return replace_file(directory, str(error), utc_s())
    except (OSError, ValueError, sqlite3.Error, SchemaTooNew, DatabaseDamaged) as error:
        raise StoreError(
            STATE_DIR_UNUSABLE, directory=str(directory), cause=storage_problem(error, directory)
        ) from None


def replace_file(directory: Path, error: str, utc_s: float) -> tuple[sqlite3.Connection, Reason]:
    """Renames a corrupt file and creates a new one with the rows that can be read from it. Raises StoreError."""
    path = directory / NAME
    try:
        aside = set_aside(path, utc_s)
        db = connect(path)
    except (OSError, sqlite3.Error, DatabaseDamaged) as again:
        raise StoreError(
            STATE_DIR_UNUSABLE, directory=str(directory), cause=storage_problem(again, directory)
        ) from None
    reason = STATE_FILE_REPLACED(error=error, file=aside.name, rows=salvage(db, aside, round(1000 * utc_s)))
    log.error("%s: %s", path, reason)
    return db, reason


def _unusable(directory: Path, error: Exception) -> StoreError:
    return StoreError(STATE_DIR_UNUSABLE, directory=str(directory), cause=storage_problem(error, directory))


def restore_removed(db: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """Writes a file that was deleted while it was open again, from its connection, which is closed. A file that
    replaced it is set aside. Raises OSError, sqlite3.Error."""
    copy = path.with_name(f"{path.name}.restored")
    copy.unlink(missing_ok=True)
    private_file(copy)
    with contextlib.closing(sqlite3.connect(copy)) as target:
        db.backup(target)
    db.close()  # deletes the WAL by its name, therefore before the new file is opened
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        path.rename(path.with_name(f"{path.name}.replaced"))
    copy.rename(path)
    return connect(path)


class FileWatch:
    """Recognizes that the open state file or its WAL was deleted, renamed or replaced. path: None: in memory."""

    def __init__(self, path: Path | None) -> None:
        self._paths = [path, path.with_name(f"{path.name}-wal")] if path else []
        self._opened = [_identity(path) for path in self._paths]

    def is_removed(self) -> bool:
        now = [_identity(path) for path in self._paths]
        self._opened = [opened or seen for opened, seen in zip(self._opened, now, strict=True)]
        return now != self._opened

    def is_emptied(self) -> bool:
        """Whether the file is the one that was opened and has lost its content."""
        return bool(self._paths) and not self.is_removed() and self._paths[0].stat().st_size == 0


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def connect(path: Path | str) -> sqlite3.Connection:
    """Opens or creates the database. Raises OSError, DatabaseDamaged, sqlite3.Error, SchemaTooNew."""
    if path != ":memory:":
        private_file(Path(path))
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    db.text_factory = _text
    db.create_function("row_crc", 7, checksum, deterministic=True)
    try:
        version(db)
        db.execute("pragma synchronous = full")
        wal_pages = _wal_pages(Path(path))
        db.execute(f"pragma wal_autocheckpoint = {wal_pages}")
        db.execute(f"pragma journal_size_limit = {8192 * wal_pages}")
        migrate(db)
        db.execute("pragma journal_mode = wal")
        small = path == ":memory:" or os.path.getsize(path) < QUICK_CHECK_BYTES
        for part in ("1",) if small else NEEDED:
            found = db.execute(f"pragma quick_check({part})").fetchone()[0]
            if found != "ok":
                raise DatabaseDamaged(str(found).splitlines()[-1])
        if missing := _new_columns() - _columns(db):
            raise DatabaseDamaged(f"missing column {'.'.join(min(missing))}")
    except BaseException as error:
        db.close()
        if is_damage(error) or isinstance(error, UnicodeDecodeError):  # the latter: of a name in the schema
            raise DatabaseDamaged(str(error)) from None
        raise
    return db


@functools.cache
def _new_columns() -> set[tuple[str, str]]:
    """Table and column names of a new file."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.create_function("row_crc", 7, checksum, deterministic=True)
        migrate(db)
        return _columns(db)


def _columns(db: sqlite3.Connection) -> set[tuple[str, str]]:
    """Table and column names of a file: SQLite does not check their text in the schema."""
    found = db.execute("select t.name, c.name from sqlite_master t, pragma_table_info(t.name) c where t.type = 'table'")
    return set(found)


def _wal_pages(path: Path) -> int:
    """Pages of 4 KiB in the WAL that start a checkpoint: a quarter of the reserve, because a checkpoint on a full disk
    needs the space of the WAL once more."""
    return min(WAL_PAGES, reserve_bytes(free_bytes(path.parent)[1]) // (4 * 4096))


def private_directory(directory: Path) -> None:
    """Creates a directory and its missing parents with mode 0700. Raises OSError."""
    for folder in reversed([directory, *directory.parents]):
        if not folder.is_dir():
            folder.mkdir(0o700, exist_ok=True)


def private_file(path: Path) -> None:
    """Creates an empty file with mode 0600, which SQLite also gives to the WAL. A file that all users can read, from an
    earlier version, receives this mode, too; a group that was given access keeps it. Raises OSError."""
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        with contextlib.suppress(OSError):  # of another user, or not there
            file = path.with_name(name)
            if file.stat().st_mode & 0o007:
                file.chmod(0o600)


def set_aside(path: Path, utc_s: float) -> Path:
    """Renames the file with its WAL; returns the new path. The newest ASIDE_KEPT such files are kept."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(utc_s))
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    # Earlier files may carry the time of a wrong clock: the new file is excluded, whatever its time.
    earlier = sorted(set(path.parent.glob(f"{path.name}.corrupt-*Z")) - {aside})
    for item in earlier[: 1 - ASIDE_KEPT]:
        for suffix in ("", "-wal", "-shm"):
            item.with_name(item.name + suffix).unlink(missing_ok=True)
    return aside


def salvage(db: sqlite3.Connection, damaged: Path, now_ms: int) -> int:
    """Copies the readable rows of a corrupt file of this version; returns their number. Unreadable rows of the spool
    become a gap."""
    saved = 0
    with contextlib.suppress(sqlite3.Error):
        old = sqlite3.connect(damaged, isolation_level=None)
        old.text_factory = _text
        try:
            if version(old) == version(db):  # others are migrated before they are used
                saved = sum(_copy(old, db, table) for table in SALVAGED)
        finally:
            old.close()
    _record_unread_rows(db, now_ms)
    return saved


def _record_unread_rows(db: sqlite3.Connection, now_ms: int) -> None:
    """Notes unreadable spool rows as a gap. Tables are read from their start, so missing rows follow the last row read.
    Where the row count is lost too, the gap starts in 1970 and its size is unknown."""
    last = db.execute("select spool_rows, last_ms from boots order by n desc limit 1").fetchone()
    rows, read_ms = db.execute("select count(*), max(t_ms) from spool").fetchone()
    if last is None:
        record_gap(db, "*", ROWS_UNREADABLE(), None, 0, now_ms)
    elif last[0] > rows:
        since_ms = read_ms if rows else db.execute("select min(opened_ms) from boots").fetchone()[0]
        record_gap(db, "*", ROWS_UNREADABLE(), last[0] - rows, since_ms, max(since_ms, last[1]))
    db.execute("update boots set spool_rows = ?", (rows,))


def _copy(old: sqlite3.Connection, db: sqlite3.Connection, table: str) -> int:
    saved = 0
    names = [column for name, column in _new_columns() if name == table]  # those of the old file may be corrupt
    columns = ",".join(f"c{number}" for number in range(len(names)))
    with db, contextlib.suppress(sqlite3.Error):  # commits what could be read
        db.execute("begin")
        for row in old.execute(f"with copied ({columns}) as (select * from {table}) select * from copied"):
            db.execute(f"insert or ignore into {table} values ({','.join('?' * len(row))})", row)
            saved += 1
    return saved


class DiskReserve:
    """A file that reserves disk space. `release` deletes it when the disk is full; `restore` creates it again."""

    def __init__(self, directory: Path | None) -> None:
        self._path = directory / "reserve" if directory else None

    @property
    def is_released(self) -> bool:
        """Whether the file was released, or could not be created."""
        return self._path is not None and not self._path.exists()

    def rows_max(self, spare_pages: int) -> int:
        """Maximum number of rows per transaction after the disk was full; ROWS_UNLIMITED: there is space again.

        The released space is for deletions and for the checkpoint that makes them effective; only space beyond that
        is used for new rows.
        """
        if self._path is None:
            return ROWS_UNLIMITED
        free, size = free_bytes(self._path.parent)
        if free >= 2 * reserve_bytes(size):
            return ROWS_UNLIMITED
        if free >= reserve_bytes(size):
            return 256
        return 32 if spare_pages > 64 and free > START_BYTES else 0

    def release(self) -> bool:
        """Deletes the file; False when there is none."""
        if self._path is None or not self._path.exists():
            return False
        self._path.unlink(missing_ok=True)
        return True

    def restore(self) -> None:
        """Creates the file when the disk has enough free space."""
        path = self._path
        if path is None or path.exists():
            return
        free, size = free_bytes(path.parent)
        if free < 2 * reserve_bytes(size):
            return
        with contextlib.suppress(OSError):
            private_file(path)
            with path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, reserve_bytes(size))


def reserve_bytes(size_bytes: int) -> int:
    """Size of the reserve on a file system of this size, bytes."""
    return min(max(size_bytes // 32, RESERVE_BYTES_MIN), RESERVE_BYTES_MAX)


def free_bytes(directory: Path) -> tuple[int, int]:
    """Free space for this user and size of the file system, bytes."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


def default_directory() -> Path:
    """Default state directory: systemd's STATE_DIRECTORY, else XDG_STATE_HOME/magwatt, else ~/.local/state/magwatt."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "magwatt"

"""The state file: connection, checks of its structure, and a reserve for a full disk."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sqlite3
from operator import methodcaller
from pathlib import Path

from agent.delivery.store.migrations import VERSION, migrate, version
from agent.delivery.store.row import checksum
from agent.delivery.store.storage_errors import is_damage
from drivers.reasons import CodedError

log = logging.getLogger(__name__)

NAME = "magwatt.sqlite"
# The reserve is 1/32 of the file system. It is released when the disk is full, so that confirmed rows can be deleted.
RESERVE_BYTES_MIN, RESERVE_BYTES_MAX = 256 << 10, 4 << 20
START_BYTES = RESERVE_BYTES_MIN // 2  # for the WAL and shared-memory files and a first transaction
WAL_PAGES = 256
ROWS_UNLIMITED = 1 << 30
Column = tuple[str, ...]
# Constant bytes of the file header: text, versions for writing and reading, reserved bytes and payload fractions,
# version of the schema, encoding. https://sqlite.org/fileformat.html, 1.3
HEADER = {0: b"SQLite format 3\0", 18: b"\2\2", 20: b"\0@  ", 44: b"\0\0\0\4", 56: b"\0\0\0\1"}
QUICK_CHECK_BYTES = 32 << 20  # a full check of a larger file would delay the start: only NEEDED is checked
NEEDED = ("boots", "counter_name", "counter_value", "note", "sinks", "gaps")  # small tables that a start requires

# A corrupt text must not prevent that its table is read; the checksum of its row finds it.
decoded = methodcaller("decode", "utf-8", "replace")


class StoreError(CodedError):
    """The state file cannot be used."""


class DatabaseDamaged(Exception):
    """The file is not a SQLite database, or its content is corrupt."""


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
        _check_header(Path(path))
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    db.text_factory = decoded
    db.create_function("row_crc", 7, checksum, deterministic=True)
    try:
        if version(db) < VERSION and not missing_columns(db):
            raise DatabaseDamaged("user_version")
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
        if missing := missing_columns(db):
            raise DatabaseDamaged(f"missing column {' '.join(min(missing))}")
    except BaseException as error:
        db.close()
        if is_damage(error) or isinstance(error, UnicodeDecodeError):  # the latter: of a name in the schema
            raise DatabaseDamaged(str(error)) from None
        raise
    return db


def _check_header(path: Path) -> None:
    """Finds changed bytes at which SQLite would open the file read-only, or reject it without calling it corrupt."""
    with path.open("rb") as file:
        head = file.read(64)
    rollback = {18: b"\1\1"} if head[18:20] == b"\1\1" else {}  # a new file until it has a WAL
    if head and any(head[at : at + len(value)] != value for at, value in (HEADER | rollback).items()):
        raise DatabaseDamaged("file header")


def restore_header(path: Path) -> None:
    """Writes the constant bytes of the file header. Raises OSError."""
    with path.open("r+b") as file:
        for at, value in HEADER.items():
            file.seek(at)
            file.write(value)


def column_count(table: str) -> int:
    """Number of columns of a table in a new file."""
    return sum(name == table for _, name, *_ in _new_columns())


def missing_columns(db: sqlite3.Connection) -> set[Column]:
    """Columns of a new file that this file has not, or not so: SQLite does not check the text of the schema."""
    return _new_columns() - _columns(db)


@functools.cache
def _new_columns() -> set[Column]:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.create_function("row_crc", 7, checksum, deterministic=True)
        migrate(db)
        return _columns(db)


def _columns(db: sqlite3.Connection) -> set[Column]:
    found = db.execute(
        'select m.type, m.tbl_name, m.name, c.name, c.type, c.pk, c."notnull", c.dflt_value, l.wr '
        "from sqlite_master m join pragma_table_list(m.name) l on l.schema = 'main' join pragma_table_info(m.name) c"
    )
    return {tuple(map(str, row)) for row in found}


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
    earlier version, receives this mode, too; a group that was given access keeps it. What root creates, as in
    `sudo magwatt commission`, belongs to the owner of the folder: the account of the service. Raises OSError."""
    with contextlib.suppress(FileExistsError):
        created = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if os.geteuid() == 0:
                owner = path.parent.stat()
                os.fchown(created, owner.st_uid, owner.st_gid)
        finally:
            os.close(created)
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        with contextlib.suppress(OSError):  # of another user, or not there
            file = path.with_name(name)
            if file.stat().st_mode & 0o007:
                file.chmod(0o600)


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

"""What an error of SQLite or of the file system means for the state file, with the correction."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from agent.delivery.store.reasons import DISK_FAILING, DISK_FULL, DISK_READ_ONLY, STATE_DIR_FORBIDDEN, STATE_DIR_IS_FILE
from drivers.reasons import Reason, cause_of

FREE_BYTES_MIN = 128 << 10  # below it, SQLite cannot create its WAL and shared-memory files


def is_damage(error: BaseException) -> bool:
    """SQLite reports a corrupt file."""
    return _sqlite_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_full(error: BaseException) -> bool:
    """Probably a full disk: SQLite reports FULL for a page and IOERR for the WAL and shared-memory files."""
    return _sqlite_code(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def first_error(error: BaseException) -> BaseException:
    """The error of the disk that caused a failed rollback, or another later error; else the error itself."""
    found = error
    while isinstance(found.__context__, sqlite3.Error | OSError):
        found = found.__context__
    return found


def storage_problem(error: BaseException, directory: Path | None) -> Reason | str:
    """Why the state file in this directory cannot be used, as data of a reason."""
    first, path = first_error(error), str(directory or "")
    code, number = _sqlite_code(first), getattr(first, "errno", None)
    if number == errno.EROFS or code == sqlite3.SQLITE_READONLY:
        return DISK_READ_ONLY(path=path)
    if isinstance(first, FileExistsError | NotADirectoryError):
        return STATE_DIR_IS_FILE(path=path)
    if isinstance(first, PermissionError) or code == sqlite3.SQLITE_PERM:
        return STATE_DIR_FORBIDDEN(path=path)
    if number in (errno.ENOSPC, errno.EDQUOT) or code == sqlite3.SQLITE_FULL:
        return DISK_FULL(path=path)
    if code == sqlite3.SQLITE_IOERR:
        return (DISK_FULL if _free_bytes(directory) < FREE_BYTES_MIN else DISK_FAILING)(path=path)
    return cause_of(first)


def _sqlite_code(error: BaseException) -> int:
    """The primary result code of SQLite; 0: another error."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _free_bytes(directory: Path | None) -> int:
    try:
        found = os.statvfs(directory or "/")
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize

"""An error of the disk has its cause and correction, also when a later error hides it."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.delivery.store.reasons import DISK_FAILING, DISK_FULL, DISK_READ_ONLY, STATE_DIR_FORBIDDEN
from agent.delivery.store.storage_errors import storage_problem
from drivers.reasons import Code


def fill_and_roll_back(db: sqlite3.Connection) -> None:
    db.execute("begin immediate")
    try:
        for _ in range(100):
            db.execute("insert into t values (?)", ("x" * 3000,))
    except sqlite3.Error:
        db.execute("rollback")
        raise


def test_a_full_disk_is_named_although_the_rollback_fails_too(tmp_path: Path) -> None:
    """SQLite has rolled back already: "cannot rollback - no transaction is active"."""
    with closing(sqlite3.connect(tmp_path / "f", isolation_level=None)) as db:
        db.execute("create table t (x)")
        db.execute("pragma max_page_count = 4")
        with pytest.raises(sqlite3.OperationalError) as caught:
            fill_and_roll_back(db)
        assert caught.value.sqlite_errorcode == sqlite3.SQLITE_ERROR, "of the rollback"
        assert storage_problem(caught.value, tmp_path) == DISK_FULL(path=str(tmp_path))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "x"), DISK_FULL),
        (OSError(errno.EDQUOT, "x"), DISK_FULL),
        (OSError(errno.EROFS, "x"), DISK_READ_ONLY),
        (PermissionError(errno.EACCES, "x"), STATE_DIR_FORBIDDEN),
    ],
)
def test_errors_of_the_file_system(tmp_path: Path, error: OSError, code: Code) -> None:
    assert storage_problem(error, tmp_path) == code(path=str(tmp_path))


def test_an_input_error_on_a_disk_with_space_is_not_a_full_disk(tmp_path: Path) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    assert storage_problem(error, tmp_path) == DISK_FAILING(path=str(tmp_path))
    assert storage_problem(sqlite3.OperationalError("database is locked"), tmp_path) == "database is locked"

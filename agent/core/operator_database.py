"""A SQLite file in the state directory that commands and the page write, and the agent reads.

It does not depend on the agent or on a full or corrupt state file.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from drivers.file_reasons import FILE_UNREADABLE, FILE_UNWRITABLE
from drivers.reasons import CodedError, cause_of

LOCKED_S = 5.0  # longest wait for the lock of the file


class OperatorDatabase:
    """path: of the file, which is created by the first write. schema: its statements, each `if not exists`.

    error: raised when the file cannot be used.
    """

    def __init__(self, path: Path, schema: str, error: type[CodedError]) -> None:
        self.path = path.absolute()
        self._schema, self._error = schema, error
        self._version: tuple[int, int] | None = None

    def has_changed(self) -> bool:
        """Whether its size or time differs from those at the last call, also when it was removed."""
        try:
            found = self.path.stat()
            version = (found.st_mtime_ns, found.st_size)
        except FileNotFoundError:
            version = None
        except OSError as error:
            raise self._error(FILE_UNREADABLE, path=str(self.path), error=cause_of(error)) from None
        before, self._version = self._version, version
        return version != before

    def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """The rows of a query; none while there is no file."""
        try:
            with contextlib.closing(sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True, timeout=1)) as db:
                return db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            if not self.path.exists():
                return []
            self._version = None
            raise self._error(FILE_UNREADABLE, path=str(self.path), error=cause_of(error)) from None

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, on disk when it ends. With a rollback journal no other file remains in the directory."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _as_owner(self.path.parent), contextlib.closing(sqlite3.connect(self.path, timeout=LOCKED_S)) as db:
                db.executescript(self._schema)
                with db:
                    yield db
        except (OSError, sqlite3.Error) as error:
            raise self._error(FILE_UNWRITABLE, path=str(self.path), error=cause_of(error)) from None


@contextlib.contextmanager
def _as_owner(directory: Path) -> Iterator[None]:
    """If run as root, writes with the rights of the directory's owner.

    Thus the agent can read the file, and a symbolic link in the directory gives its owner no access to other files.
    """
    if os.geteuid() != 0:
        yield
        return
    group, owner = os.getegid(), directory.stat()
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)

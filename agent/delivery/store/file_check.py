"""Check of a large state file in the background, because it would delay the start."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from agent.delivery.store.storage_errors import is_damage


class FileCheck(threading.Thread):
    """Checks the structure of the file once, with a separate connection that does not block the writer.

    report: receives what is corrupt.
    """

    def __init__(self, path: Path, report: Callable[[str], None]) -> None:
        super().__init__(name="state file check", daemon=True)
        self._path, self._report = path, report
        self._db: sqlite3.Connection | None = None

    def run(self) -> None:
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True, check_same_thread=False)) as self._db:
                found = str(self._db.execute("pragma quick_check(1)").fetchone()[0])
        except sqlite3.Error as error:
            if is_damage(error):
                self._report(str(error))
        else:
            if found != "ok":
                self._report(found.splitlines()[-1])

    def stop(self) -> None:
        """Ends the check; at most a few milliseconds."""
        with suppress(sqlite3.ProgrammingError):  # it ended before
            if self._db is not None:
                self._db.interrupt()
        self.join(5)

"""The state file, opened for reading only."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def open_read_only(path: Path) -> sqlite3.Connection:
    """The state file of a running agent, or a copy of it on a read-only medium. Raises sqlite3.Error."""
    uri = path.resolve().as_uri()
    try:
        db = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=5)
        db.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.OperationalError:
        db = sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True)
        db.execute("select count(*) from sqlite_master").fetchone()
    return db

"""Objects in the state file of an agent that may be running, for commands that only read them."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import stat
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from agent.delivery.store.database_file import NAME


def unreadable(directory: Path) -> OSError | None:
    """Why the state file exists and cannot be read; None if it can, or if there is none.

    The file is not opened: closing it would release the locks that SQLite holds on it in this process, and a command in
    another process would then delete the WAL of the running agent.
    """
    path = directory / NAME
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        return None
    except OSError as error:
        return error
    if is_folder:
        return IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not os.access(path, os.R_OK, effective_ids=True):
        return PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return None


def stored_entries(directory: Path, kind: str, fingerprints: Mapping[str, str] | None = None) -> dict[str, Any]:
    """All stored objects of one kind by name, as `Store.entries`; empty when there is no readable state file.

    fingerprints: name → fingerprint, as `Store.save_entry`; only these objects. None: all names and fingerprints.
    """
    found: dict[str, Any] = {}
    uri = (directory.absolute() / NAME).as_uri()
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=1)) as db:
        rows = db.execute("select name, fingerprint, body from note where kind = ? order by name", (kind,))
        for name, fingerprint, body in rows:
            if fingerprints is None or fingerprints.get(name) == fingerprint:
                with suppress(ValueError):
                    found[name] = json.loads(body)
    return found

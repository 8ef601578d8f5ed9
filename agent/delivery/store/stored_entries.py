"""Objects in the state file of an agent that may be running, for commands that only read them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from agent.delivery.store.database_file import NAME


def stored_entries(directory: Path, kind: str) -> dict[str, Any]:
    """All stored objects of one kind by name, as `Store.entries`; empty when there is no readable state file."""
    found: dict[str, Any] = {}
    uri = (directory.absolute() / NAME).as_uri()
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=1)) as db:
        for name, body in db.execute("select name, body from note where kind = ? order by name", (kind,)):
            with suppress(ValueError):
                found[name] = json.loads(body)
    return found

"""Checks of a copied state: its databases are intact, and its ledger passes the verification."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from agent.delivery.store.database_file import NAME
from agent.savings.ledger.signing_key import FILE as KEY_FILE
from agent.savings.ledger.signing_key import LedgerKeyError, load
from agent.savings.ledger.verify import check_tables, verify
from drivers.reasons import Reason


def database_problem(path: Path) -> str | None:
    """Why a database cannot be used: the first line of `integrity_check`; None: it is intact."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            found = str(db.execute("pragma integrity_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        return str(error)
    return None if found == "ok" else found.splitlines()[-1]


def ledger_problem(folder: Path) -> Reason | None:
    """The first problem of the ledger of a copied state directory; None: it is valid, or there is none yet."""
    with contextlib.closing(sqlite3.connect(f"{(folder / NAME).resolve().as_uri()}?mode=ro", uri=True)) as db:
        if (reason := check_tables(db, folder / NAME)) is not None:
            return reason
        try:
            key = load(folder / KEY_FILE) if (folder / KEY_FILE).is_file() else None
        except LedgerKeyError as error:
            return error.reason
        found = verify(db, key)
    return next(iter([*found.problems, *found.unchecked]), None)

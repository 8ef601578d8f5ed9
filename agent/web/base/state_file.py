"""The state file of an agent that may be running, read-only: one short connection for each request.

A connection never writes to the state directory and holds no lock between requests, so that it neither delays a commit
of the agent nor its checkpoints for longer than one query. No other code of this process may open the file: closing it
would release the locks of SQLite (see agent/delivery/store/stored_entries.py).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from agent.delivery.store import default_directory
from agent.delivery.store.database_file import NAME, decoded
from agent.delivery.store.migrations import VERSION, version
from agent.delivery.store.stored_entries import unreadable
from agent.web.base.context import Web
from drivers.reasons import Code, CodedError, Reason, cause_of

T = TypeVar("T")
LOCKED_S = 1.0  # longest wait, for the recovery of a WAL that a killed agent left
OLDEST = 2  # the first version with a history

STATE_FILE_ABSENT = Code(
    "page_state_file_absent",
    "{path} does not exist: the agent creates it at its first start. If the agent uses another folder, start "
    "`magwatt web` with the configuration of the agent",
)
STATE_FILE_FORBIDDEN = Code(
    "page_state_file_forbidden",
    "{path} cannot be read ({cause}): start `magwatt web` as the user of the agent, or give its group access",
)
STATE_FILE_NEWER = Code(
    "page_state_file_newer",
    "the state file has format {version:d}, and this page reads up to {supported:d}: update magwatt, and restart "
    "`magwatt web`",
)
STATE_FILE_OUTDATED = Code(
    "page_state_file_outdated",
    "the state file has format {version:d} of an early version of magwatt: the agent converts it when it starts",
)
STATE_FILE_DAMAGED = Code(
    "page_state_file_damaged",
    "the state file cannot be read ({error}): the agent replaces a corrupt file when it starts, and keeps the old one",
)
STATE_FILE_LOCKED = Code(
    "page_state_file_locked", "the state file was locked by another program for {timeout_s:g} s; try again"
)


class StateFileError(CodedError):
    """The state file cannot be read now."""


class StateFile:
    """directory: the state directory of the agent. Thread-safe. Every method raises StateFileError."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory.absolute() / NAME

    def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """All rows of one query."""
        return self.read(lambda db: db.execute(query, values).fetchall())

    def read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Runs queries on one connection; the job may run twice, and must not take long."""
        try:
            if not self._path.exists():
                raise StateFileError(STATE_FILE_ABSENT, path=str(self._path))
            if problem := unreadable(self.directory):
                raise problem
            return self._read(job)
        except OSError as error:
            raise StateFileError(STATE_FILE_FORBIDDEN, path=str(self._path), cause=cause_of(error)) from None
        except sqlite3.Error as error:
            raise StateFileError(self._reason(error)) from None

    def problem(self) -> Reason | None:
        """Why the file cannot be read now; None: it can."""
        try:
            self.rows("select 1 from boots limit 1")
        except StateFileError as error:
            return error.reason
        return None

    def _read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Without a WAL no agent has the file open: then nothing may be locked or created. If an agent has started
        meanwhile, its changes may have been read in part, and the job runs again."""
        if not self._has_wal:
            failed: sqlite3.Error | None = None
            try:
                found = self._connected("?mode=ro&immutable=1", job)
            except sqlite3.Error as error:
                failed = error
            if not self._has_wal:
                if failed is not None:
                    raise failed
                return found
        return self._connected("?mode=ro", job)

    def _connected(self, options: str, job: Callable[[sqlite3.Connection], T]) -> T:
        uri = self._path.as_uri() + options
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=LOCKED_S)) as db:
            db.text_factory = decoded
            found = version(db)
            if found > VERSION:
                raise StateFileError(STATE_FILE_NEWER, version=found, supported=VERSION)
            if found < OLDEST:
                raise StateFileError(STATE_FILE_OUTDATED, version=found)
            return job(db)

    @property
    def _has_wal(self) -> bool:
        return self._path.with_name(f"{NAME}-wal").exists()

    def _reason(self, error: sqlite3.Error) -> Reason:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return STATE_FILE_LOCKED(timeout_s=LOCKED_S)
        return STATE_FILE_DAMAGED(error=str(error))


def state_of(web: Web) -> StateFile:
    """The state file of the configuration, else that of the platform's state directory."""
    configured = web.config.state_dir if web.config else None
    return StateFile(configured or default_directory())

"""The lock on a state directory: one agent, or one command that needs the state alone.

`flock` decides; the kernel releases it when the process ends. The content of the file only states who holds it:
{"pid", "since_ms", "command"}; content of an earlier process is no obstacle.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from pathlib import Path
from typing import IO, Any

import msgspec

from agent.delivery.store.database_file import StoreError
from agent.delivery.store.reasons import STATE_DIR_HELD, STATE_DIR_IN_USE, STATE_DIR_UNUSABLE
from drivers.reasons import Reason, cause_of

NAME = "agent.lock"
RUN = "run"
TRIES, RETRY_S = 5, 0.05  # `holder_of` of another process takes the lock for some microseconds


class StateInUse(StoreError):
    """Another process holds the lock."""


class LockHolder(msgspec.Struct, frozen=True):
    """Who holds a lock.

    pid: process; None: not known.
    since_ms: UTC; None: not known.
    command: of magwatt.
    """

    pid: int | None = None
    since_ms: int | None = None
    command: str = RUN

    @property
    def note(self) -> Reason:
        """For a command that works while the holder runs."""
        return STATE_DIR_HELD(pid=self.pid, since_ms=self.since_ms, command=f"magwatt {self.command}")

    def reason(self, directory: Path) -> Reason:
        """Why a command that needs the directory alone does not start."""
        return STATE_DIR_IN_USE(
            directory=str(directory), pid=self.pid, since_ms=self.since_ms, command=f"magwatt {self.command}"
        )


class StateLock:
    """Holds the lock on a directory until `close`. Raises StateInUse, or StoreError if the file cannot be opened.

    command: the command of magwatt that needs the directory.
    since_ms: UTC, for others.
    """

    def __init__(self, directory: Path, command: str, since_ms: int) -> None:
        path = directory / NAME
        try:
            self._file = path.open("a+", encoding="ascii")
            if os.geteuid() == 0:  # a command of an operator: the account of the service must be able to open it later
                owner = directory.stat()
                os.fchown(self._file.fileno(), owner.st_uid, owner.st_gid)
        except OSError as error:
            raise StoreError(STATE_DIR_UNUSABLE, directory=str(directory), cause=cause_of(error)) from None
        if not _locked(self._file, fcntl.LOCK_EX, TRIES):
            self._file.close()
            raise StateInUse(_content(path).reason(directory))
        with contextlib.suppress(OSError):  # a full disk: the content is only for messages
            text = msgspec.json.encode(LockHolder(os.getpid(), since_ms, command))
            os.ftruncate(self._file.fileno(), 0)
            os.write(self._file.fileno(), text)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> StateLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def holder_of(directory: Path) -> LockHolder | None:
    """Who holds the lock on a directory; None: no process, or this user cannot read it."""
    path = directory / NAME
    try:
        with path.open(encoding="ascii") as file:
            return None if _locked(file, fcntl.LOCK_SH, 1) else _content(path)
    except OSError:
        return None


def _locked(file: IO[Any], kind: int, tries: int) -> bool:
    """Whether the lock was obtained."""
    for last in (*[False] * (tries - 1), True):
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
            return True
        except OSError:
            if not last:
                time.sleep(RETRY_S)
    return False


def _content(path: Path) -> LockHolder:
    """What the holder wrote; earlier versions wrote the number of the process only."""
    with contextlib.suppress(OSError, ValueError, msgspec.MsgspecError):
        found = json.loads(path.read_text(encoding="ascii"))
        return LockHolder(found) if isinstance(found, int) else msgspec.convert(found, LockHolder)
    return LockHolder()

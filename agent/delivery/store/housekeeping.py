"""Housekeeping between two transactions: retention, quota and the disk reserve."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Protocol

from agent.delivery.store.database_file import DiskReserve
from agent.delivery.store.quota import SPARE_PAGES, TARGET, URGENT, Quota, shrink
from drivers.reasons import Reason

log = logging.getLogger(__name__)

HOUSEKEEPING_S = 30.0
CHECK_S, CHECK_BYTES, CHECK_SHARE = 2.0, 256_000, 0.01  # the size is checked again after this time, bytes, or quota
ROOM_S = 0.02  # for deleting rows while new rows wait


class Database(Protocol):
    """The part of the writer that housekeeping uses.

    unsaved_reason: why the file cannot be written; None: it can.
    """

    db: sqlite3.Connection
    db_lock: threading.RLock
    written_bytes: int
    unsaved_reason: Reason | None

    @property
    def has_pending(self) -> bool: ...

    def check_file(self) -> None: ...

    def evict(self, step: Callable[[sqlite3.Connection, set[int]], int | None]) -> int | None: ...


class Housekeeping:
    """Runs in the writer's thread.

    expired_up_to: highest row number of the spool that is beyond its retention.
    """

    def __init__(self, quota: Quota, reserve: DiskReserve, expired_up_to: Callable[[sqlite3.Connection], int]) -> None:
        self._quota, self._reserve, self._expired_up_to = quota, reserve, expired_up_to
        self.next_s = 0.0  # monotonic time of the next run without a commit
        self._checked = 0.0, 0  # when the size was checked, and what was written until then
        self._no_space = False  # a warning was logged
        self._bug = ""  # the last internal error; its traceback is logged once

    @property
    def due(self) -> bool:
        return time.monotonic() >= self.next_s

    def run(self, writer: Database) -> None:
        """Short transactions. Errors are logged, and the step is repeated after the next transaction. Never raises: an
        internal error must not end the writer thread."""
        try:
            if self.due:
                self.next_s = time.monotonic() + HOUSEKEEPING_S
                writer.check_file()
                self._reserve.restore()
                writer.evict(lambda db, busy: self._quota.expire(db, busy, self._expired_up_to(db)))
                with writer.db_lock:
                    shrink(writer.db)
            if not self._is_check_due(writer.written_bytes):
                return
            if self._quota.exceeded(writer.db):
                self._make_room(writer)
            else:
                self._no_space = False
        except (sqlite3.Error, OSError) as error:
            if not (writer.unsaved_reason or self._no_space):
                log.warning("no space could be freed in the state file: %s", error)
            self._no_space = True
        except Exception as error:
            if repr(error) != self._bug:
                self._bug = repr(error)
                log.exception("housekeeping of the state file failed (internal error); writing continues")

    def _is_check_due(self, written_bytes: int) -> bool:
        checked_s, checked_bytes = self._checked
        now_s, limit_bytes = time.monotonic(), min(CHECK_BYTES, CHECK_SHARE * self._quota.bytes_max)
        if now_s - checked_s < CHECK_S and written_bytes - checked_bytes < limit_bytes:
            return False
        self._checked = now_s, written_bytes
        return True

    def _make_room(self, writer: Database) -> None:
        until_s = time.monotonic() + ROOM_S
        while self._quota.exceeded(writer.db, TARGET, 2 * SPARE_PAGES):
            if writer.evict(self._quota.evict) is None:
                return
            if time.monotonic() > until_s and writer.has_pending and not self._quota.exceeded(writer.db, URGENT):
                return  # continued after the next transaction

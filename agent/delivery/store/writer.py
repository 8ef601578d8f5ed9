"""The only thread that writes: commits everything appended within `commit_interval_s` in one transaction.

While the file cannot be written, rows are buffered in memory and delivered to the sinks from there; each later attempt
writes them too. When the buffer is full, rows are dropped and counted, the least important and oldest first.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any

from agent.delivery.store.batch import (
    Job,
    PendingRow,
    Rejection,
    T,
    WriteBatch,
    confirm_unsaved,
    insert,
    remove_delivered,
)
from agent.delivery.store.counters import write_counters
from agent.delivery.store.cursor import SinkCursor
from agent.delivery.store.data_gaps import record_gap
from agent.delivery.store.database_file import (
    ROWS_UNLIMITED,
    DiskReserve,
    FileWatch,
    StoreError,
    is_damage,
    is_full,
)
from agent.delivery.store.housekeeping import HOUSEKEEPING_S, Housekeeping
from agent.delivery.store.quota import Quota, pages
from agent.delivery.store.reasons import (
    MEMORY_BUFFER_FULL,
    STATE_FILE_CLOSED,
    STATE_FILE_TIMEOUT,
    STATE_FILE_UNWRITABLE,
)
from agent.delivery.store.row import StoredRow, importance
from drivers.reasons import Reason, cause_of

log = logging.getLogger(__name__)

MEMORY_ROWS = 20_000  # buffered while the file cannot be written
RETRY_S = 1.0
SETTLED_S = 60.0  # without a failure until the file counts as writable again in the log
SMALL_BATCH = 100  # confirmed rows deleted in one transaction while the disk is full: it must fit in the reserve
WAIT_S = 15.0  # for the commit of a job


class Writer(threading.Thread):
    """The writer thread.

    commit_interval_s: time within which rows are committed.
    expired_up_to: highest row number of the spool that is beyond its retention.
    reopen: text of the error → connection to a new file, when the file is corrupt.

    cursors: bit → cursor.
    unsaved_reason: why rows are in memory only; None: they are in the file.
    """

    def __init__(
        self, db: sqlite3.Connection, commit_interval_s: float, quota: Quota, reserve: DiskReserve,
        expired_up_to: Callable[[sqlite3.Connection], int], reopen: Callable[[str], sqlite3.Connection],
    ) -> None:  # fmt: skip
        super().__init__(name="store", daemon=True)
        self.db, self.db_lock = db, threading.RLock()
        self.cursors: dict[int, SinkCursor] = {}
        self.spool_rows = self.commits = self.failures = 0
        self.run_id: int | None = None
        self.unsaved_reason: Reason | None = None
        self.watch = FileWatch(None)  # of the run that owns the directory
        self.cycle_s = time.monotonic()  # of the last cycle; there is one every HOUSEKEEPING_S or more often
        self.unsaved: dict[int, PendingRow] = {}  # rows that are not in the file, by number; changed under db_lock
        self._commit_interval_s, self._reserve, self._reopen = commit_interval_s, reserve, reopen
        self._housekeeping = Housekeeping(quota, reserve, expired_up_to)
        self._next_batch = WriteBatch()
        self._wake = threading.Condition(threading.Lock())
        self._idle = self._urgent = self._ending = False
        self._rows_max = 0 if reserve.is_released else ROWS_UNLIMITED  # in one transaction
        self._corruption = ""
        self._failed_s: float | None = None  # of the last failure; None: logged as writable
        self._lost: list[StoredRow] = []  # dropped, not yet counted

    def append(self, rows: Iterable[PendingRow], counters: Mapping[str, int]) -> None:
        with self._wake:
            self._next_batch.rows += rows
            self._next_batch.counters.update(counters)
            self._notify()

    def confirm(self, bit: int, numbers: list[int]) -> None:
        with self._wake:
            self._next_batch.confirmed.setdefault(bit, []).extend(numbers)
            self._notify()

    def reject(self, *rejections: Rejection) -> None:
        with self._wake:
            self._next_batch.rejected += rejections
            self._notify()

    def report_corruption(self, error: str) -> None:
        """A reader found the file corrupt."""
        with self._wake:
            self._corruption, self._urgent = error, True
            self._notify()

    def check_file(self) -> None:
        """Finds that another program removed or emptied the file; SQLite continues to write to a removed file."""
        if self.watch.is_removed():
            self.report_corruption("the file was removed")
        elif self.watch.is_emptied():
            self.report_corruption("the file was emptied")

    def do(self, job: Job[T]) -> T:
        """Runs `job` in the next transaction and waits for its commit. After a StoreError the job had no effect, unless
        the code is STATE_FILE_TIMEOUT: then it may still be executed.
        """
        future: Future[T] = Future()
        with self._wake:
            if self._ending:
                raise StoreError(STATE_FILE_CLOSED)
            self._next_batch.jobs.append((job, future))
            self._urgent = True
            self._notify()
        try:
            return future.result(WAIT_S)
        except TimeoutError:
            raise StoreError(STATE_FILE_TIMEOUT, timeout_s=WAIT_S) from None

    def post(self, job: Job[Any]) -> None:
        """Like `do`, without waiting."""
        with self._wake:
            self._next_batch.jobs.append((job, Future()))
            self._notify()

    def stop(self) -> None:
        """Commits everything and ends the thread."""
        with self._wake:
            self._ending = True
            self._wake.notify()
        self.join(WAIT_S)

    def run(self) -> None:
        committed_s = float("-inf")
        while True:
            with self._wake:
                self._await(committed_s + self._commit_interval_s / 2)  # the other half is for the commit
                batch, self._next_batch = self._next_batch, WriteBatch()
                self._urgent = False
                ending = self._ending
            committed_s = time.monotonic()
            self._write(batch)
            if ending:
                return
            self._housekeeping.run(self)
            self.cycle_s = time.monotonic()

    def _notify(self) -> None:
        """Wakes the thread when it waits for work, or when the work is urgent."""
        if self._idle or self._urgent:
            self._wake.notify()

    def _await(self, due_s: float) -> None:
        """Waits until there is something to write and it is due."""
        retry_s = time.monotonic() + RETRY_S
        while not self._ending:
            now_s = time.monotonic()
            if self._urgent:
                return
            if not self._next_batch and not (self.unsaved and (now_s >= retry_s or not self.unsaved_reason)):
                self._idle = True
                self._wake.wait(RETRY_S if self.unsaved else HOUSEKEEPING_S)
                self._idle = False
                if not self._next_batch and self._housekeeping.due:
                    return
            elif now_s >= due_s:
                return
            else:
                self._wake.wait(due_s - now_s)

    def _write(self, batch: WriteBatch) -> None:
        resolve_jobs: list[Callable[[], None]] = []
        with self.db_lock:
            self.unsaved |= {pending.row.n: pending for pending in batch.rows}
            if self.unsaved:
                confirm_unsaved(self.unsaved, batch, self._owed)
            self._bound_memory()
            try:
                if self._corruption:
                    self.db, self._corruption = self._reopen(self._corruption), ""
                resolve_jobs = self._transact(batch)
            except Exception as error:  # an internal error must not end the thread
                self._failed(batch, error)
            else:
                if self._rows_max < ROWS_UNLIMITED:
                    self._check_free_space()
                if not self.unsaved:
                    self.unsaved_reason = None
                    self._log_recovery()
        if batch.rows:
            rows = [pending.row for pending in batch.rows]
            for cursor in list(self.cursors.values()):
                cursor.add_committed(rows)
        for resolve in resolve_jobs:  # after the sinks received the rows
            resolve()

    def _transact(self, batch: WriteBatch) -> list[Callable[[], None]]:
        """Commits the batch; returns functions that deliver the result or exception of each job."""
        if self._rows_max < ROWS_UNLIMITED:
            self._postpone_deletions(batch)
        db, saved, rows = self.db, list(itertools.islice(self.unsaved.values(), self._rows_max)), self.spool_rows
        if not (batch or saved or self._lost):
            return []
        with db:  # commits, or rolls back
            db.execute("begin immediate")
            rows += insert(db, saved, self._owed)
            write_counters(db, batch.counters)
            rows -= remove_delivered(db, batch, len(self.cursors) == 1)
            for row in self._lost:
                record_gap(db, row.kind, MEMORY_BUFFER_FULL(), 1, row.t_ms, row.t_ms)
            resolve_jobs = list(itertools.starmap(self._run_job, batch.jobs))
            if self.run_id is not None and (saved or rows != self.spool_rows):
                self._record_progress(saved, rows)
        self.spool_rows = max(0, rows)
        self.commits += 1
        for pending in saved:
            del self.unsaved[pending.row.n]
        self._lost.clear()
        for bit, numbers in batch.confirmed.items():
            self.cursors[bit].forget(numbers)
        return resolve_jobs

    def _postpone_deletions(self, batch: WriteBatch) -> None:
        with self._wake:
            for bit, numbers in batch.confirmed.items():
                if later := numbers[SMALL_BATCH:]:
                    self._next_batch.confirmed.setdefault(bit, [])[:0] = later
                    del numbers[SMALL_BATCH:]

    def _record_progress(self, saved: list[PendingRow], rows: int) -> None:
        """Records how far the run is complete, in case this is its last commit."""
        last_seq = saved[-1].seq if saved else 0
        newest_ms = max((pending.row.t_ms for pending in saved), default=None)  # also after a step back
        self.db.execute(
            "update boots set spool_rows = ?, last_seq = max(last_seq, ?), last_ms = ifnull(?, last_ms) where n = ?",
            (max(0, rows), last_seq, newest_ms, self.run_id),
        )

    def _run_job(self, job: Job[T], future: Future[T]) -> Callable[[], None]:
        """Runs a job; returns a function that delivers its result or exception. A failed job is rolled back."""
        self.db.execute("savepoint job")
        try:
            resolve = partial(future.set_result, job(self.db))
        except sqlite3.Error:
            raise
        except Exception as error:
            self.db.execute("rollback to job")
            resolve = partial(future.set_exception, error)
        self.db.execute("release job")
        return resolve

    def _failed(self, batch: WriteBatch, error: Exception) -> None:
        """Nothing of the batch was written: keeps rows and confirmations for the next attempt, fails the jobs."""
        self.failures += 1
        reason = STATE_FILE_UNWRITABLE(error=cause_of(error))
        for _, future in batch.jobs:
            future.set_exception(StoreError(reason))
        with self._wake:
            self._next_batch.counters = {**batch.counters, **self._next_batch.counters}
            for bit, numbers in batch.confirmed.items():
                self._next_batch.confirmed.setdefault(bit, []).extend(numbers)
            self._next_batch.rejected[:0] = batch.rejected
        if self._failed_s is None:
            log.error("%s; rows are buffered in memory, measurement continues", reason)
        self._failed_s = time.monotonic()
        self.unsaved_reason = reason
        if is_damage(error):
            self._corruption = str(error)
        elif is_full(error):
            self._reserve.release()
            self._check_free_space()
            self._rows_max = 0  # confirmed rows are still deleted

    def _log_recovery(self) -> None:
        """Logs once that the file can be written; a disk that is full from time to time is one trouble."""
        if self._failed_s is not None and time.monotonic() - self._failed_s >= SETTLED_S:
            self._failed_s = None
            log.info("the state file can be written again; all buffered rows are written")

    def _check_free_space(self) -> None:
        with contextlib.suppress(sqlite3.Error, OSError):
            self.db.execute("pragma wal_checkpoint(truncate)").fetchall()
            self._rows_max = self._reserve.rows_max(pages(self.db)[1])

    def _bound_memory(self) -> None:
        surplus = max(0, len(self.unsaved) - MEMORY_ROWS)
        for row in heapq.nsmallest(
            surplus, (it.row for it in self.unsaved.values()), lambda row: (-importance(row.kind), row.n)
        ):
            del self.unsaved[row.n]
            self._lost.append(row)

    def evict(self, step: Callable[[sqlite3.Connection, set[int]], int | None]) -> int | None:
        """Runs a step of housekeeping in a transaction; returns its result, the number of rows that left the spool.

        step: receives the database and the numbers of the rows that sinks have taken and not confirmed.
        """
        with self.db_lock, self.db:  # commits, or rolls back
            self.db.execute("begin immediate")
            dropped = step(self.db, set().union(*(cursor.unconfirmed() for cursor in self.cursors.values())))
            if dropped and self.run_id is not None:
                self._record_progress([], self.spool_rows - dropped)
        self.spool_rows -= dropped or 0
        return dropped

    @property
    def has_pending(self) -> bool:
        """Whether there is something to commit."""
        return bool(self._next_batch)

    @property
    def _owed(self) -> int:
        return sum(1 << bit for bit in self.cursors)

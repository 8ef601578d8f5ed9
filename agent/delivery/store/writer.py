"""The only thread that writes. Rows go to the sinks from memory; the writer commits, in one transaction, counters, the
rows that were not confirmed in time, and jobs.

A row that no sink has confirmed is in the file within `commit_interval_s`: it is written when it is between a quarter
and three quarters of that old. Rows that were confirmed before are never written. Confirmed rows of the file are
deleted together, every `defer_s`.

While the file cannot be written, rows stay in memory; each later attempt writes them. When the buffer is full, rows
are dropped and counted, the least important and oldest first.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from agent.delivery.store.batch import (
    Job,
    PendingRow,
    Rejection,
    T,
    WriteBatch,
    insert,
    mark_announced,
    record_progress,
    remove_delivered,
    run_job,
)
from agent.delivery.store.counters import write_counters
from agent.delivery.store.cursor import SinkCursor
from agent.delivery.store.data_gaps import record_gap
from agent.delivery.store.database_file import (
    ROWS_UNLIMITED,
    DiskReserve,
    FileWatch,
    StoreError,
)
from agent.delivery.store.housekeeping import Housekeeping
from agent.delivery.store.quota import Quota, pages
from agent.delivery.store.reasons import (
    MEMORY_BUFFER_FULL,
    STATE_FILE_CLOSED,
    STATE_FILE_TIMEOUT,
    STATE_FILE_UNWRITABLE,
)
from agent.delivery.store.row import StoredRow
from agent.delivery.store.row_buffer import RowBuffer
from agent.delivery.store.storage_errors import first_error, is_damage, is_full, storage_problem
from drivers.reasons import Reason

log = logging.getLogger(__name__)

MEMORY_ROWS = 20_000  # buffered while the file cannot be written
RETRY_S = 1.0
GATHER_S = 0.1  # rows of this time are passed on together: a turn of a sink costs more than a row
SETTLED_S = 60.0  # without a failure until the file counts as writable again in the log
SMALL_BATCH = 100  # confirmed rows deleted in one transaction while the disk is full: it must fit in the reserve
# Confirmed rows, or deferred jobs, that do not wait for `defer_s`. After a kill that many rows may come again
DELETIONS, DEFERRED = 500, 200
WAIT_S = 15.0  # for the commit of a job


class Writer(threading.Thread):
    """The writer thread.

    commit_interval_s: time within which rows that are not confirmed are committed.
    defer_s: time within which confirmed rows are deleted, and deferred jobs are executed.
    expired_up_to: highest row number of the spool that is beyond its retention.
    reopen: text of the error → connection to a new file, when the file is corrupt.

    unsaved_reason: why rows are in memory only; None: they are in the file, or will be in time.
    """

    def __init__(
        self, db: sqlite3.Connection, commit_interval_s: float, defer_s: float, quota: Quota, reserve: DiskReserve,
        expired_up_to: Callable[[sqlite3.Connection], int], reopen: Callable[[str], sqlite3.Connection],
    ) -> None:  # fmt: skip
        super().__init__(name="store", daemon=True)
        self.db, self.db_lock = db, threading.RLock()
        self.commits = self.failures = self.written_bytes = 0
        self.run_id: int | None = None
        self.unsaved_reason: Reason | None = None
        self.watch = FileWatch(None)  # of the run that owns the directory
        self.cycle_s = time.monotonic()  # of the last cycle; there is one every HOUSEKEEPING_S or more often
        self._period_s, self._defer_s = commit_interval_s / 2, defer_s  # at most one commit in a period
        self._reserve, self._reopen, self._directory = reserve, reopen, quota.directory
        self._housekeeping = Housekeeping(quota, reserve, expired_up_to)
        # Under db_lock
        self._spool_rows = 0
        self._rows_max = 0 if reserve.is_released else ROWS_UNLIMITED  # in one transaction
        self._failed_s: float | None = None  # of the last failure; None: logged as writable
        self._lost: list[StoredRow] = []  # dropped, not yet counted
        # Under _wake, which may be taken under db_lock but not the other way round
        self._wake = threading.Condition(threading.Lock())
        self._cursors: dict[int, SinkCursor] = {}  # by bit
        self._buffer = RowBuffer()
        self._next_batch = WriteBatch()
        self._deferred: list[tuple[Job[Any], Future[Any]]] = []
        self._being_written = 0  # rows of the transaction
        self._newest: PendingRow | None = None  # appended last; None: progress is recorded
        self._deferred_s = time.monotonic()  # of the last deletion
        self._started_s = float("-inf")  # of the last cycle
        self._wakes_s = float("-inf")  # while it waits: when it wakes
        self._woken_s, self._has_news = float("-inf"), False  # when the sinks were woken; whether they have new rows
        self._urgent = self._flush = self._ending = False
        self._corruption = ""

    def set_cursors(self, cursors: Iterable[SinkCursor]) -> None:
        """The sinks of this run, before the first row."""
        with self._wake:
            self._cursors = {cursor.bit: cursor for cursor in cursors}
            self._buffer.sinks_mask = sum(1 << bit for bit in self._cursors)

    def load_spool_rows(self, db: sqlite3.Connection | None = None) -> None:
        """Takes the number of rows in the file as recorded. db: a new file that replaces the open one."""
        with self.db_lock:
            row = (db or self.db).execute("select spool_rows from boots order by n desc limit 1").fetchone()
            self._spool_rows = int(row[0]) if row else 0

    def append(self, pending: PendingRow, counters: Mapping[str, int]) -> None:
        """Adds a row and passes it to the sinks, or lets it wait until the counters that it shows are committed."""
        with self._wake:
            self._newest = pending
            self._next_batch.counters.update(counters)
            if not self._buffer.sinks_mask and pending.announces_gap is not None:
                self._next_batch.announced.append(pending.announces_gap)
            can_be_sent = self._buffer.append(pending, bool(counters) and self.unsaved_reason is None)
            if can_be_sent:
                self._pass_on([pending.row])
            self._notify()

    def save_counters(self, values: Mapping[str, int]) -> None:
        with self._wake:
            self._next_batch.counters.update(values)
            self._notify()

    def confirm(self, bit: int, numbers: list[int]) -> list[int]:
        """Records confirmations; returns the numbers of the rows that stay in the file until they are deleted."""
        with self._wake:
            in_file, announced = self._buffer.confirm(bit, numbers)
            self._next_batch.announced += announced
            if in_file:
                self._next_batch.confirmed.setdefault(bit, []).extend(in_file)
                self._notify()
        return in_file

    def reject(self, *rejections: Rejection) -> None:
        with self._wake:
            self._next_batch.rejected += rejections
            self._notify()

    def waiting(self, bit: int, above: int, below: int, limit: int) -> list[StoredRow]:
        """Rows in memory that a sink has not confirmed."""
        with self._wake:
            return self._buffer.waiting(bit, above, below, limit)

    @property
    def sinks_mask(self) -> int:
        """Bits of all sinks."""
        return self._buffer.sinks_mask

    @property
    def rows_in_memory(self) -> int:
        return len(self._buffer.rows) + self._being_written

    @property
    def unwritable_rows(self) -> int:
        """Rows in memory because the file cannot be written or has no space; others are written in time."""
        return self.rows_in_memory if self.unsaved_reason or not self._rows_max else 0

    @property
    def spool_rows(self) -> int:
        """Rows in the file and in memory that are not confirmed; with several sinks also some that are."""
        with self._wake:
            confirmed = sum(map(len, self._next_batch.confirmed.values())) if len(self._cursors) == 1 else 0
            return max(0, self._spool_rows - confirmed) + self.rows_in_memory

    @property
    def announces_gaps(self) -> bool:
        """Whether a row that announces a gap is in memory."""
        return any(pending.announces_gap is not None for pending in self.unsaved_rows())

    def unsaved_rows(self) -> list[PendingRow]:
        """Rows that are in memory only."""
        with self._wake:
            return list(self._buffer.rows.values())

    def cursors(self) -> list[SinkCursor]:
        with self._wake:
            return list(self._cursors.values())

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

    def do(self, job: Job[T], flush: bool = False) -> T:
        """Runs `job` in the next transaction and waits for its commit. flush: all rows are written before.

        After a StoreError the job had no effect, unless the code is STATE_FILE_TIMEOUT: then it may still be executed.
        """
        future: Future[T] = Future()
        with self._wake:
            if self._ending:
                raise StoreError(STATE_FILE_CLOSED)
            self._next_batch.jobs.append((job, future))
            self._urgent = True
            self._flush |= flush
            self._notify()
        try:
            return future.result(WAIT_S)
        except TimeoutError:
            raise StoreError(STATE_FILE_TIMEOUT, timeout_s=WAIT_S) from None

    def post(self, job: Job[Any], deferred: bool = False) -> None:
        """Like `do`, without waiting. deferred: within `defer_s`."""
        with self._wake:
            (self._deferred if deferred else self._next_batch.jobs).append((job, Future()))
            self._notify()

    def stop(self) -> None:
        """Commits everything and ends the thread."""
        with self._wake:
            self._ending = True
            self._wake.notify()
        self.join(WAIT_S)

    def run(self) -> None:
        while True:
            with self._wake:
                while (wait_s := (next_s := self._next_s()) - time.monotonic()) > 0:
                    self._wakes_s = next_s
                    self._wake.wait(wait_s)
                    self._wakes_s = float("-inf")
                now_s = time.monotonic()
                if is_due := self._due_s() <= now_s:
                    self._started_s, self._urgent = now_s, False
                ending = self._ending
            if not is_due:
                self._wake_sinks()
                continue
            self._write()
            if ending:
                return
            self._housekeeping.run(self)
            self.cycle_s = time.monotonic()

    def _notify(self) -> None:
        """Wakes the thread when it would wait for too long."""
        if self._wakes_s > 0 and self._wakes_s > self._next_s():
            self._wake.notify()

    def _next_s(self) -> float:
        """Monotonic time of the next cycle, or when the sinks are to be woken for rows."""
        return min(self._due_s(), self._woken_s + GATHER_S) if self._has_news else self._due_s()

    def _due_s(self) -> float:
        """Monotonic time of the next cycle."""
        if self._urgent or self._ending:
            return float("-inf")
        batch, oldest_ns, period_s = self._next_batch, self._buffer.oldest_ns(), self._period_s
        due_s = self._housekeeping.next_s
        if self._newest or batch.announced or batch.confirmed or self._deferred:
            due_s = min(due_s, self._deferred_s + self._defer_s)
        if oldest_ns is not None:
            due_s = min(due_s, oldest_ns / 1e9 + 1.5 * period_s)
        if batch.counters or batch.jobs or batch.rejected or len(self._deferred) >= DEFERRED:
            due_s = self._started_s
        if self.unsaved_reason or not self._rows_max:
            due_s, period_s = self._started_s, RETRY_S
        if self._rows_max < ROWS_UNLIMITED and batch.confirmed:
            due_s, period_s = self._started_s, self._period_s
        if self._confirmed_rows >= DELETIONS and not self.unsaved_reason:
            return self._started_s
        return max(due_s, self._started_s + period_s)

    @property
    def _confirmed_rows(self) -> int:
        return max(map(len, self._next_batch.confirmed.values()), default=0)

    def _pass_on(self, rows: list[StoredRow]) -> None:
        """Adds rows to the sinks, in the order of the ids. Under _wake."""
        for cursor in self._cursors.values():
            cursor.add(rows)
        self._has_news = True

    def _wake_sinks(self) -> None:
        with self._wake:
            cursors, self._has_news = list(self._cursors.values()) if self._has_news else [], False
            self._woken_s = time.monotonic()
        for cursor in cursors:
            cursor.wake()

    def _write(self) -> None:
        resolve_jobs: list[Callable[[], None]] = []
        with self.db_lock:
            with self._wake:
                batch, held = self._next_batch_cut()
            try:
                if self._corruption:
                    self.db, self._corruption = self._reopen(self._corruption), ""
                resolve_jobs = self._transact(batch)
            except Exception as error:  # an internal error must not end the thread
                self._failed(batch, error)
            else:
                if self._rows_max < ROWS_UNLIMITED:
                    self._check_free_space()
                if not self._buffer.rows or self._rows_max == ROWS_UNLIMITED:
                    self.unsaved_reason = None
                    self._log_recovery()
        with self._wake:
            self._being_written = 0
            released = self._buffer.release(held)
            if released:
                self._pass_on(released)
        self._wake_sinks()
        for resolve in resolve_jobs:  # after the sinks received the rows
            resolve()

    def _next_batch_cut(self) -> tuple[WriteBatch, int]:
        """What the next transaction commits, and the number of rows that wait for it. Under db_lock and _wake."""
        batch, self._next_batch = self._next_batch, WriteBatch()
        now_s = time.monotonic()
        everything, self._flush = self._flush or self._ending, False
        deferred = everything or now_s >= self._deferred_s + self._defer_s or len(self._deferred) >= DEFERRED
        small = self._rows_max < ROWS_UNLIMITED
        if self._buffer.rows and self.failures:  # confirmed while a transaction failed to write them
            for bit, numbers in batch.confirmed.items():
                batch.confirmed[bit], announced = self._buffer.confirm(bit, numbers)
                batch.announced += announced
                self._cursors[bit].forget(set(numbers).difference(batch.confirmed[bit]))
        if deferred:
            self._deferred_s = now_s
            batch.jobs += self._deferred
            self._deferred = []
        for bit, numbers in batch.confirmed.items():
            kept = numbers[SMALL_BATCH:] if small else [] if deferred or len(numbers) >= DELETIONS else numbers
            if kept:
                self._next_batch.confirmed[bit] = kept
        taken = {
            bit: numbers[: len(numbers) - len(self._next_batch.confirmed.get(bit, []))]
            for bit, numbers in batch.confirmed.items()
        }
        batch.confirmed = {bit: numbers for bit, numbers in taken.items() if numbers}
        self._lost += self._buffer.drop_surplus(MEMORY_ROWS)
        before_ns = time.monotonic_ns() - round(0.5e9 * self._period_s)
        batch.rows = self._buffer.take(
            None if everything else before_ns, self._rows_max, {rejection.n for rejection in batch.rejected}
        )
        self._being_written = len(batch.rows)
        if deferred or batch.rows:
            batch.progress = self._progress()
        return batch, self._buffer.held

    def _progress(self) -> tuple[int, int] | None:
        """Sequence of the newest row, and the time up to which the run is complete, in case this is its last commit."""
        if (newest := self._newest) is None:
            return None
        self._newest = None
        waiting_ms = (pending.row.t_ms for pending in self._buffer.rows.values())
        return newest.seq, min([newest.row.t_ms, *waiting_ms])

    def _transact(self, batch: WriteBatch) -> list[Callable[[], None]]:
        """Commits the batch; returns functions that deliver the result or exception of each job."""
        db, rows = self.db, self._spool_rows
        if not (batch or self._lost):
            return []
        with db:  # commits, or rolls back
            db.execute("begin immediate")
            rows += insert(db, batch.rows, self._buffer.sinks_mask)
            mark_announced(db, batch.announced)
            write_counters(db, batch.counters)
            rows -= remove_delivered(db, batch, self._buffer.sinks_mask)
            for row in self._lost:
                record_gap(db, row.kind, MEMORY_BUFFER_FULL(), 1, row.t_ms, row.t_ms)
            resolve_jobs = [run_job(db, job, future) for job, future in batch.jobs]
            if self.run_id is not None and (batch.progress or rows != self._spool_rows):
                record_progress(db, self.run_id, rows, batch.progress)
        self._spool_rows = max(0, rows)
        self.commits += 1
        self.written_bytes += sum(len(pending.row.payload) for pending in batch.rows)
        self._lost.clear()
        for bit, numbers in batch.confirmed.items():
            self._cursors[bit].forget(numbers)
        return resolve_jobs

    def _failed(self, batch: WriteBatch, error: Exception) -> None:
        """Nothing of the batch was written: keeps rows and confirmations for the next attempt, fails the jobs unless
        the file will be replaced."""
        self.failures += 1
        first = first_error(error)
        reason = STATE_FILE_UNWRITABLE(error=storage_problem(first, self._directory))
        replaceable = is_damage(first)
        for _, future in batch.jobs if not replaceable else []:
            future.set_exception(StoreError(reason))
        with self._wake:
            if replaceable:  # the jobs run again in the new file
                self._next_batch.jobs[:0] = batch.jobs
                self._corruption = str(first)
            self._buffer.put_back(batch.rows)
            self._being_written = 0
            self._lost += self._buffer.drop_surplus(MEMORY_ROWS)
            self._next_batch.precede_by(batch)
            self.unsaved_reason = reason
        if self._failed_s is None:
            log.error("%s; rows are buffered in memory, measurement continues", reason)
        self._failed_s = time.monotonic()
        if is_full(first) and not replaceable:
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

    def evict(self, step: Callable[[sqlite3.Connection, set[int]], int | None]) -> int | None:
        """Runs a step of housekeeping in a transaction; returns its result, the number of rows that left the spool.

        step: receives the database and the numbers of the rows that sinks have taken, confirmed rows included.
        """
        with self._wake:
            confirmed = [set(numbers) for numbers in self._next_batch.confirmed.values()]
            cursors = list(self._cursors.values())
        busy = set().union(*confirmed, *(cursor.unconfirmed() for cursor in cursors))
        with self.db_lock, self.db:  # commits, or rolls back
            self.db.execute("begin immediate")
            dropped = step(self.db, busy)
            if dropped and self.run_id is not None:
                record_progress(self.db, self.run_id, self._spool_rows - dropped)
            self._spool_rows -= dropped or 0
        return dropped

    @property
    def has_pending(self) -> bool:
        """Whether there is something to commit."""
        return bool(self._next_batch)

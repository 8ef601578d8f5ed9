"""The only thread that writes: commits everything appended within `commit_interval_s` in one transaction.

While the file cannot be written, rows are buffered in memory and delivered to the sinks from there; each later attempt
writes them too. When the buffer is full, rows are dropped and counted, the least important and oldest first.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from agent.delivery.store.batch import Job, PendingRow, WriteBatch, confirm_unsaved, insert, remove_delivered
from agent.delivery.store.cursor import SinkCursor
from agent.delivery.store.data_gaps import record_gap
from agent.delivery.store.database_file import DiskReserve, StoreError, is_damage, is_full
from agent.delivery.store.housekeeping import HOUSEKEEPING_S, Housekeeping
from agent.delivery.store.quota import Quota, pages
from agent.delivery.store.reasons import (
    MEMORY_BUFFER_FULL,
    STATE_FILE_CLOSED,
    STATE_FILE_TIMEOUT,
    STATE_FILE_UNWRITABLE,
)
from agent.delivery.store.row import importance
from drivers.reasons import Reason, cause_of

log = logging.getLogger(__name__)

MEMORY_ROWS = 20_000  # buffered while the file cannot be written
RETRY_S = 1.0
BATCH_MAX = 1 << 30  # rows in one transaction; far fewer while the disk is full
WAIT_S = 15.0  # for the commit of a job


class Writer(threading.Thread):
    """The writer thread.

    commit_interval_s: time within which rows are committed.
    expired_up_to: highest row number of the spool that is beyond its retention.
    reopen: text of the error → connection to a new file, when the file is corrupt.

    drains: bit → drain.
    trouble: why rows are in memory only; None: they are in the file.
    """

    def __init__(
        self, db: sqlite3.Connection, commit_interval_s: float, quota: Quota, reserve: DiskReserve,
        expired_up_to: Callable[[sqlite3.Connection], int], reopen: Callable[[str], sqlite3.Connection],
    ) -> None:  # fmt: skip
        super().__init__(name="store", daemon=True)
        self.db, self.db_lock = db, threading.RLock()
        self.drains: dict[int, SinkCursor] = {}
        self.spool_rows = self.commits = self.failures = 0
        self.run_id: int | None = None
        self.trouble: Reason | None = None
        self.cycle_s = time.monotonic()  # of the last cycle; there is one every HOUSEKEEPING_S or more often
        self.unsaved: dict[int, PendingRow] = {}  # rows that are not in the file, by number; changed under db_lock
        self._commit_interval_s, self._reserve, self._house = (
            commit_interval_s,
            reserve,
            Housekeeping(quota, reserve, expired_up_to),
        )
        self._reopen = reopen
        self._group = WriteBatch()
        self._wake = threading.Condition(threading.Lock())
        self._idle = self._urgent = self._ending = False
        self._full, self._batch = (True, 0) if reserve.is_released else (False, BATCH_MAX)
        self._damage = ""
        self._lost: list[tuple[str, int, int, int]] = []  # kind, rows, from, to: dropped, not yet counted

    def put(self, put: PendingRow, counters: Mapping[str, int]) -> None:
        with self._wake:
            self._group.puts.append(put)
            self._group.counters.update(counters)
            self._notify()

    def put_counters(self, counters: Mapping[str, int]) -> None:
        with self._wake:
            self._group.counters.update(counters)
            self._notify()

    def confirm(self, bit: int, numbers: list[int]) -> None:
        with self._wake:
            self._group.confirmed.setdefault(bit, []).extend(numbers)
            self._notify()

    def reject(self, n: int, reason: Reason) -> None:
        with self._wake:
            self._group.rejected.append((n, reason))
            self._notify()

    def report_corruption(self, error: str) -> None:
        """A reader found the file corrupt."""
        with self._wake:
            self._damage, self._urgent = error, True
            self._notify()

    def do(self, job: Job) -> Any:
        """Runs `job` in the next transaction and waits for its commit. After a StoreError the job had no effect."""
        future: Future[Any] = Future()
        with self._wake:
            if self._ending:
                raise StoreError(STATE_FILE_CLOSED)
            self._group.jobs.append((job, future))
            self._urgent = True
            self._notify()
        try:
            return future.result(WAIT_S)
        except TimeoutError:
            raise StoreError(STATE_FILE_TIMEOUT, timeout_s=WAIT_S) from None

    def post(self, job: Job) -> None:
        """Like `do`, without waiting."""
        with self._wake:
            self._group.jobs.append((job, Future()))
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
                group, self._group = self._group, WriteBatch()
                self._urgent = False
                ending = self._ending
            committed_s = time.monotonic()
            self._write(group)
            if ending:
                return
            self._house.run(self)
            self.cycle_s = time.monotonic()

    def _notify(self) -> None:
        if self._idle or self._urgent:
            self._wake.notify()

    def _await(self, due_s: float) -> None:
        """Waits until there is something to write and it is due."""
        retry_s = time.monotonic() + RETRY_S
        while not self._ending:
            now_s = time.monotonic()
            if self._urgent:
                return
            if not self._group and not (self.unsaved and (now_s >= retry_s or not self.trouble)):
                self._idle = True
                self._wake.wait(RETRY_S if self.unsaved else HOUSEKEEPING_S)
                self._idle = False
                if not self._group and self._house.due:
                    return
            elif now_s >= due_s:
                return
            else:
                self._wake.wait(due_s - now_s)

    def _write(self, group: WriteBatch) -> None:
        results: list[tuple[Future[Any], Any]] = []
        with self.db_lock:
            for put in group.puts:
                self.unsaved[put.row.n] = put
            if self.unsaved:
                confirm_unsaved(self.unsaved, group, self._owed)
            self._bound_memory()
            try:
                if self._damage:
                    self.db, self._damage = self._reopen(self._damage), ""
                results = self._transact(group)
            except Exception as error:  # an internal error must not end the thread
                self._failed(group, error)
            else:
                if self._full:
                    self._check_free_space()
                if self.trouble and not self.unsaved:
                    log.info("the state file can be written again; all buffered rows are written")
                    self.trouble = None
        if group.puts:
            rows = [put.row for put in group.puts]
            for drain in list(self.drains.values()):
                drain.add_committed(rows)
        for future, result in results:  # after the sinks received the rows
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _transact(self, group: WriteBatch) -> list[tuple[Future[Any], Any]]:
        """Commits the group; returns the future of each job with its result or exception."""
        db, saved, rows = self.db, list(itertools.islice(self.unsaved.values(), self._batch)), self.spool_rows
        if not (group or saved or self._lost):
            return []
        with self._transaction():
            rows += insert(db, saved, self._owed)
            if group.counters:
                db.executemany("insert or replace into counters values (?, ?)", list(group.counters.items()))
            rows -= remove_delivered(db, group, len(self.drains) == 1)
            for kind, count, from_ms, to_ms in self._lost:
                record_gap(db, kind, MEMORY_BUFFER_FULL(), count, from_ms, to_ms)
            results = [(future, self._run_job(job)) for job, future in group.jobs]
            if self.run_id is not None and (saved or rows != self.spool_rows):
                self._record_progress(saved, rows)
        self.spool_rows = max(0, rows)
        self.commits += 1
        for put in saved:
            del self.unsaved[put.row.n]
        self._lost.clear()
        for bit, numbers in group.confirmed.items():
            self.drains[bit].forget(numbers)
        return results

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self.db.execute("begin immediate")
        try:
            yield
            self.db.execute("commit")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("rollback")
            raise

    def _record_progress(self, saved: list[PendingRow], rows: int) -> None:
        """Records how far the run is complete, in case this is its last commit."""
        last_seq = saved[-1].seq if saved else 0
        times_ms = [put.row.t_ms for put in saved] or [0, 1 << 62]  # the newest time follows a clock that steps back
        self.db.execute(
            "update boots set spool_rows = ?, last_seq = max(last_seq, ?), last_ms = min(max(last_ms, ?), ?) "
            "where n = ?",
            (max(0, rows), last_seq, min(times_ms), max(times_ms), self.run_id),
        )

    def _run_job(self, job: Job) -> Any:
        """Result or exception of a job; a job that fails is rolled back alone."""
        self.db.execute("savepoint job")
        try:
            result = job(self.db)
        except sqlite3.Error:
            raise
        except Exception as error:
            self.db.execute("rollback to job")
            result = error
        self.db.execute("release job")
        return result

    def _failed(self, group: WriteBatch, error: Exception) -> None:
        """Nothing of the group was written: keeps rows and confirmations for the next attempt, fails the jobs."""
        self.failures += 1
        reason = STATE_FILE_UNWRITABLE(error=cause_of(error))
        for _, future in group.jobs:
            future.set_exception(StoreError(reason))
        with self._wake:
            self._group.counters = {**group.counters, **self._group.counters}
            for bit, numbers in group.confirmed.items():
                self._group.confirmed.setdefault(bit, []).extend(numbers)
            self._group.rejected[:0] = group.rejected
        if not self.trouble:
            log.error("%s; rows are buffered in memory, measurement continues", reason)
        self.trouble = reason
        if is_damage(error):
            self._damage = str(error)
        elif is_full(error):
            self._full, self._batch = True, 0  # confirmed rows are still deleted
            if self._reserve.release():
                log.warning("the disk is full; the reserved space was released")

    def _check_free_space(self) -> None:
        with contextlib.suppress(sqlite3.Error, OSError):
            self.db.execute("pragma wal_checkpoint(truncate)").fetchall()
            batch = self._reserve.batch(pages(self.db)[1])
            self._full, self._batch = batch is not None, BATCH_MAX if batch is None else batch

    def _bound_memory(self) -> None:
        surplus = len(self.unsaved) - MEMORY_ROWS
        if surplus <= 0:
            return
        order = sorted(self.unsaved.values(), key=lambda put: (-importance(put.row.kind), put.row.n))
        for put in order[:surplus]:
            del self.unsaved[put.row.n]
            self._lost.append((put.row.kind, 1, put.row.t_ms, put.row.t_ms))

    def evict(self, step: Callable[[], int | None]) -> int | None:
        """Runs a step of housekeeping in a transaction; returns its result, the number of rows that left the spool."""
        with self.db_lock, self._transaction():
            dropped = step()
            if dropped and self.run_id is not None:
                self._record_progress([], self.spool_rows - dropped)
        self.spool_rows -= dropped or 0
        return dropped

    @property
    def rows_wait(self) -> bool:
        """Whether there is something to commit."""
        return bool(self._group)

    @property
    def _owed(self) -> int:
        return sum(1 << bit for bit in self.drains)

    def busy(self) -> set[int]:
        """Numbers of the rows that sinks have taken and not confirmed."""
        return set().union(*(drain.unconfirmed() for drain in self.drains.values()))

"""The one thread that writes: gathers what was put within `commit_s` and commits it as one group.

When the file cannot be written, rows wait in memory (bounded) and go to the sinks all the same; each try that follows
takes them along. What does not fit is dropped, least important and oldest first, and counted.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from agent.store.drain import Drain
from agent.store.file import Reserve, StoreError, is_damage, is_full
from agent.store.gaps import note_gap
from agent.store.group import Group, Job, Orphans, Put, confirm_unsaved, insert, take_off
from agent.store.house import HOUSEKEEPING_S, House
from agent.store.quota import Quota, pages
from agent.store.row import importance

log = logging.getLogger(__name__)

MEMORY_ROWS = 20_000  # that cannot be written now
RETRY_S = 1.0
BATCH_MAX = 1 << 30  # rows in one transaction; far fewer while the disk is full
WAIT_S = 15.0  # for a job's commit


class Writer(threading.Thread):
    """drains: bit → drain. too_old: up to which number rows go by age. reopen: a new connection when the file was found
    damaged."""

    def __init__(
        self, db: sqlite3.Connection, commit_s: float, quota: Quota, reserve: Reserve,
        too_old: Callable[[sqlite3.Connection], int], reopen: Callable[[str], sqlite3.Connection],
    ) -> None:  # fmt: skip
        super().__init__(name="store", daemon=True)
        self.db, self.db_lock = db, threading.RLock()
        self.drains: dict[int, Drain] = {}
        self.spool_rows = self.commits = self.failures = 0
        self.boot: int | None = None
        self.trouble = ""
        self.beat_s = time.monotonic()  # when it came round last; it does so every HOUSEKEEPING_S at least
        self.unsaved: dict[int, Put] = {}  # rows by n that are not in the file; changed under db_lock
        self._commit_s, self._reserve, self._house = commit_s, reserve, House(quota, reserve, too_old)
        self._reopen = reopen
        self._group, self._orphans = Group(), Orphans()
        self._wake = threading.Condition(threading.Lock())
        self._idle = self._urgent = self._ending = False
        self._full, self._batch = (True, 0) if reserve.is_gone else (False, BATCH_MAX)
        self._damage = ""
        self._lost: list[tuple[str, int, int, int]] = []  # kind, rows, from, to: dropped from memory, not yet counted

    def put(self, put: Put) -> None:
        with self._wake:
            self._group.puts.append(put)
            self._stir()

    def put_counters(self, counters: dict[str, int]) -> None:
        with self._wake:
            self._group.counters.update(counters)
            self._stir()

    def confirm(self, drain: Drain, numbers: list[int]) -> None:
        with self._wake:
            self._group.confirmed.setdefault(drain, []).extend(numbers)
            self._stir()

    def refuse(self, drain: Drain, n: int, reason: str) -> None:
        with self._wake:
            self._group.refused.append((drain, n, reason))
            self._stir()

    def tell_damage(self, error: str) -> None:
        """A reader found the file damaged."""
        with self._wake:
            self._damage, self._urgent = error, True
            self._stir()

    def do(self, job: Job) -> Any:
        """Runs `job` in the next transaction and waits for its commit. Raises StoreError; then nothing is half done."""
        future: Future[Any] = Future()
        with self._wake:
            if self._ending:
                raise StoreError("the state file is closed")
            self._group.jobs.append((job, future))
            self._urgent = True
            self._stir()
        try:
            return future.result(WAIT_S)
        except TimeoutError:
            raise StoreError(f"the state file was not written within {WAIT_S:g} s") from None

    def post(self, job: Job) -> None:
        """As `do`, without waiting."""
        with self._wake:
            self._group.jobs.append((job, Future()))
            self._stir()

    def stop(self) -> None:
        """Commits what is there, and ends."""
        with self._wake:
            self._ending = True
            self._wake.notify()
        self.join(WAIT_S)

    def run(self) -> None:
        committed_s = float("-inf")
        while True:
            with self._wake:
                self._await(committed_s + self._commit_s / 2)  # the other half is for the writing itself
                group, self._group = self._group, Group()
                self._urgent = False
                ending = self._ending
            committed_s = time.monotonic()
            self._write(group)
            if ending:
                return
            self._house.keep(self)
            self.beat_s = time.monotonic()

    def _stir(self) -> None:
        if self._idle or self._urgent:
            self._wake.notify()

    def _await(self, due_s: float) -> None:
        """Until there is something to write and its time has come."""
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

    def _write(self, group: Group) -> None:
        results: list[tuple[Future[Any], Any]] = []
        with self.db_lock:
            for put in group.puts:
                self.unsaved[put.row.n] = put
            if self.unsaved:
                for put in confirm_unsaved(self.unsaved, group, self._owed):
                    self._orphans.take(put)
            self._bound_memory()
            try:
                if self._damage:
                    self.db, self._damage = self._reopen(self._damage), ""
                results = self._transact(group)
            except Exception as error:  # a mistake of ours, too, must not end the writing
                self._failed(group, error)
            else:
                if self._full:
                    self._look_for_room()
                if self.trouble and not self.unsaved:
                    log.info("the state file is written again")
                    self.trouble = ""
        if group.puts:
            rows = [put.row for put in group.puts]
            for drain in list(self.drains.values()):
                drain.put(rows)
        for future, result in results:  # who waited finds the rows with the sinks
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _transact(self, group: Group) -> list[tuple[Future[Any], Any]]:
        """Each job's future with its result or exception."""
        db, saved, rows = self.db, list(itertools.islice(self.unsaved.values(), self._batch)), self.spool_rows
        if not (group or saved or self._lost):
            return []
        db.execute("begin immediate")
        try:
            counters = group.counters | self._orphans.beside(saved)
            rows += insert(db, saved, self._owed)
            if counters:
                db.executemany("insert or replace into counters values (?, ?)", list(counters.items()))
            rows -= take_off(db, group, len(self.drains) == 1)
            for kind, count, from_ms, to_ms in self._lost:
                note_gap(db, kind, "the state file could not be written", count, from_ms, to_ms)
            results = [(future, self._run_job(job)) for job, future in group.jobs]
            if self.boot is not None and (saved or rows != self.spool_rows):
                self._note_progress(saved, rows)
            db.execute("commit")
        except BaseException:
            if db.in_transaction:
                db.execute("rollback")
            raise
        self.spool_rows = max(0, rows)
        self.commits += 1
        for put in saved:
            del self.unsaved[put.row.n]
        self._orphans.forget(self.unsaved)
        self._lost.clear()
        for drain, numbers in group.confirmed.items():
            drain.settle(numbers)
        return results

    def _note_progress(self, saved: list[Put], rows: int) -> None:
        """Up to here nothing is missing, should this be the last commit of the run."""
        last_seq = saved[-1].seq if saved else 0
        times_ms = [put.row.t_ms for put in saved] or [0, 1 << 62]  # the newest goes back with the clock
        self.db.execute(
            "update boots set spool_rows = ?, last_seq = max(last_seq, ?), last_ms = min(max(last_ms, ?), ?) "
            "where n = ?",
            (max(0, rows), last_seq, min(times_ms), max(times_ms), self.boot),
        )

    def _run_job(self, job: Job) -> Any:
        """The job's result, or its exception: one that fails undoes only itself."""
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

    def _failed(self, group: Group, error: Exception) -> None:
        """Nothing of the group was written: what can wait, waits; who waits for a commit is told."""
        self.failures += 1
        for _, future in group.jobs:
            future.set_exception(StoreError(f"state file: {error}"))
        with self._wake:
            self._group.counters = {**group.counters, **self._group.counters}
            for drain, numbers in group.confirmed.items():
                self._group.confirmed.setdefault(drain, []).extend(numbers)
            self._group.refused[:0] = group.refused
        if not self.trouble:
            log.error("the state file cannot be written: %s; rows wait in memory, measuring goes on", error)
        self.trouble = str(error)
        if is_damage(error):
            self._damage = str(error)
        elif is_full(error):
            self._full, self._batch = True, 0  # what is confirmed still goes
            if self._reserve.release():
                log.warning("the reserve was given to the full disk")

    def _look_for_room(self) -> None:
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
            self._orphans.take(self.unsaved.pop(put.row.n))
            self._lost.append((put.row.kind, 1, put.row.t_ms, put.row.t_ms))

    def in_transaction(self, step: Callable[[], int | None]) -> int | None:
        """One of its own between two groups; the step returns how many rows left the spool, and so does this."""
        with self.db_lock:
            self.db.execute("begin immediate")
            try:
                went = step()
                if went and self.boot is not None:
                    self._note_progress([], self.spool_rows - went)
                self.db.execute("commit")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("rollback")
                raise
        self.spool_rows -= went or 0
        return went

    @property
    def rows_wait(self) -> bool:
        return bool(self._group)

    @property
    def _owed(self) -> int:
        return sum(1 << bit for bit in self.drains)

    def busy(self) -> set[int]:
        return set().union(*(drain.taken() for drain in self.drains.values()))

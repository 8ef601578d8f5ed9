"""The store: the interface of agent/delivery/store."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from agent.config.model import StoreSettings
from agent.delivery.store import data_gaps, database_file, replacement, retention_date
from agent.delivery.store.batch import Job, PendingRow, Rejection, T
from agent.delivery.store.corrupt_rows import intact
from agent.delivery.store.cursor import SinkCursor
from agent.delivery.store.data_gaps import DataGap
from agent.delivery.store.database_file import DiskReserve, StoreError
from agent.delivery.store.file_check import FileCheck
from agent.delivery.store.lock import RUN, StateLock
from agent.delivery.store.quota import Quota, pages
from agent.delivery.store.reasons import (
    IN_MEMORY_ONLY,
    NO_STATE_DIR,
    STATE_FILE_REMOVED,
    STATE_FILE_UNREADABLE,
)
from agent.delivery.store.row import CRC_BITS, StoredRow
from agent.delivery.store.run_file import NewestRun, read_newest_run, record_loss, write_newest_run
from agent.delivery.store.runs import end_run, oldest_waiting_ms, reached_ms, register_sinks, start_run
from agent.delivery.store.storage_errors import is_damage
from agent.delivery.store.time_correction import correct_timestamps
from agent.delivery.store.writer import Writer
from drivers.reading import Clock
from drivers.reasons import Reason

log = logging.getLogger(__name__)

HANGS_S = 90.0  # without work the writer wakes every 30 s
MINUTES_2020 = 26_297_280  # from 1970 to 2020


class Store:
    """Opens or creates the file. Thread-safe. Raises StoreError.

    directory: of the file; None: in memory only, when no state directory can be used.
    settings: None: the defaults.
    unusable: why the state directory cannot be used, with directory None.
    evidence: files that earlier runs wrote elsewhere, which prove that there was a state file.
    lock: on the directory, if the caller has it; the store closes it. None: taken with the first access to `run_id`.

    corruption: how a corrupt or removed file was replaced; None: it was not.
    loss: why the rows of earlier runs are missing, known with the first access to `run_id`; None: they are not.

    A new file takes the number of its first run from the clock (minutes since 2020) and from the file `boot` of an
    earlier state file, so that ids are never used twice, even when the state file was lost.
    """

    def __init__(
        self, directory: Path | None, clock: Clock, settings: StoreSettings | None = None,
        unusable: Reason | None = None, evidence: Iterable[Path] = (), lock: StateLock | None = None,
    ) -> None:  # fmt: skip
        self._clock = clock
        settings = self._settings = settings or StoreSettings()
        self.directory = directory
        self.path = directory / database_file.NAME if directory else Path(":memory:")
        self.corruption: Reason | None = None
        self.loss: Reason | None = None
        self._evidence = [directory / "ledger.key", *evidence] if directory else []
        self._in_memory = None if directory else IN_MEMORY_ONLY(cause=unusable or NO_STATE_DIR())
        reserve = DiskReserve(directory)
        if directory is None:
            db = database_file.connect(":memory:")
        else:
            db, self.corruption = replacement.open_file(directory, lambda: clock.utc_ns() / 1e9, reserve)
        reserve.restore()
        self._retention_date = retention_date.load(db, self.now_ms, self._monotonic_s())
        self._writer = Writer(
            db,
            settings.commit_interval_s,
            settings.defer_s,
            Quota(directory, settings.quota_bytes, settings.min_free_share),
            reserve,
            self._expired_up_to,
            self._replace_file,
        )
        self._lock = threading.Lock()  # of ids: rows enter the spool in the order of their ids
        self._run_id = self._sequence = self._n = 0
        self._directory_lock = lock
        self._check: FileCheck | None = None
        self._oldest_ms = 0  # no row waited that was older
        self._writer.start()

    @property
    def run_id(self) -> int:
        """Number of this run, assigned at the first access.

        Raises StoreError when another agent uses the directory.
        """
        if not self._run_id:
            self._claim()
        return self._run_id

    @property
    def unsaved_reason(self) -> Reason | None:
        """Why rows are in memory only; None: they are in the file."""
        return self._writer.unsaved_reason or self._in_memory

    @property
    def alive(self) -> bool:
        """Whether the writer thread runs. A disk that cannot be written is reported by `unsaved_reason`, not here."""
        return self._writer.is_alive() and time.monotonic() - self._writer.cycle_s < HANGS_S

    @property
    def sequence(self) -> int:
        """Sequence number of the last id."""
        return self._sequence

    @property
    def now_ms(self) -> int:
        """UTC of the clock given to the constructor, milliseconds."""
        return self._clock.utc_ns() // 1_000_000

    def append(
        self, asset: str | None, kind: str, t_ms: int, encode: Callable[[str], bytes],
        counters: Mapping[str, int] | None = None, announces_gap: int | None = None,
    ) -> StoredRow:  # fmt: skip
        """Appends one row without waiting for the disk. Unless all sinks confirm it before, it is committed within the
        commit interval.

        encode: id → payload.
        counters: integers, such as energies, that this row is the first to show. They are committed before the row goes
            to a sink, so that they never go back after a kill; only while the disk is full, rows do not wait for them.
        announces_gap: number of the gap that this row announces; None: none.
        """
        run_id = self.run_id
        with self._lock:
            sequence = self._sequence + 1
            payload = encode(f"{run_id}-{sequence}")
            self._sequence, self._n = sequence, self._n + 1
            row = StoredRow(self._n, f"{run_id}-{sequence}", t_ms, asset, kind, payload, time.monotonic_ns())
            self._writer.append(PendingRow(row, run_id, sequence, announces_gap), counters or {})
        return row

    def counters(self) -> dict[str, int]:
        """All counters as last committed, by name; integers, so that sums have no rounding error. Raises StoreError."""
        return dict(self.rows("select name, value from counters"))

    def save_counters(self, values: Mapping[str, int]) -> None:
        """Saves counters that no row carries, with the next transaction. Does not wait."""
        self._writer.save_counters(values)

    def sink_cursors(self, names: Iterable[str]) -> dict[str, SinkCursor]:
        """The durable sinks of this run, each with its view of the spool. Call once, before the first row.

        A new sink receives the rows from now on; a sink that is no longer named is removed.
        """
        wanted = list(names)
        self._claim()
        writer = self._writer
        bits = writer.do(lambda db: register_sinks(db, wanted))
        writer.load_spool_rows()

        def reject(n: int, reason: Reason) -> None:
            writer.reject(Rejection(n, reason))

        hold_s = self._settings.commit_interval_s / 2
        found = {
            name: SinkCursor(bits[name], name, self._n, self.read, writer.confirm, reject, hold_s) for name in wanted
        }
        writer.set_cursors(found.values())
        return found

    def read(self, bit: int, above: int, below: int, limit: int) -> tuple[list[StoredRow], bool]:
        """Rows that a sink has not confirmed, above < n < below, in order, rows in memory last; and whether the file
        could be read. If not, only rows in memory are returned."""
        complete = True
        with self._writer.db_lock:
            try:
                found = self._read_intact(bit, above, below, limit)
            except sqlite3.Error:
                found, complete = [], False
            if len(found) < limit:
                found += self._writer.waiting(bit, above, below, limit - len(found))
        return found, complete

    def _read_intact(self, bit: int, above: int, below: int, limit: int) -> list[StoredRow]:
        """Rows of the file. Corrupt ones are rejected. Raises sqlite3.Error."""
        while True:
            rows = self._select(
                "select n, boot, seq, t_ms, asset, kind, payload, checks from spool where n > ? and n < ? "
                # Corrupt bits never count as a confirmation: then a row comes twice, and is not lost.
                f"and coalesce(owed & ? or not owed or owed & ? or owed <> checks >> {CRC_BITS}, 1) order by n limit ?",
                (above, below, 1 << bit, ~self._writer.sinks_mask, limit),
            )
            found, corrupt = intact(rows, self._oldest_ms, self.now_ms)
            if corrupt:
                log.warning("%s: %d corrupt rows were set aside", self.path, len(corrupt))
                self._writer.reject(*corrupt)
            if found or len(rows) < limit:
                return found
            above = rows[-1][0]

    def fetch_gaps(self) -> list[DataGap]:
        """Gaps that no committed row announces (`announces_gap` of `append`). Raises StoreError."""
        return self._writer.do(data_gaps.fetch_gaps, flush=self._writer.announces_gaps)

    def record_gap(self, kind: str, reason: Reason, rows: int | None, from_ms: int, to_ms: int) -> None:
        """Counts rows that were lost before they reached the store. Raises StoreError."""
        self._writer.do(lambda db: data_gaps.record_gap(db, kind, reason, rows, from_ms, to_ms))

    def correct_unsent_timestamps(
        self, run_id: int, delta_ms: int, after: int = 0, seen: tuple[int, int] = (1 << 62, 0)
    ) -> int:  # fmt: skip
        """Corrects the times of the rows of a run that are in the spool and have a sequence above `after`.

        delta_ms: error of the clock that stamped them, added to all times.
        seen: sequence and wrong time at the correction of the clock; later rows are corrected when they were measured
            before it.

        Returns the number of rows. Rows that a sink has taken keep the old time if they are delivered. Raises
        StoreError.
        """

        def correct(db: sqlite3.Connection) -> int:
            if not after:  # the time was not known since the start
                self._retention_date.correct(db, delta_ms)
            return correct_timestamps(db, run_id, delta_ms, after, seen)

        corrected = self._writer.do(correct, flush=True)
        self._oldest_ms += min(0, delta_ms)
        for cursor in self._writer.cursors():
            cursor.reread()
        return corrected

    def figures(self) -> dict[str, float | int]:
        """Values for `health`; the names are metrics."""
        writer = self._writer
        found: dict[str, float | int] = {
            "spool_rows": writer.spool_rows,
            "rows_in_memory": writer.unwritable_rows,
        }
        with suppress(sqlite3.Error), self._reading():
            used, _, size = pages(writer.db)
            found["spool_mb"] = used * size / 1e6
            found["spool_used_pct"] = 100 * used * size / self._settings.quota_bytes
            found["rows_dropped"] = data_gaps.dropped_rows(writer.db)
        return found

    def entry(self, kind: str, name: str, fingerprint: str, age_max_s: float = float("inf")) -> Any:
        """The stored object of this kind and name; None when there is none, it is older than age_max_s, has another
        fingerprint, or cannot be read."""
        query = "select saved_ms, body from note where kind = ? and name = ? and fingerprint = ?"
        with suppress(sqlite3.Error, ValueError):
            for saved_ms, body in self._select(query, (kind, name, fingerprint)):
                if abs(self._clock.utc_ns() / 1e9 - saved_ms / 1e3) <= age_max_s:  # a wrong clock may date it ahead
                    return json.loads(body)
        return None

    def entries(self, kind: str) -> dict[str, Any]:
        """All stored objects of one kind by name, of any fingerprint and age, without unreadable ones."""
        found: dict[str, Any] = {}
        with suppress(sqlite3.Error):
            for name, body in self._select("select name, body from note where kind = ? order by name", (kind,)):
                with suppress(ValueError):
                    found[name] = json.loads(body)
        return found

    def _select(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """Rows of a query. Raises sqlite3.Error."""
        with self._reading() as db:
            return db.execute(query, values).fetchall()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Reports corruption that a reader finds to the writer, which replaces the file."""
        with self._writer.db_lock:
            try:
                yield self._writer.db
            except sqlite3.Error as error:
                if is_damage(error):
                    self._writer.report_corruption(str(error))
                raise

    def save_entry(self, kind: str, name: str, fingerprint: str, body: Any) -> None:
        """Stores an object as JSON and waits for its commit. Raises StoreError.

        fingerprint: identifies the device or configuration that the object is valid for.
        """
        self._writer.do(self._saving(kind, name, fingerprint, body))

    def post_entry(self, kind: str, name: str, fingerprint: str, body: Any, deferred: bool = False) -> None:
        """As save_entry, without waiting. deferred: as for `post`."""
        self._writer.post(self._saving(kind, name, fingerprint, body), deferred)

    def _saving(self, kind: str, name: str, fingerprint: str, body: Any) -> Job[int]:
        row = (kind, name, fingerprint, self.now_ms, json.dumps(body))
        return lambda db: db.execute("insert or replace into note values (?, ?, ?, ?, ?)", row).rowcount

    def delete_entry(self, kind: str, name: str) -> None:
        """Deletes a stored object and waits for the commit. Raises StoreError."""
        self._writer.do(lambda db: db.execute("delete from note where kind = ? and name = ?", (kind, name)).rowcount)

    def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """Rows of a query on the committed file; does not wait for a commit. Raises StoreError."""
        try:
            return self._select(query, values)
        except sqlite3.Error as error:
            raise StoreError(STATE_FILE_UNREADABLE, file=str(self.path), error=str(error)) from None

    def post(self, job: Job[Any], deferred: bool = False) -> None:
        """Runs `job` in the next transaction of the writer without waiting; a job that fails is lost.

        deferred: together with others, within the settings' defer_s.
        """
        self._writer.post(job, deferred)

    def do(self, job: Job[T]) -> T:
        """Runs `job` in the next transaction of the writer and waits for its commit. Raises StoreError."""
        return self._writer.do(job)

    def flush(self) -> None:
        """Waits until all appended rows are committed. Raises StoreError."""
        self._writer.do(lambda _db: None, flush=True)

    def close(self) -> None:
        """Commits everything and closes the file; a run that is closed leaves no gap."""
        if self._run_id and self._writer.is_alive():
            with suppress(StoreError):
                self.flush()
            with suppress(StoreError):  # then the next run finds this one unclosed and records a gap
                self._writer.do(self._end, flush=True)
        if self._check is not None:
            self._check.stop()
        self._writer.stop()
        with self._writer.db_lock:
            self._writer.db.close()
        if self._directory_lock is not None:
            self._directory_lock.close()

    def oldest_ms(self, age_s: float) -> int:
        """Data dated earlier than this, UTC ms, are older than `age_s`. In the writer's thread only."""
        self._retention_date.advance(self.now_ms, self._monotonic_s())
        return self._retention_date.at_ms - round(1000 * age_s)

    def _expired_up_to(self, db: sqlite3.Connection) -> int:
        """Number up to which rows of the spool are too old. Only the agent saves the date, not a command."""
        self._retention_date.advance(self.now_ms, self._monotonic_s())
        if self._run_id:
            self._retention_date.save(db)
        return self._retention_date.expired_up_to(db, self.now_ms, self._settings.spool_retention_s)

    def _end(self, db: sqlite3.Connection) -> None:
        self._retention_date.advance(self.now_ms, self._monotonic_s())
        self._retention_date.save(db, force=True)
        end_run(db, self._run_id, self._writer.unsaved_rows(), self.now_ms)

    def _replace_file(self, error: str) -> sqlite3.Connection:
        """Called in the writer's thread when the open file is found corrupt or removed. Raises StoreError."""
        assert self.directory is not None
        db = self._replaced(error)
        self._writer.watch = database_file.FileWatch(self.path if self._run_id else None)
        return db

    def _replaced(self, error: str) -> sqlite3.Connection:
        assert self.directory is not None
        if self._writer.watch.is_removed():
            with suppress(OSError, sqlite3.Error, database_file.DatabaseDamaged):
                db = replacement.restore_removed(self._writer.db, self.path)
                self.corruption = STATE_FILE_REMOVED(file=database_file.NAME)
                log.error("%s: %s", self.directory, self.corruption)
                return db
        self._writer.db.close()
        db, self.corruption = replacement.replace_file(self.directory, error, self._clock.utc_ns() / 1e9)
        now_ms = self.now_ms
        if self._run_id:
            db.execute("insert or ignore into boots (n, opened_ms, last_ms) values (?, ?, ?)",
                       (self._run_id, now_ms, now_ms))  # fmt: skip
            db.execute("update boots set spool_rows = (select count(*) from spool) where n = ?", (self._run_id,))
        for cursor in self._writer.cursors():
            db.execute("insert or ignore into sinks values (?, ?)", (cursor.bit, cursor.name))
            cursor.restart()
        self._writer.load_spool_rows(db)
        return db

    def _claim(self) -> None:
        with self._lock:
            if self._run_id:
                return
            if self.directory is not None and self._directory_lock is None:
                self._directory_lock = StateLock(self.directory, RUN, self.now_ms)
            newest, now_ms = read_newest_run(self.directory), self.now_ms
            floor = max(1, now_ms // 60_000 - MINUTES_2020, newest.run_id + 1)

            def start(db: sqlite3.Connection) -> tuple[tuple[int, int], Reason | None]:
                # The loss of a corrupt file is recorded already, unless it was older, too.
                known = self.corruption and not reached_ms(db)
                loss = None if known else record_loss(db, newest, self._evidence, now_ms)
                self._oldest_ms = oldest_waiting_ms(db, newest.oldest_ms, now_ms)
                return start_run(db, floor, now_ms), loss

            (self._run_id, self._n), self.loss = self._writer.do(start)
            self._writer.run_id = self._run_id
            self._writer.load_spool_rows()
            if self.loss is not None:
                log.error("%s: %s", self.path.parent, self.loss)
            if self.directory is not None:
                self._writer.watch = database_file.FileWatch(self.path)
                with suppress(OSError):
                    write_newest_run(self.directory, NewestRun(self._run_id, self._oldest_ms))
                if self.path.stat().st_size >= database_file.QUICK_CHECK_BYTES:
                    self._check = FileCheck(self.path, self._report_unless_replaced)
                    self._check.start()

    def _report_unless_replaced(self, error: str) -> None:
        if self.corruption is None:
            self._writer.report_corruption(error)

    def _monotonic_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9

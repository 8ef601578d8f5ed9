"""The store: everything of agent/store behind one door."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import msgspec

from agent.config import StoreSettings
from agent.store import age, file, gaps
from agent.store.boots import claim_directory, end_boot, new_boot, number_in, register
from agent.store.drain import Drain
from agent.store.file import Reserve, StoreError
from agent.store.gaps import Gap
from agent.store.group import Put
from agent.store.quota import Quota, pages
from agent.store.row import Row
from agent.store.shift import shift_rows
from agent.store.writer import Writer
from drivers.reading import Clock

HANGS_S = 90.0  # the writer comes round twice a minute when there is nothing to write
MINUTES_2020 = 26_297_280  # from 1970 to 2020


class Store:
    """Opens or makes the file. Thread-safe. Raises StoreError.

    directory None: in memory only, for a state directory that cannot be used.
    A new file begins with a number taken from the clock (minutes since 2020) and from what an earlier file left behind,
    so that ids do not come again when the file was lost.
    """

    def __init__(self, directory: Path | None, clock: Clock, settings: StoreSettings | None = None) -> None:
        self._clock = clock
        settings = self._settings = settings or StoreSettings()
        self.directory = directory
        self.path = directory / file.NAME if directory else Path(":memory:")
        self.damage = ""  # what was wrong with the file that was found; a new one was begun
        reserve = Reserve(directory)
        db = self._open(reserve)
        reserve.restore()
        self._age = age.recall(db, self._utc_ms(), self._monotonic_s())
        self._writer = Writer(
            db,
            settings.commit_interval_s,
            Quota(directory, settings.quota_bytes, settings.min_free_share),
            reserve,
            self._too_old,
            self._begin_anew,
        )
        self._lock = threading.Lock()  # of ids: rows come into the spool in the order of their ids
        self._boot = self._sequence = self._n = 0
        self._lock_file: IO[str] | None = None
        self._writer.start()

    @property
    def boot(self) -> int:
        """The number of this run, taken the first time it is asked for.

        Raises StoreError when another agent runs here.
        """
        if not self._boot:
            self._claim()
        return self._boot

    @property
    def trouble(self) -> str:
        """Why rows only wait in memory; empty: they are in the file."""
        return self._writer.trouble or ("" if self.directory else "no state directory: kept in memory only")

    @property
    def alive(self) -> bool:
        """Whether somebody writes; a disk that cannot be written is `trouble`, no death."""
        return self._writer.is_alive() and time.monotonic() - self._writer.beat_s < HANGS_S

    @property
    def sequence(self) -> int:
        """Of the last id that was given."""
        return self._sequence

    @property
    def now_ms(self) -> int:
        """UTC by the clock of whoever opened it."""
        return self._clock.utc_ns() // 1_000_000

    def append(
        self, asset: str | None, kind: str, t_ms: int, encode: Callable[[str], bytes],
        counters: Mapping[str, int] | None = None, settles: int | None = None,
    ) -> Row:  # fmt: skip
        """Puts one row into the spool; never waits for the disk. It is committed within the settings' commit_s.

        encode: id → payload. counters: whole numbers (watt-hours) that this row is the first to show: they are
        committed in the same transaction as the row, so that after a kill both are there or neither.
        """
        boot = self.boot
        with self._lock:
            sequence = self._sequence + 1
            payload = encode(f"{boot}-{sequence}")
            self._sequence, self._n = sequence, self._n + 1
            row = Row(self._n, f"{boot}-{sequence}", t_ms, asset, kind, payload, time.monotonic_ns())
            self._writer.put(Put(row, boot, sequence, dict(counters or {}), settles))
        return row

    def counters(self) -> dict[str, int]:
        """All counters as they were last committed, by name; whole numbers, so that nothing is lost in rounding."""
        return dict(self._select("select name, value from counters"))

    def save_counters(self, values: Mapping[str, int]) -> None:
        """For counters that no row carries; committed with the next group. Does not wait."""
        self._writer.put_counters(dict(values))

    def drains(self, names: Iterable[str]) -> dict[str, Drain]:
        """The durable sinks of this run, each with its view of the spool. Ask once, before the first row.

        A sink that is new gets the rows from now on; one that is not named any more is forgotten.
        """
        wanted = list(names)
        self._claim()
        bits, gone = self._writer.do(lambda db: register(db, wanted))
        self._writer.spool_rows -= gone
        found = {name: Drain(self, bits[name], name, self._n) for name in wanted}
        self._writer.drains = {drain.bit: drain for drain in found.values()}
        return found

    def read(self, bit: int, above: int, below: int, limit: int) -> tuple[list[Row], bool]:
        """Rows owed to a sink, above < n < below, in order; those that wait in memory come last. And whether the file
        could be read: else there are only these."""
        whole = True
        with self._writer.db_lock:
            try:
                rows = self._select(
                    "select n, boot, seq, t_ms, asset, kind, payload from spool "
                    "where n > ? and n < ? and owed & ? order by n limit ?",
                    (above, below, 1 << bit, limit),
                )
            except sqlite3.Error:
                rows, whole = [], False
            found = [Row(n, f"{boot}-{seq}", t_ms, asset, kind, body) for n, boot, seq, t_ms, asset, kind, body in rows]
            if len(found) < limit and self._writer.unsaved:
                unsaved = self._writer.unsaved.items()
                waiting = [put.row for n, put in unsaved if above < n < below and not put.confirmed >> bit & 1]
                found += waiting[: limit - len(found)]
        return found, whole

    def confirm(self, bit: int, numbers: list[int]) -> None:
        self._writer.confirm(self._writer.drains[bit], numbers)

    def refuse(self, bit: int, n: int, reason: str) -> None:
        self._writer.refuse(self._writer.drains[bit], n, reason)

    def take_gaps(self) -> list[Gap]:
        """Gaps to announce; a row appended with `settles` of one ends it. Raises StoreError."""
        found: list[Gap] = self._writer.do(gaps.take_gaps)
        return found

    def note_gap(self, kind: str, reason: str, rows: int | None, from_ms: int, to_ms: int) -> None:
        """Counts rows that were lost before they came here. Raises StoreError."""
        self._writer.do(lambda db: gaps.note_gap(db, kind, reason, rows, from_ms, to_ms))

    def shift_unsent(
        self, boot: int, delta_ms: int, after: int = 0, seen: tuple[int, int] = (1 << 62, 0)
    ) -> int:  # fmt: skip
        """Moves the times of a boot's rows that are still in the spool and have a sequence above `after`: the clock
        that stamped them was wrong by so much. seen: sequence and wrong time when it was put right; of later rows those
        that were measured before.

        Returns how many. Rows that a sink has in hand keep the old time if they arrive. Raises StoreError.
        """
        moved: int = self._writer.do(lambda db: shift_rows(db, boot, delta_ms, after, seen))
        for drain in self._writer.drains.values():
            drain.reread()
        return moved

    def figures(self) -> dict[str, float | int]:
        """For `health`: names are rows of its table."""
        writer = self._writer
        found: dict[str, float | int] = {
            "spool_rows": writer.spool_rows + len(writer.unsaved),
            "rows_in_memory": len(writer.unsaved),
        }
        with suppress(sqlite3.Error), self._reading():
            used, _, size = pages(writer.db)
            found["spool_mb"] = used * size / 1e6
            found["spool_used_pct"] = 100 * used * size / self._settings.quota_bytes
            found["rows_dropped"] = gaps.dropped_rows(writer.db)
        return found

    def note(self, kind: str, name: str, fingerprint: str, age_max_s: float = float("inf")) -> Any:
        """The body kept under kind and name; None when there is none, it is older, of another fingerprint, or cannot be
        read."""
        rows = self._rows("select fingerprint, saved_ms, body from note where kind = ? and name = ?", kind, name)
        for kept, saved_ms, body in rows:
            if kept == fingerprint and self._clock.utc_ns() / 1e9 - saved_ms / 1e3 <= age_max_s:
                with suppress(ValueError):
                    return json.loads(body)
        return None

    def notes(self, kind: str) -> dict[str, Any]:
        """All bodies of one kind by name, whatever their fingerprint and age; none where they cannot be read."""
        rows = self._rows("select name, body from note where kind = ? order by name", kind)
        found: dict[str, Any] = {}
        for name, body in rows:
            with suppress(ValueError):
                found[name] = json.loads(body)
        return found

    def _rows(self, query: str, *values: str) -> list[Any]:
        """Empty when the file cannot be read."""
        with suppress(sqlite3.Error):
            return self._select(query, values)
        return []

    def _select(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """Raises sqlite3.Error."""
        with self._reading() as db:
            return db.execute(query, values).fetchall()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Damage that only a reader meets is told to the writer: it begins a new file, and says so."""
        with self._writer.db_lock:
            try:
                yield self._writer.db
            except sqlite3.Error as error:
                if file.is_damage(error):
                    self._writer.tell_damage(str(error))
                raise

    def save_note(self, kind: str, name: str, fingerprint: str, body: Any) -> None:
        """Keeps a body that JSON can carry; fingerprint: what it holds for. Waits for its commit. Raises StoreError."""
        row = (kind, name, fingerprint, self._utc_ms(), json.dumps(body))
        self._writer.do(lambda db: db.execute("insert or replace into note values (?, ?, ?, ?, ?)", row).rowcount)

    def forget_note(self, kind: str, name: str) -> None:
        """Waits for its commit. Raises StoreError."""
        self._writer.do(lambda db: db.execute("delete from note where kind = ? and name = ?", (kind, name)).rowcount)

    def history_rows(self, step_s: int, asset: str, from_ms: int, to_ms: int) -> list[tuple[int, dict[str, Any]]]:
        """Rows of the history table as they were packed, from_ms ≤ t < to_ms, in order."""
        rows = self._select(
            "select t_ms, body from history where step_s = ? and asset = ? and t_ms >= ? and t_ms < ? order by t_ms",
            (step_s, asset, from_ms, to_ms),
        )
        return [(t_ms, msgspec.json.decode(zlib.decompress(body))) for t_ms, body in rows]

    def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """What a query finds in the file as it was last committed; never waits for the disk. Raises StoreError."""
        try:
            return self._select(query, values)
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from None

    def post(self, job: Callable[[sqlite3.Connection], Any]) -> None:
        """Runs `job` in the writer's next transaction and does not wait; what fails is lost."""
        self._writer.post(job)

    def do(self, job: Callable[[sqlite3.Connection], Any]) -> Any:
        """Runs `job` in the writer's next transaction and waits for its commit. Raises StoreError."""
        return self._writer.do(job)

    def flush(self) -> None:
        """Waits until everything that was put is committed. Raises StoreError."""
        self._writer.do(lambda _db: None)

    def close(self) -> None:
        """Commits everything; a run that ends here leaves no gap."""
        if self._boot and self._writer.is_alive():
            with suppress(StoreError):
                self.flush()
            with suppress(StoreError):  # then the next run finds that this one did not close, and tells a gap
                self._writer.do(self._end)
        self._writer.stop()
        with self._writer.db_lock:
            self._writer.db.close()
        if self._lock_file is not None:
            self._lock_file.close()

    def young(self, age_s: float) -> age.Dates:
        """Between which dates lies what is no older, however the clock jumped. In the writer's thread only."""
        self._age.go_on(self._utc_ms(), self._monotonic_s())
        return self._age.young(age_s)

    def _too_old(self, db: sqlite3.Connection) -> int:
        """Up to which number rows of the spool are too old. Told to the next run by whoever is the agent here."""
        self._age.go_on(self._utc_ms(), self._monotonic_s())
        up_to = self._age.old_to(db, self._settings.spool_retention_s)
        if self._boot:
            self._age.save(db, self._monotonic_s())
        return up_to

    def _end(self, db: sqlite3.Connection) -> None:
        self._age.go_on(self._utc_ms(), self._monotonic_s())
        self._age.save(db, self._monotonic_s(), force=True)
        end_boot(db, self._boot, list(self._writer.unsaved.values()))

    def _open(self, reserve: Reserve) -> sqlite3.Connection:
        if self.directory is None:
            return file.connect(":memory:")
        db, self.damage = file.open_file(self.directory, lambda: self._clock.utc_ns() / 1e9, reserve)
        return db

    def _begin_anew(self, error: str) -> sqlite3.Connection:
        """In the writer's thread: the file was damaged while we ran. Raises StoreError."""
        assert self.directory is not None
        self._writer.db.close()
        db, self.damage = file.replace_file(self.directory, error, self._clock.utc_ns() / 1e9)
        now_ms = self._utc_ms()
        if self._boot:
            db.execute("insert or ignore into boots (n, opened_ms, last_ms) values (?, ?, ?)",
                       (self._boot, now_ms, now_ms))  # fmt: skip
        for drain in self._writer.drains.values():
            db.execute("insert or ignore into sinks values (?, ?)", (drain.bit, drain.name))
        self._writer.spool_rows = db.execute("select count(*) from spool").fetchone()[0]
        return db

    def _claim(self) -> None:
        with self._lock:
            if self._boot:
                return
            if self.directory is not None:
                self._lock_file = claim_directory(self.directory / "agent.lock")
            floor = max(1, self._utc_ms() // 60_000 - MINUTES_2020, number_in(self._boot_file()) + 1)
            self._boot, self._n, rows = self._writer.do(lambda db: new_boot(db, floor, self._utc_ms()))
            self._writer.boot, self._writer.spool_rows = self._boot, rows
            if (path := self._boot_file()) is not None:
                with suppress(OSError):
                    path.write_text(f"{self._boot}\n", encoding="ascii")

    def _boot_file(self) -> Path | None:
        return self.directory / "boot" if self.directory else None

    def _utc_ms(self) -> int:
        return self.now_ms

    def _monotonic_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9

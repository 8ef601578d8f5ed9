"""The rows, confirmations and jobs that are committed in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from agent.delivery.store.cursor import SinkCursor
from agent.delivery.store.data_gaps import ANNOUNCED, note_gap
from agent.delivery.store.reasons import stored
from agent.delivery.store.row import StoredRow, importance
from drivers.reasons import Reason

Job = Callable[[sqlite3.Connection], Any]


@dataclass(slots=True)
class PendingRow:
    """A row to append, with the data committed in the same transaction.

    row: the row.
    boot, seq: the two parts of its id.
    counters: name → value that this row is the first to show.
    settles: number of the gap that this row announces; None: none.
    confirmed: mask of the sinks that confirmed it before it was written to the file.
    """

    row: StoredRow
    boot: int
    seq: int
    counters: dict[str, int]
    settles: int | None = None
    confirmed: int = 0


@dataclass(slots=True)
class WriteBatch:
    """Everything that the next transaction commits.

    puts: rows to append.
    counters: name → value, of counters that no row carries.
    confirmed: sink → numbers of the rows that it confirmed.
    rejected: sink, number of a row, and why it can never be delivered.
    jobs: functions to run in the transaction, and the future of their result.
    """

    puts: list[PendingRow] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    confirmed: dict[SinkCursor, list[int]] = field(default_factory=dict)
    rejected: list[tuple[SinkCursor, int, Reason]] = field(default_factory=list)
    jobs: list[tuple[Job, Future[Any]]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.puts or self.counters or self.confirmed or self.rejected or self.jobs)


class UnmatchedConfirmations:
    """Counters of rows that leave memory without being written. The counters are written nevertheless, and an older row
    that is written later does not reset them."""

    def __init__(self) -> None:
        self._newest: dict[str, tuple[int, int]] = {}  # name → n of the row that showed it, value

    def take(self, put: PendingRow) -> None:
        """Keeps the counters of a row that leaves memory."""
        for name, value in put.counters.items():
            if put.row.n >= self._newest.get(name, (0, 0))[0]:
                self._newest[name] = put.row.n, value

    def beside(self, puts: list[PendingRow]) -> dict[str, int]:
        """Newest value of each counter, over the kept counters and these rows."""
        together = UnmatchedConfirmations()
        together._newest = self._newest.copy()
        for put in puts:
            together.take(put)
        return {name: value for name, (_, value) in together._newest.items()}

    def forget(self, unsaved: dict[int, PendingRow]) -> None:
        """After a commit: drops the counters that no row in memory could reset."""
        first = min(unsaved, default=None)
        self._newest = {} if first is None else {name: it for name, it in self._newest.items() if it[0] > first}


def confirm_unsaved(unsaved: dict[int, PendingRow], group: WriteBatch, owed: int) -> list[PendingRow]:
    """Applies confirmations to rows in memory. Removes and returns the rows that all sinks confirmed: only their
    counters must still be written.

    `owed`: mask of all sinks.
    """
    gone = []
    for drain, numbers in group.confirmed.items():
        for n in numbers:
            put = unsaved.get(n)
            if put is None:
                continue
            put.confirmed |= 1 << drain.bit
            if put.confirmed & owed == owed and put.settles is None:
                gone.append(unsaved.pop(n))
    return gone


def insert(db: sqlite3.Connection, puts: list[PendingRow], owed: int) -> int:
    """Appends rows to the spool and marks the gaps that they announce; returns the number of rows.

    `owed`: mask of the sinks that have to confirm them.
    """
    if puts and owed:
        db.executemany(
            "insert into spool values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (put.row.n, put.boot, put.seq, importance(put.row.kind), put.row.t_ms, put.row.asset, put.row.kind,
                 put.row.payload, owed & ~put.confirmed)
                for put in puts
            ],
        )  # fmt: skip
    announced = [(ANNOUNCED, put.settles) for put in puts if put.settles is not None]
    if announced:
        db.executemany("update gaps set announced = ? where g = ?", announced)
    return len(puts) if owed else 0


def take_off(db: sqlite3.Connection, group: WriteBatch, alone: bool) -> int:
    """Deletes confirmed and rejected rows; returns how many left the spool. alone: there is only one sink."""
    gone = sum(_set_aside(db, n, reason) for _, n, reason in group.rejected)
    for drain, numbers in group.confirmed.items():
        keys = [(n,) for n in numbers]
        if not alone:
            db.executemany(f"update spool set owed = owed & ~{1 << drain.bit} where n = ?", keys)
        gone += db.executemany("delete from spool where n = ?" + ("" if alone else " and owed = 0"), keys).rowcount
    return gone


def _set_aside(db: sqlite3.Connection, n: int, reason: Reason) -> int:
    """Moves a row that can never be delivered to the table `aside`, for inspection, and counts it as a gap."""
    row = db.execute("select kind, t_ms from spool where n = ?", (n,)).fetchone()
    if row is None:
        return 0
    db.execute(
        "insert or replace into aside select n, boot, seq, t_ms, asset, kind, payload, ? from spool where n = ?",
        (stored(reason), n),
    )
    db.execute("delete from aside where n not in (select n from aside order by n desc limit 100)")
    db.execute("delete from spool where n = ?", (n,))
    note_gap(db, row[0], reason, 1, row[1], row[1])
    return 1

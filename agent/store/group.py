"""What is committed together."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from agent.store.drain import Drain
from agent.store.gaps import ANNOUNCED, note_gap
from agent.store.row import Row, importance

Job = Callable[[sqlite3.Connection], Any]


@dataclass(slots=True)
class Put:
    """A row to append, and what is committed with it or not at all."""

    row: Row
    boot: int
    seq: int
    counters: dict[str, int]
    settles: int | None = None  # the gap that this row announces
    confirmed: int = 0  # mask of the sinks that had it before it was in the file


@dataclass(slots=True)
class Group:
    puts: list[Put] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    confirmed: dict[Drain, list[int]] = field(default_factory=dict)
    refused: list[tuple[Drain, int, str]] = field(default_factory=list)
    jobs: list[tuple[Job, Future[Any]]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.puts or self.counters or self.confirmed or self.refused or self.jobs)


class Orphans:
    """Counters of rows that leave memory without being written. They are written all the same, and no older row that is
    written later sets one back."""

    def __init__(self) -> None:
        self._newest: dict[str, tuple[int, int]] = {}  # name → n of the row that showed it, value

    def take(self, put: Put) -> None:
        for name, value in put.counters.items():
            if put.row.n >= self._newest.get(name, (0, 0))[0]:
                self._newest[name] = put.row.n, value

    def beside(self, puts: list[Put]) -> dict[str, int]:
        """The newest value of each counter of theirs and of these rows."""
        together = Orphans()
        together._newest = self._newest.copy()
        for put in puts:
            together.take(put)
        return {name: value for name, (_, value) in together._newest.items()}

    def forget(self, unsaved: dict[int, Put]) -> None:
        """All is written: what no older row that still waits could set back."""
        first = min(unsaved, default=None)
        self._newest = {} if first is None else {name: it for name, it in self._newest.items() if it[0] > first}


def confirm_unsaved(unsaved: dict[int, Put], group: Group, owed: int) -> list[Put]:
    """Confirmations of rows that wait in memory: takes out who owes nothing any more and need not be written; only its
    counters must."""
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


def insert(db: sqlite3.Connection, puts: list[Put], owed: int) -> int:
    """Rows into the spool, owed to the sinks of that mask, and the gaps that they announce; how many rows."""
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


def take_off(db: sqlite3.Connection, group: Group, alone: bool) -> int:
    """Confirmed and refused rows; how many left the spool. alone: there is one sink only."""
    gone = sum(_set_aside(db, n, reason) for _, n, reason in group.refused)
    for drain, numbers in group.confirmed.items():
        keys = [(n,) for n in numbers]
        if not alone:
            db.executemany(f"update spool set owed = owed & ~{1 << drain.bit} where n = ?", keys)
        gone += db.executemany("delete from spool where n = ?" + ("" if alone else " and owed = 0"), keys).rowcount
    return gone


def _set_aside(db: sqlite3.Connection, n: int, reason: str) -> int:
    """A row that a sink will never get rid of: kept for a person to look at, and counted."""
    row = db.execute("select kind, t_ms from spool where n = ?", (n,)).fetchone()
    if row is None:
        return 0
    db.execute(
        "insert or replace into aside select n, boot, seq, t_ms, asset, kind, payload, ? from spool where n = ?",
        (reason, n),
    )
    db.execute("delete from aside where n not in (select n from aside order by n desc limit 100)")
    db.execute("delete from spool where n = ?", (n,))
    note_gap(db, row[0], reason, 1, row[1], row[1])
    return 1

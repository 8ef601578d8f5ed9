"""Runs of the agent: their numbers, who works in a directory, which sinks there are."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

from agent.store.file import StoreError
from agent.store.gaps import note_gap
from agent.store.group import Put

BOOTS_KEPT = 100
UNSAVED = "the state file could not be written before the end"
KILLED = "the agent was ended without a chance to save"
BITS = 60


def new_boot(db: sqlite3.Connection, floor: int, now_ms: int) -> tuple[int, int, int]:
    """This run's number, the last place used in the spool, and how many rows are in it. An earlier run that did not
    close leaves a gap: what it had measured and not committed."""
    last = db.execute("select n, last_ms, closed, spool_rows from boots order by n desc limit 1").fetchone()
    boot = max(floor, last[0] + 1) if last else floor
    rows = last[3] if last else int(db.execute("select count(*) from spool").fetchone()[0])
    if last and not last[2]:
        note_gap(db, "*", KILLED, None, min(last[1], now_ms), now_ms)  # a clock that was set back does not tell when
        db.execute("update boots set closed = 1 where n = ?", (last[0],))
    db.execute(
        "insert into boots (n, opened_ms, last_ms, spool_rows) values (?, ?, ?, ?)",
        (boot, now_ms, now_ms, rows),
    )
    db.execute("delete from boots where n <= (select n from boots order by n desc limit 1 offset ?)", (BOOTS_KEPT,))
    used = db.execute("select max(seq) from sqlite_sequence where name = 'spool'").fetchone()[0]
    return boot, int(used or 0), rows


def end_boot(db: sqlite3.Connection, boot: int, unsaved: Iterable[Put]) -> None:
    """A clean end. Rows that are still only in memory were not to be written: they are counted."""
    for put in unsaved:
        if db.execute("select 1 from spool where n = ?", (put.row.n,)).fetchone():
            continue  # written in this very transaction
        note_gap(db, put.row.kind, UNSAVED, 1, put.row.t_ms, put.row.t_ms)
    db.execute("update boots set closed = 1 where n = ?", (boot,))


def register(db: sqlite3.Connection, names: list[str]) -> tuple[dict[str, int], int]:
    """The bit of each sink, and how many rows went because they were owed only to sinks that are not wanted now."""
    known: dict[str, int] = dict(db.execute("select name, bit from sinks").fetchall())
    for name in set(known) - set(names):
        db.execute("delete from sinks where bit = ?", (known.pop(name),))
    for name in names:
        if name not in known:
            known[name] = next(bit for bit in range(BITS) if bit not in known.values())
            db.execute("insert into sinks values (?, ?)", (known[name], name))
    mask = sum(1 << bit for bit in known.values())
    db.execute(f"update spool set owed = owed & {mask} where owed & ~{mask}")
    gone = db.execute("delete from spool where owed = 0").rowcount
    return known, gone


def claim_directory(path: Path) -> IO[str]:
    """Held as long as this run lives; the kernel gives it back even after a kill."""
    try:
        held = path.open("a+", encoding="ascii")
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held.seek(0)
        owner = held.read().strip()
        held.close()
        raise StoreError(
            f"store.state_dir {path.parent}: another agent (process {owner or 'unknown'}) works here"
        ) from None
    with suppress(OSError):  # a full disk: the number is only to be told
        os.ftruncate(held.fileno(), 0)
        os.write(held.fileno(), str(os.getpid()).encode())
    return held


def number_in(path: Path | None) -> int:
    try:
        return int(path.read_text(encoding="ascii")) if path else 0
    except (OSError, ValueError):
        return 0

"""Replacement of a corrupt or removed state file. What can be read of a corrupt file is copied to the new one."""

from __future__ import annotations

import contextlib
import itertools
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agent.delivery.store import database_file
from agent.delivery.store.corrupt_rows import NEAR, intact
from agent.delivery.store.data_gaps import record_gap
from agent.delivery.store.database_file import (
    NAME,
    START_BYTES,
    DatabaseDamaged,
    DiskReserve,
    StoreError,
    free_bytes,
    missing_columns,
    private_directory,
    private_file,
    restore_header,
)
from agent.delivery.store.migrations import SchemaTooNew, version
from agent.delivery.store.reasons import ROWS_UNREADABLE, STATE_DIR_UNUSABLE, STATE_FILE_REPLACED
from agent.delivery.store.row import CRC_BITS, CRC_MASK, checks, importance
from agent.delivery.store.run_file import read_newest_run
from agent.delivery.store.storage_errors import storage_problem
from drivers.reasons import Reason

log = logging.getLogger(__name__)

ASIDE_KEPT = 3
SALVAGED = (
    "counter_name",
    "counter_value",
    "note",
    "sinks",
    "gaps",
    "boots",
    "aside",
    "history",
    "interval",
    "ledger",
)
CHUNK = 500

Row = tuple[Any, ...]
Span = tuple[int, int]  # UTC milliseconds


def open_file(
    directory: Path, utc_s: Callable[[], float], reserve: DiskReserve
) -> tuple[sqlite3.Connection, Reason | None]:
    """The connection, and how a corrupt file was replaced; None: the file was intact.

    The readable rows of a corrupt file are copied to the new one. The reserve is released when the disk is full.
    Raises StoreError.
    """
    path = directory / NAME
    try:
        private_directory(directory)
        if free_bytes(directory)[0] < START_BYTES and reserve.release():
            log.warning("%s: the disk is full; the reserved space was released", directory)
        try:
            return database_file.connect(path), None
        except DatabaseDamaged as error:
            return replace_file(directory, str(error), utc_s())
    except (OSError, ValueError, sqlite3.Error, SchemaTooNew, DatabaseDamaged) as error:
        raise _unusable(directory, error) from None


def replace_file(directory: Path, error: str, utc_s: float) -> tuple[sqlite3.Connection, Reason]:
    """Replaces a corrupt file by a new one with the rows that can be read from it, and renames it. Raises StoreError.

    A kill before the end leaves the corrupt file, and the next start begins again.
    """
    path, now_ms = directory / NAME, round(1000 * utc_s)
    try:
        if path.exists():
            restore_header(path)
        try:
            saved = _write_copy(path, lambda db: salvage(db, path, read_newest_run(directory).oldest_ms, now_ms))
        except sqlite3.Error:  # no space for a second file
            saved = _write_copy(path, lambda db: _record_loss(db, now_ms))
        aside = set_aside(path, utc_s)
        _copy_of(path).rename(path)
        db = database_file.connect(path)
    except (OSError, sqlite3.Error, DatabaseDamaged) as again:
        raise _unusable(directory, again) from None
    reason = STATE_FILE_REPLACED(error=error, file=aside.name, rows=saved)
    log.error("%s: %s", path, reason)
    return db, reason


def _unusable(directory: Path, error: Exception) -> StoreError:
    return StoreError(STATE_DIR_UNUSABLE, directory=str(directory), cause=storage_problem(error, directory))


def _write_copy(path: Path, fill: Callable[[sqlite3.Connection], int]) -> int:
    """Creates the new file next to the corrupt one and fills it in one transaction. Raises OSError, sqlite3.Error."""
    for suffix in ("", "-wal", "-shm"):
        _copy_of(path, suffix).unlink(missing_ok=True)
    with contextlib.closing(database_file.connect(_copy_of(path))) as db:
        db.execute("pragma journal_mode = memory")  # a WAL would need the space twice, and is not renamed
        with db:  # commits, or rolls back
            db.execute("begin")
            return fill(db)


def _copy_of(path: Path, suffix: str = "") -> Path:
    return path.with_name(f"{path.name}.restored{suffix}")


def restore_removed(db: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """Writes a file that was deleted while it was open again, from its connection, which is closed. A file that
    replaced it is set aside. Raises OSError, sqlite3.Error."""
    copy = _copy_of(path)
    copy.unlink(missing_ok=True)
    private_file(copy)
    with contextlib.closing(sqlite3.connect(copy)) as target:
        db.backup(target)
    db.close()  # deletes the WAL by its name, therefore before the new file is opened
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        path.rename(path.with_name(f"{path.name}.replaced"))
    copy.rename(path)
    return database_file.connect(path)


def set_aside(path: Path, utc_s: float) -> Path:
    """Renames the file with its WAL; returns the new path. The newest ASIDE_KEPT such files are kept."""
    aside = path
    while aside.exists() or aside is path:  # one second may have two
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(utc_s))
        aside, utc_s = path.with_name(f"{path.name}.corrupt-{stamp}"), utc_s + 1
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    # Earlier files may carry the time of a wrong clock: the new file is excluded, whatever its time.
    earlier = sorted(set(path.parent.glob(f"{path.name}.corrupt-*Z")) - {aside})
    for item in earlier[: 1 - ASIDE_KEPT]:
        for suffix in ("", "-wal", "-shm"):
            item.with_name(item.name + suffix).unlink(missing_ok=True)
    return aside


def salvage(db: sqlite3.Connection, damaged: Path, oldest_ms: int, now_ms: int) -> int:
    """Copies the readable rows of a corrupt file of this version; returns their number. Rows of the spool that are
    corrupt or cannot be read become a gap.

    oldest_ms: no row waited that was older.
    Raises sqlite3.Error when the rows cannot be written.
    """
    saved, corrupt, unread = 0, list[Span](), None
    with contextlib.closing(sqlite3.connect(damaged, isolation_level=None)) as old:
        old.text_factory = database_file.decoded
        if _is_readable(old, version(db)):
            saved = sum(_copy(old, db, table) for table in SALVAGED)
            corrupt, unread = _copy_spool(old, db, (oldest_ms, now_ms))
    rows = int(db.execute("select count(*) from spool").fetchone()[0])
    last = db.execute("select spool_rows from boots order by n desc limit 1").fetchone()
    lost = max(last[0] - rows, len(corrupt)) if last else None
    if lost is None or (lost > len(corrupt) and unread is None):
        unread = oldest_ms, now_ms  # it is not known where they were
    spans = [*corrupt, unread] if unread else corrupt
    if lost != 0:
        since_ms, until_ms = min(span[0] for span in spans), max(span[1] for span in spans)
        record_gap(db, "*", ROWS_UNREADABLE(), lost, since_ms, until_ms)
    db.execute("update boots set spool_rows = ?", (rows,))
    return saved + rows


def _record_loss(db: sqlite3.Connection, now_ms: int) -> int:
    record_gap(db, "*", ROWS_UNREADABLE(), None, 0, now_ms)
    return 0


def _is_readable(old: sqlite3.Connection, now: int) -> bool:
    """Whether the tables of a corrupt file can be those of this version. Others are migrated before they are used."""
    with contextlib.suppress(sqlite3.Error, DatabaseDamaged):
        return version(old) == now or not missing_columns(old)
    return False


def _copy(old: sqlite3.Connection, db: sqlite3.Connection, table: str) -> int:
    """Copies the rows of a table that are before and after its damage; returns their number."""
    before = db.total_changes
    places = ",".join("?" * database_file.column_count(table))
    for backward in (False, True):
        with contextlib.suppress(DatabaseDamaged):
            for rows in _chunks(old, table, backward):
                db.executemany(f"insert or ignore into {table} values ({places})", rows)
            break
    return db.total_changes - before


def _copy_spool(old: sqlite3.Connection, db: sqlite3.Connection, limits_ms: Span) -> tuple[list[Span], Span | None]:
    """Copies the intact rows of the spool that are before and after its damage. Returns the time span of each corrupt
    row, and that of the part that cannot be read; None: all could be read."""
    corrupt: list[Span] = []
    (since_ms, until_ms), last_n = limits_ms, None
    with contextlib.suppress(DatabaseDamaged):
        for rows in _chunks(old, "spool", backward=False):
            last_n = rows[-1][0] if rows else last_n
            since_ms = min(_copy_intact(db, rows, (since_ms, until_ms), corrupt)[-NEAR:], default=since_ms)
        return corrupt, None
    with contextlib.suppress(DatabaseDamaged):
        for chunk in _chunks(old, "spool", backward=True):
            rows = list(itertools.takewhile(lambda row: row[0] != last_n, chunk))[::-1]
            until_ms = max(_copy_intact(db, rows, (since_ms, until_ms), corrupt)[:NEAR], default=until_ms)
            if len(rows) < len(chunk):
                break
    return corrupt, (min(since_ms, until_ms), max(since_ms, until_ms))


def _copy_intact(db: sqlite3.Connection, rows: list[Row], limits_ms: Span, corrupt: list[Span]) -> list[int]:
    """Copies the intact rows of the spool and returns their times; adds the time spans of the others to `corrupt`."""
    found, rejections = intact([(*row[:3], *row[4:8], row[9]) for row in rows], *limits_ms)
    corrupt += [rejection.span[1:] for rejection in rejections if rejection.span]
    stored = {row[0]: row for row in rows}
    for row in found:
        *key, _, _, asset, kind, payload, owed, copy = stored[row.n]
        owed = (owed if isinstance(owed, int) else 0) | copy >> CRC_BITS
        values = (*key, importance(row.kind), row.t_ms, asset, kind, payload, owed,
                  checks(copy & CRC_MASK, owed))  # fmt: skip
        db.execute("insert or ignore into spool values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    return [row.t_ms for row in found]


def _chunks(old: sqlite3.Connection, table: str, backward: bool) -> Iterator[list[Row]]:
    """All rows of a table in its order that have a key. Raises DatabaseDamaged after the last row before damage."""
    columns = ",".join(f"c{number}" for number in range(database_file.column_count(table)))  # names may be corrupt
    order = "order by c0 desc" if backward else ""
    rows: list[Row] = []
    try:
        for row in old.execute(f"with copied ({columns}) as (select * from {table}) select * from copied {order}"):
            if len(rows) == CHUNK:
                yield rows
                rows = []
            if row[0] is not None:
                rows.append(row)
    except sqlite3.Error as error:
        yield rows
        raise DatabaseDamaged(str(error)) from None
    yield rows

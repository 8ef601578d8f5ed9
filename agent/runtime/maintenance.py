"""Maintenance intervals of motors, each with a reason; they end automatically or when they are released.

They are stored in their own SQLite file in the state directory. So `magwatt maintenance` works whether or not the agent
runs, and does not depend on a full or corrupt state file. Only the command writes the file; the agent reads it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from drivers.file_reasons import FILE_UNREADABLE, FILE_UNWRITABLE
from drivers.reasons import CodedError, cause_of

FILE = "maintenance.sqlite"
LOCKED_S = 5.0  # longest wait for the lock of the file
_COLUMNS = "motor, reason, since_ms, until_ms, released_ms, entered_by"
_SCHEMA = """
create table if not exists maintenance (
    number integer primary key autoincrement, motor text not null, reason text not null, since_ms integer not null,
    until_ms integer, released_ms integer, entered_by text not null
);
pragma user_version = 1;
"""


class MaintenanceError(CodedError):
    """The file of the maintenance intervals cannot be read or written."""


class MaintenancePeriod(Struct, frozen=True):
    """One maintenance interval; times in UTC milliseconds.

    motor: id of the motor or shared meter.
    reason: text of the operator.
    since_ms: start.
    until_ms: planned end; None: until released.
    released_ms: when an operator released it; None: not released.
    entered_by: login name of the operator.
    """

    motor: str
    reason: str
    since_ms: int
    until_ms: int | None
    released_ms: int | None
    entered_by: str

    @property
    def end_ms(self) -> int | None:
        """Past or planned end; None: until released."""
        ends = [end for end in (self.until_ms, self.released_ms) if end is not None]
        return min(ends, default=None)

    def active(self, now_ms: int) -> bool:
        """Whether it lasts at now_ms. Without an end it lasts until released, also if a wrong clock dated it ahead."""
        return self.end_ms is None or self.since_ms <= now_ms < self.end_ms


class MaintenanceLog:
    """The maintenance intervals of one state directory. Every method raises MaintenanceError when the file cannot be
    used."""

    def __init__(self, directory: Path) -> None:
        self.path = directory.absolute() / FILE
        self._version: tuple[int, int] | None = None
        self._intervals: tuple[MaintenancePeriod, ...] = ()

    def begin(self, motor: str, reason: str, now_ms: int, until_ms: int | None, entered_by: str) -> None:
        """Starts maintenance now; an active interval of the same motor ends."""
        with self._writing() as db:
            self._end(db, motor, now_ms)
            db.execute(f"insert into maintenance ({_COLUMNS}) values (?, ?, ?, ?, null, ?)",
                       (motor, reason, now_ms, until_ms, entered_by))  # fmt: skip

    def release(self, motor: str, now_ms: int) -> bool:
        """Ends the active interval of a motor; False when there was none."""
        if not self.path.exists():
            return False
        with self._writing() as db:
            return self._end(db, motor, now_ms)

    def active(self, now_ms: int) -> dict[str, MaintenancePeriod]:
        """Motor → its active interval. Reads the file only when its size or time has changed."""
        return {interval.motor: interval for interval in self._all() if interval.active(now_ms)}

    def between(self, from_ms: int, to_ms: int, motor: str | None = None) -> list[MaintenancePeriod]:
        """Every interval that overlaps [from_ms, to_ms), the oldest first."""
        return [
            interval
            for interval in self._all()
            if motor in (None, interval.motor)
            and interval.since_ms < to_ms
            and (interval.end_ms is None or interval.end_ms > max(from_ms, interval.since_ms))
        ]

    def _all(self) -> tuple[MaintenancePeriod, ...]:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            self._version, self._intervals = None, ()
            return ()
        except OSError as error:
            raise MaintenanceError(FILE_UNREADABLE, path=str(self.path), error=cause_of(error)) from None
        version = (found.st_mtime_ns, found.st_size)
        if version != self._version:
            try:
                with contextlib.closing(sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True, timeout=1)) as db:
                    rows = db.execute(f"select {_COLUMNS} from maintenance order by number").fetchall()
            except sqlite3.Error as error:
                raise MaintenanceError(FILE_UNREADABLE, path=str(self.path), error=cause_of(error)) from None
            self._version, self._intervals = version, tuple(MaintenancePeriod(*row) for row in rows)
        return self._intervals

    @staticmethod
    def _end(db: sqlite3.Connection, motor: str, now_ms: int) -> bool:
        open_still = "motor = ? and released_ms is null and (until_ms is null or until_ms > ?)"
        return (
            db.execute(f"update maintenance set released_ms = ? where {open_still}", (now_ms, motor, now_ms)).rowcount
            > 0
        )

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, on disk when it ends. With a rollback journal no other file remains in the directory."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _as_owner(self.path.parent), contextlib.closing(sqlite3.connect(self.path, timeout=LOCKED_S)) as db:
                db.executescript(_SCHEMA)
                with db:
                    yield db
        except (OSError, sqlite3.Error) as error:
            raise MaintenanceError(FILE_UNWRITABLE, path=str(self.path), error=cause_of(error)) from None


@contextlib.contextmanager
def _as_owner(directory: Path) -> Iterator[None]:
    """If run as root, writes with the rights of the directory's owner.

    Thus the agent can read the file, and a symbolic link in the directory gives its owner no access to other files.
    """
    if os.geteuid() != 0:
        yield
        return
    group, owner = os.getegid(), directory.stat()
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)

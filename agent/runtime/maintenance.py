"""Maintenance intervals of motors, each with a reason; they end automatically or when they are released.

They are stored in their own SQLite file in the state directory. So `magwatt maintenance` works whether or not the agent
runs, and does not depend on a full or corrupt state file. Only the command writes the file; the agent reads it.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from msgspec import Struct

from agent.core.operator_database import OperatorDatabase
from drivers.reasons import CodedError

FILE = "maintenance.sqlite"
DATING_MS = 60_000  # of two commands that date from the last run of the agent, the later one can date before the first
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
        return self.end_ms is None or self.since_ms - DATING_MS <= now_ms < self.end_ms


class MaintenanceLog:
    """The maintenance intervals of one state directory. Every method raises MaintenanceError when the file cannot be
    used."""

    def __init__(self, directory: Path) -> None:
        self._file = OperatorDatabase(directory / FILE, _SCHEMA, MaintenanceError)
        self.path = self._file.path
        self._intervals: tuple[MaintenancePeriod, ...] = ()

    def begin(self, motor: str, reason: str, now_ms: int, until_ms: int | None, entered_by: str) -> None:
        """Starts maintenance now; an active interval of the same motor ends."""
        with self._file.writing() as db:
            self._end(db, motor, now_ms)
            db.execute(f"insert into maintenance ({_COLUMNS}) values (?, ?, ?, ?, null, ?)",
                       (motor, reason, now_ms, until_ms, entered_by))  # fmt: skip

    def release(self, motor: str, now_ms: int) -> bool:
        """Ends the active interval of a motor; False when there was none."""
        if not self.path.exists():
            return False
        with self._file.writing() as db:
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
        if self._file.has_changed():
            rows = self._file.rows(f"select {_COLUMNS} from maintenance order by number")
            self._intervals = tuple(MaintenancePeriod(*row) for row in rows)
        return self._intervals

    @staticmethod
    def _end(db: sqlite3.Connection, motor: str, now_ms: int) -> bool:
        open_still = "motor = ? and released_ms is null and (until_ms is null or until_ms > ?)"
        return (
            db.execute(f"update maintenance set released_ms = ? where {open_still}", (now_ms, motor, now_ms)).rowcount
            > 0
        )

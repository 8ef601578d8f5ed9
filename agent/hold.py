"""Maintenance: a motor that somebody works on is on hold. Said with a reason, kept with its interval, undone by hand or
by time.

The holds have a small file of their own beside the store, so that `magwatt maintenance` works whether the agent runs or
not, and so that no full or damaged spool takes an operator's word away. Only the command writes it; the agent reads.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FILE = "holds.sqlite"
LOCKED_S = 5.0
_COLUMNS = "motor, reason, since_ms, until_ms, released_ms, told_by"
_SCHEMA = """
create table if not exists hold (
    number integer primary key autoincrement, motor text not null, reason text not null, since_ms integer not null,
    until_ms integer, released_ms integer, told_by text not null
);
pragma user_version = 1;
"""


class HoldError(Exception):
    """The file of holds cannot be used; the message names it."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One interval of maintenance, UTC milliseconds. until_ms None: until released."""

    motor: str
    reason: str
    since_ms: int
    until_ms: int | None
    released_ms: int | None
    told_by: str

    @property
    def end_ms(self) -> int | None:
        """When it ended or will end by itself; None while that is open."""
        ends = [end for end in (self.until_ms, self.released_ms) if end is not None]
        return min(ends, default=None)

    def active(self, now_ms: int) -> bool:
        return self.since_ms <= now_ms and (self.end_ms is None or now_ms < self.end_ms)


class HoldBook:
    """All holds of one state directory. Every method raises HoldError when the file cannot be used."""

    def __init__(self, directory: Path) -> None:
        self.path = directory.absolute() / FILE
        self._seen: tuple[int, int] | None = None
        self._holds: tuple[Hold, ...] = ()

    def begin(self, motor: str, reason: str, now_ms: int, until_ms: int | None, told_by: str) -> None:
        """From now on; a hold of that motor that is active ends where the new one begins."""
        with self._writing() as db:
            self._end(db, motor, now_ms)
            db.execute(f"insert into hold ({_COLUMNS}) values (?, ?, ?, ?, null, ?)",
                       (motor, reason, now_ms, until_ms, told_by))  # fmt: skip

    def release(self, motor: str, now_ms: int) -> bool:
        """Whether there was an active one."""
        if not self.path.exists():
            return False
        with self._writing() as db:
            return self._end(db, motor, now_ms)

    def active(self, now_ms: int) -> dict[str, Hold]:
        """Motor → its hold. Cheap while nothing changes: the file is looked at, not read."""
        return {hold.motor: hold for hold in self._all() if hold.active(now_ms)}

    def between(self, from_ms: int, to_ms: int, motor: str | None = None) -> list[Hold]:
        """Every hold that touches the interval, the oldest first."""
        return [
            hold
            for hold in self._all()
            if motor in (None, hold.motor)
            and hold.since_ms < to_ms
            and (hold.end_ms is None or hold.end_ms > max(from_ms, hold.since_ms))
        ]

    def _all(self) -> tuple[Hold, ...]:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            self._seen, self._holds = None, ()
            return ()
        except OSError as error:
            raise HoldError(f"{self.path}: {error.strerror or error}") from None
        mark = (found.st_mtime_ns, found.st_size)
        if mark != self._seen:
            try:
                with contextlib.closing(sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True, timeout=1)) as db:
                    rows = db.execute(f"select {_COLUMNS} from hold order by number").fetchall()
            except sqlite3.Error as error:
                raise HoldError(f"{self.path}: {error}") from None
            self._seen, self._holds = mark, tuple(Hold(*row) for row in rows)
        return self._holds

    @staticmethod
    def _end(db: sqlite3.Connection, motor: str, now_ms: int) -> bool:
        open_still = "motor = ? and released_ms is null and (until_ms is null or until_ms > ?)"
        return db.execute(f"update hold set released_ms = ? where {open_still}", (now_ms, motor, now_ms)).rowcount > 0

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, on the disk when it is over. A rollback journal: nothing is left beside the file."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _as_owner(self.path.parent), contextlib.closing(sqlite3.connect(self.path, timeout=LOCKED_S)) as db:
                db.executescript(_SCHEMA)
                with db:
                    yield db
        except (OSError, sqlite3.Error) as error:
            raise HoldError(f"{self.path}: {error}") from None


@contextlib.contextmanager
def _as_owner(directory: Path) -> Iterator[None]:
    """Root writes as whom the directory belongs to. So the agent can read the file; and that account can lead root, by
    a link in its own directory, to nothing that it could not write itself."""
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

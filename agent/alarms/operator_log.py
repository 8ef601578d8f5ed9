"""Acknowledgements and shelving by operators: rows of a file that commands and the page write, and the agent reads."""

from __future__ import annotations

from pathlib import Path

from agent.alarms.model import AlarmKey, OperatorAction
from agent.core.operator_database import OperatorDatabase
from drivers.reasons import CodedError

FILE = "alarms.sqlite"
KEPT_MS = 400 * 86_400_000  # of rows, as of events
_FIELDS = ("number", "at_ms", "action", "asset", "code", "part", "seq", "until_ms", "by", "reason")
_COLUMNS = "at_ms, action, asset, code, part, seq, until_ms, entered_by, reason"
_SCHEMA = """
create table if not exists action (
    number integer primary key, at_ms integer not null, action text not null, asset text not null,
    code text not null, part text not null, seq integer not null, until_ms integer,
    entered_by text not null, reason text not null
);
pragma user_version = 1;
"""


class OperatorLogError(CodedError):
    """The file of the operators' actions cannot be read or written."""


class OperatorLog:
    """The actions in one state directory. Every method raises OperatorLogError when the file cannot be used."""

    def __init__(self, directory: Path) -> None:
        self._file = OperatorDatabase(directory / FILE, _SCHEMA, OperatorLogError)
        self.path = self._file.path
        self._read = 0

    def acknowledge(self, key: AlarmKey, at_ms: int, by: str, seq: int = 0, reason: str = "") -> int:
        """The number of the row. seq: of the record that the operator sees, so that a later occurrence is not
        acknowledged; 0: whatever stands when the agent reads it."""
        return self._add(at_ms, "ack", key, seq, None, by, reason)

    def shelve(self, key: AlarmKey, at_ms: int, until_ms: int, by: str, reason: str) -> int:
        """The agent shelves for 12 h at most, and no alarm of priority safety."""
        return self._add(at_ms, "shelve", key, 0, until_ms, by, reason)

    def unshelve(self, key: AlarmKey, at_ms: int, by: str, reason: str = "") -> int:
        return self._add(at_ms, "unshelve", key, 0, None, by, reason)

    def new(self) -> list[OperatorAction]:
        """The rows since the last call, at first all. Reads the file only when its size or time has changed."""
        if not self._file.has_changed():
            return []
        found = self.after(self._read)
        if found:
            self._read = found[-1].number
        return found

    def after(self, number: int) -> list[OperatorAction]:
        """The rows with a higher number, in order."""
        query = f"select number, {_COLUMNS} from action where number > ? order by number"
        return [OperatorAction(**dict(zip(_FIELDS, row, strict=True))) for row in self._file.rows(query, (number,))]

    def _add(self, at_ms: int, action: str, key: AlarmKey, seq: int, until_ms: int | None, by: str, reason: str) -> int:
        """Numbers are milliseconds, so that those of a new file are above those of one that was deleted."""
        with self._file.writing() as db:
            (last,) = db.execute("select max(number) from action").fetchone()
            db.execute("delete from action where at_ms < ?", (at_ms - KEPT_MS,))
            number = max(at_ms, (last or 0) + 1)
            insert = f"insert into action (number, {_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            db.execute(insert, (number, at_ms, action, *key, seq, until_ms, by, reason))
            return number

"""Rows of a CSV file with timestamps: read, sorted by time, without duplicates; each invalid line is reported."""

from __future__ import annotations

import csv
import io
import math
import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from agent.core.local_time import zone_of
from agent.savings.importing import reasons as codes
from drivers.error_reasons import CSV_LINE_INVALID, shortened
from drivers.file_reasons import FILE_EMPTY, FILE_TOO_LARGE, FILE_UNREADABLE
from drivers.reasons import Code, CodedError, InvalidValue, Reason, cause_of

FILE_BYTES_MAX = 100_000_000  # a year of rows per minute has 21 MB; the cells take 15 times as much memory
SHOWN = 5  # lines with errors that are named
_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%d.%m.%Y %H:%M:%S",
            "%d.%m.%Y %H:%M", "%Y年%m月%d日 %H:%M")  # fmt: skip
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ZIP = b"PK\x03\x04"
_HEAD_LINES = 50  # lines at the start of a file in which the names of the columns are searched
_STEP_LINES = 2000  # lines at the start of a file that show the usual time between two rows


class ImportProblem(Exception):
    """A file cannot be imported.

    reasons: why, in the order of the lines of the file.
    """

    def __init__(self, *reasons: Reason) -> None:
        self.reasons = reasons
        super().__init__(*reasons)

    def __str__(self) -> str:
        return "\n".join(map(str, self.reasons))


class CsvColumn(Struct, frozen=True):
    """A column with values.

    name: as in the header line.
    unit: of an energy (per row, or of a register), or of a mean power.
    u: of a driver: uncertainty (k = 2), in its unit.
    """

    name: str
    unit: str
    u: float = 0.0


class CsvRow(Struct):
    """One row.

    line: its number in the file.
    t_ms: UTC.
    value: of the energy column; None: empty, or the file has no such column.
    drivers: name → value.
    """

    line: int
    t_ms: int
    value: float | None
    drivers: dict[str, float]


class CsvTable(NamedTuple):
    """The rows of a file.

    rows: in the order of time.
    repeated: number of duplicate rows.
    once: local times, each the start of a time that a clock change repeats and that the file contains only once.
    """

    rows: list[CsvRow]
    repeated: int
    once: list[str]


def read_rows(
    path: Path, zone: str, time: str, energy: CsvColumn | None, drivers: Mapping[str, CsvColumn]
) -> CsvTable:  # fmt: skip
    """The rows of a CSV file. Raises ImportProblem."""
    parsed, once = _parsed(path, zone, time, energy, drivers)
    rows, repeated = _without_duplicates(parsed, path)
    return CsvTable(rows, repeated, once)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ImportProblem(FILE_UNREADABLE(path=str(path), error=cause_of(error))) from None
    if len(data) > FILE_BYTES_MAX:
        raise ImportProblem(FILE_TOO_LARGE(path=str(path), size_max_mb=FILE_BYTES_MAX / 1e6))
    if data.startswith(_ZIP):
        raise ImportProblem(codes.FILE_IS_ARCHIVE(path=str(path)))
    for encoding in ("utf-16",) if data.startswith(_UTF16) else ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ImportProblem(codes.FILE_ENCODING_UNKNOWN(path=str(path)))


def _parsed(
    path: Path, zone: str, time: str, energy: CsvColumn | None, drivers: Mapping[str, CsvColumn]
) -> tuple[list[CsvRow], list[str]]:  # fmt: skip
    """The rows in the order of time, and `CsvTable.once`."""
    text = _text(path)
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        lines = list(reader)
    except csv.Error as error:
        raise ImportProblem(CSV_LINE_INVALID(path=str(path), line=reader.line_num, error=str(error))) from None
    if not lines:
        raise ImportProblem(FILE_EMPTY(path=str(path)))
    required = [time, *([energy.name] if energy else []), *(column.name for column in drivers.values())]
    position = _positions(path, text, [name.strip() for name in lines[0]], required)
    rows: list[CsvRow] = []
    wrong: list[Reason] = []
    filled = [(number, cells) for number, cells in enumerate(lines[1:], 2) if any(cell.strip() for cell in cells)]
    filled = _oldest_first(filled, position[time])
    times = _Times(zone, _usual_step(filled, position[time]))
    for number, cells in filled:
        if any(cell.strip() for cell in cells[len(lines[0]) :]):
            wrong.append(codes.LINE_TOO_LONG(file=path.name, line=number))
            continue
        try:
            values = {name: cells[position[name]].strip() for name in required}
            t_ms = times.utc_ms(values[time])
            own = {name: _number(values[column.name], separator) for name, column in drivers.items()}
            value = _number(values[energy.name], separator) if energy else None
        except IndexError:
            wrong.append(codes.LINE_TOO_SHORT(file=path.name, line=number))
            continue
        except (ValueError, OverflowError) as error:
            cause = error.reason if isinstance(error, CodedError) else codes.TIME_INVALID(text=_shown(values[time]))
            wrong.append(codes.LINE_INVALID(file=path.name, line=number, cause=cause))
            continue
        rows.append(CsvRow(number, t_ms, value, {name: mean for name, mean in own.items() if mean is not None}))
    if wrong:
        raise _problem(wrong)
    if len(rows) < 2:
        raise ImportProblem(codes.FILE_TOO_SHORT(path=str(path), n=len(rows)))
    return rows, times.once


def _positions(path: Path, text: str, names: Sequence[str], required: Sequence[str]) -> dict[str, int]:
    """Name → position of the required columns."""
    if missing := tuple(name for name in required if name not in names):
        if line := _line_with(text, required):
            raise ImportProblem(codes.COLUMNS_IN_LATER_LINE(path=str(path), columns=missing, line=line))
        shown = [_shown(name) for name in names]
        raise ImportProblem(codes.COLUMNS_MISSING(path=str(path), columns=missing, available=shortened(shown)))
    for name, count in Counter(names).items():
        if count > 1 and name in required:
            raise ImportProblem(codes.COLUMN_REPEATED(path=str(path), n=count, column=name))
    return {name: names.index(name) for name in required}


def _line_with(text: str, required: Sequence[str]) -> int | None:
    """The line that names these columns: many exports start with other lines."""
    for number, line in enumerate(text.splitlines()[:_HEAD_LINES], 1):
        cells = {cell.strip(' "\ufeff') for cell in re.split("[,;\t]", line)}
        if cells.issuperset(required):
            return number
    return None


def _problem(wrong: Sequence[Reason]) -> ImportProblem:
    """The first lines with errors, and the number of the others."""
    more = [codes.MORE_LINES_INVALID(n=len(wrong) - SHOWN)] if len(wrong) > SHOWN else []
    return ImportProblem(*wrong[:SHOWN], *more)


def _oldest_first(lines: list[tuple[int, list[str]]], position: int) -> list[tuple[int, list[str]]]:
    """Many exports start with the newest row."""
    try:
        first, last = (_stamp(cells[position].strip()) for _, cells in (lines[0], lines[-1]))
        return lines[::-1] if first > last else lines
    except (ValueError, TypeError, IndexError, OverflowError):  # the caller reports the line
        return lines


def _usual_step(lines: Sequence[tuple[int, list[str]]], position: int) -> timedelta:
    """The usual time between two rows on the clock of the file; zero when it is unknown."""
    stamps = list[datetime]()
    for _, cells in lines[:_STEP_LINES]:
        try:
            stamp = _stamp(cells[position].strip())
            stamps.append(stamp if stamp.tzinfo is None else stamp.astimezone(UTC).replace(tzinfo=None))
        except (ValueError, OverflowError, IndexError):  # the caller reports the line
            continue
    apart = [after - before for before, after in pairwise(stamps) if after > before]
    return statistics.mode(apart) if apart else timedelta()


def _shown(cell: str) -> str:
    """A cell in a message: at most 60 characters, control characters escaped."""
    return repr(cell[:60])[1:-1]


def _number(cell: str, separator: str) -> float | None:
    """The number in a cell; None for an empty cell and for texts that mean "no value"."""
    if cell.lower() in ("", "-", "--", "null", "nan", "n/a", "na"):
        return None
    try:
        value = float(cell.replace(",", ".") if separator != "," else cell)
    except ValueError:
        raise InvalidValue(_not_a_number(cell, separator), text=_shown(cell)) from None
    if not math.isfinite(value):
        raise InvalidValue(codes.NUMBER_INVALID, text=_shown(cell))
    return value


def _not_a_number(cell: str, separator: str) -> Code:
    if separator == "," and re.fullmatch(r"[+-]?\d+,\d+", cell):
        return codes.NUMBER_WITH_DECIMAL_COMMA
    if re.fullmatch(r"[+-]?\d[\d.,'’ \u00a0\u202f]*", cell):
        return codes.NUMBER_WITH_THOUSANDS if separator == "," else codes.NUMBER_WITH_THOUSANDS_COMMA
    return codes.NUMBER_INVALID


class _Times:
    """Converts texts to UTC; they must arrive in the order of time.

    A local time that occurs twice is the second one when the texts ran backwards, or when only the second one is the
    usual step after the row before: rows of an hour repeat their time, or continue half an hour later where a clock
    returns by half an hour (Australia/Lord_Howe).

    step: usual time between two rows.
    once: the field of `CsvTable`.
    """

    def __init__(self, zone: str, step: timedelta) -> None:
        self._name, self._zone, self._step_ms = zone, zone_of(zone), round(step.total_seconds() * 1000)
        self._last_ms: int | None = None
        self._repeated: datetime | None = None  # start of the rows in a time that occurs twice, so far its first one
        self.once: list[str] = []

    def utc_ms(self, text: str) -> int:
        stamp = _stamp(text)
        repeated = None
        if stamp.tzinfo is None:
            first = stamp.replace(tzinfo=self._zone)
            back = first.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None)
            if back != stamp:
                raise InvalidValue(codes.TIME_SKIPPED, text=_shown(text), zone=self._name)
            second = first.replace(fold=1)
            if first.utcoffset() == second.utcoffset():
                stamp = first
            elif self._is_second(_ms(first), _ms(second)):
                stamp = second
            else:
                stamp, repeated = first, self._repeated or first
        t_ms = _ms(stamp)
        if self._repeated and not repeated and self._last_ms is not None and t_ms - self._last_ms > self._step_ms:
            self.once.append(f"{self._repeated:%Y-%m-%d %H:%M}")
        self._repeated, self._last_ms = repeated, t_ms
        return t_ms

    def _is_second(self, first_ms: int, second_ms: int) -> bool:
        return self._last_ms is not None and (first_ms < self._last_ms or second_ms - self._last_ms == self._step_ms)


def _ms(stamp: datetime) -> int:
    return round(stamp.timestamp() * 1000)


def _stamp(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007  # the zone follows
        except ValueError:
            continue
    if text.endswith((" 24:00", " 24:00:00")):
        return _stamp(text.partition(" ")[0] + " 00:00") + timedelta(days=1)
    raise InvalidValue(codes.TIME_INVALID, text=_shown(text))


def _without_duplicates(rows: Sequence[CsvRow], path: Path) -> tuple[list[CsvRow], int]:
    """Rows by time, and the number of duplicates. Rejects rows with the same time and different values."""
    by_time: dict[int, CsvRow] = {}
    wrong = []
    for row in rows:
        old = by_time.setdefault(row.t_ms, row)
        if (old.value, old.drivers) != (row.value, row.drivers):
            wrong.append(codes.LINES_CONFLICT(file=path.name, line=row.line, other_line=old.line))
    if wrong:
        raise _problem(wrong)
    return [by_time[t_ms] for t_ms in sorted(by_time)], len(rows) - len(by_time)

"""Rows of a CSV file with a time: read, put in order, each time once; every line that is wrong is named."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

_HOUR_MS = 3_600_000
SHOWN = 5  # lines of one kind of mistake
_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%d.%m.%Y %H:%M:%S",
            "%d.%m.%Y %H:%M", "%Y年%m月%d日 %H:%M")  # fmt: skip
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ZIP = b"PK\x03\x04"
_HEAD_LINES = 50  # of which one may name the columns


class ImportProblem(Exception):
    """The file cannot be taken; one line for each reason."""


@dataclass(frozen=True, slots=True)
class Column:
    """name: in the head line. unit: of an energy (per row or a counter's) or of a mean power. u: of a driver, k = 2."""

    name: str
    unit: str
    u: float = 0.0


@dataclass(slots=True)
class Row:
    """line: in the file. t_ms: UTC. value: of the column of energy, None where there is none; drivers beside it."""

    line: int
    t_ms: int
    value: float | None
    drivers: dict[str, float]


class Table(NamedTuple):
    """rows: in order of time. repeated: how many stood there twice. once: local times, each the first of an hour that
    the clock repeated and the file has once, though it goes on after it."""

    rows: list[Row]
    repeated: int
    once: list[str]


def read_rows(
    path: Path, zone: str, time: str, energy: Column | None, drivers: Mapping[str, Column]
) -> Table:  # fmt: skip
    """Raises ImportProblem."""
    times = _Times(zone)
    rows, repeated = _unrepeated(_parsed(path, times, time, energy, drivers), path)
    return Table(rows, repeated, times.once)


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImportProblem(f"{path}: {error.strerror or error}") from None
    if data.startswith(_ZIP):
        raise ImportProblem(f"{path}: a workbook or an archive, no CSV: save its sheet as CSV")
    for code in ("utf-16",) if data.startswith(_UTF16) else ("utf-8-sig", "gb18030"):
        try:
            return data.decode(code)
        except UnicodeDecodeError:
            continue
    raise ImportProblem(f"{path}: neither UTF-8 nor GB 18030 text")


def _parsed(
    path: Path, times: _Times, time: str, energy: Column | None, drivers: Mapping[str, Column]
) -> list[Row]:  # fmt: skip
    text = _text(path)
    head = text.partition("\n")[0]
    mark = max(",;\t", key=head.count)
    lines = list(csv.reader(io.StringIO(text), delimiter=mark))
    if not lines:
        raise ImportProblem(f"{path}: empty")
    names = [name.strip() for name in lines[0]]
    wanted = [time, *([energy.name] if energy else []), *(column.name for column in drivers.values())]
    if missing := [name for name in wanted if name not in names]:
        raise ImportProblem(
            f"{path}: no column {', '.join(missing)}; {_head_below(text, wanted) or 'there are ' + ', '.join(names)}"
        )
    if twice := [name for name, count in Counter(names).items() if count > 1 and name in wanted]:
        raise ImportProblem(f"{path}: {names.count(twice[0])} columns are called {twice[0]}; rename those not meant")
    at = {name: names.index(name) for name in wanted}
    rows: list[Row] = []
    wrong: list[str] = []
    filled = [(number, cells) for number, cells in enumerate(lines[1:], 2) if any(cell.strip() for cell in cells)]
    for number, cells in _oldest_first(filled, at[time]):
        try:
            values = {name: cells[at[name]].strip() for name in wanted}
            t_ms = times.utc_ms(values[time])
            own = {name: _number(values[column.name], mark) for name, column in drivers.items()}
            value = _number(values[energy.name], mark) if energy else None
        except (ValueError, IndexError) as error:
            said = "too few columns" if isinstance(error, IndexError) else str(error)
            wrong.append(f"{path.name}:{number}: {said}")
            continue
        rows.append(Row(number, t_ms, value, {name: mean for name, mean in own.items() if mean is not None}))
    if wrong:
        rest = [f"and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
        raise ImportProblem("\n".join(wrong[:SHOWN] + rest))
    if len(rows) < 2:
        raise ImportProblem(f"{path}: has {len(rows)} rows; a history needs at least two")
    return rows


def _head_below(text: str, wanted: Sequence[str]) -> str:
    """Many exports begin with lines of their own above the names of the columns."""
    for number, line in enumerate(text.splitlines()[:_HEAD_LINES], 1):
        cells = {cell.strip(' "\ufeff') for cell in re.split("[,;\t]", line)}
        if cells.issuperset(wanted):
            return f"line {number} names the columns: take away the lines above it"
    return ""


def _oldest_first(lines: list[tuple[int, list[str]]], at: int) -> list[tuple[int, list[str]]]:
    """Many exports begin with the newest row."""
    try:
        first, last = (_stamp(cells[at].strip()) for _, cells in (lines[0], lines[-1]))
        return lines[::-1] if first > last else lines
    except (ValueError, TypeError, IndexError):  # told with its line in a moment
        return lines


def _number(cell: str, mark: str) -> float | None:
    """None for an empty cell and for what meters write where there is no value."""
    if cell.lower() in ("", "-", "--", "null", "nan", "n/a", "na"):
        return None
    try:
        value = float(cell.replace(",", ".") if mark != "," else cell)
    except ValueError:
        raise ValueError(f"{cell!r} is not a number{_how_written(cell, mark)}") from None
    if not math.isfinite(value):
        raise ValueError(f"{cell!r} is not a number")
    return value


def _how_written(cell: str, mark: str) -> str:
    """What to do about digits with marks between thousands, or a comma where it divides columns."""
    if mark == "," and re.fullmatch(r"[+-]?\d+,\d+", cell):
        return "; a decimal comma needs semicolons between the columns"
    if re.fullmatch(r"[+-]?\d[\d.,'’ \u00a0\u202f]*", cell):
        return f"; write it without marks between thousands, as 1234{'.' if mark == ',' else ','}5"
    return ""


class _Times:
    """Texts → UTC, where a local hour comes twice by the order of the rows."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._last_ms = self._before_ms = 0
        self._first_of: dict[date, datetime] = {}  # local time of the first row in an hour that comes twice
        self._second_of: set[date] = set()

    @property
    def once(self) -> list[str]:
        """After all rows, which came in order of time."""
        return [
            f"{first:%Y-%m-%d %H:%M}"
            for day, first in self._first_of.items()
            if day not in self._second_of
            and self._last_ms > first.replace(tzinfo=self._zone, fold=1).timestamp() * 1000
        ]

    def utc_ms(self, text: str) -> int:
        stamp = _stamp(text)
        if stamp.tzinfo is None:
            first = stamp.replace(tzinfo=self._zone)
            back = first.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None)
            if back != stamp:
                raise ValueError(f"{text}: the clock skipped this time in {self._zone.key}; is that its zone?")
            second = first.replace(fold=1)
            if first.utcoffset() == second.utcoffset():
                stamp = first
            else:  # it comes twice: the second time once the texts ran backwards, or rows of an hour stand still
                t_ms = round(first.timestamp() * 1000)
                hourly = t_ms == self._last_ms and t_ms - self._before_ms >= _HOUR_MS
                again = t_ms < self._last_ms or hourly
                if again:
                    self._second_of.add(stamp.date())
                self._first_of.setdefault(stamp.date(), stamp)
                stamp = second if again else first
        self._before_ms, self._last_ms = self._last_ms, round(stamp.timestamp() * 1000)
        return self._last_ms


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
    raise ValueError(f"{text!r} is not a time; write for example 2026-03-01 00:15")


def _unrepeated(rows: Sequence[Row], path: Path) -> tuple[list[Row], int]:
    """Rows with one time and different values are refused."""
    by_time: dict[int, Row] = {}
    repeated = 0
    wrong = []
    for row in rows:
        old = by_time.get(row.t_ms)
        if old is None:
            by_time[row.t_ms] = row
        elif (old.value, old.drivers) == (row.value, row.drivers):
            repeated += 1
        else:
            wrong.append(f"{path.name}:{row.line}: the same time as line {old.line}, but another value")
    if wrong:
        rest = [f"and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
        raise ImportProblem("\n".join(wrong[:SHOWN] + rest))
    return [by_time[t_ms] for t_ms in sorted(by_time)], repeated

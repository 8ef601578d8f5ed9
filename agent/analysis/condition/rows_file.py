"""Rows of one second in a CSV file whose first column is t_s."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

from agent.analysis.condition import file_reasons as codes
from agent.analysis.condition.rows.sample import NAMES
from drivers.errors import FileError
from drivers.file_reasons import FILE_EMPTY, FILE_TOO_LARGE, FILE_UNREADABLE
from drivers.reasons import cause_of

FILE_BYTES_MAX = 200_000_000  # two weeks of rows
_MISSING = ("", "-", "null", "none")
Row = dict[str, float | None]


def is_rows_file(path: Path) -> bool:
    """Whether this is a table of rows and not a recording of waveforms: t_s first, and a column of a meter or drive."""
    if path.suffix.lower() not in (".csv", ".txt", ".tsv"):
        return False
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            names = _names(file.readline(65536))
    except (OSError, ValueError):
        return False  # the reader of recordings states why
    return names[0] == "t_s" and any(name in NAMES for name in names)


def read_rows(path: Path) -> Iterator[tuple[float, Row]]:
    """Time in seconds and values by column of each row; an empty cell, or one that is no finite number, is None.

    Unknown columns are passed on. Raises FileError with the line for a cell with text and for times that go back.
    """
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise FileError(FILE_TOO_LARGE, path=str(path), size_max_mb=FILE_BYTES_MAX / 1e6)
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            yield from _rows(path, file)
    except OSError as error:
        raise FileError(FILE_UNREADABLE, path=str(path), error=cause_of(error)) from None


def _rows(path: Path, file: Iterator[str]) -> Iterator[tuple[float, Row]]:
    first = next(file, "")
    if not first.strip():
        raise FileError(FILE_EMPTY, path=str(path))
    names = _names(first)
    if twice := [name for name in names if names.count(name) > 1]:
        raise FileError(codes.ROWS_COLUMN_TWICE, path=str(path), column=twice[0])
    reader = csv.reader(file, delimiter=_delimiter(first))
    before_s = -math.inf
    try:
        for cells in reader:
            if not any(map(str.strip, cells)):
                continue
            line = reader.line_num + 1
            t_s, row = _row(path, line, names, cells)
            if t_s < before_s:
                raise FileError(codes.ROWS_TIME_BACK, path=str(path), line=line, before_s=before_s, t_s=t_s)
            before_s = t_s
            yield t_s, row
    except csv.Error as error:
        raise FileError(codes.ROWS_UNREADABLE, path=str(path), line=reader.line_num + 1, error=str(error)) from None
    if before_s == -math.inf:
        raise FileError(codes.ROWS_EMPTY, path=str(path))


def _row(path: Path, line: int, names: list[str], cells: list[str]) -> tuple[float, Row]:
    if len(cells) != len(names):
        raise FileError(codes.ROWS_CELLS, path=str(path), line=line, n=len(cells), n_header=len(names))
    row: Row = {}
    for name, cell in zip(names, cells, strict=True):
        try:
            value = math.nan if cell.strip().lower() in _MISSING else float(cell.replace(",", "."))
        except ValueError:
            text = " ".join(cell.split())[:40]
            raise FileError(codes.ROWS_VALUE_INVALID, path=str(path), line=line, column=name, text=text) from None
        row[name] = value if math.isfinite(value) else None
    t_s = row.pop("t_s")
    if t_s is None:
        raise FileError(codes.ROWS_TIME_MISSING, path=str(path), line=line, text=cells[0][:40])
    return t_s, row


def _delimiter(header: str) -> str:
    return next((mark for mark in (";", "\t") if mark in header), ",")


def _names(header: str) -> list[str]:
    return [name.strip().strip('"').strip() for name in header.strip("\r\n").split(_delimiter(header))]

"""CSV recordings with a time column and channels, as oscilloscopes and loggers write them."""

from __future__ import annotations

import csv
import math
import re
from array import array
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers import error_reasons as codes
from drivers.errors import FileError
from drivers.file_reasons import FILE_UNREADABLE
from drivers.reasons import cause_of
from drivers.recordings.channels import UNIT_SCALE, RawChannel, check_size, excerpt, rate_of, role_of

FILE_BYTES_MAX = 200_000_000  # the table and its text take five times as much memory
COLUMNS_MAX = 256  # columns that are read, so that a malformed line cannot exhaust the memory
_TIME_NAMES = re.compile(r"^(x-axis|time|t|second|seconds|s|sec|zeit|时间)\b", re.IGNORECASE)


def read_csv(path: Path) -> RawChannel:
    """Reads a CSV recording. Finds delimiter, decimal sign, header and data columns; empty cells are NaN.

    Raises FileError.
    """
    lines = _lines(path)
    delimiter, comma = _dialect(lines)
    lengths, table, seen = _table(path, lines, delimiter, comma)
    width = table.shape[1]
    # A data column has a number or an empty cell in nearly every line; oscilloscopes write settings into other columns.
    finite = np.isfinite(table)
    usual = Counter(lengths.tolist()).most_common(1)[0][0] if len(lengths) else 0
    begins = (lengths >= usual) & (finite.sum(axis=1) >= 2)  # lines before the data contain names and settings
    begin = int(np.argmax(begins)) if begins.any() else 0
    there, numbers = seen[begin:].mean(axis=0), finite[begin:].mean(axis=0)
    columns = [column for column in range(width) if there[column] > 0.9 and numbers[column] > 0.5]
    for column in range(usual):
        short = lengths[begin:] <= column
        if column not in columns and short.mean() >= 0.1 and (there[column] + short.mean()) > 0.9 and columns:
            worst = begin + int(np.argmax(short))
            raise FileError(
                codes.CSV_COLUMNS_MISSING, path=str(path), n_short=int(short.sum()), n=len(short),
                text=excerpt(lines[worst], 40), n_columns=int(lengths[worst]), n_usual=usual,
            )  # fmt: skip
    if not columns:
        raise FileError(codes.CSV_WITHOUT_NUMBERS, path=str(path))
    full = seen[:, columns].all(axis=1) & finite[:, columns].any(axis=1)
    start = int(np.argmax(full))
    if not full.any() or len(lengths) - start < 2:
        raise FileError(codes.CSV_TOO_SHORT, path=str(path))
    if len(columns) == 1:
        raise FileError(codes.CSV_SINGLE_COLUMN, path=str(path))
    header = [_cells(row) for row in islice(csv.reader(lines, delimiter=delimiter), start)]
    time_column = columns[0]
    names = {column: _header(header, column) for column in columns}
    data = table[start:, :]
    if not (_TIME_NAMES.match(names[time_column][0]) or _rises(data[:, time_column])):
        raise FileError(codes.CSV_TIME_MISSING, path=str(path))
    rate_hz = rate_of(path, data[:, time_column])
    channels: dict[str, NDArray[np.float64]] = {}
    units: dict[str, str] = {}
    for number, column in enumerate(columns[1:], 1):
        name, units_text = names[column]
        name = name if name and name not in channels else f"{name}#{number}" if name else str(number)
        units[name] = units_text
        channels[name] = np.ascontiguousarray(data[:, column]) * UNIT_SCALE.get(units_text, 1.0)
    roles = {name: role for name, unit in units.items() if (role := role_of(name, unit, ""))}
    for letter, unit in (("u", "V"), ("i", "A")):  # a single voltage or a single current needs no phase
        alone = [name for name in channels if units[name].upper().endswith(unit)]
        if len(alone) == 1 and not roles.get(alone[0]):
            roles[alone[0]] = f"{letter}1"
    return RawChannel(rate_hz, channels, roles)


def _lines(path: Path) -> list[str]:
    """The lines of the file that are not blank."""
    try:
        check_size(path, path.stat().st_size, FILE_BYTES_MAX)
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise FileError(FILE_UNREADABLE, path=str(path), error=cause_of(error)) from None
    return [line for line in text.splitlines() if line.strip(" ,;\t")]


def _table(
    path: Path, lines: Sequence[str], delimiter: str, comma: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Number of cells in each line; their values, and whether they are data, shape (lines, columns)."""
    reader = csv.reader(lines, delimiter=delimiter)
    lengths, values, seen = array("q"), array("d"), bytearray()
    try:
        for row in reader:
            cells = _cells(row)
            lengths.append(len(cells))
            for cell in cells:
                value, is_data = _number(cell, comma)
                values.append(value)
                seen.append(is_data)
    except csv.Error as error:
        raise FileError(codes.CSV_LINE_INVALID, path=str(path), line=reader.line_num, error=str(error)) from None
    width = max(lengths, default=0)
    check_size(path, 8 * len(lengths) * width)
    sizes = np.array(lengths, dtype=np.int64)
    there = np.arange(width) < sizes[:, None]
    table, data = np.full(there.shape, math.nan), np.zeros(there.shape, dtype=bool)
    table[there], data[there] = values, np.frombuffer(seen, dtype=bool)
    return sizes, table, data


def _cells(row: Sequence[str]) -> list[str]:
    return [cell.strip() for cell in row[:COLUMNS_MAX]]


def _dialect(lines: Sequence[str]) -> tuple[str, bool]:
    """The delimiter, and whether the decimal sign is a comma: the pair with which most cells are numbers.

    Counting characters is not sufficient: `0,0001;325,1` has more decimal commas than delimiters.
    """
    probe = lines[:: max(1, len(lines) // 500)]

    def count(dialect: tuple[str, bool]) -> int:
        delimiter, comma = dialect
        cells = (cell.strip().strip('"') for line in probe for cell in line.split(delimiter)[:COLUMNS_MAX])
        return sum(1 for cell in cells if cell and _number(cell, comma)[1])

    return max(((",", False), (";", False), (";", True), ("\t", False), ("\t", True)), key=count)


def _number(cell: str, comma: bool) -> tuple[float, bool]:
    """The value, and whether the cell is data. An empty cell or "nan" is missing data (NaN), other text is no data."""
    if not cell or cell.lower() in ("nan", "null", "-", "inf", "-inf"):
        return math.nan, True
    try:
        return float(cell.replace(",", ".") if comma else cell), True
    except ValueError:
        return math.nan, False


def _header(header: Sequence[Sequence[str]], column: int) -> tuple[str, str]:
    """Name and unit of a column from the header: `u1`, `U1 [kV]`, or a line with units after the names."""
    cells = [row[column] for row in header if column < len(row) and row[column]]
    if not cells:
        return "", ""
    found = re.match(r"^(.*?)\s*[\[(]\s*(\w+)\s*[\])]$", cells[0])
    if found:
        return found.group(1), found.group(2)
    unit = {"volt": "V", "volts": "V", "ampere": "A", "amperes": "A", "amp": "A"}.get(cells[-1].lower(), cells[-1])
    return cells[0], unit if len(cells) > 1 and unit in UNIT_SCALE else ""


def _rises(time_s: NDArray[np.float64]) -> bool:
    steps = np.diff(time_s)
    return bool(len(steps) and np.isfinite(steps).all() and (steps > 0).all())

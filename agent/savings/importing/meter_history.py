"""The history of a meter from a CSV file, as intervals of its rows; each suspect line is reported.

Nothing is guessed: the caller specifies unit and time zone, and contradictory rows are rejected.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path

from msgspec import Struct, field

from agent.savings.importing import reasons as codes
from agent.savings.importing.csv_reader import CsvColumn, CsvRow, ImportProblem, read_rows
from agent.savings.records.interval_lengths import is_amount
from agent.savings.records.model import QUARTER_MS, Driver, Interval

ENERGY_WH = {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6}
POWER_W = {"W": 1.0, "kW": 1e3, "MW": 1e6}
LENGTHS_S = (60, 300, 600, 900, 1800, 3600)
JOINED_S = (60, 300)  # rows of these lengths are combined to intervals of 15 min
CHANGED_MIN = 4  # equal times between rows, other than the usual one, from which the rows have another length
BRIDGED_MS = 3_600_000


class MeterHistory(Struct):
    """The intervals of a file, and what is notable in it.

    rows: number of rows, with duplicates.
    repeated: duplicate rows.
    empty: rows without a value.
    below_zero: rows with a negative value.
    once: local times of hours that a clock change repeats and that the file contains once.
    gaps: (from, to) in UTC ms without data.
    partial: number of incomplete intervals.
    resets: how often the register decreased.
    step_s: time between two rows.
    length_s: length of the intervals.
    without_value: column of a driver → number of rows without its value.
    """

    intervals: list[Interval] = field(default_factory=list)
    rows: int = 0
    repeated: int = 0
    empty: int = 0
    below_zero: int = 0
    once: list[str] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    partial: int = 0
    resets: int = 0
    step_s: int = 900
    without_value: dict[str, int] = field(default_factory=dict)

    @property
    def length_s(self) -> int:
        return 900 if self.step_s in JOINED_S else self.step_s


def read_history(
    path: Path, asset: str, zone: str, time: str, energy: CsvColumn, *, counter: bool = False, ends: bool = False,
    drivers: Mapping[str, CsvColumn] | None = None, meter: str = "",
) -> MeterHistory:  # fmt: skip
    """Reads rows of 10, 15, 30 or 60 min as intervals of this length, and rows of 1 or 5 min as intervals of 15 min.
    Raises ImportProblem.

    zone: time zone of times without an offset. The file must contain a time that a clock change repeats twice, and
        must not contain a time that it skips.
    energy: energy or mean power of a row, or with `counter` a cumulative register.
    ends: the times mark the ends of the rows.
    meter: identity of the meter.
    """
    if energy.unit not in ENERGY_WH and (counter or energy.unit not in POWER_W):
        known = [*ENERGY_WH, *([] if counter else POWER_W)]
        raise ImportProblem(codes.IMPORT_UNIT_UNKNOWN(unit=energy.unit, units=tuple(known)))
    rows, repeated, once = read_rows(path, zone, time, energy, drivers or {})
    found = MeterHistory(rows=len(rows) + repeated, repeated=repeated, once=once)
    found.below_zero = sum(row.value is not None and row.value < 0 for row in rows)
    found.step_s = step_of(rows, path, LENGTHS_S)
    step_ms = 1000 * found.step_s
    _check_lengths(rows, path, step_ms, counter)
    if ends and not counter:
        for row in rows:
            row.t_ms -= step_ms
    check_grid(rows, path, step_ms)
    found.without_value = rows_without(rows, drivers or {})
    pieces = _from_counter(rows, energy, found, step_ms) if counter else _from_rows(rows, energy, found)
    if ends and counter:
        for row in rows:  # a register is read at its time, but a driver belongs to the row before it
            row.t_ms -= step_ms
    _gather(pieces, rows, asset, drivers or {}, meter, found)
    return found


def rows_without(rows: Sequence[CsvRow], drivers: Mapping[str, CsvColumn]) -> dict[str, int]:
    """Column of a driver → number of rows without its value; only those with such rows."""
    counts = {column.name: sum(name not in row.drivers for row in rows) for name, column in drivers.items()}
    return {name: count for name, count in counts.items() if count}


def step_of(rows: Sequence[CsvRow], path: Path, supported_s: Sequence[int]) -> int:
    """The usual time between two rows, seconds. Raises ImportProblem for one that is not supported."""
    apart = [b.t_ms - a.t_ms for a, b in pairwise(rows)]
    if not apart:
        raise ImportProblem(codes.ROWS_AT_ONE_TIME(path=str(path)))
    seconds = round(statistics.mode(apart) / 1000)
    if seconds not in supported_s:
        expected_min = tuple(f"{length_s / 60:g}" for length_s in supported_s)
        raise ImportProblem(
            codes.ROW_LENGTH_UNSUPPORTED(path=str(path), step_min=seconds / 60, expected_min=expected_min)
        )
    return seconds


def check_grid(rows: Sequence[CsvRow], path: Path, step_ms: int) -> None:
    """Raises ImportProblem for times that are not multiples of the step, or, because local clocks differ from UTC by
    multiples of 15 min, of its largest common divisor with 15 min.
    """
    grid_ms = math.gcd(step_ms, QUARTER_MS)
    if off := [row for row in rows if row.t_ms % grid_ms]:
        raise ImportProblem(
            codes.ROWS_OFF_GRID(file=path.name, line=off[0].line, n=len(off), step_min=grid_ms // 60_000)
        )


def _check_lengths(rows: Sequence[CsvRow], path: Path, step_ms: int, counter: bool) -> None:
    """Raises ImportProblem if a row overlaps the next one, or if several rows in turn are further apart by the same
    time: these rows have another length, with which their energy must be compared. A register has no length.
    """
    apart = [(b.t_ms - a.t_ms, a.line) for a, b in pairwise(rows)]
    for apart_ms, group in groupby(apart, key=lambda pair: pair[0]):
        members = list(group)
        if apart_ms < step_ms or (apart_ms > step_ms and len(members) >= CHANGED_MIN and not counter):
            raise ImportProblem(
                codes.ROW_LENGTH_CHANGES(file=path.name, line=members[0][1], other_min=apart_ms / 60_000,
                                         step_min=step_ms / 60_000)
            )  # fmt: skip


Pieces = dict[int, tuple[float, bool]]  # UTC ms of a row's start → Wh, and whether it is interpolated


def _from_rows(rows: Sequence[CsvRow], energy: CsvColumn, found: MeterHistory) -> Pieces:
    factor = ENERGY_WH.get(energy.unit) or POWER_W[energy.unit] * found.step_s / 3600
    found.empty = sum(row.value is None for row in rows)
    return {row.t_ms: (row.value * factor, False) for row in rows if row.value is not None}


def _from_counter(rows: Sequence[CsvRow], energy: CsvColumn, found: MeterHistory, step_ms: int) -> Pieces:
    """The increase of the register between readings, evenly distributed over gaps of at most one hour."""
    known = [(row.t_ms, row.value) for row in rows if row.value is not None]
    found.empty = len(rows) - len(known)
    pieces: Pieces = {}
    for (begin, before), (end, after) in pairwise(known):
        if after < before:
            found.resets += 1
        elif end - begin <= max(BRIDGED_MS, step_ms) and (end - begin) % step_ms == 0:
            steps = range(begin, end, step_ms)
            wh = (after - before) * ENERGY_WH[energy.unit] / len(steps)
            pieces.update((t_ms, (wh, len(steps) > 1)) for t_ms in steps)
    return pieces


def _gather(
    pieces: Pieces,
    rows: Sequence[CsvRow],
    asset: str,
    drivers: Mapping[str, CsvColumn],
    meter: str,
    found: MeterHistory,
) -> None:
    """Makes intervals of rows, or combines short rows. If at most a quarter of an interval is missing, it is
    extrapolated from the rest and marked as filled; if more is missing, its energy is unknown.
    """
    length_ms, complete = 1000 * found.length_s, found.length_s // found.step_s

    def start_of(t_ms: int) -> int:
        return t_ms if complete == 1 else t_ms // length_ms * length_ms

    by_start: dict[int, list[tuple[float, bool]]] = {}
    for t_ms, piece in pieces.items():
        by_start.setdefault(start_of(t_ms), []).append(piece)
    values: dict[int, dict[str, list[float]]] = {}
    for row in rows:
        of_interval = values.setdefault(start_of(row.t_ms), {})
        for name, value in row.drivers.items():
            of_interval.setdefault(name, []).append(value)
    starts = sorted(by_start)
    found.gaps = [(a + length_ms, b) for a, b in pairwise(starts) if b > a + length_ms]
    for start_ms in starts:
        parts = by_start[start_ms]
        measured_wh, missing = sum(wh for wh, filled in parts if not filled), complete - len(parts)
        enough = len(parts) >= 0.75 * complete
        energy_wh = sum(wh for wh, _ in parts) * complete / len(parts) if enough else None
        found.partial += missing > 0
        coverage = sum(not filled for _, filled in parts) / complete
        own = {
            name: Driver(statistics.fmean(all_) * (complete if is_amount(name) else 1), drivers[name].u)
            for name, all_ in values.get(start_ms, {}).items()
        }
        found.intervals.append(
            Interval(asset, start_ms, energy_wh, found.length_s, drivers=own, coverage=coverage,
                     filled_wh=energy_wh - measured_wh if energy_wh is not None else 0.0, meter=meter,
                     source="imported")
        )  # fmt: skip

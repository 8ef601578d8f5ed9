"""Independent variables (drivers) from a CSV file, for energy that is stored: tonnes of a shift, damper, flow."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent.savings.importing.csv_reader import CsvColumn, CsvRow, read_rows
from agent.savings.importing.meter_history import check_grid, step_of
from agent.savings.records.model import QUARTER_MS, Driver

AMOUNTS = ("t", "kg")  # units of amounts per row; all others are means
STEPS_S = (60, 300, 900, 1800, 3600, 14_400, 21_600, 28_800, 43_200, 86_400)
LONGER = 1.25  # times the usual length that a row may cover: a day has up to 25 hours


@dataclass(slots=True)
class DriverHistory:
    """The drivers of a file.

    by_start: start of an interval (UTC ms) → name of the driver → its mean, or its share of the amount of a row.
    rows: number of rows, with duplicates.
    repeated: duplicate rows.
    step_s: time between two rows.
    once: local times of hours that a clock change repeats and that the file contains once.
    """

    by_start: dict[int, dict[str, Driver]] = field(default_factory=dict)
    rows: int = 0
    repeated: int = 0
    step_s: int = 900
    once: list[str] = field(default_factory=list)


def read_drivers(
    path: Path, zone: str, time: str, columns: Mapping[str, CsvColumn], *, ends: bool = False
) -> DriverHistory:  # fmt: skip
    """Reads rows of 1 min to 1 day; longer than 15 min they start at a multiple of it. Raises ImportProblem."""
    rows, repeated, once = read_rows(path, zone, time, None, columns)
    step_ms = 1000 * step_of(rows, path, STEPS_S)
    grid_ms = min(step_ms, QUARTER_MS)
    check_grid(rows, path, grid_ms)
    found = DriverHistory(rows=len(rows) + repeated, repeated=repeated, step_s=step_ms // 1000, once=once)
    by_quarter: dict[int, dict[str, list[float]]] = {}
    for row, (begin, end) in zip(rows, _spans(rows, step_ms, ends), strict=True):
        for t_ms in range(begin, end, grid_ms):
            of_quarter = by_quarter.setdefault(t_ms // QUARTER_MS * QUARTER_MS, {})
            for name, value in row.drivers.items():
                amount = columns[name].unit in AMOUNTS
                of_quarter.setdefault(name, []).append(value * grid_ms / (end - begin) if amount else value)
    for start_ms, values in by_quarter.items():
        found.by_start[start_ms] = {
            name: Driver(sum(shares) if columns[name].unit in AMOUNTS else statistics.fmean(shares), columns[name].u)
            for name, shares in values.items()
        }
    return found


def _spans(rows: list[CsvRow], step_ms: int, ends: bool) -> list[tuple[int, int]]:
    """The time that each row covers: up to the next row, or the usual length if that is far."""
    times = [row.t_ms for row in rows]
    if ends:
        before = [times[0] - step_ms, *times[:-1]]
        return [(b if t - b <= LONGER * step_ms else t - step_ms, t) for b, t in zip(before, times, strict=True)]
    after = [*times[1:], times[-1] + step_ms]
    return [(t, a if a - t <= LONGER * step_ms else t + step_ms) for t, a in zip(times, after, strict=True)]

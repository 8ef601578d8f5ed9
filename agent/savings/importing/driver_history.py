"""Independent variables (drivers) from a CSV file, for energy that is stored: tonnes of a shift, damper, flow."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from agent.savings.importing.csv_reader import CsvColumn, CsvRow, read_rows
from agent.savings.importing.meter_history import check_grid, rows_without, step_of
from agent.savings.records.interval_lengths import is_amount
from agent.savings.records.model import Driver

STEPS_S = (60, 300, 600, 900, 1800, 3600, 14_400, 21_600, 28_800, 43_200, 86_400)
LONGER = 1.25  # times the usual length that a row may cover: a day has up to 25 hours
COVERED = 0.75  # share of an interval that rows must cover; the rest is extrapolated, as energy is


class DriverHistory(Struct):
    """The drivers of a file.

    spans: (begin, end) of each row in UTC ms, in order; rows do not overlap.
    values: name of the driver → value, of each row.
    u: of each driver (k = 2), in its unit.
    rows: number of rows, with duplicates.
    repeated: duplicate rows.
    step_s: time between two rows.
    once: local times of hours that a clock change repeats and that the file contains once.
    without_value: column → number of rows without its value.
    """

    spans: list[tuple[int, int]]
    values: list[Mapping[str, float]]
    u: Mapping[str, float]
    rows: int = 0
    repeated: int = 0
    step_s: int = 900
    once: list[str] = field(default_factory=list)
    without_value: dict[str, int] = field(default_factory=dict)

    def over(self, begin_ms: int, end_ms: int) -> dict[str, Driver]:
        """The drivers from begin_ms to end_ms: means over this time, amounts in it; without those that rows cover for
        less than three quarters of it.
        """
        first = bisect_right(self.spans, begin_ms, key=lambda span: span[1])
        last = bisect_left(self.spans, end_ms, key=lambda span: span[0])
        sums: dict[str, tuple[float, int]] = {}  # name → (value times overlap, overlap), ms
        for (begin, end), values in zip(self.spans[first:last], self.values[first:last], strict=True):
            overlap_ms = min(end, end_ms) - max(begin, begin_ms)
            for name, value in values.items():
                total, covered_ms = sums.get(name, (0.0, 0))
                per_ms = value * (end_ms - begin_ms) / (end - begin) if is_amount(name) else value
                sums[name] = total + per_ms * overlap_ms, covered_ms + overlap_ms
        return {
            name: Driver(total / covered_ms, self.u[name])
            for name, (total, covered_ms) in sums.items()
            if covered_ms >= COVERED * (end_ms - begin_ms)
        }


def read_drivers(
    path: Path, zone: str, time: str, columns: Mapping[str, CsvColumn], *, ends: bool = False
) -> DriverHistory:  # fmt: skip
    """Reads rows of 1 min to 1 day, which start at multiples of 15 min if they are not shorter. Raises ImportProblem.

    columns: metric name of each driver → its column.
    ends: the times mark the ends of the rows.
    """
    rows, repeated, once = read_rows(path, zone, time, None, columns)
    step_ms = 1000 * step_of(rows, path, STEPS_S)
    check_grid(rows, path, step_ms)
    return DriverHistory(
        _spans(rows, step_ms, ends), [row.drivers for row in rows],
        {name: column.u for name, column in columns.items()}, len(rows) + repeated, repeated, step_ms // 1000, once,
        rows_without(rows, columns),
    )  # fmt: skip


def _spans(rows: list[CsvRow], step_ms: int, ends: bool) -> list[tuple[int, int]]:
    """The time that each row covers: up to the next row, or the usual length if that is far."""
    times = [row.t_ms for row in rows]
    if ends:
        before = [times[0] - step_ms, *times[:-1]]
        return [(b if t - b <= LONGER * step_ms else t - step_ms, t) for b, t in zip(before, times, strict=True)]
    after = [*times[1:], times[-1] + step_ms]
    return [(t, a if a - t <= LONGER * step_ms else t + step_ms) for t, a in zip(times, after, strict=True)]

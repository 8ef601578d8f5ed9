"""What drives the energy, from a CSV file beside what was measured: tonnes of a shift, a damper, a flow."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from agent.savings.csv_rows import Column, ImportProblem, Row, read_rows
from agent.savings.types import QUARTER_MS, Driver

AMOUNTS = ("t", "kg")  # units of what a row makes in its time; all others are means
STEPS_S = (60, 300, 900, 1800, 3600, 14_400, 21_600, 28_800, 43_200, 86_400)
LONGER = 1.25  # a row may stand for so much more than usual: a day with 25 hours


@dataclass(slots=True)
class Drivers:
    """by_start: quarter hour's begin (UTC ms) → driver's name → its mean, an amount divided evenly over its row.
    once: hours that the clock repeated and the file has once."""

    by_start: dict[int, dict[str, Driver]] = field(default_factory=dict)
    rows: int = 0
    repeated: int = 0
    step_s: int = 900
    once: list[str] = field(default_factory=list)


def read_drivers(
    path: Path, zone: str, time: str, columns: Mapping[str, Column], *, ends: bool = False
) -> Drivers:  # fmt: skip
    """Rows of a minute to a day, on whole quarter hours where they are longer than one. Raises ImportProblem."""
    rows, repeated, once = read_rows(path, zone, time, None, columns)
    apart = [b.t_ms - a.t_ms for a, b in pairwise(rows)]
    step_ms = statistics.mode(apart) if apart else 0
    if step_ms // 1000 not in STEPS_S:
        raise ImportProblem(f"{path}: rows are {step_ms / 60_000:g} min apart; understood are "
                            f"{', '.join(f'{step / 60:g}' for step in STEPS_S)} min")  # fmt: skip
    grid_ms = min(step_ms, QUARTER_MS)
    if off := [row for row in rows if row.t_ms % grid_ms]:
        raise ImportProblem(f"{path.name}:{off[0].line}: {len(off)} times do not lie on whole {grid_ms // 60_000} min")
    found = Drivers(rows=len(rows) + repeated, repeated=repeated, step_s=step_ms // 1000, once=once)
    seen: dict[int, dict[str, list[float]]] = {}
    for row, (begin, end) in zip(rows, _spans(rows, step_ms, ends), strict=True):
        for t_ms in range(begin, end, grid_ms):
            of_quarter = seen.setdefault(t_ms // QUARTER_MS * QUARTER_MS, {})
            for name, value in row.drivers.items():
                amount = columns[name].unit in AMOUNTS
                of_quarter.setdefault(name, []).append(value * grid_ms / (end - begin) if amount else value)
    for start_ms, values in seen.items():
        found.by_start[start_ms] = {
            name: Driver(sum(told) if columns[name].unit in AMOUNTS else statistics.fmean(told), columns[name].u)
            for name, told in values.items()
        }
    return found


def _spans(rows: list[Row], step_ms: int, ends: bool) -> list[tuple[int, int]]:
    """The time each row stands for: to the next one, unless that is far."""
    times = [row.t_ms for row in rows]
    if ends:
        before = [times[0] - step_ms, *times[:-1]]
        return [(b if t - b <= LONGER * step_ms else t - step_ms, t) for b, t in zip(before, times, strict=True)]
    after = [*times[1:], times[-1] + step_ms]
    return [(t, a if a - t <= LONGER * step_ms else t + step_ms) for t, a in zip(times, after, strict=True)]

"""Quarter-hour histories of a meter from a CSV file → intervals, with every line that is doubtful named.

Nothing is guessed: unit and time zone are said by the person, rows that contradict each other are refused.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from agent.savings.csv_rows import Column, ImportProblem, Row, read_rows
from agent.savings.types import QUARTER_MS, Driver, Interval

ENERGY_WH = {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6}
POWER_W = {"W": 1.0, "kW": 1e3, "MW": 1e6}
LENGTHS_S = (60, 300, 900)
BRIDGED_MS = 3_600_000


@dataclass(slots=True)
class Imported:
    """What came out. Counts are of rows; gaps: (from, to) in UTC ms, in which nothing stands. once: local times of
    hours that the clock repeated and the file has once."""

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


def read_history(
    path: Path, asset: str, zone: str, time: str, energy: Column, *, counter: bool = False, ends: bool = False,
    drivers: Mapping[str, Column] | None = None, meter: str = "",
) -> Imported:  # fmt: skip
    """energy: per row, as mean power, or (counter) as a register that rises. ends: the time is that of a row's end.

    Rows every 1, 5 or 15 min; shorter ones are joined to quarter hours. A time without offset is local to `zone`: the
    hour that a clock change repeats must stand there twice, one that it skips not at all. Raises ImportProblem.
    """
    if energy.unit not in ENERGY_WH and (counter or energy.unit not in POWER_W):
        known = [*ENERGY_WH, *([] if counter else POWER_W)]
        raise ImportProblem(f"unit {energy.unit}: must be one of {', '.join(known)}")
    rows, repeated, once = read_rows(path, zone, time, energy, drivers or {})
    found = Imported(rows=len(rows) + repeated, repeated=repeated, once=once)
    found.below_zero = sum(row.value is not None and row.value < 0 for row in rows)
    found.step_s = _step(rows, path, counter)
    step_ms = 1000 * found.step_s
    if ends and not counter:
        for row in rows:
            row.t_ms -= step_ms
    _check_grid(rows, path, step_ms)
    pieces = _from_counter(rows, energy, found, step_ms) if counter else _from_rows(rows, energy, found)
    _gather(pieces, rows, asset, drivers or {}, meter, found)
    return found


def _step(rows: Sequence[Row], path: Path, counter: bool) -> int:
    apart = [b.t_ms - a.t_ms for a, b in pairwise(rows)]
    if not apart:
        raise ImportProblem(f"{path}: all rows have one time")
    seconds = round(statistics.mode(apart) / 1000)
    if seconds not in LENGTHS_S:
        what = "readings" if counter else "rows"
        raise ImportProblem(
            f"{path}: {what} are {seconds / 60:g} min apart; needed are 1, 5 or 15 min: "
            "longer ones hide what the load did meanwhile"
        )
    return seconds


def _check_grid(rows: Sequence[Row], path: Path, step_ms: int) -> None:
    off = [row for row in rows if row.t_ms % step_ms]
    if off:
        raise ImportProblem(f"{path.name}:{off[0].line}: {len(off)} times do not lie on whole {step_ms // 60_000} min; "
                            "is the time zone right?")  # fmt: skip


Pieces = dict[int, tuple[float, bool]]  # UTC ms of a row's begin → Wh, and whether they are drawn over a gap


def _from_rows(rows: Sequence[Row], energy: Column, found: Imported) -> Pieces:
    factor = ENERGY_WH.get(energy.unit) or POWER_W[energy.unit] * found.step_s / 3600
    found.empty = sum(row.value is None for row in rows)
    return {row.t_ms: (row.value * factor, False) for row in rows if row.value is not None}


def _from_counter(rows: Sequence[Row], energy: Column, found: Imported, step_ms: int) -> Pieces:
    """What the register rose by from one reading to the next; over an hour at most it is drawn evenly."""
    known = [(row.t_ms, row.value) for row in rows if row.value is not None]
    found.empty = len(rows) - len(known)
    pieces: Pieces = {}
    for (begin, before), (end, after) in pairwise(known):
        if after < before:
            found.resets += 1
        elif end - begin <= max(BRIDGED_MS, step_ms):
            steps = range(begin, end, step_ms)
            wh = (after - before) * ENERGY_WH[energy.unit] / len(steps)
            pieces.update((t_ms, (wh, len(steps) > 1)) for t_ms in steps)
    return pieces


def _gather(
    pieces: Pieces, rows: Sequence[Row], asset: str, drivers: Mapping[str, Column], meter: str, found: Imported
) -> None:
    """Rows of one quarter hour together. Where a quarter at most is missing the rest stands for it, marked as filled;
    with less its energy is not known."""
    by_quarter: dict[int, list[tuple[float, bool]]] = {}
    for t_ms, piece in pieces.items():
        by_quarter.setdefault(t_ms // QUARTER_MS * QUARTER_MS, []).append(piece)
    means: dict[int, dict[str, list[float]]] = {}
    for row in rows:
        of_quarter = means.setdefault(row.t_ms // QUARTER_MS * QUARTER_MS, {})
        for name, mean in row.drivers.items():
            of_quarter.setdefault(name, []).append(mean)
    whole, before = 900 // found.step_s, None
    for start_ms in sorted(by_quarter):
        if before is not None and start_ms > before + QUARTER_MS:
            found.gaps.append((before + QUARTER_MS, start_ms))
        before = start_ms
        parts = by_quarter[start_ms]
        seen, missing = sum(wh for wh, drawn in parts if not drawn), whole - len(parts)
        enough = len(parts) >= 0.75 * whole
        energy_wh = sum(wh for wh, _ in parts) * whole / len(parts) if enough else None
        found.partial += missing > 0
        own = {name: Driver(statistics.fmean(all_), drivers[name].u) for name, all_ in means.get(start_ms, {}).items()}
        found.intervals.append(
            Interval(asset, start_ms, energy_wh, drivers=own, coverage=sum(not drawn for _, drawn in parts) / whole,
                     filled_wh=energy_wh - seen if energy_wh is not None else 0.0, meter=meter, source="imported")
        )  # fmt: skip

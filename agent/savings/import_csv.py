"""Quarter-hour histories of a meter from a CSV file → intervals, with every line that is doubtful named.

Nothing is guessed: unit and time zone are said by the person, rows that contradict each other are refused.
"""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from agent.savings.types import QUARTER_MS, Driver, Interval

ENERGY_WH = {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6}
POWER_W = {"W": 1.0, "kW": 1e3, "MW": 1e6}
LENGTHS_S = (60, 300, 900)
BRIDGED_MS = 3_600_000
SHOWN = 5  # lines of one kind of mistake
_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%d.%m.%Y %H:%M:%S",
            "%d.%m.%Y %H:%M", "%Y年%m月%d日 %H:%M")  # fmt: skip


class ImportProblem(Exception):
    """The file cannot be taken; one line for each reason."""


@dataclass(frozen=True, slots=True)
class Column:
    """name: in the head line. unit: of an energy (per row or a counter's) or of a mean power. u: of a driver, k = 2."""

    name: str
    unit: str
    u: float = 0.0


@dataclass(slots=True)
class Imported:
    """What came out. Counts are of rows; gaps: (from, to) in UTC ms, in which nothing stands."""

    intervals: list[Interval] = field(default_factory=list)
    rows: int = 0
    repeated: int = 0
    empty: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    partial: int = 0
    resets: int = 0
    step_s: int = 900


@dataclass(slots=True)
class _Row:
    line: int
    t_ms: int
    value: float | None
    drivers: dict[str, float]


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
    rows = _parsed(path, zone, time, energy, drivers or {})
    found = Imported(rows=len(rows))
    rows = _unrepeated(rows, path, found)
    found.step_s = _step(rows, path, counter)
    step_ms = 1000 * found.step_s
    if ends and not counter:
        for row in rows:
            row.t_ms -= step_ms
    _check_grid(rows, path, step_ms)
    pieces = _from_counter(rows, energy, found, step_ms) if counter else _from_rows(rows, energy, found)
    _gather(pieces, rows, asset, drivers or {}, meter, found)
    return found


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImportProblem(f"{path}: {error.strerror or error}") from None
    for code in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(code)
        except UnicodeDecodeError:
            continue
    raise ImportProblem(f"{path}: neither UTF-8 nor GB 18030 text")


def _parsed(
    path: Path, zone: str, time: str, energy: Column, drivers: Mapping[str, Column]
) -> list[_Row]:  # fmt: skip
    text = _text(path)
    head = text.partition("\n")[0]
    mark = max(",;\t", key=head.count)
    lines = list(csv.reader(io.StringIO(text), delimiter=mark))
    if not lines:
        raise ImportProblem(f"{path}: empty")
    names = [name.strip() for name in lines[0]]
    wanted = [time, energy.name, *(column.name for column in drivers.values())]
    if missing := [name for name in wanted if name not in names]:
        raise ImportProblem(f"{path}: no column {', '.join(missing)}; there are {', '.join(names)}")
    at = {name: names.index(name) for name in wanted}
    reader = _Times(zone)
    rows: list[_Row] = []
    wrong: list[str] = []
    for number, cells in _oldest_first(list(enumerate(lines[1:], 2)), at[time]):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            values = {name: cells[at[name]].strip() for name in wanted}
            t_ms = reader.utc_ms(values[time])
            own = {name: _number(values[column.name], mark) for name, column in drivers.items()}
            value = _number(values[energy.name], mark)
        except (ValueError, IndexError) as error:
            said = "too few columns" if isinstance(error, IndexError) else str(error)
            wrong.append(f"{path.name}:{number}: {said}")
            continue
        rows.append(_Row(number, t_ms, value, {name: mean for name, mean in own.items() if mean is not None}))
    if wrong:
        rest = [f"and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
        raise ImportProblem("\n".join(wrong[:SHOWN] + rest))
    if len(rows) < 2:
        raise ImportProblem(f"{path}: has {len(rows)} rows; a history needs at least two")
    return rows


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
        raise ValueError(f"{cell!r} is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{cell!r} is not a number")
    return value


class _Times:
    """Texts → UTC, where a local hour comes twice by the order of the rows."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._last_ms = 0

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
            else:  # it comes twice: the second time once the texts ran backwards
                t_ms = round(first.timestamp() * 1000)
                stamp = second if t_ms < self._last_ms else first
        self._last_ms = round(stamp.timestamp() * 1000)
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


def _unrepeated(rows: Sequence[_Row], path: Path, found: Imported) -> list[_Row]:
    """In order of time, each time once. Rows with one time and different values are refused."""
    by_time: dict[int, _Row] = {}
    wrong = []
    for row in rows:
        old = by_time.get(row.t_ms)
        if old is None:
            by_time[row.t_ms] = row
        elif (old.value, old.drivers) == (row.value, row.drivers):
            found.repeated += 1
        else:
            wrong.append(f"{path.name}:{row.line}: the same time as line {old.line}, but another value")
    if wrong:
        rest = [f"and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
        raise ImportProblem("\n".join(wrong[:SHOWN] + rest))
    return [by_time[t_ms] for t_ms in sorted(by_time)]


def _step(rows: Sequence[_Row], path: Path, counter: bool) -> int:
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


def _check_grid(rows: Sequence[_Row], path: Path, step_ms: int) -> None:
    off = [row for row in rows if row.t_ms % step_ms]
    if off:
        raise ImportProblem(f"{path.name}:{off[0].line}: {len(off)} times do not lie on whole {step_ms // 60_000} min; "
                            "is the time zone right?")  # fmt: skip


Pieces = dict[int, tuple[float, bool]]  # UTC ms of a row's begin → Wh, and whether they are drawn over a gap


def _from_rows(rows: Sequence[_Row], energy: Column, found: Imported) -> Pieces:
    factor = ENERGY_WH.get(energy.unit) or POWER_W[energy.unit] * found.step_s / 3600
    found.empty = sum(row.value is None for row in rows)
    return {row.t_ms: (row.value * factor, False) for row in rows if row.value is not None}


def _from_counter(rows: Sequence[_Row], energy: Column, found: Imported, step_ms: int) -> Pieces:
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
    pieces: Pieces, rows: Sequence[_Row], asset: str, drivers: Mapping[str, Column], meter: str, found: Imported
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

"""Efficiency limits published as tables (GB 18613, GB 30253, NEMA MG 1).

The first lines of each data file give its source and how far it was verified. All values are fractions.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cache
from pathlib import Path

_LINE_START_POLES = (2, 4, 6, 8, 10, 12, 16)
_SPEED_BANDS = (("gt600_900", 900), ("gt900_1200", 1200), ("gt1200_1800", 1800), ("gt1800_6000", 6000))
_SLOW_RPM = (500, 375, 300, 250, 200, 150, 100, 75, 60, 45)
HP_W = 745.7


def gb18613(grade: int, rated_kw: float, poles: int) -> float:
    """Limit for cage motors up to 1000 V at 50 Hz, GB 18613-2020: grade 1, 2, 3 (about IE5, IE4, IE3).

    Raises ValueError outside the table.
    """
    return _limit("gb18613_2020", f"g{grade}_{poles}p", rated_kw, 1000)


def gb30253_line_start(grade: int, rated_kw: float, poles: int) -> float:
    """Limit for line-start permanent-magnet motors up to 1140 V, GB 30253-2024 table 1.

    Raises ValueError outside the table.
    """
    if poles not in _LINE_START_POLES:
        raise ValueError(f"GB 30253 table 1 has no column for {poles} poles")
    return _limit("gb30253_2024_table1_async_start", f"g{grade}_{poles}p", rated_kw, 1000)


def gb30253_converter(grade: int, rated_kw: float, rated_rpm: float) -> float:
    """Limit for converter-fed permanent-magnet motors up to 1140 V, GB 30253-2024 tables 8–10.

    The limit applies at 90 % of rated speed and at rated torque.
    Raises ValueError outside the tables.
    """
    column = next((name for name, top in _SPEED_BANDS if 600 < rated_rpm <= top), None)
    if column is None:
        slow = min(_SLOW_RPM, key=lambda rpm: abs(rpm - rated_rpm))
        if not 0.9 <= rated_rpm / slow <= 1.12:
            raise ValueError(f"GB 30253 has no column for {rated_rpm:g} rpm")
        column = str(slow)
    return _limit("gb30253_2024_table8_10_variable_speed", column, rated_kw, 1250, str(grade))


def nema_premium(hp: float, poles: int, enclosure: str = "TEFC") -> float:
    """Nominal efficiency of NEMA MG 1 table 12-12, 60 Hz. Raises ValueError outside the table."""
    return _limit("nema_mg1_12_12", f"{enclosure}_{poles}p", hp, 500)


def nema_energy_efficient(hp: float, poles: int, enclosure: str = "TEFC") -> float:
    """Nominal efficiency of NEMA MG 1 table 12-11, 60 Hz. Raises ValueError outside the table."""
    return _limit("nema_mg1_12_11", f"{enclosure}_{poles}p", hp, 500)


def _limit(file: str, column: str, size: float, largest: float, grade: str | None = None) -> float:
    """Limit from a table: linear between rows; above the last row the value of that row, up to `largest`."""
    header, rows = _table(file)
    if column not in header:
        raise ValueError(f"{file} has no column {column}")
    at, by = header.index(column), 1 if grade else 0
    wanted = [row for row in rows if grade is None or row[0] == grade]
    cells = [(float(row[by]), float(row[at])) for row in wanted if row[at]]
    if not cells or not cells[0][0] <= size <= largest:
        raise ValueError(f"{file} has no limit for {size:g} in {column}")
    return _between([x for x, _ in cells], [y for _, y in cells], size) / 100


def _between(xs: list[float], ys: list[float], x: float) -> float:
    """Linear interpolation, x at least xs[0]; above the last point its value."""
    if x >= xs[-1]:
        return ys[-1]
    k = max(1, bisect_left(xs, x))
    return ys[k - 1] + (ys[k] - ys[k - 1]) * (x - xs[k - 1]) / (xs[k] - xs[k - 1])


@cache
def _table(name: str) -> tuple[list[str], list[list[str]]]:
    text = Path(__file__).with_name(f"{name}.csv").read_text(encoding="utf-8")
    lines = [line.split(",") for line in text.splitlines() if line and not line.startswith("#")]
    return lines[0], lines[1:]

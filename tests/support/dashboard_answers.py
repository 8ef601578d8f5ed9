"""What each panel of the dashboards shows of `fleet_rows`, calculated from its definitions."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from support.fleet_rows import BASELINE_WH, GATEWAYS, INTERVAL_WH, MINUTES, MOTORS, QUARTERS, FleetRows
from support.grafana import Chosen, dashboards, interpolated
from support.postgres import ask

CHOSEN = {"site": "mill-2", "gateway": GATEWAYS, "asset": ("fan", "pump")}
NAMES = [f"{gateway}/{motor}" for gateway, motor, _ in MOTORS]
SAVED_KWH = (BASELINE_WH - INTERVAL_WH) * QUARTERS / 1000  # of a motor


def check_panels(address: str, fleet: FleetRows, *, timescaledb: bool) -> None:
    """Runs each query of each panel and variable. timescaledb: setting of the data source of Grafana."""
    chosen = Chosen(CHOSEN, fleet.start, fleet.end, 900, timescaledb)
    shown = set()
    for one in dashboards("en"):
        for variable in one["templating"]["list"]:
            found = [name for (name,) in ask(address, interpolated(variable["query"], chosen))]
            expected = CHOSEN[variable["name"]]
            assert found == ([expected] if isinstance(expected, str) else list(expected))
        for panel in one["panels"]:
            rows = ask(address, interpolated(panel["targets"][0]["rawSql"], chosen))
            _check(one["title"], panel["title"], rows, fleet)
            shown.add((one["title"], panel["title"]))
    assert shown == CHECKS.keys()


def _check(dashboard: str, title: str, rows: list[tuple[Any, ...]], fleet: FleetRows) -> None:
    """rows: of the query for all gateways and motors, in points of 15 min."""
    find = CHECKS[dashboard, title]
    assert rows, "the panel is empty"
    assert find(rows, fleet), f"{dashboard}, {title}: {rows[:5]}"


def _one(*expected: Any) -> Any:
    return lambda rows, _: rows == [expected]


def _each(expected: list[tuple[Any, ...]], begin: int = 0, end: int | None = None) -> Any:
    """The same columns of each row."""
    return lambda rows, _: [row[begin:end] for row in rows] == expected


def _points(*values: Any, names: list[str] = NAMES) -> Any:
    """A graph: each series has at least 8 quarter hours, always with these values."""
    return lambda rows, _: (
        set(Counter(row[1] for row in rows).values()) <= {QUARTERS, QUARTERS + 1}
        and {row[1] for row in rows} == set(names) and {row[2:] for row in rows} == {values}
    )  # fmt: skip


def _powers(rows: list[tuple[Any, ...]], _: FleetRows) -> bool:
    return {row[1:] for row in rows} == {(f"{gateway}/{motor}", watts) for gateway, motor, watts in MOTORS}


def _total(expected: list[float]) -> Any:
    """Sums of the columns of values of a graph without series."""
    return lambda rows, _: [round(sum(row[1 + n] for row in rows), 9) for n in range(len(expected))] == expected


def _counted(per_minute: float) -> Any:
    """Growth of a counter that began again at 0: what was counted in the minute of the restart is not known."""
    grown = per_minute * (MINUTES - 2)

    def find(rows: list[tuple[Any, ...]], _: FleetRows) -> bool:
        sums = Counter[str]()
        for _time, name, value in rows:
            sums[name] += value
        return dict(sums) == dict.fromkeys(GATEWAYS, grown)

    return find


def _by_day(expected: float) -> Any:
    """Sums of each motor over the UTC days, whose begin is the time of the bar."""

    def find(rows: list[tuple[Any, ...]], fleet: FleetRows) -> bool:
        days = {fleet.start.date(), (fleet.end - timedelta(minutes=1)).date()}
        sums = Counter[str]()
        for at, name, value in rows:
            assert isinstance(at, datetime)
            assert (at.date() in days, at.hour, at.minute) == (True, 0, 0)
            sums[name] += value
        return {name: round(value, 9) for name, value in sums.items()} == dict.fromkeys(NAMES, expected)

    return find


def _newest_rows(rows: list[tuple[Any, ...]], fleet: FleetRows) -> bool:
    newest = fleet.end - timedelta(minutes=1)
    return rows == [(gateway, motor, newest, watts, 75.0, 95.5, 0.75, 93.0, "tested", None)
                    for gateway, motor, watts in MOTORS]  # fmt: skip


def _gateways(rows: list[tuple[Any, ...]], _: FleetRows) -> bool:
    values = (60.0 * (MINUTES // 2 - 1), 1.0, 5000.0, 5.0, 72.0, 0.0, 200.0)
    return [(row[0], *row[2:]) for row in rows] == [(name, *values) for name in GATEWAYS] and all(
        0 <= row[1] < 600 for row in rows)  # fmt: skip


def _events(rows: list[tuple[Any, ...]], _: FleetRows) -> bool:
    """Newest first: the dip, then the changes of alarms."""
    return (
        len(rows) == 8
        and rows[0][3] == "dip"
        and [row[0] for row in rows] == sorted((r[0] for r in rows), reverse=True)
    )


ENERGY = [(gateway, motor, 100 * (MINUTES - 1) / 1000) for gateway, motor, _ in MOTORS]
SINCE_START = [
    (gateway, motor, SAVED_KWH, 12.5 * QUARTERS / 1000, 37.5, 99.5, "proven", "") for gateway, motor, _ in MOTORS
]
IN_TIME = (QUARTERS, INTERVAL_WH * QUARTERS / 1000, BASELINE_WH * QUARTERS / 1000, SAVED_KWH, 37.5)
CHECKS: dict[tuple[str, str], Any] = {
    ("Plant", "Motors that report"): _one(3),
    ("Plant", "Saved energy in this time"): _one(3 * (BASELINE_WH - INTERVAL_WH) * QUARTERS / 1000),
    ("Plant", "Saving rate in this time"): _one(37.5),
    ("Plant", "Active alarms"): _one(1),
    ("Plant", "Gateways without a message for 5 min"): _one(0),
    ("Plant", "Active power"): _powers,
    ("Plant", "Motors"): _newest_rows,
    ("Plant", "Measured and adjusted baseline energy"): _total(
        [3 * INTERVAL_WH * QUARTERS / 1000, 3 * BASELINE_WH * QUARTERS / 1000]
    ),
    ("Motor", "Active power"): _powers,
    ("Motor", "Speed"): _points(1480.0),
    ("Motor", "Efficiency of motor and system"): _points(95.5, 93.0),
    ("Motor", "Uncertainty of the motor efficiency (k = 2)"): _points(0.75),
    ("Motor", "Losses"): _points(40.0, 20.0),
    ("Motor", "Temperature"): _points(61.0, 44.0),
    ("Motor", "THD of current and voltage, phase 1"): _points(31.25, 2.5),
    ("Motor", "Voltage and current unbalance"): _points(0.5, 1.5),
    ("Motor", "Voltage of phase 1: lowest and highest in 10 min"): _points(225.0, 235.0),
    ("Motor", "Flicker severity, phase 1"): _points(0.5, 0.25),
    ("Motor", "Energy in this time"): _each(ENERGY),
    ("Motor", "Events"): _events,
    ("Savings", "Savings since the start of the reporting period"): lambda rows, _: (
        [(*row[:2], *row[3:]) for row in rows] == SINCE_START
    ),
    ("Savings", "Saved energy since the start of the reporting period"): lambda rows, _: (
        max(row[2] for row in rows) == SAVED_KWH and {row[1] for row in rows} == set(NAMES)
    ),
    ("Savings", "Its uncertainty (U95)"): lambda rows, _: max(row[2] for row in rows) == 12.5 * QUARTERS / 1000,
    ("Savings", "Saved energy by day"): _by_day(SAVED_KWH),
    ("Savings", "Measured and adjusted baseline energy of each interval"): _points(
        INTERVAL_WH / 1000, BASELINE_WH / 1000
    ),
    ("Savings", "Saved energy in this time"): lambda rows, _: (
        sorted(rows) == [(gateway, motor, *IN_TIME) for gateway, motor, _ in MOTORS]
    ),
    ("Alarms", "Active alarms by priority"): _one(0, 1, 0, 0),
    ("Alarms", "Active alarms"): _each([("gw-07", "fan", "dry_run", "high", "UNACK", "dry_run: raised", None)], 1),
    ("Alarms", "Raised by day"): lambda rows, _: sorted(row[1:] for row in rows) == [("high", 2), ("low", 1)],
    ("Alarms", "Most often raised"): _each([("gw-07", "fan", "dry_run", 2), ("gw-07", "fan", "overload", 1)], 0, 4),
    ("Alarms", "Events"): _events,
    ("Gateways", "Gateways"): _gateways,
    ("Gateways", "Failed polls"): _counted(2.0),
    ("Gateways", "Delivered rows"): _counted(100.0),
    ("Gateways", "Rows in the spool"): _points(5.0, names=list(GATEWAYS)),
    ("Gateways", "Processor time of the agent"): _points(12.0, names=list(GATEWAYS)),
    ("Gateways", "Memory of the agent"): _points(90.0, names=list(GATEWAYS)),
    ("Gateways", "Free disk"): _points(5000.0, names=list(GATEWAYS)),
}

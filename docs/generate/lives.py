"""Draws docs/pictures/scenarios/*-life.svg: a retrofit with the commands of the product, each day compared with the
true values.

scenarios.py calls it. `python docs/generate/lives.py NAME FOLDER` draws results of the commands of
docs/tutorials/retrofit.md.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import matplotlib

matplotlib.use("svg")
import matplotlib.dates as dates
import matplotlib.pyplot as plt

from agent.cli import main as magwatt
from agent.delivery.store.read_only import open_read_only
from agent.savings.records.repository import load_intervals
from simulators.scenarios import load
from simulators.scenarios.retrofit_timeline import RetrofitTimeline

OUT = Path(__file__).parents[1] / "pictures" / "scenarios"
TRUE, OLD, NEW, SAVED = "0.25", "tab:blue", "tab:green", "tab:orange"
QUARTER_MS = 900_000
STYLE = {"svg.hashsalt": "magwatt", "font.size": 8, "axes.grid": True, "grid.alpha": 0.3}
OLD_KWH, TAKEN_KWH = "adjusted_baseline_energy_kwh", "energy_taken_kwh"
ByTime = Mapping[int, float]  # start of an interval of 15 minutes, UTC ms → energy, kWh


class Lived(NamedTuple):
    """Energies of a retrofit by interval.

    true_old, true_taken: true energy of the old motor at the same flow, true energy of the motor that runs.
    measured, old: measured energy, adjusted baseline energy of the report.
    days: days of the report.
    zone: time zone of the site.
    """

    true_old: ByTime
    true_taken: ByTime
    measured: ByTime
    old: ByTime
    days: list[dict[str, Any]]
    zone: ZoneInfo


def picture(name: str) -> None:
    with tempfile.TemporaryDirectory(prefix="magwatt-life-") as folder:
        live(name, Path(folder))
        draw(name, read(name, Path(folder)))


def live(name: str, folder: Path) -> None:
    """Runs the commands of docs/tutorials/retrofit.md; life, truth.ndjson and report.* are written to `folder`."""
    life, config = _life(name), str(folder / "life" / "plant.toml")
    simulate = [
        "simulate", name, "--time-factor", "10000", "--state-dir", str(folder / "life"),
        "--truth", str(folder / "truth.ndjson"),
    ]  # fmt: skip
    for command in (
        simulate,
        ["baseline", "learn", life.asset, "--config", config],
        ["baseline", "freeze", life.asset, "--by", "Li Wei", "--config", config],
        simulate,
        ["report", "--month", life.month, "--output", str(folder / "report.html"), "--config", config],
    ):
        try:
            magwatt(command)
        except SystemExit as ended:
            if ended.code:
                raise


def read(name: str, folder: Path) -> Lived:
    life = _life(name)
    lines = [json.loads(line) for line in (folder / "truth.ndjson").read_text(encoding="utf-8").splitlines()]
    truth = {line["t"]: line[life.asset] for line in lines}
    (motor,) = json.loads((folder / "report.json").read_text(encoding="utf-8"))["motors"]
    with (folder / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["saved_kwh"] and not row["excluded_reason"]]
    kept = load_intervals(open_read_only(folder / "life" / "state" / "magwatt.sqlite"), life.asset, 0, 1 << 60)

    def increase(sum_kwh: str) -> ByTime:
        return {
            at: truth[at + QUARTER_MS][sum_kwh] - row[sum_kwh] for at, row in truth.items() if at + QUARTER_MS in truth
        }

    return Lived(
        increase(OLD_KWH), increase(TAKEN_KWH),
        {item.start_ms: item.energy_wh / 1000 for item in kept if item.energy_wh is not None},
        {_utc_ms(row["start_utc"]): float(row["adjusted_baseline_kwh"]) for row in rows}, motor["days"],
        ZoneInfo(life.timezone),
    )  # fmt: skip


def draw(name: str, lived: Lived) -> None:
    made, (power, saved) = plt.subplots(2, 1, figsize=(7.2, 4.5), sharex=True)
    made.suptitle(f"{name}: line: true values, dots: reported values", fontsize=9)
    for true, reported, colour, label in (
        (lived.true_old, lived.old, OLD, "adjusted baseline"),
        (lived.true_taken, lived.measured, NEW, "measured"),
    ):
        power.plot(*_mean_kw(true, lived.zone), color=TRUE, lw=0.8, zorder=3)
        power.plot(*_mean_kw(reported, lived.zone), "o", ms=2.6, color=colour, label=label)
    ends = [datetime.fromisoformat(day["date"]) + timedelta(days=1) for day in lived.days]
    kwh, u = ([day[key] / 1000 for day in lived.days] for key in ("total_wh", "u95_wh"))
    saved.plot(ends, kwh, "o", ms=2.6, color=SAVED, label="savings since the start of the reporting period, with U95")
    low, high = ([a + sign * b for a, b in zip(kwh, u, strict=True)] for sign in (-1, 1))
    saved.fill_between(ends, low, high, color=SAVED, alpha=0.2, lw=0)
    days: dict[datetime, float] = defaultdict(float)
    for at in sorted(lived.old):
        days[_day(at, lived.zone)] += lived.true_old[at] - lived.true_taken[at]
    total, line = 0.0, list[float]()
    for day_kwh in days.values():
        total += day_kwh
        line.append(total)
    saved.plot([day + timedelta(days=1) for day in days], line, color=TRUE, lw=0.8)
    power.set_ylabel("kW, daily mean")
    saved.set_ylabel("kWh")
    power.set_ylim(bottom=0)
    saved.xaxis.set_major_formatter(dates.DateFormatter("%m-%d"))  # type: ignore[no-untyped-call]
    for axes in (power, saved):
        axes.legend(loc="best", fontsize=7)
    made.tight_layout()
    made.savefig(OUT / f"{name}.svg", metadata={"Date": None})
    plt.close(made)


def _life(name: str) -> RetrofitTimeline:
    life = load(name).life
    assert life is not None
    return life


def _mean_kw(kwh: ByTime, zone: ZoneInfo) -> tuple[list[datetime], list[float]]:
    """Mean power of each day with at least half of its intervals, at noon."""
    days: dict[datetime, list[float]] = defaultdict(list)
    for at in sorted(kwh):
        days[_day(at, zone)].append(kwh[at])
    whole = {day: items for day, items in days.items() if len(items) >= 48}
    return [day + timedelta(hours=12) for day in whole], [4 * sum(items) / len(items) for items in whole.values()]


def _day(at_ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, zone).replace(hour=0, minute=0, tzinfo=None)


def _utc_ms(text: str) -> int:
    return round(datetime.fromisoformat(f"{text}+00:00").timestamp() * 1000)


if __name__ == "__main__":
    plt.rcParams.update(STYLE)
    draw(sys.argv[1], read(sys.argv[1], Path(sys.argv[2])))

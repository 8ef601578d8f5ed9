"""One history as rows of 10, 15, 30 and 60 min, from import to report: equal energies, equal savings within U95."""

from __future__ import annotations

import csv
import io
import json
import math
import random
import re
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from support import metered_retrofit

from agent.cli import main
from agent.savings.report import reasons as report_reasons

ZONE = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2025, 3, 20, tzinfo=ZONE)  # the clock is set forward on the 30th
RETROFIT = datetime(2025, 4, 1, tzinfo=ZONE)
END = datetime(2025, 4, 16, tzinfo=ZONE)
BASE_S = 300
SHARE = 0.9  # energy after the retrofit, of the energy before it at the same flow


@cache
def history() -> list[tuple[float, float, float]]:
    """(energy before, energy measured, mean flow) of each 5 min: kWh, kWh, m3/h."""
    chance, slow, found = random.Random(7), 0.0, []
    n = round((END.timestamp() - BEGIN.timestamp()) / BASE_S)
    for k in range(n):
        slow = 0.98 * slow + chance.gauss(0, 1.2)
        flow = max(60 + 20 * math.sin(2 * math.pi * k / 288) + slow, 5.0)
        kwh = (40 + 0.3 * flow + 20 * (flow / 80) ** 3) * (1 + chance.gauss(0, 0.02)) / 12
        after = BEGIN.timestamp() + BASE_S * k >= RETROFIT.timestamp()
        found.append((kwh, SHARE * kwh if after else kwh, flow))
    return found


def write(path: Path, minutes: int, from_s: float, to_s: float) -> None:
    """The history as rows of this length, on the local clock."""
    size, begin_s, lines = 60 * minutes // BASE_S, BEGIN.timestamp(), ["t,e,q"]
    for k in range(round((from_s - begin_s) / BASE_S), round((to_s - begin_s) / BASE_S), size):
        part = history()[k : k + size]
        local = datetime.fromtimestamp(begin_s + BASE_S * k, ZONE)
        kwh, flow = sum(row[1] for row in part), sum(row[2] for row in part) / size
        lines.append(f"{local:%Y-%m-%d %H:%M},{kwh:.9f},{flow:.6f}")
    path.write_text("\n".join(lines), encoding="utf-8")


def command(plant: Path, *words: str) -> str:
    found = CliRunner().invoke(main, [*words, "--config", str(plant / "plant.toml")])
    assert found.exit_code == (1 if words[0] == "report" else 0), found.output  # a report names what is missing
    return found.output


def import_rows(plant: Path, minutes: int, begin: datetime, end: datetime) -> None:
    write(plant / "old.csv", minutes, begin.timestamp(), end.timestamp())
    command(plant, "import", str(plant / "old.csv"), "--motor", "fan", "--time", "t", "--energy", "e", "--unit", "kWh",
            "--driver", "fan-flow=q:m3/h")  # fmt: skip


def saved(plant: Path) -> tuple[float, float]:
    """Saving and U95, Wh."""
    command(plant, "baseline", "learn", "fan", "--to", f"{RETROFIT:%Y-%m-%d}")
    command(plant, "baseline", "freeze", "fan", "--by", "Li Wei")
    saving = json.loads(command(plant, "baseline", "show", "fan", "--json"))["saving"]
    return saving["saved_wh"], saving["u95_wh"]


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    text = metered_retrofit.PLANT.replace("Asia/Shanghai", "Europe/Berlin").replace("CN-NM", "DE")
    (tmp_path / "plant.toml").write_text(re.sub("grid_factor.*\n", "", text), encoding="utf-8")
    return tmp_path


def true_wh() -> float:
    """Adjusted baseline energy minus measured energy after the retrofit, without the noise of a model."""
    return 1000 * sum(before - after for before, after, _ in history())


@pytest.mark.parametrize(("before_min", "after_min"), [(10, 30), (60, 15)])
def test_the_saving_is_that_of_the_plant(plant: Path, before_min: int, after_min: int) -> None:
    """Also where the reporting period has another length than the baseline."""
    import_rows(plant, before_min, BEGIN, RETROFIT)
    import_rows(plant, after_min, RETROFIT, END)
    wh, u95_wh = saved(plant)
    assert abs(wh - true_wh()) <= u95_wh
    assert u95_wh < 0.2 * true_wh(), "an empty statement if U95 is large"


def test_a_baseline_of_several_lengths_is_learned_by_the_longest(plant: Path) -> None:
    middle = BEGIN + timedelta(days=6)
    import_rows(plant, 15, BEGIN, middle)
    import_rows(plant, 60, middle, RETROFIT)
    import_rows(plant, 15, RETROFIT, END)
    wh, u95_wh = saved(plant)
    assert abs(wh - true_wh()) <= u95_wh
    shown = json.loads(command(plant, "baseline", "show", "fan", "--json"))
    assert shown["baseline"]["length_s"] == 3600
    assert shown["baseline"]["n"] > 0.95 * (RETROFIT - BEGIN) / timedelta(hours=1)


@pytest.mark.parametrize("minutes", [10, 60])
def test_the_report_of_a_month(plant: Path, minutes: int) -> None:
    """Energies to the watt-hour, days of the calendar, money by the price of each quarter hour, and the ledger."""
    import_rows(plant, minutes, BEGIN, END)
    saved(plant)
    for month, begin, end in (("2025-03", BEGIN, RETROFIT), ("2025-04", RETROFIT, END)):
        command(plant, "report", "--month", month, "--output", str(plant / "r.html"))
        [motor] = json.loads((plant / "r.json").read_text(encoding="utf-8"))["motors"]
        first, last = (round((t.timestamp() - BEGIN.timestamp()) / BASE_S) for t in (begin, end))
        true = 1000 * sum(row[1] for row in history()[first:last])
        assert motor["measured_wh"] == pytest.approx(true, rel=1e-9)
        assert [day["coverage"] for day in motor["days"]] == pytest.approx([1.0] * len(motor["days"]))
        assert sum(day["measured_wh"] for day in motor["days"]) == pytest.approx(true, rel=1e-9)
        rows = list(csv.DictReader(io.StringIO((plant / "r.csv").read_text(encoding="utf-8-sig"))))
        assert {float(row["length_min"]) for row in rows} == {minutes}
        assert motor["ledger"]["confirmed"]
    money = sum(float(row["saved_kwh"]) * float(row["price"]) for row in rows if row["saved_kwh"])
    assert motor["money"]["saved"] == pytest.approx(money, rel=1e-4)
    noted = report_reasons.DEMAND_UNKNOWN in [note["code"] for note in motor["notes"]]
    assert noted == (minutes != 15)
    assert (motor["money"]["before"]["demand_kw"] > 0) == (minutes == 15)

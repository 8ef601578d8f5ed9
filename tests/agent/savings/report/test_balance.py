"""Figures of a row add up on the page, also where part of the month is excluded from the comparison."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from support import metered_retrofit
from support.basics import HandClock
from support.savings import save_event, save_intervals

from agent.cli import main
from agent.config.loader import load_config
from agent.config.topology import assets
from agent.core.local_time import zone_of
from agent.core.text import Catalogue, english
from agent.delivery.store import Store
from agent.delivery.store.read_only import open_read_only
from agent.savings.ledger.reasons import INTERVALS_NOT_RECORDED
from agent.savings.reasons import INTERVAL_UNREADABLE, MAINTENANCE
from agent.savings.records.model import QUARTER_MS, NonRoutineEvent
from agent.savings.report.html.charts import Figure, efficiency_over_load, load_histogram, power_over_driver
from agent.savings.report.html.summary import tiles
from agent.savings.report.model.month import collect
from agent.savings.report.reasons import LEDGER_PROBLEM

DAYS_TONNES = 240.0


@pytest.fixture
def page(tmp_path: Path) -> str:
    """A week with 2.5 days of maintenance, during which the meter also measures 40 kW of another machine.

    2.5 t are produced in each interval.
    """
    metered_retrofit.retrofit(tmp_path, days=7)
    begin_ms, end_ms = metered_retrofit.utc_ms("2024-10-02 00:00"), metered_retrofit.utc_ms("2024-10-04 12:00")
    store = Store(tmp_path / "state", HandClock())
    save_event(store, NonRoutineEvent(0, "fan", "maintenance", begin_ms, end_ms, MAINTENANCE(), 0.0, "exclude"))
    store.close()
    db = sqlite3.connect(tmp_path / "state" / "magwatt.sqlite")
    for start_ms, text in db.execute("select start_ms, body from interval").fetchall():
        body = json.loads(text)
        body["drivers"]["signal_rolled_t"] = [DAYS_TONNES / 96, 0.0]
        body["energy_wh"] += 10_000 * (begin_ms <= start_ms < end_ms)
        db.execute("update interval set body = ? where start_ms = ?", (json.dumps(body), start_ms))
    db.commit()
    db.close()
    CliRunner().invoke(main, ["report", "--month", "2024-10", "--config", str(tmp_path / "plant.toml"),
                              "--output", str(tmp_path / "r.html")])  # fmt: skip
    return (tmp_path / "r.html").read_text(encoding="utf-8")


def rows(page: str) -> dict[str, list[str]]:
    body = re.findall(r"<table[^>]*days.*?</table>", page, re.DOTALL)[0]  # the English table is the first one
    cells = (re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in body.split("<tr>"))
    return {found[0]: [re.sub(r"[^\d.\-–−]", "", cell) for cell in found[1:]] for found in cells if found}


def test_each_day_balances_also_where_part_of_it_is_not_compared(page: str) -> None:
    days = rows(page)
    assert days["2024-10-02"][1:4] == ["–", "–", "–"]
    measured, compared, old, saved = map(float, days["2024-10-04"][:4])
    assert measured > compared + 400, "half a day is not compared, and the other machine ran in it"
    assert compared + saved == pytest.approx(old, abs=1.5)
    assert days["2024-10-05"][0] == days["2024-10-05"][1]


def test_energy_per_tonne_uses_energy_and_tonnes_of_the_same_time(page: str) -> None:
    days = [row for row in rows(page).values() if row[1] != "–"]
    tonnes = DAYS_TONNES * 4.5
    [(before, after)] = set(re.findall(r"([\d.]+) → ([\d.]+) kWh/t", page))
    assert float(before) == pytest.approx(sum(float(row[2]) for row in days) / tonnes, abs=0.01)
    assert float(after) == pytest.approx(sum(float(row[1]) for row in days) / tonnes, abs=0.01)


def pictures(folder: Path) -> list[Figure | None]:
    config = load_config(folder / "plant.toml")[0]
    db = open_read_only(folder / "state" / "magwatt.sqlite")
    [plant] = assets(config)
    month = collect(db, config, plant, "2024-10", metered_retrofit.utc_ms("2024-11-01 00:00"))
    db.close()
    return [picture(month, Catalogue("en")) for picture in (load_histogram, efficiency_over_load, power_over_driver)]


def test_charts_exclude_the_replaced_motor_in_the_month_of_its_replacement(tmp_path: Path) -> None:
    metered_retrofit.retrofit(tmp_path, days=7)
    plain = tmp_path / "plant.toml"
    text = plain.read_text(encoding="utf-8")
    periods = "periods = { reporting = 2024-10-04 }\n[signal.fan-flow]"
    plain.write_text(text.replace("[signal.fan-flow]", periods), encoding="utf-8")
    right = pictures(tmp_path)
    assert all(right)
    db = sqlite3.connect(tmp_path / "state" / "magwatt.sqlite")
    for place, body in db.execute(
        "select start_ms, body from interval where start_ms >= ? and start_ms < ?",
        (metered_retrofit.utc_ms("2024-10-01 00:00"), metered_retrofit.utc_ms("2024-10-04 00:00")),
    ).fetchall():
        heavy = json.loads(body) | {"shaft_wh": 31_000.0, "motor_loss_wh": 2_000.0, "energy_wh": 33_000.0}
        db.execute("update interval set body = ? where start_ms = ?", (json.dumps(heavy), place))
    db.commit()
    db.close()
    assert pictures(tmp_path) == right
    plain.write_text(text, encoding="utf-8")
    assert not set(pictures(tmp_path)) & set(right), "without the phase they are the new motor's"


@pytest.mark.parametrize("n", [0, 1])
def test_intervals_that_are_not_recorded_are_a_note(tmp_path: Path, n: int) -> None:
    metered_retrofit.retrofit(tmp_path, days=2)
    since_ms = metered_retrofit.utc_ms("2024-10-03 00:00")
    store = Store(tmp_path / "state", HandClock())
    save_intervals(store, metered_retrofit.new(since_ms, since_ms + n * QUARTER_MS))
    store.close()
    config = load_config(tmp_path / "plant.toml")[0]
    db = open_read_only(tmp_path / "state" / "magwatt.sqlite")
    notes = collect(db, config, assets(config)[0], "2024-10", metered_retrofit.utc_ms("2024-11-01 00:00")).notes
    db.close()
    expected = LEDGER_PROBLEM(problem=INTERVALS_NOT_RECORDED(n=n, asset="fan", first_ms=since_ms))
    assert list(notes) == ([expected] if n else [])


def test_a_quarter_hour_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    metered_retrofit.retrofit(tmp_path, days=2)
    db = sqlite3.connect(tmp_path / "state" / "magwatt.sqlite")
    place = metered_retrofit.utc_ms("2024-10-01 12:15")
    db.execute("update interval set body = replace(body, 'energy_wh', 'energy') where start_ms = ?", (place,))
    db.commit()
    db.close()
    found = CliRunner().invoke(main, ["report", "--month", "2024-10", "--config", str(tmp_path / "plant.toml"),
                                      "--output", str(tmp_path / "r.html")])  # fmt: skip
    assert found.exit_code == 2
    [line] = found.output.splitlines()
    before_error = english(INTERVAL_UNREADABLE(asset="fan", start_ms=place, error="\0"), zone_of(metered_retrofit.ZONE))
    assert line.startswith(before_error.partition("\0")[0])


@pytest.mark.parametrize("place", ["2024-09-30 23:45", pytest.param("2024-11-01 00:00", marks=pytest.mark.soak)])
def test_an_unreadable_quarter_hour_outside_the_month_is_ignored(tmp_path: Path, place: str) -> None:
    """It is only the end point of an interpolation across the month boundary; the month is complete without it."""
    metered_retrofit.retrofit(tmp_path, days=31)
    command = ["report", "--month", "2024-10", "--config", str(tmp_path / "plant.toml"), "--output"]
    db = sqlite3.connect(tmp_path / "state" / "magwatt.sqlite")
    db.execute("delete from interval where start_ms = ?", (start_ms := metered_retrofit.utc_ms(place),))
    db.commit()
    CliRunner().invoke(main, [*command, str(tmp_path / "without.html")])
    db.execute("insert into interval values ('fan', ?, '{\"asset\": ')", (start_ms,))
    db.commit()
    db.close()
    found = CliRunner().invoke(main, [*command, str(tmp_path / "r.html")])
    assert found.exit_code != 2, "only an interval of the month that cannot be read prevents the report"
    motors = [
        json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))["motors"] for name in ("r", "without")
    ]
    for name in ("saved_wh", "u95_wh", "adjusted_wh", "intervals"):
        assert motors[0][0]["saving"][name] == motors[1][0]["saving"][name]


def test_the_efficiency_is_shown_with_the_band_that_its_losses_leave(tmp_path: Path) -> None:
    """Motor losses of 5 % of the shaft energy, with an uncertainty of a fifth: 95.24 % ± 0.95 percentage points."""
    metered_retrofit.retrofit(tmp_path, days=4)
    db = sqlite3.connect(tmp_path / "state" / "magwatt.sqlite")
    for place, body in db.execute("select start_ms, body from interval").fetchall():
        shaft_wh = 20_000.0 if place % 1_800_000 else 24_000.0
        known = {"shaft_wh": shaft_wh, "motor_loss_wh": shaft_wh / 20, "u_motor_loss_wh": shaft_wh / 100}
        text = json.dumps(json.loads(body) | known)
        db.execute("update interval set body = ? where start_ms = ?", (text, place))
    db.commit()
    db.close()
    _, figure, _ = pictures(tmp_path)
    assert figure is not None
    picture = figure.svg
    [polygon] = re.findall(r'class="band new" points="([^"]+)"', picture)
    [dots] = re.findall(r'class="dots new" d="([^"]+)"', picture)
    heights = [float(y) for y in re.findall(r",([\d.]+)", polygon)]
    dot = float(re.findall(r"M[\d.]+ ([\d.]+)", dots)[0])
    grid = [float(y) for y in re.findall(r'class="grid"[^>]*y1="([\d.]+)"', picture)]
    names = [float(y) for y in re.findall(r'text-anchor="end">([\d.]+)</text>', picture)]
    per_point = (grid[0] - grid[1]) / (names[1] - names[0])
    assert (max(heights) - min(heights)) / per_point == pytest.approx(2 / 1.05, rel=0.05)
    assert (max(heights) + min(heights)) / 2 == pytest.approx(dot, abs=0.1 * per_point)


@pytest.mark.parametrize(("month", "end"), [("2024-03", "2024-04-01 00:00"), ("2024-10", "2024-11-01 00:00")])
def test_a_day_of_23_or_25_hours_is_measured_completely(tmp_path: Path, month: str, end: str) -> None:
    zone = "Europe/Berlin"
    plain = tmp_path / "plant.toml"
    plain.write_text(metered_retrofit.PLANT.replace(metered_retrofit.ZONE, zone), encoding="utf-8")
    store = Store(tmp_path / "state", HandClock())
    save_intervals(
        store,
        metered_retrofit.new(metered_retrofit.utc_ms(f"{month}-01 00:00", zone), metered_retrofit.utc_ms(end, zone)),
    )
    store.close()
    config = load_config(plain)[0]
    db = open_read_only(tmp_path / "state" / "magwatt.sqlite")
    found = collect(db, config, assets(config)[0], month, metered_retrofit.utc_ms("2024-12-01 00:00"))
    db.close()
    assert found.coverage == pytest.approx(1)
    assert [day.coverage for day in found.days] == pytest.approx([1.0] * 31)
    assert sum(day.measured_wh for day in found.days) == pytest.approx(found.measured_wh)


def test_the_control_part_is_as_the_page_defines_it(tmp_path: Path) -> None:
    """Formula of the page: baseline − (shaft energy + losses of the old motor); drive losses are a separate part."""
    metered_retrofit.retrofit(tmp_path, days=2)
    config = load_config(tmp_path / "plant.toml")[0]
    db = open_read_only(tmp_path / "state" / "magwatt.sqlite")
    found = collect(db, config, assets(config)[0], "2024-10", metered_retrofit.utc_ms("2024-11-01 00:00")).saving
    db.close()
    assert found is not None
    begin_ms = metered_retrofit.utc_ms("2024-10-01 00:00")
    items = metered_retrofit.new(begin_ms, metered_retrofit.utc_ms("2024-10-03 00:00"))
    shaft_wh, lost_wh = (sum(getattr(item, name) for item in items) for name in ("shaft_wh", "motor_loss_wh"))
    old_loss_wh = found.parts["motor"].wh + lost_wh
    assert found.parts["control"].wh == pytest.approx(found.adjusted_wh - shaft_wh - old_loss_wh, rel=1e-6)


@pytest.mark.parametrize(("days", "english_text", "chinese"), [
    (31, "~ provisional</p>", "~ 暂定</p>"),
    (2, "~ provisional, for 6.5 % of the month only</p>", "~ 暂定，仅限本月 6.5 % 的时间</p>"),
])  # fmt: skip
@pytest.mark.text
def test_the_verdict_states_the_part_of_the_month_it_covers(
    tmp_path: Path, days: int, english_text: str, chinese: str
) -> None:  # fmt: skip
    """Two days of 31 are compared; the others have no data."""
    metered_retrofit.retrofit(tmp_path, days=days)
    where = ["--config", str(tmp_path / "plant.toml"), "--output", str(tmp_path / "r.html")]
    first_line = CliRunner().invoke(main, ["report", "--month", "2024-10", *where]).output.splitlines()[0]
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert english_text in text
    assert chinese in text
    assert english_text.removeprefix("~ ").removesuffix("</p>") + ": " in first_line
    [motor] = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["motors"]
    assert motor["compared"] == pytest.approx(days / 31, rel=0.01)


CONTRACT_COAL = """contract_coal = { kgce_per_kwh = 0.31, year = 2019, source = "contract 17" }"""


@pytest.mark.parametrize(
    ("setting", "tce_per_mwh", "english", "chinese"),
    [
        ("", 0.284, "coal consumption of generation, 2023, 0.284 kgce/kWh", "发电标准煤耗（2023 年）"),
        (
            'standard_coal = "supply"',
            0.3016,
            "coal consumption of supply, 2023, 0.3016 kgce",
            "供电标准煤耗（2023 年）",
        ),
        (CONTRACT_COAL, 0.31, "figure of the contract, 2019, 0.31 kgce/kWh, contract 17", "合同约定值（2019 年）"),
    ],
)
@pytest.mark.text
def test_the_page_names_the_coal_figure_that_was_used(
    tmp_path: Path, setting: str, tce_per_mwh: float, english: str, chinese: str
) -> None:
    """Of a month of 2024: the generation or supply figure of 2023 [M], or the one of the contract."""
    metered_retrofit.retrofit(tmp_path, days=2)
    plant = tmp_path / "plant.toml"
    plant.write_text(plant.read_text(encoding="utf-8").replace("[site]\n", f"[site]\n{setting}\n"), encoding="utf-8")
    where = ["--config", str(plant), "--output", str(tmp_path / "r.html")]
    CliRunner().invoke(main, ["report", "--month", "2024-10", *where])
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert english in text
    assert chinese in text
    assert "no figure for" not in text
    [motor] = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["motors"]
    assert motor["coal_kgce"]["equivalent"] == pytest.approx(tce_per_mwh * motor["saving"]["saved_wh"] / 1000)
    assert motor["coal_kgce"]["calorific"] == pytest.approx(0.1229 * motor["saving"]["saved_wh"] / 1000)


@pytest.mark.text
def test_a_missing_year_of_coal_is_named(tmp_path: Path) -> None:
    metered_retrofit.retrofit(tmp_path, days=2)
    config = load_config(tmp_path / "plant.toml")[0]
    db = open_read_only(tmp_path / "state" / "magwatt.sqlite")
    found = collect(db, config, assets(config)[0], "2024-10", metered_retrofit.utc_ms("2024-11-01 00:00"))
    db.close()
    late = str(tiles(replace(found, month="2035-10"), Catalogue("en")))
    assert "no figure for 2034 is available" in late

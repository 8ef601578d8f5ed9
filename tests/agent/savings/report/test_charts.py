"""Elements of a chart are inside its area and do not overlap."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from support import metered_retrofit

from agent.cli import main
from agent.config.loader import load_config
from agent.config.topology import assets
from agent.core.text import Catalogue
from agent.delivery.store.read_only import open_read_only
from agent.savings.report.html.charts import power_over_driver
from agent.savings.report.html.svg import Chart
from agent.savings.report.model.month import ReportMonth, collect

DIGIT = 6.2  # width of a digit in px, at 11 px in common fonts
WIDTH = 520


def chart(x: tuple[float, float], y: tuple[float, float] = (0.0, 1.0), texts: dict[float, str] | None = None) -> str:
    ticks = None if texts is None else list(texts)
    return Chart(x, y, ("", ""), x_ticks=ticks, tick=None if texts is None else texts.__getitem__).svg("picture")


@pytest.mark.parametrize("picture", [chart((1.0, 3.0), texts={3.0: "10-03"}), chart((20_000, 100_000))])
def test_the_last_tick_is_not_clipped(picture: str) -> None:
    middle = re.findall(r'x="([\d.]+)" y="[\d.]+" text-anchor="middle">([^<]+)</text>', picture)
    assert middle
    for x, text in middle:
        assert float(x) + DIGIT * len(text) / 2 <= WIDTH, text


def test_ticks_have_the_minus_of_all_other_numbers() -> None:
    picture = chart((0.0, 1.0), (-5000.0, 0.0))
    assert ">−4\u202f000<" in picture
    assert ">-" not in picture


@pytest.mark.text
def test_the_legend_of_a_falling_line_does_not_overlap_the_zero_line(tmp_path: Path) -> None:
    """More energy is used from the first day: the line starts at the upper left, where the legend is."""
    metered_retrofit.retrofit(tmp_path, days=3)
    page = report(tmp_path, "2024-10", more=30_000.0)
    picture = next(each for each in page.split("<figure>") if "cumulative saving, kWh" in each)
    [zero] = re.findall(r'<line class="zero" [^>]*y1="([\d.]+)"', picture)
    legend = [float(y) + 8 for y in re.findall(r'<rect class="key [^>]*y="([\d.]+)"', picture)]
    assert legend
    assert float(zero) > max(legend) + 4, "letters go below their line"


@pytest.mark.text
def test_a_month_without_data_has_no_legend_and_no_oversized_bar(tmp_path: Path) -> None:
    metered_retrofit.retrofit(tmp_path, days=2)
    page = report(tmp_path, "2025-01")
    [picture] = page.partition('<article class="zh"')[0].split("<figure>")[1:]
    assert "baseline period</text>" in picture
    assert "this month</text>" not in picture
    assert "repeat(auto-fit" not in page.partition(".figures {")[2].partition("}")[0], "one picture would fill the page"


def test_the_model_line_is_interrupted_outside_the_range_of_the_baseline(tmp_path: Path) -> None:
    """A coverage gap at flows from 50 to 60: one line on each side, both end at the gap."""
    metered_retrofit.retrofit(tmp_path, days=2)
    config = load_config(tmp_path / "plant.toml")[0]
    db = open_read_only(tmp_path / "state" / "magwatt.sqlite")
    month = collect(db, config, assets(config)[0], "2024-10", metered_retrofit.utc_ms("2024-11-01 00:00"))
    db.close()
    assert month.baseline
    holes = {"holes": {metered_retrofit.FLOW: [[50.0, 60.0]]}}
    parted = replace(month, baseline=replace(month.baseline, shape={**month.baseline.shape, **holes}))
    whole, below, above = (
        [float(pair.partition(",")[0]) for pair in points.split()]
        for picture in (cloud(month), cloud(parted))
        for points in re.findall(r'class="line model" points="([^"]+)"', picture)
    )
    assert (min(below), max(above)) == (min(whole), max(whole))
    px = {float(text): float(x) for x, text in re.findall(r'x="([\d.]+)" [^>]*middle">(\d+)<',
                                                          cloud(month))}  # fmt: skip
    scale = (px[80] - px[40]) / 40
    assert max(below) <= px[40] + 10 * scale + 0.1
    assert min(above) >= px[40] + 20 * scale - 0.1


def cloud(month: ReportMonth) -> str:
    figure = power_over_driver(month, Catalogue("en"))
    assert figure is not None
    return figure.svg


def report(folder: Path, month: str, more: float = 0.0) -> str:
    """The page of the report. more: Wh added to each interval from October."""
    db = sqlite3.connect(folder / "state" / "magwatt.sqlite")
    begin_ms = metered_retrofit.utc_ms("2024-10-01 00:00")
    for start_ms, text in db.execute("select start_ms, body from interval where start_ms >= ?", (begin_ms,)).fetchall():
        body = json.loads(text)
        changed = json.dumps(body | {"energy_wh": body["energy_wh"] + more})
        db.execute("update interval set body = ? where start_ms = ?", (changed, start_ms))
    db.commit()
    db.close()
    out = folder / "r.html"
    command = ["report", "--month", month, "--config", str(folder / "plant.toml"), "--output", str(out)]
    CliRunner().invoke(main, command)
    return out.read_text(encoding="utf-8")

"""The page and the picture: in both languages, without anything to load, each number with its uncertainty."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from agent.fleet.reasons import GATEWAY_SILENT
from agent.fleet.report.attention import Attention
from agent.fleet.report.chart import Bar, ranking_svg
from agent.fleet.report.page import BEST, LISTED, WORST, page, picture
from agent.fleet.report.report import FleetReport, total_of
from tests.agent.fleet.report.test_report import motor

NAMES = ["风机 <1> & 泵", *(f"m-{number}" for number in range(BEST + WORST + 5))]
MOTORS = [motor(name, 5_000_000.0 - 300_000 * number, u_wh=90_000) for number, name in enumerate(NAMES)]
SILENT = [Attention("gateways", GATEWAY_SILENT(site="mill", gateway=f"gw-{n}", seen_ms=0)) for n in range(LISTED + 3)]
REPORT = FleetReport(("2026-09", "2026-10"), 0, [*MOTORS, motor("none", None)], 1, total_of(MOTORS), SILENT)


def test_the_page_loads_nothing_and_has_both_languages() -> None:
    text = page(REPORT, "zh")
    assert not re.findall(r"<script|<link|<img|url\(|@import|src=|href=\"(?!#)", text)
    assert {'<article class="en" lang="en">', '<article class="zh" lang="zh-CN">'} <= set(
        re.findall("<article[^>]*>", text)
    )
    assert text.count("2026-09 – 2026-10") >= 3
    assert len(re.findall(rf"mill/gw-{LISTED - 1}\b", text)) == 2, "in each language"
    assert not re.findall(rf"mill/gw-{LISTED}\b", text)


def test_the_page_has_the_sum_with_its_uncertainty() -> None:
    saved_kwh = sum(item.saving.saved_wh for item in MOTORS if item.saving) / 1000
    assert f"{saved_kwh:.0f}" == "43000"  # 20 motors, U95 90·√20 = 402 kWh
    for article in page(REPORT).split("<article")[1:]:
        assert re.search("43\u202f000 <i>±</i> 400", article)


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_the_picture_is_complete_xml_with_an_error_bar_for_each_motor(language: str) -> None:
    tree = ElementTree.fromstring(picture(REPORT, language))
    bars = [item for item in tree.iter() if item.get("class", "").startswith("bar")]
    errors = [item for item in tree.iter() if item.get("class") == "error"]
    assert (len(bars), len(errors)) == (BEST + WORST, 3 * (BEST + WORST))


@pytest.mark.text
@pytest.mark.parametrize(("language", "simulated"), [("en", "simulated"), ("zh_CN", "模拟")])
def test_the_picture_names_its_period_and_that_it_is_simulated(language: str, simulated: str) -> None:
    """It is pasted into documents without the page."""
    for report in (REPORT, replace(REPORT, motors=[replace(item, simulated=True) for item in MOTORS])):
        shown = [item.text or "" for item in ElementTree.fromstring(picture(report, language)).iter() if item.text]
        assert any("2026-09 – 2026-10" in text and "kWh" in text for text in shown)
        assert any(simulated in text for text in shown) == report.simulated


def test_bars_and_errors_are_drawn_to_scale() -> None:
    svg = ElementTree.fromstring(ranking_svg([Bar("a", 100.0, 20.0), Bar("b", -50.0, 10.0), Bar("gap")], "kWh", "x"))
    a, b = (item for item in svg.iter("rect"))
    assert float(a.get("width", 0)) == pytest.approx(2 * float(b.get("width", 0)), abs=0.2)
    assert float(a.get("x", 0)) == pytest.approx(float(b.get("x", 0)) + float(b.get("width", 0)), abs=0.2)
    whisker = next(item for item in svg.iter("line") if item.get("class") == "error")
    width = float(whisker.get("x2", 0)) - float(whisker.get("x1", 0))
    assert width == pytest.approx(0.4 * float(a.get("width", 0)), abs=0.2)
    assert "bar lost" in {item.get("class") for item in svg.iter()}

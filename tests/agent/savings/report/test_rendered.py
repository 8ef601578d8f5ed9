"""The report as texts and figures for the local page: the same as the HTML report, in both languages."""

from __future__ import annotations

import contextlib
import json
import re
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace
from support import metered_retrofit

from agent.config.loader import load_config
from agent.config.topology import assets
from agent.delivery.store.read_only import open_read_only
from agent.savings.reasons import MAINTENANCE, RATIO_UNDECIDED
from agent.savings.records.model import QUARTER_MS, NonRoutineEvent
from agent.savings.report.html.page import Cover, page
from agent.savings.report.model.ledger_check import LedgerCheck, LedgerVerifier
from agent.savings.report.model.month import ReportMonth, collect
from agent.savings.report.rendered import pictures, rendered

COVER = Cover("mill-2", "gw-07", metered_retrofit.ZONE, 0, "0", "c0ffee", "magwatt ledger verify")
NOW_MS = metered_retrofit.utc_ms("2024-10-04 00:00")


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("state")
    metered_retrofit.retrofit(folder, days=3)
    return folder


@pytest.fixture(scope="module")
def months(state: Path) -> list[ReportMonth]:
    config = load_config(state / "plant.toml")[0]
    with contextlib.closing(open_read_only(state / "state" / "magwatt.sqlite")) as db:
        return [collect(db, config, assets(config)[0], "2024-10", NOW_MS, LedgerVerifier())]


def shown_texts(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL)))


def strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in strings(item)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_text_and_figure_is_in_the_html_report(months: list[ReportMonth], language: str) -> None:
    motor = json.loads(json.dumps(rendered(months, COVER)))["texts"][language]["motors"][0]
    report = re.sub(r"\s", "", shown_texts(page(months, COVER)))
    codes = ("id", "verdict", "ledger_state", "kind", "status", "file", "width", "x", "setting", "largest_setting")
    for name in codes:
        motor.pop(name, None)
    figures = [text for text in strings(motor) if re.search(r"\d", text) and not text.endswith(".svg")]
    assert len(figures) > 60
    parts = {f"{row[key]}" for row in motor["parts"] for key in ("width", "x") if key in row}
    assert not [text for text in figures if text not in parts and re.sub(r"\s", "", text) not in report]


def test_each_picture_is_a_separate_file(months: list[ReportMonth]) -> None:
    texts, files = rendered(months, COVER)["texts"], pictures(months, COVER)
    named = [item["file"] for each in texts.values() for item in each["motors"][0]["pictures"]]
    assert named
    assert sorted(named) == sorted(files)
    for name, svg in files.items():
        root = ElementTree.fromstring(svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        style = root.find("{http://www.w3.org/2000/svg}style")
        assert style is not None
        assert style.text is not None
        used = set(re.findall(r"var\((--\w+)\)", style.text))
        assert used <= set(re.findall(r"(--\w+):", style.text)), name
        assert "url(" not in svg


def test_the_state_of_the_ledger_is_a_code(months: list[ReportMonth]) -> None:
    (month,) = months
    found = [
        rendered([replace(month, ledger=ledger)], COVER)["texts"]["en"]["motors"][0]["ledger_state"]
        for ledger in (
            month.ledger,
            replace(month.ledger, differing=1),
            replace(month.ledger, pending=2),
            LedgerCheck(),
        )
    ]
    assert found == ["whole", "touched", "pending", "none"]


def test_decisions_on_events_are_those_of_the_report(months: list[ReportMonth]) -> None:
    (month,) = months
    begin_ms = month.from_ms
    waiting = NonRoutineEvent(1, "fan", "bypass", begin_ms, begin_ms + QUARTER_MS, MAINTENANCE(), 5e4, "exclude")
    decided = replace(
        waiting, number=2, decision="adjust", adjust_wh=1.5e4, by="Li Wei", reason="old belt", decided_ms=begin_ms
    )
    month = replace(month, events=[waiting, decided])
    report = re.sub(r"\s", "", shown_texts(page([month], COVER)))
    for texts in rendered([month], COVER)["texts"].values():
        found = texts["motors"][0]["events"]
        assert [event["number"] for event in found] == [1, 2]
        for event in found:
            assert re.sub(r"\s", "", event["decision"] + event["by"]) in report
            assert re.sub(r"\s", "", event["kind"] + event["start"] + event["end"] + event["cause"]) in report


def test_a_month_without_comparable_energy_states_what_must_be_decided(months: list[ReportMonth]) -> None:
    (month,) = months
    assert month.saving is not None
    question = RATIO_UNDECIDED(asset="fan", number=1, factor=0.72, from_ms=month.from_ms)
    saving = replace(month.saving, intervals=0, verdict="undecided", caveats=(question,))
    assert "magwatt adjustment decide fan 1" in shown_texts(page([replace(month, saving=saving)], COVER))


@pytest.mark.text
def test_uncertainties_are_shown_in_digits(months: list[ReportMonth]) -> None:
    (month,) = months
    assert month.saving is not None
    saving = replace(month.saving, causes={"driver": 1.234e6, "model": 4.449e4}, u95_wh=2.468e6)
    text = re.sub(r"\s", "", shown_texts(page([replace(month, saving=saving)], COVER)))
    assert "√Σu²=1235;U95=2468" in text
    assert "modelcoefficients44.5" in text


@pytest.mark.text
def test_the_energy_of_an_event_that_goes_on_is_not_shown(months: list[ReportMonth]) -> None:
    (month,) = months
    event = NonRoutineEvent(1, "fan", "maintenance", month.from_ms, None, MAINTENANCE(), 0.0, "exclude")
    report = page([replace(month, events=[event])], COVER)
    assert re.search(r"<td>not ended</td><td>[^<]+</td><td class=\"n\">–</td>", report)

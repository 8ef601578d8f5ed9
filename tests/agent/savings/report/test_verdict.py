"""The page and the summary show verdict, assumptions and figure together; an undecided month has no result."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from html import unescape
from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from support import metered_retrofit
from support.pictures import PAGE_KEY, REPORT_PAGE, page_fingerprint

from agent.cli import main
from agent.config.loader import load_config
from agent.config.topology import assets
from agent.core.text import Catalogue
from agent.delivery.store.read_only import open_read_only
from agent.savings import reasons
from agent.savings.records.model import QUARTER_MS, Assumption, StaticFactor
from agent.savings.report import reasons as report_reasons
from agent.savings.report.html.page import Cover, page
from agent.savings.report.model.month import ReportMonth, collect

COVER = Cover("mill-2", "gw-07", metered_retrofit.ZONE, 0, "0", "c0ffee", "magwatt ledger verify")
BEGIN_MS = metered_retrofit.utc_ms("2024-10-01 00:00")
ASSUMPTIONS = (
    Assumption("season", "open", reasons.SEASON_NOT_COVERED(n=3, limit_d=45, most_d=48)),
    Assumption("product_mix", "stated", reasons.PRODUCT_MIX_STATED(statement="grades A and B"), "Li Wei", BEGIN_MS),
    Assumption("driver", "checked", reasons.LOAD_MEASURED(drivers=(metered_retrofit.FLOW,))),
)
WORDS = re.compile("proven|证实")  # of a result that is claimed; 未证实 and "not proven" contain them, too


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("retrofit")
    metered_retrofit.retrofit(made, days=3)
    return made


@pytest.fixture(scope="module")
def month(folder: Path) -> ReportMonth:
    config = load_config(folder / "plant.toml")[0]
    with closing(open_read_only(folder / "state" / "magwatt.sqlite")) as db:
        return collect(db, config, assets(config)[0], "2024-10", BEGIN_MS + 3 * 96 * QUARTER_MS)


def with_verdict(month: ReportMonth, verdict: str, assumptions: tuple[Assumption, ...] = ASSUMPTIONS) -> ReportMonth:
    assert month.saving is not None
    caveats = (reasons.CT_RATIO(),) if verdict == "undecided" else ()
    return replace(month, saving=replace(month.saving, verdict=verdict, assumptions=assumptions, caveats=caveats))


def box(text: str, language: str) -> str:
    """The box with the figure, without its tags."""
    article = text.partition(f'<article class="{language}"')[2]
    found = re.search(r'<div class="verdict.*?</div>', article, re.DOTALL)
    assert found
    return unescape(re.sub(r"<[^>]+>", "", found[0]))


@pytest.mark.text
@pytest.mark.parametrize(
    ("verdict", "english", "chinese"),
    [("proven", "✓ proven", "✓ 已证实"), ("provisional", "~ provisional", "~ 暂定"),
     ("not_proven", "? not proven", "? 未证实"), ("negative", "✗ negative", "✗ 节电量为负"),
     ("undecided", "⚠ undecided", "⚠ 待定")],
)  # fmt: skip
def test_the_box_contains_figure_verdict_and_assumptions(
    month: ReportMonth, verdict: str, english: str, chinese: str
) -> None:
    text = page([replace(with_verdict(month, verdict), compared=1.0)], COVER)
    assert month.saving is not None
    for language, word, by in (("en", english, "stated (Li Wei, 2024-10-01 00:00 +0800)"),
                               ("zh", chinese, "已声明（Li Wei，2024-10-01 00:00 +0800）")):  # fmt: skip
        shown = box(text, language)
        assert word in shown
        assert by in shown
        assert "kWh" in shown
        places = [shown.index(found) for found in ("48", "grades A and B", "fan flow m³/h")]
        assert places == sorted(places), "open ones first"
    assert ('class="big"' in text) == (verdict != "undecided")


def test_the_title_of_a_figure_is_above_it(month: ReportMonth) -> None:
    figures = re.findall(r"<figure>(.*?)</figure>", page([month], COVER), re.DOTALL)
    assert len(figures) == 8, "four in each language"
    assert all(figure.startswith("<figcaption>") for figure in figures)


@pytest.mark.parametrize(
    ("adjusted_wh", "measured_wh", "equals"),
    [(97_757_400, 88_428_600, "≈"), (97_757_400, 88_428_400, "="), (9_004, 4_000, "=")],
)
def test_a_sum_that_is_rounded_is_not_called_equal(
    month: ReportMonth, adjusted_wh: float, measured_wh: float, equals: str
) -> None:
    """97 757 − 88 429 is 9328, and 9328.8 is shown as 9 329; 9.00 − 4.00 is 5.00, and 5.004 as 5.00."""
    saved_wh = adjusted_wh - measured_wh
    saving = replace(month.saving, adjusted_wh=adjusted_wh, measured_wh=measured_wh, saved_wh=saved_wh)
    assert f" {equals} " in box(page([replace(month, saving=saving)], COVER), "en")


@pytest.mark.parametrize(
    ("saved", "parts", "noted"),
    [((9190, 630), ((8900, 1200), (2900, 1100), (-2500, 1300)), True),
     ((9300, 630), ((8900, 1200), (2900, 1100), (-2500, 1300)), False),
     ((9190, 630), ((8944, 1200), (2851, 1100), (-2539, 1300)), True),
     ((9293, 630), ((8944, 630), (2851, 110), (-2502, 130)), False)],
)  # fmt: skip
def test_parts_that_do_not_add_up_as_shown_are_explained(
    month: ReportMonth, saved: tuple[int, int], parts: tuple[tuple[int, int], ...], noted: bool
) -> None:
    """8900 + 2900 − 2500 is not 9190: kWh and U95, rounded to two digits of U95 by hand."""
    saving = month.saving
    assert saving is not None
    names = ("control", "motor", "drive")
    shown = {
        name: saving.parts[name]._replace(wh=1e3 * kwh, u95_wh=1e3 * u)
        for name, (kwh, u) in zip(names, parts, strict=True)
    }
    changed = replace(saving, saved_wh=1e3 * saved[0], u95_wh=1e3 * saved[1], parts=shown)
    text = page([replace(month, saving=changed)], COVER)
    for language in ("en", "zh_CN"):
        note = Catalogue(language)(
            "Each number is rounded to its U95: the parts that are shown do not add up exactly to the total."
        )
        assert (note in text) == noted


def test_keys_of_the_configuration_are_in_details_for_the_engineer(month: ReportMonth) -> None:
    """What a manager reads above the tables of details has no key, option or measuring point in its form of the
    configuration."""
    notes = (report_reasons.GRID_FACTOR_MISSING(), report_reasons.TARIFF_MISSING(), report_reasons.CURRENCY_MISSING(),
             report_reasons.BASELINE_MISSING())  # fmt: skip
    assumptions = (Assumption("driver", "open", reasons.NO_DRIVER(cv=0.1)), *ASSUMPTIONS,
                   Assumption("product_mix", "open", reasons.PRODUCT_MIX_UNKNOWN()))  # fmt: skip
    text = page([replace(with_verdict(month, "provisional", assumptions), notes=notes)], COVER)
    in_details = " ".join(re.findall(r"<details><summary>[^<]*</summary><code>([^<]*)</code></details>", text))
    for key in (
        "site.grid_factor",
        "[tariff]",
        "motor.fan.static_factors.load",
        "motor.fan.losses",
        "meter.*.ct_class",
    ):
        assert key in in_details
    hidden = r"<style>.*?</style>|<details>.*?</details>|<code>.*?</code>|<svg.*?</svg>|<[^>]+>"
    shown = unescape(re.sub(hidden, " ", text, flags=re.DOTALL))
    keys = r"\b\w+_class|\b(?:site|motor|signal|drive)\.[a-z*]|\[tariff\]|`|_factors|drive-input"
    assert not re.findall(keys, shown)


@pytest.mark.text
def test_the_picture_of_the_report_in_readme_is_current(month: ReportMonth) -> None:
    """It carries the fingerprint of a page like this one, which `make picture` made when it drew the picture."""
    image = pytest.importorskip("PIL.Image")
    style = (files("agent.savings.report") / "report.css").read_text(encoding="utf-8")
    with image.open(REPORT_PAGE) as picture:
        assert picture.text[PAGE_KEY] == page_fingerprint(page([month], COVER), style), "run `make picture`"


@pytest.mark.text
def test_only_a_proven_month_has_the_word_in_its_box(month: ReportMonth) -> None:
    claimed = re.compile(r"(?<!not )proven|已证实")
    for verdict in ("provisional", "not_proven", "negative", "undecided"):
        text = page([with_verdict(month, verdict)], COVER)
        assert not claimed.search(box(text, "en") + box(text, "zh")), verdict
    text = page([with_verdict(month, "proven")], COVER)
    assert claimed.search(box(text, "en"))
    assert claimed.search(box(text, "zh"))


def bold(text: str) -> list[str]:
    return re.findall(r'<b>(.*?)</b>|class="big">(.*?)</p>|<tr class="[^"]*\btotal\b[^"]*">(.*?)</tr>', text, re.DOTALL)


def test_an_undecided_ratio_has_no_bold_figure_and_nowhere_the_word(month: ReportMonth) -> None:
    assert bold(page([with_verdict(month, "proven")] * 2, COVER))
    for months in ([month], [month] * 2):
        text = page([with_verdict(each, "undecided") for each in months], COVER)
        assert not WORDS.search(text)
        assert not bold(text)
        assert 'dl class="plain"' in text
        assert " tce" not in text, "figures that follow from the saving are not tiles"


@pytest.mark.text
def test_a_tampered_ledger_has_no_bold_figure_and_nowhere_the_word(folder: Path, tmp_path: Path) -> None:
    plant = tmp_path / "plant"
    shutil.copytree(folder, plant, ignore=shutil.ignore_patterns("reserve"))
    command = ["report", "--month", "2024-10", "--config", str(plant / "plant.toml"), "--output", str(plant / "r.html")]
    before = CliRunner().invoke(main, command)
    assert "undecided" not in before.output
    with closing(sqlite3.connect(plant / "state" / "magwatt.sqlite")) as db:
        db.execute("update ledger set body = replace(body, '\"energy_wh\":', '\"energy_wh\":1') where seq = 50")
        db.commit()
    after = CliRunner().invoke(main, command)
    files = [(plant / name).read_text(encoding="utf-8") for name in ("r.html", "r.json")]
    for text in (after.output, *files):
        assert not WORDS.search(text)
    assert not bold(files[0])
    assert "undecided: the ledger does not confirm this result" in after.output


@pytest.mark.text
def test_the_summary_names_the_assumptions(folder: Path) -> None:
    command = ["report", "--month", "2024-10", "--config", str(folder / "plant.toml"), "--output",
               str(folder / "summary.html")]  # fmt: skip
    lines = CliRunner().invoke(main, command).output.splitlines()
    assert "provisional" in lines[0]
    assert lines[1].startswith("  open: fan flow m³/h measures as in the baseline period")
    assert "checked: the load is measured by fan flow m³/h" in "\n".join(lines)


@pytest.mark.text
def test_static_factors_are_among_the_details_of_the_baseline(month: ReportMonth) -> None:
    assert month.baseline is not None
    factors = (StaticFactor("ambient", "hall at <20 °C>", "Wang & Li", BEGIN_MS),)
    text = page([replace(month, baseline=replace(month.baseline, static_factors=factors))], COVER)
    assert "ambient: hall at &lt;20 °C&gt; (Wang &amp; Li, 2024-10-01 00:00 +0800)" in text
    assert "环境条件：hall at" in text


def test_a_factor_that_is_stated_after_freezing_is_a_hint(folder: Path) -> None:
    (folder / "later.toml").write_text(
        metered_retrofit.PLANT + '[motor.fan.static_factors]\nambient = "hall, heated"\n', encoding="utf-8"
    )
    config = load_config(folder / "later.toml")[0]
    with closing(open_read_only(folder / "state" / "magwatt.sqlite")) as db:
        found = collect(db, config, assets(config)[0], "2024-10", BEGIN_MS + 3 * 96 * QUARTER_MS)
    assert reasons.STATIC_FACTOR_NOT_FROZEN(kind="ambient", statement="hall, heated", asset="fan") in found.hints


def test_without_a_saving_a_tampered_ledger_has_no_bold_key_figure_either(month: ReportMonth) -> None:
    text = page([replace(month, saving=None, ledger=replace(month.ledger, differing=1))], COVER)
    assert 'dl class="plain"' in text
    assert not [figure for found in bold(text) for figure in found if re.search(r"\d", figure)]

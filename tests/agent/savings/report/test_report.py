"""The monthly report: its figures compared with sums calculated here, its page, its files, and invalid input."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sqlite3
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace
from support import metered_retrofit
from support.basics import HandClock
from support.savings import save_event, save_intervals

from agent.cli import main
from agent.config.loader import load_config
from agent.config.reasons import GRID_FACTOR_UNKNOWN, NOT_A_MONTH, PRICE_MISSING, PRICES_OVERLAP, REFERENCE_MISSPELLED
from agent.config.topology import assets
from agent.core.local_time import zone_of
from agent.core.text import Catalogue, english
from agent.delivery.store import Store
from agent.delivery.store.read_only import open_read_only
from agent.savings.ledger.reasons import CHECKPOINT_DIFFERS, CHECKPOINT_NOT_IN_LEDGER, INTERVALS_NOT_RECORDED
from agent.savings.ledger.verify import verify
from agent.savings.reasons import BASELINE_CHANGED, EVENT_UNDECIDED, MAINTENANCE
from agent.savings.records.model import QUARTER_MS, Interval, NonRoutineEvent
from agent.savings.report.formatting import alike, with_u
from agent.savings.report.html import page as page_module
from agent.savings.report.html.page import Cover
from agent.savings.report.model.month import collect
from agent.savings.report.reasons import (
    BASELINE_MISSING,
    GRID_FACTOR_MISSING,
    LEDGER_DIFFERS,
    LEDGER_INVALID,
    LEDGER_PROBLEM,
    LEDGER_RECORD_MISSING,
    NO_DATA_IN_MONTH,
    OUTSIDE_REPORTING_PERIOD,
    TARIFF_MISSING,
)
from drivers.file_reasons import DID_YOU_MEAN
from drivers.reasons import Reason, reason_of

BEGIN_MS = metered_retrofit.utc_ms("2024-10-01 00:00")
END_MS = metered_retrofit.utc_ms("2024-11-01 00:00")
RECORDED_DAYS = 3
RECORDED_END_MS = metered_retrofit.utc_ms("2024-10-04 00:00")


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete month and its report; nothing in it is changed by a test."""
    folder = tmp_path_factory.mktemp("month")
    metered_retrofit.retrofit(folder)
    assert report(folder).exit_code == 0
    return folder


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    """The first three days of the month, without a report."""
    folder = tmp_path / "plant"
    metered_retrofit.retrofit(folder, days=RECORDED_DAYS)
    return folder


@pytest.fixture
def complete(month: Path, tmp_path: Path) -> Path:
    """A copy of the complete month with its report, for tests that change it."""
    folder = tmp_path / "complete"
    shutil.copytree(month, folder)
    return folder


def report(plant: Path, *more: str, month: str = "2024-10") -> Result:
    command = [
        "report",
        "--month",
        month,
        "--config",
        str(plant / "plant.toml"),
        "--output",
        str(plant / "r.html"),
        *more,
    ]
    return CliRunner().invoke(main, command)


def ledger_problems(plant: Path) -> list[str]:
    """The codes of the problems of the ledger that the report names."""
    notes = reported(plant)["notes"]
    return [note["data"]["problem"]["code"] for note in notes if note["code"] == LEDGER_INVALID]  # type: ignore[attr-defined]


def reported(plant: Path) -> dict[str, object]:
    [motor] = json.loads((plant / "r.json").read_text(encoding="utf-8"))["motors"]
    return motor


def shown_in_both_languages(plant: Path, reason: Reason) -> None:
    """The texts themselves are tested in test_report_chinese.py."""
    page = unescape(re.sub("</?span[^>]*>", "", (plant / "r.html").read_text(encoding="utf-8")))
    for language in ("en", "zh_CN"):
        assert Catalogue(language, zone_of(metered_retrofit.ZONE)).reason(reason) in page


def codes(found: object) -> list[str]:
    return [reason["code"] for reason in found]  # type: ignore[attr-defined]


def edit_plant(plant: Path, old: str, new: str) -> None:
    path = plant / "plant.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def tamper(plant: Path, statement: str, *values: object) -> None:
    db = sqlite3.connect(plant / "state" / "magwatt.sqlite")
    assert db.execute(statement, values).rowcount
    db.commit()
    db.close()


def add_event(plant: Path, **more: object) -> None:
    store = Store(plant / "state", HandClock())
    save_event(store, NonRoutineEvent(0, "fan", "maintenance", BEGIN_MS, BEGIN_MS + 4 * QUARTER_MS, MAINTENANCE(),
                            5000.0, "exclude", **more))  # type: ignore[arg-type]  # fmt: skip
    store.close()


def test_the_numbers_are_those_of_the_plant(month: Path) -> None:
    """Measured energy: summed here from the laws of the plant. Adjusted baseline: the old fan at today's flow."""
    items = metered_retrofit.new(BEGIN_MS, END_MS)
    measured_wh = sum((item.energy_wh or 0) + item.auxiliary_wh for item in items)
    old_wh = sum(250 * metered_retrofit.before_kw(item.drivers[metered_retrofit.FLOW].mean) for item in items)
    found = reported(month)
    assert found["measured_wh"] == pytest.approx(measured_wh, rel=1e-12)
    saving = found["saving"]
    assert saving["verdict"] == "provisional"  # type: ignore[index]
    assert saving["saved_wh"] == pytest.approx(old_wh - measured_wh, rel=2e-3)  # type: ignore[index]
    parts = saving["parts"]  # type: ignore[index]
    assert sum(part["wh"] for part in parts.values()) == pytest.approx(saving["saved_wh"], abs=1)  # type: ignore[index]
    assert parts["drive"]["wh"] == pytest.approx(-sum((i.drive_loss_wh or 0) + i.auxiliary_wh for i in items), rel=1e-3)


def test_money_coal_and_carbon_follow_from_the_quarter_hours(month: Path) -> None:
    """The rows of the CSV file are priced here by their local hour."""
    rows = list(csv.DictReader(io.StringIO((month / "r.csv").read_text(encoding="utf-8-sig"))))
    assert len(rows) == 31 * 96
    prices = {**dict.fromkeys(range(7, 17), 0.68), **dict.fromkeys(range(17, 23), 1.05)}
    claimed = [row for row in rows if row["saved_kwh"]]
    money = sum(float(row["saved_kwh"]) * prices.get(int(row["start_local"][11:13]), 0.34) for row in claimed)
    kwh = sum(float(row["saved_kwh"]) for row in claimed)
    found = reported(month)
    assert found["money"]["saved"] == pytest.approx(money, rel=1e-5)  # type: ignore[index]
    assert found["avoided_grid_emissions_kg"] == pytest.approx(0.6849 * kwh, rel=1e-5)
    assert found["coal_kgce"]["calorific"] == pytest.approx(0.1229 * kwh, rel=1e-5)  # type: ignore[index]
    assert found["grid_factor"]["year"] == 2022  # type: ignore[index]


def test_the_report_balances_with_the_ledger_to_the_watt_hour(month: Path) -> None:
    ledger = reported(month)["ledger"]
    assert ledger["intervals"] == 4 * 744  # type: ignore[index]
    assert ledger["recorded_wh"] == ledger["reported_wh"] > 20_000_000  # type: ignore[index]
    assert (ledger["differing"], ledger["unrecorded"], ledger["ok"]) == (0, 0, True)  # type: ignore[index]


def test_the_json_is_a_checkpoint_that_verify_takes(plant: Path) -> None:
    report(plant)
    command = ["ledger", "verify", "--state", str(plant / "state"), "--checkpoint", str(plant / "r.json"), "--json"]
    found = CliRunner().invoke(main, command)
    assert found.exit_code == 0, found.output
    body = json.loads(found.output)
    assert (body["ok"], body["external_checkpoints"]) == (True, 1)
    tamper(plant, "delete from ledger where seq > 100")
    cut = CliRunner().invoke(main, command)
    assert cut.exit_code == 1
    assert json.loads(cut.output)["first_bad"] == 101


class _Reader(HTMLParser):
    VOID = ("meta", "input", "br", "rect", "line", "path", "polyline", "polygon")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [f"{name}={value}" for name, value in attrs if name in ("src", "data") or name == "href"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.mark.text
def test_the_page_is_complete_and_self_contained(month: Path) -> None:
    text = (month / "r.html").read_text(encoding="utf-8")
    reader = _Reader()
    reader.feed(text)
    assert reader.open == []
    assert "script" not in reader.tags
    assert "link" not in reader.tags
    assert [load for load in reader.loads if not load.startswith("href=#")] == []
    assert "url(" not in text
    assert "@import" not in text
    assert text.count("<figure>") == 8  # four charts in two languages
    for expected in (
        "48\u202f250",
        "proven",
        "已证实",
        "22091734",
        "4711, 省计量院",
        "0.5S",
        "IE5",
        "减排量",
        "SIMULATED",
    ):
        assert expected in text
    assert "nan" not in text.lower().replace("nance", "")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_opens_in_the_requested_language(plant: Path, lang: str) -> None:
    report(plant, "--lang", lang)
    assert f'id="lang-{lang}" checked' in (plant / "r.html").read_text(encoding="utf-8")


def test_text_from_users_is_escaped(plant: Path) -> None:
    edit_plant(plant, "3#除尘风机", "<script>alert(1)</script>")
    add_event(plant, decision="keep", by="<b>Wang", reason="5 < 6 & so on", decided_ms=BEGIN_MS)
    report(plant)
    text = (plant / "r.html").read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "5 &lt; 6 &amp; so on" in text
    assert "&lt;b&gt;Wang" in text


def test_an_open_event_is_shown_and_excludes(plant: Path) -> None:
    report(plant)
    before = reported(plant)["saving"]["intervals"]  # type: ignore[index]
    add_event(plant)
    report(plant)
    assert reported(plant)["saving"]["intervals"] == before - 4  # type: ignore[index]
    assert EVENT_UNDECIDED in codes(reported(plant)["saving"]["caveats"])  # type: ignore[index]
    shown_in_both_languages(plant, EVENT_UNDECIDED(number=1, kind="maintenance", cause=MAINTENANCE()))


@pytest.mark.parametrize("month", ["2024-08", "2025-01"])
def test_a_month_without_data_is_reported(plant: Path, month: str) -> None:
    found = report(plant, month=month)
    assert found.exit_code == 1
    assert "2024-09-01 00:00 +0800" in found.output
    [note] = reported(plant)["notes"]  # type: ignore[misc]
    assert note["code"] == NO_DATA_IN_MONTH
    assert note["data"] == {"from_ms": metered_retrofit.utc_ms("2024-09-01 00:00"), "to_ms": RECORDED_END_MS}
    shown_in_both_languages(plant, reason_of(note))
    assert reported(plant)["measured_wh"] is None


def test_the_month_of_the_baseline_has_no_saving(plant: Path) -> None:
    found = report(plant, month="2024-09")
    assert found.exit_code == 1
    assert OUTSIDE_REPORTING_PERIOD in codes(reported(plant)["notes"])
    assert reported(plant)["saving"] is None


def test_an_edited_interval_is_reported_in_output_and_page(plant: Path) -> None:
    start_ms = BEGIN_MS + 100 * QUARTER_MS
    tamper(
        plant,
        "update interval set body = replace(body, '\"energy_wh\":', '\"energy_wh\":1') where start_ms = ?",
        start_ms,
    )
    found = report(plant)
    assert found.exit_code == 1
    notes = reported(plant)["notes"]
    assert codes(notes) == [LEDGER_INVALID, LEDGER_DIFFERS]
    assert notes[1]["data"] == {"n": 1}  # type: ignore[index]
    text = (plant / "r.html").read_text(encoding="utf-8")
    assert 'class="verdict undecided"' in text
    assert reported(plant)["ledger"]["confirmed"] is False  # type: ignore[index]
    for note in notes:  # type: ignore[attr-defined]
        shown_in_both_languages(plant, reason_of(note))


def test_an_edited_record_is_reported(plant: Path) -> None:
    tamper(plant, "update ledger set body = replace(body, '\"energy_wh\":', '\"energy_wh\":1') where seq = 50")
    found = report(plant)
    assert found.exit_code == 1
    assert reported(plant)["ledger"]["first_bad"] == 50  # type: ignore[index]


def test_a_baseline_that_is_not_the_frozen_one_is_not_used(plant: Path) -> None:
    tamper(plant, "update note set body = replace(body, 'polynomial', 'affinity') where kind = 'baseline'")
    found = report(plant)
    assert found.exit_code == 1
    assert codes(reported(plant)["notes"])[0] == BASELINE_CHANGED
    assert reported(plant)["saving"] is None


def test_data_without_a_ledger_are_reported_as_unproven(plant: Path) -> None:
    tamper(plant, "delete from ledger")
    found = report(plant)
    assert LEDGER_RECORD_MISSING in codes(reported(plant)["notes"])
    assert 'class="verdict undecided"' in (plant / "r.html").read_text(encoding="utf-8")
    assert found.exit_code == 1


def test_a_gap_in_the_ledger_is_counted(plant: Path) -> None:
    store = Store(plant / "state", HandClock())
    save_intervals(store, metered_retrofit.new(RECORDED_END_MS, RECORDED_END_MS + 96 * QUARTER_MS))
    store.close()
    found = report(plant)
    assert found.exit_code == 1
    [note] = [note for note in reported(plant)["notes"] if note["code"] == LEDGER_PROBLEM]  # type: ignore[attr-defined]
    problem = {"code": INTERVALS_NOT_RECORDED, "data": {"n": 96, "asset": "fan", "first_ms": RECORDED_END_MS}}
    assert {name: note["data"]["problem"][name] for name in problem} == problem
    assert reported(plant)["ledger"]["unrecorded"] == 96  # type: ignore[index]
    assert reported(plant)["ledger"]["confirmed"] is False  # type: ignore[index]


def test_a_negative_saving_is_reported_as_negative(tmp_path: Path) -> None:
    """The fan uses 1.1 times the energy of the old one at the same flow."""

    def worse(from_ms: int, to_ms: int) -> list[Interval]:
        return [
            replace(item, energy_wh=1.1 * 250 * metered_retrofit.before_kw(item.drivers[metered_retrofit.FLOW].mean))
            for item in metered_retrofit.new(from_ms, to_ms)
        ]

    (tmp_path / "plant").mkdir()
    metered_retrofit.retrofit(tmp_path / "plant", days=3, after=worse)
    report(tmp_path / "plant")
    assert reported(tmp_path / "plant")["saving"]["verdict"] == "negative"  # type: ignore[index]
    text = (tmp_path / "plant" / "r.html").read_text(encoding="utf-8")
    assert 'class="verdict negative"' in text
    for language in ("en", "zh_CN"):
        assert Catalogue(language).translate("negative") in text


def test_a_missing_tariff_factor_or_baseline_is_named(tmp_path: Path) -> None:
    plant = tmp_path / "plant"
    plant.mkdir()
    metered_retrofit.retrofit(plant, days=2, baseline=False)
    edit_plant(plant, 'grid_factor = "CN-NM"\n', "")
    text = (plant / "plant.toml").read_text(encoding="utf-8")
    begin, end = text.index("[tariff]"), text.index("[store]")
    (plant / "plant.toml").write_text(text[:begin] + text[end:], encoding="utf-8")
    found = report(plant)
    assert codes(reported(plant)["notes"]) == [BASELINE_MISSING, GRID_FACTOR_MISSING, TARIFF_MISSING]
    assert "1\u202f440 kWh" in found.output


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('grid_factor = "CN-NM"', 'grid_factor = "CN-MN"',
         DID_YOU_MEAN(problem=GRID_FACTOR_UNKNOWN(name="CN-MN"), near="CN-YN")),
        ('to = "17:00"', 'to = "16:00"', PRICE_MISSING(start="16:00", end="17:00", days="all", months="all")),
        ('to = "17:00"', 'to = "18:00"',
         PRICES_OVERLAP(prices=("flat", "peak"), start="17:00", end="18:00", days="all", months="all")),
    ],
)  # fmt: skip
def test_a_wrong_tariff_or_factor_stops_with_its_line(plant: Path, old: str, new: str, expected: Reason) -> None:
    edit_plant(plant, old, new)
    found = report(plant)
    assert found.exit_code == 2
    assert re.match(r"plant\.toml:\d+: ", found.output)
    assert english(expected) in found.output
    assert not (plant / "r.html").exists()


@pytest.mark.text
@pytest.mark.parametrize(
    ("more", "month", "expected"),
    [((), "2024-13", NOT_A_MONTH(text="2024-13")),
     (("--motor", "fann"), "2024-10", REFERENCE_MISSPELLED(kind="motor", near="fan")),
     (("--state", "nowhere"), "2024-10", "`magwatt run`"), (("--key", "none.key"), "2024-10", "No such file")],
)  # fmt: skip
def test_wrong_usage_is_one_line(plant: Path, more: tuple[str, ...], month: str, expected: Reason | str) -> None:
    found = report(plant, *more, month=month)
    assert found.exit_code == 2
    assert (expected if isinstance(expected, str) else english(expected)) in found.output
    assert len(found.output.splitlines()) == 1


def test_an_invalid_state_file_is_rejected(plant: Path) -> None:
    (plant / "state" / "magwatt.sqlite").write_bytes(b"not a database" * 1000)
    found = report(plant)
    assert found.exit_code == 2
    assert "magwatt.sqlite" in found.output


def test_a_copy_can_be_reported_from_without_writing_to_it(complete: Path) -> None:
    for file in (complete / "state").glob("magwatt.sqlite-*"):
        file.unlink()
    state = (complete / "state" / "magwatt.sqlite").read_bytes()
    assert report(complete, "--state", str(complete / "state" / "magwatt.sqlite")).exit_code == 0
    assert (complete / "state" / "magwatt.sqlite").read_bytes() == state


@pytest.mark.text
def test_external_checkpoints_are_checked_and_named(complete: Path) -> None:
    """Also those of an earlier report, and also if only the records of the month are verified."""
    earlier = complete / "september.json"
    shutil.copy(complete / "r.json", earlier)
    assert "no external checkpoint compared" in (complete / "r.html").read_text(encoding="utf-8")
    assert report(complete, "--checkpoint", str(earlier)).exit_code == 0
    text = (complete / "r.html").read_text(encoding="utf-8")
    assert f"1: {earlier}" in text
    assert "external checkpoints that match: 1" in text
    assert reported(complete)["ledger"]["external_checkpoints"] == 1  # type: ignore[index]
    [seq] = [json.loads(earlier.read_text(encoding="utf-8"))["ledger"]["seq"]]
    tamper(complete, "delete from ledger where seq >= ?", seq)
    cut = report(complete, "--checkpoint", str(earlier))
    assert cut.exit_code == 1
    assert CHECKPOINT_NOT_IN_LEDGER in ledger_problems(complete)
    assert 'class="verdict undecided"' in (complete / "r.html").read_text(encoding="utf-8")
    lost = report(complete, "--checkpoint", "nowhere.json")
    assert (lost.exit_code, lost.output) == (2, "cannot read nowhere.json: No such file or directory\n")


def test_a_long_ledger_is_checked_against_older_checkpoints_too(
    complete: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the records before the month only that of the checkpoint is read."""
    from agent.savings.report.model import ledger_check

    db = sqlite3.connect(complete / "state" / "magwatt.sqlite")
    seq, expected = db.execute("select seq, hash from ledger where kind = 'interval' order by seq limit 1").fetchone()
    db.close()
    elsewhere = complete / "roots.jsonl"
    elsewhere.write_text(json.dumps({"seq": seq, "hash": expected}) + "\n", encoding="utf-8")
    monkeypatch.setattr(ledger_check, "MOST", 10)
    assert report(complete, "--checkpoint", str(elsewhere)).exit_code == 0
    elsewhere.write_text(json.dumps({"seq": seq, "hash": "0" * 64}) + "\n", encoding="utf-8")
    found = report(complete, "--checkpoint", str(elsewhere))
    assert found.exit_code == 1
    assert CHECKPOINT_DIFFERS in ledger_problems(complete)


@pytest.mark.parametrize("whole", [10, 10_000])
def test_report_and_verify_count_equally(complete: Path, monkeypatch: pytest.MonkeyPatch, whole: int) -> None:
    from agent.savings.report.model import ledger_check

    monkeypatch.setattr(ledger_check, "MOST", whole)
    store = Store(complete / "state", HandClock())
    late = metered_retrofit.new(END_MS, END_MS + 5 * QUARTER_MS)
    save_intervals(store, late)
    store.close()
    tamper(complete, "update interval set start_ms = start_ms + 1 where start_ms = ?", BEGIN_MS + 40 * QUARTER_MS)
    db = open_read_only(complete / "state" / "magwatt.sqlite")
    found = verify(db).unrecorded
    db.close()
    assert len(found["fan"]) == 1 + 5
    report(complete)
    ledger = reported(complete)["ledger"]
    assert (ledger["unrecorded"], ledger["not_yet_recorded"]) == (1, 0)  # type: ignore[index]
    report(complete, month="2024-11")
    ledger = reported(complete)["ledger"]
    assert (ledger["unrecorded"], ledger["not_yet_recorded"]) == (5, 0)  # type: ignore[index]


@pytest.mark.text
def test_savings_and_uncertainties_of_motors_are_combined(plant: Path) -> None:
    """Two identical motors: twice the energy and at most twice U95, because meter errors may be correlated."""
    config = load_config(plant / "plant.toml")[0]
    db = open_read_only(plant / "state" / "magwatt.sqlite")
    month = collect(db, config, assets(config)[0], "2024-10", END_MS)
    db.close()
    cover = Cover("mill-2", "gw-07", metered_retrofit.ZONE, END_MS, "0", "c0ffee", "magwatt ledger verify")
    text = page_module.page([month, month], cover)
    assert month.saving
    value, u = with_u(2 * month.saving.saved_wh / 1000, 2 * month.saving.u95_wh / 1000)
    assert f'<td>total</td><td></td><td class="n">{value}</td><td class="n">{u} <small>at most' in text


def test_the_uncertainty_determines_the_digits_of_a_number() -> None:
    assert with_u(48246.4, 559.6) == ("48\u202f250", "560")
    assert alike(47686.8, 559.6) == "47\u202f690"
    assert with_u(1.0, 0.0) == ("1.0", "–")

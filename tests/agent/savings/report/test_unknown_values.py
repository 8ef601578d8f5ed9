"""Unknown, incomplete or impossible values appear in one line and in the exit code, never as zero or blank."""

from __future__ import annotations

import errno
import json
import os
import re
import sqlite3
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace
from support import metered_retrofit

from agent.cli import main
from agent.config.loader import load_config
from agent.config.topology import assets
from agent.core.text import Catalogue
from agent.delivery.store.read_only import open_read_only
from agent.savings.ledger.signing_key import FILE
from agent.savings.records.model import QUARTER_MS
from agent.savings.report.html.page import Cover, page
from agent.savings.report.model.ledger_check import LedgerCheck
from agent.savings.report.model.month import ReportMonth, collect
from agent.savings.report.reasons import (
    CURRENCY_MISSING,
    ENERGY_UNKNOWN_INTERVALS,
    KEY_SELF_DECLARED,
    LEDGER_UNCONFIRMED,
    OLD_MOTOR_IN_REPORTING_PERIOD,
)

DAYS = 4


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    metered_retrofit.retrofit(tmp_path, days=DAYS)
    return tmp_path


def report(plant: Path, *more: str, out: str = "r.html") -> Result:
    command = [
        "report",
        "--month",
        "2024-10",
        "--config",
        str(plant / "plant.toml"),
        "--output",
        str(plant / out),
        *more,
    ]
    return CliRunner().invoke(main, command)


def reported(plant: Path) -> Any:
    """The only motor of the JSON file."""
    [motor] = json.loads((plant / "r.json").read_text(encoding="utf-8"))["motors"]
    return motor


def change(plant: Path, old: str, new: str) -> None:
    path = plant / "plant.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def forget_energy(plant: Path, which: Callable[[int], bool]) -> int:
    db = sqlite3.connect(plant / "state" / "magwatt.sqlite")
    begin_ms, count = metered_retrofit.utc_ms("2024-10-01 00:00"), 0
    for start_ms, text in db.execute("select start_ms, body from interval").fetchall():
        if start_ms >= begin_ms and which((start_ms - begin_ms) // QUARTER_MS):
            body = json.loads(text) | {"energy_wh": None}
            db.execute("update interval set body = ? where start_ms = ?", (json.dumps(body), start_ms))
            count += 1
    db.commit()
    db.close()
    return count


def test_an_unknown_energy_is_not_zero(plant: Path) -> None:
    forget_energy(plant, lambda k: True)
    found = report(plant)
    assert "kWh" not in found.output
    motor = reported(plant)
    assert {"code": ENERGY_UNKNOWN_INTERVALS, "data": {"n": 96 * DAYS}}.items() <= motor["notes"][0].items()
    text = (plant / "r.html").read_text(encoding="utf-8")
    for language in ("en", "zh_CN"):
        assert Catalogue(language).translate("measured energy: {energy} kWh").partition("{")[0] not in text
        assert Catalogue(language).reason(ENERGY_UNKNOWN_INTERVALS(n=96 * DAYS)) in text
    assert motor["measured_wh"] is None


def test_partly_known_energies_are_noted(plant: Path) -> None:
    count = forget_energy(plant, lambda k: k == 7)
    found = report(plant)
    assert (count, found.exit_code) == (1, 1)
    assert {"code": ENERGY_UNKNOWN_INTERVALS, "data": {"n": 1}}.items() <= reported(plant)["notes"][0].items()


def test_a_key_declared_by_record_1_only_is_noted_in_both_languages(plant: Path) -> None:
    """A copy without the key file: the signatures are checked with the key that the ledger itself announces."""
    report(plant)
    assert reported(plant)["hints"] == []
    assert not reported(plant)["ledger"]["self_named"]
    (plant / "state" / FILE).unlink()
    declared = report(plant)
    [hint] = reported(plant)["hints"]
    assert hint["code"] == KEY_SELF_DECLARED
    assert hint["data"]["key"] in declared.output
    text = unescape((plant / "r.html").read_text(encoding="utf-8"))
    for language in ("en", "zh_CN"):
        assert Catalogue(language).reason(KEY_SELF_DECLARED(**hint["data"])) in text
    assert reported(plant)["ledger"]["self_named"]
    report(plant, "--checkpoint", str(plant / "r.json"))
    assert reported(plant)["hints"] == []


@pytest.mark.text
def test_half_a_month_is_exit_1(plant: Path) -> None:
    """Four days of October, reported long after its end."""
    found = report(plant)
    assert "provisional, for 13 % of the month only" in found.output
    assert found.exit_code == 1


def test_a_price_without_a_currency_is_reported(plant: Path) -> None:
    text = (plant / "plant.toml").read_text(encoding="utf-8")
    begin, end = text.index("[tariff]"), text.index("[store]")
    text = text[:begin] + text[end:]
    text = text.replace('currency = "CNY"', "energy_price = 0.7")
    (plant / "plant.toml").write_text(text, encoding="utf-8")
    found = report(plant)
    assert [note["code"] for note in reported(plant)["notes"]] == [CURRENCY_MISSING]
    assert not re.search(r"± [\d.,\u202f]+ ,", found.output)
    assert found.exit_code == 1


def test_a_replaced_motor_that_ran_in_the_month_is_noted(plant: Path) -> None:
    """The baseline period ends on 15 September, the old motor ran until 3 October, and `periods` is not set."""
    change(plant, "since = 2024-09-15", "since = 2024-10-03")
    report(plant)
    [note] = reported(plant)["notes"]
    assert note["code"] == OLD_MOTOR_IN_REPORTING_PERIOD
    assert note["data"] == {"n": 192, "since": "2024-10-03", "motor": "fan"}
    change(plant, "since = 2024-10-03 }", "since = 2024-10-03 }\nperiods = { reporting = 2024-10-03 }")
    report(plant)
    assert OLD_MOTOR_IN_REPORTING_PERIOD not in [note["code"] for note in reported(plant)["notes"]]


@pytest.mark.parametrize(
    ("out", "hint"),
    [("state", "state"), ("none/r.html", "none")],
)
def test_an_unwritable_output_is_named_with_a_remedy(plant: Path, out: str, hint: str) -> None:
    before = sorted(path.name for path in plant.iterdir())
    found = report(plant, out=out)
    assert found.exit_code == 2
    assert str(plant / hint) in found.output
    assert len(found.output.splitlines()) == 1
    assert sorted(path.name for path in plant.iterdir()) == before


@pytest.fixture
def months(plant: Path) -> list[ReportMonth]:
    """The fan, and a motor without a baseline."""
    config = load_config(plant / "plant.toml")[0]
    db = open_read_only(plant / "state" / "magwatt.sqlite")
    try:
        fan = collect(db, config, assets(config)[0], "2024-10", metered_retrofit.utc_ms("2024-11-01 00:00"))
    finally:
        db.close()
    return [fan, replace(fan, asset="pump", saving=None, baseline=None, money=None)]


@pytest.mark.text
def test_a_total_states_its_number_of_motors_and_the_uncertainty_of_money(months: list[ReportMonth]) -> None:
    cover = Cover("mill-2", "gw-07", metered_retrofit.ZONE, 0, "0", "c0ffee", "magwatt ledger verify")
    text = page(months, cover)
    assert "<td>total <small>1 of 2 motors</small>" in text
    assert "<td>合计 <small>2 台电机中的 1 台</small>" in text
    money = months[0].money
    assert money
    assert re.search(r'<td class="n">[\d\u202f]+ ± [\d\u202f]+ CNY</td>', text)
    assert "total <small>" not in page(months[:1] * 2, cover)


@pytest.mark.text
def test_a_total_marks_motors_that_the_ledger_does_not_confirm(months: list[ReportMonth]) -> None:
    """months[0] has 4 of 31 days and an intact ledger; the same month without ledger records is not confirmed."""
    saving = replace(months[0].saving, verdict="undecided", caveats=(LEDGER_UNCONFIRMED(),))
    denied = replace(months[0], asset="pump", ledger=LedgerCheck(), saving=saving)
    cover = Cover("mill-2", "gw-07", metered_retrofit.ZONE, 0, "0", "c0ffee", "magwatt ledger verify")
    top = page([months[0], denied], cover).partition('<section class="motor"')[0]
    assert "SIMULATED" in top
    assert "<td>⚠ undecided</td>" in top
    assert "total <small>⚠ not all decided</small>" in top
    assert "⚠" not in page([months[0], months[0]], cover).partition('<section class="motor"')[0]


@pytest.mark.text
@pytest.mark.parametrize(
    "command",
    [
        (
            "ledger",
            "verify",
        ),
        ("report", "--month", "2024-10"),
    ],
)
def test_an_unreadable_state_directory_is_an_error_of_one_line(
    plant: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """As for a user other than that of the service, who may not read /var/lib/magwatt."""
    stat = Path.stat

    def refused(path: Path, **more: bool) -> os.stat_result:
        if path.name in ("state", "magwatt.sqlite"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return stat(path, **more)

    monkeypatch.setattr(Path, "stat", refused)
    done = CliRunner().invoke(main, [*command, "--config", str(plant / "plant.toml")])
    assert done.exit_code == 2
    for piece in (f"{plant / 'state'}: Permission denied", "sudo -u magwatt magwatt …"):
        assert piece in done.output
    assert len(done.output.splitlines()) == 1


def test_without_a_state_file_the_error_states_how_to_create_it(plant: Path) -> None:
    (plant / "state").rename(plant / "elsewhere")
    found = report(plant)
    assert found.exit_code == 2
    for piece in (f"{plant / 'state'}: ", "`magwatt run`", "--state"):
        assert piece in found.output

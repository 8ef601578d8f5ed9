"""`magwatt contract sheet`: from the file of a month and its plan alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import invoke
from support.contract import CUSTOMER, write_json
from support.contract_month import PLAN, month_document, revision, settled

from agent.contract.documents import file_body
from agent.contract.month_states import MonthRevision


@pytest.fixture(autouse=True)
def _without_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on the computer of a party."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAGWATT_CONFIG", raising=False)
    write_json(tmp_path / "plan.json", file_body(PLAN.signed))


def written(found: MonthRevision) -> str:
    write_json(Path("month.json"), file_body(found.signed))
    return "month.json"


@pytest.mark.parametrize(("language", "shown"), [("en", 'id="lang-en" checked'), ("zh", 'id="lang-zh" checked')])
def test_it_needs_only_the_month_and_the_plan(language: str, shown: str) -> None:
    done = invoke("--lang", language, "contract", "sheet", written(settled(month_document())), "--output", "a.html")
    assert done.exit_code == 0, done.output
    html = Path("a.html").read_text(encoding="utf-8")
    assert html.count('data-state="settled"') == 2
    assert shown in html


def test_a_signature_that_is_not_valid_is_printed_and_makes_the_exit_code_1() -> None:
    found = file_body(settled(month_document()).signed)
    found["signatures"][1]["by"] = "Zhang San"
    write_json(Path("month.json"), found)
    done = invoke("contract", "sheet", "month.json")
    assert done.exit_code == 1
    assert Path("sheet.html").read_text(encoding="utf-8").count('data-state="invalid"') == 2


@pytest.mark.parametrize("edit", ["amount", "plan", "file"])
def test_nothing_is_written_that_does_not_fit_the_plan(edit: str) -> None:
    """The amount is another one, the plan is another one, or the month is no document."""
    body = month_document(amount__gross="5669.32") if edit == "amount" else month_document()
    path = written(revision(body, CUSTOMER))
    if edit == "plan":
        Path("plan.json").unlink()
    if edit == "file":
        write_json(Path(path), {"s": "magwatt.signed/1"})
    done = invoke("contract", "sheet", path)
    assert done.exit_code == 2, done.output
    assert not Path("sheet.html").exists()

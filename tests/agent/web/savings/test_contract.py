"""The contracts of a month on the page: state, what waits for whom, sheet and bundle, from a real ledger."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support import metered_retrofit
from support.contract_parties import gateway_with_plan, magwatt
from support.page import Page, running_page

from agent.config.loader import load_config
from agent.contract.contract_of_month import ContractOfMonth, contracts_of_month
from agent.delivery.store.read_only import open_read_only
from agent.savings.report.model.ledger_check import LedgerVerifier
from agent.web.savings import report_cache, report_worker
from agent.web.savings.contract_files import STATES, contract_files

MONTH = "2024-10"
BOTH = ["customer", "energy_service_company"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gateway with a recorded plan, and the keys of the parties."""
    folder = tmp_path_factory.mktemp("contract")
    gateway_with_plan(folder)
    return folder


class Place:
    """A copy of the gateway."""

    def __init__(self, made: Path, folder: Path) -> None:
        self.folder = shutil.copytree(made, folder / "place")
        self.config = self.folder / "gateway" / "plant.toml"

    def issue(self, *more: str) -> Path:
        path = self.folder / f"month{len(list(self.folder.glob('month*')))}.json"
        magwatt("contract", "issue", "--month", MONTH, "--config", self.config, "--output", path, *more)
        return path

    def sign(self, month: Path, *names: str) -> None:
        for name in names:
            magwatt("contract", "sign", month, "--plan", self.folder / "plan.json", "--key",
                    self.folder / f"{name}.pem")  # fmt: skip
        magwatt("contract", "record", month, "--config", self.config)

    def files(self) -> dict[str, str]:
        config, now_ms = load_config(self.config)[0], time.time_ns() // 1_000_000
        with contextlib.closing(open_read_only(self.folder / "gateway" / "state" / "magwatt.sqlite")) as db:
            found = contracts_of_month(db, config, MONTH, tuple(config.motors), now_ms, LedgerVerifier())
            return contract_files(db, MONTH, found, None)

    def contract(self) -> dict[str, Any]:
        (only,) = json.loads(self.files()[STATES])["contracts"]
        return dict(only)


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Place:
    return Place(made, tmp_path)


def waits(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Without those of certificates and of the plan, which depend on the time of the test."""
    return [(each["whom"], each["code"]) for each in found["waits"] if each["code"].endswith("awaited")]


def test_each_state_says_what_waits_for_whom(place: Place) -> None:
    found = place.contract()
    assert (found["state"], found["bundle"], found["revisions"]) == ("draft", False, [])
    assert waits(found) == [("gateway", "issue_awaited")]
    month = place.issue()
    found = place.contract()
    assert (found["state"], waits(found)) == ("issued", [(role, "signature_awaited") for role in BOTH])
    place.sign(month, "customer")
    found = place.contract()
    assert (found["state"], waits(found)) == ("accepted", [("energy_service_company", "signature_awaited")])
    place.sign(month, "company")
    found = place.contract()
    assert (found["state"], waits(found)) == ("settled", [])
    assert [each["role"] for each in found["revisions"][0]["signatures"]] == BOTH


def test_the_page_shows_the_sheet_and_the_bundle_of_the_commands(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def here(config: Path, month: str, folder: Path, _timeout_s: float) -> int:
        return report_worker.main([str(config), month, str(folder)])

    monkeypatch.setattr(report_cache, "run_worker", here)
    monkeypatch.setattr(report_cache, "usable_folder", lambda: tmp_path)
    month, output = place.issue(), tmp_path / "bundle.json"
    magwatt("ledger", "export", "--month", MONTH, "--config", place.config, "--output", output)
    with running_page(load_config(place.config)[0]) as page:
        found = page.json(f"/api/v1/savings/{MONTH}/contract?lang=zh")
        assert (found["state"], found["why"]) == ("ready", None)
        check_form(page, found)
        (contract,) = found["contracts"]
        revision = json.loads(month.read_text(encoding="utf-8"))["document"]
        assert contract["revisions"][0]["gross"] == revision["amount"]["gross"]
        assert [each["whom"] for each in contract["waits"] if each["code"] == "signature_awaited"] == BOTH
        check_files(page, contract)
        bundle = json.loads(page.get(f"/api/v1{contract['bundle']}").body)
    assert bundle == json.loads(output.read_text(encoding="utf-8"))


def check_form(page: Page, answer: Any) -> None:
    """By the OpenAPI document."""
    document = page.json("/api/v1/openapi.json")
    operation = document["paths"]["/savings/{month}/contract"]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(answer)


def check_files(page: Page, contract: dict[str, Any]) -> None:
    """The sheet alone and at the end of the report, each in both languages."""
    answer = page.get(f"/api/v1{contract['sheet']}?lang=zh")
    assert (answer.status, answer.body.count(b'data-state="issued"')) == (200, 2)
    assert "sandbox" in answer.headers["content-security-policy"]
    report = page.get(f"/api/v1/savings/{MONTH}/report.html?lang=zh")
    assert report.body.count(b'data-state="issued"') == 2
    for absent in ("bundle-9.json", "sheet-9.html", "sheet-x.html", "bundle-..json"):
        assert page.get(f"/api/v1/savings/{MONTH}/{absent}").status == 404


def test_the_report_of_the_command_ends_with_the_draft(place: Place, tmp_path: Path) -> None:
    output = tmp_path / "report.html"
    magwatt("report", "--month", MONTH, "--config", place.config, "--output", output, code=1)  # it has four days
    html = output.read_text(encoding="utf-8")
    assert html.count('data-state="draft"') == html.count('data-mark="draft"') == 2


def test_motors_without_a_plan_have_no_contract(place: Place) -> None:
    """Another motor than that of the plan, and a ledger without a plan."""
    config, found = load_config(place.config)[0], list[ContractOfMonth]()
    with contextlib.closing(sqlite3.connect(place.folder / "gateway" / "state" / "magwatt.sqlite")) as db:
        found += contracts_of_month(db, config, MONTH, ("pump",), 0, LedgerVerifier())
        db.execute("delete from ledger where kind = 'plan'")
        found += contracts_of_month(db, config, MONTH, tuple(config.motors), 0, LedgerVerifier())
    assert found == []


def test_a_running_month_has_no_sheet_and_waits_for_nothing(place: Place) -> None:
    config, during_ms = load_config(place.config)[0], metered_retrofit.utc_ms("2024-10-31 23:59")
    with contextlib.closing(open_read_only(place.folder / "gateway" / "state" / "magwatt.sqlite")) as db:
        found = contracts_of_month(db, config, MONTH, tuple(config.motors), during_ms, LedgerVerifier())
        (contract,) = json.loads(contract_files(db, MONTH, found, None)[STATES])["contracts"]
    assert (contract["state"], contract["sheet"], waits(contract)) == ("running", False, [])

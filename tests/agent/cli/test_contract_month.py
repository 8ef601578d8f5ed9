"""A month is issued by the gateway, signed by two parties on two computers, recorded, and corrected."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from support import independent_contract as independent
from support.contract_parties import gateway_with_plan, magwatt
from support.independent_bundle import verified

MONTH = "2024-10"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gateway with a recorded plan, and the keys of the parties."""
    folder = tmp_path_factory.mktemp("month")
    gateway_with_plan(folder)
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(made, tmp_path / "copy")


def issue(place: Path, *more: str, code: int = 0) -> Path:
    path = place / f"month{len(list(place.glob('month*')))}.json"
    config = place / "gateway" / "plant.toml"
    magwatt("contract", "issue", "--month", MONTH, "--config", config, "--output", path, *more, code=code)
    return path


def states(place: Path, code: int = 0) -> list[tuple[int, str]]:
    shown = magwatt("contract", "history", "--config", place / "gateway" / "plant.toml", "--json", code=code)
    return [(each["document"]["revision"], each["state"]) for each in json.loads(shown.stdout)["months"]]


def sign_both(place: Path, month: Path) -> None:
    """Each party has only the two files and its key."""
    for name in ("customer", "company"):
        folder = place / f"{name}-{month.stem}"
        folder.mkdir()
        for file in (month, place / "plan.json", place / f"{name}.pem"):
            shutil.copy(file, folder)
        magwatt("contract", "sign", folder / month.name, "--key", folder / f"{name}.pem")
        shutil.copy(folder / month.name, month)


def record(place: Path, month: Path, code: int = 0) -> str:
    return magwatt("contract", "record", month, "--config", place / "gateway" / "plant.toml", code=code).output


def test_two_parties_settle_a_month_and_correct_it(place: Path) -> None:
    month = issue(place)
    assert states(place) == [(1, "issued")]
    magwatt("contract", "show", month, code=1)
    sign_both(place, month)
    magwatt("contract", "show", month)
    record(place, month)
    record(place, month)  # the same once more
    assert states(place) == [(1, "settled")]
    second = issue(place, "--reason", "certificate of the meter")
    assert states(place) == [(1, "settled"), (2, "issued")]
    sign_both(place, second)
    record(place, second)
    assert states(place) == [(1, "corrected"), (2, "settled")]
    assert json.loads(month.read_text(encoding="utf-8"))["document"]["revision"] == 1
    magwatt("ledger", "verify", "--config", place / "gateway" / "plant.toml")


def test_what_is_signed_is_printed_before_the_passphrase(place: Path) -> None:
    month = issue(place)
    amount = json.loads(month.read_text(encoding="utf-8"))["document"]["amount"]
    refused = magwatt("contract", "sign", month, "--key", place / "customer.pem", text="wrong passphrase", code=2)
    for figure in (amount["gross"], amount["net"], amount["vat"]):
        assert figure in refused.stdout
    assert len(json.loads(month.read_text(encoding="utf-8"))["signatures"]) == 1  # that of the gateway


def bundle_of(place: Path, *more: str) -> dict[str, Any]:
    output = place / "bundle.json"
    config = place / "gateway" / "plant.toml"
    magwatt("ledger", "export", "--month", MONTH, "--config", config, "--output", output, *more)
    found: dict[str, Any] = independent.parsed(output.read_text(encoding="utf-8"))
    return found


def test_an_independent_verifier_follows_the_month(place: Path) -> None:
    assert verified(bundle_of(place)).state == "none"
    month = issue(place)
    assert verified(bundle_of(place)).state == "issued"
    magwatt("contract", "sign", month, "--key", place / "company.pem")
    record(place, month)
    assert verified(bundle_of(place))[:2] == ("accepted", ("energy_service_company",))
    magwatt("contract", "sign", month, "--key", place / "customer.pem")
    record(place, month)
    found = verified(bundle_of(place))
    assert (found.state, found.later) == ("settled", ())
    assert found.amount == json.loads(month.read_text(encoding="utf-8"))["document"]["amount"]
    second = issue(place, "--reason", "certificate of the meter")
    assert verified(bundle_of(place)).state == "issued"
    sign_both(place, second)
    record(place, second)
    assert verified(bundle_of(place)).state == "settled"

"""From the draft to the amount of a month with `magwatt contract`, as two parties use it on two computers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from support import metered_retrofit
from support.contract import DRAFTED_MS, document, write_json
from support.contract_parties import decided, make_keys
from support.contract_parties import magwatt as run

from agent.contract import reasons as codes
from agent.contract.plan_reader import PlanError
from agent.contract.plan_toml import read_toml_plan
from agent.core.text import text_of
from agent.savings.ledger.signing_key import FILE


def magwatt(*arguments: object, code: int | None = None) -> Result:
    return run(*arguments, code=code)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gateway")
    metered_retrofit.retrofit(folder, days=4)
    return folder / "plant.toml"


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    """The public keys of customer.pem and company.pem, which are made."""
    return make_keys(tmp_path)


def drafted(plant: Path, folder: Path, keys: dict[str, str]) -> Path:
    path = folder / "plan.toml"
    found = magwatt("contract", "draft", "--config", plant, "--output", path, code=1)  # something is to be decided
    text = path.read_text(encoding="utf-8")
    listed = [line.partition(":")[0] for line in found.output.splitlines()[:-1]]
    assert len(listed) == text.count(' = ""')
    assert f" {len(listed)} " in found.output.splitlines()[-1]  # how many are to be filled in
    check_empty(path)
    path.write_text("\n".join(decided(text, keys)), encoding="utf-8")
    return path


def check_empty(draft: Path) -> None:
    """What is still empty, in the order of the lines."""
    with pytest.raises(PlanError) as caught:
        read_toml_plan(draft)
    lines = draft.read_text(encoding="utf-8").splitlines()
    empty = [number for number, line in enumerate(lines, 1) if ' = ""' in line]
    assert [each.line for each in caught.value.problems] == empty


def test_two_parties_sign_and_the_month_has_an_amount(plant: Path, tmp_path: Path, keys: dict[str, str]) -> None:
    draft, plan = drafted(plant, tmp_path, keys), tmp_path / "plan.json"
    assert magwatt("contract", "sign", draft, "--key", tmp_path / "customer.pem").exit_code == 0
    assert magwatt("contract", "show", plan).exit_code == 1  # the other signature is missing
    other = tmp_path / "other" / "plan.json"
    other.parent.mkdir()
    plan.rename(other)  # the other computer has neither configuration nor state
    assert magwatt("contract", "sign", other, "--key", tmp_path / "company.pem", "--by", "Wu Jie").exit_code == 0
    assert magwatt("contract", "show", other).exit_code == 0
    shown = magwatt("contract", "show", other, "--month", "2024-10", "--config", plant, "--json")
    body = json.loads(shown.stdout)
    assert body["in_force"]
    assert [each["by"] for each in body["signatures"]] == ["Li Wei", "Wu Jie"]
    check_amount(body, plant)
    listed = magwatt("contract", "history", other.parent, "--json")
    assert listed.exit_code == 0
    assert [each["id"] for each in json.loads(listed.stdout)["versions"]] == [body["id"]]


def check_amount(body: dict[str, Any], plant: Path) -> None:
    """The saving equals that of the savings service, and the fee follows from it."""
    shown = json.loads(magwatt("baseline", "show", "fan", "--config", plant, "--json").stdout)
    amount = body["amount"]
    fan = amount["motors"]["fan"]
    # the amount is rounded to whole kWh; the energies of each of the 384 intervals to whole Wh
    assert abs(1000 * float(fan["adjusted_kwh"]) - shown["saving"]["saved_wh"]) < 500 + 384
    value = sum(float(kwh) * {"peak": 1.05, "flat": 0.68, "valley": 0.34}[price]
                for price, kwh in fan["contract_kwh"].items())  # fmt: skip
    assert float(amount["gross"]) == pytest.approx(0.8 * value, abs=0.005)  # rounded to the fen
    assert float(amount["net"]) + float(amount["vat"]) == pytest.approx(float(amount["gross"]), abs=1e-9)


def test_the_next_version_keeps_the_terms_of_the_parties(plant: Path, tmp_path: Path, keys: dict[str, str]) -> None:
    draft, plan = drafted(plant, tmp_path, keys), tmp_path / "plan.json"
    for name in ("customer", "company"):
        source = draft if name == "customer" else plan
        assert magwatt("contract", "sign", source, "--key", tmp_path / f"{name}.pem").exit_code == 0
    later = tmp_path / "later.toml"
    magwatt("contract", "draft", "--config", plant, "--output", later, "--replaces", plan)
    text = later.read_text(encoding="utf-8")
    assert 'contract = "EMC-2024-017"' in text
    assert "version = 2" in text
    assert f'replaces = "{json.loads(magwatt("contract", "show", plan, "--json").stdout)["id"]}"' in text
    assert keys["customer"] in text
    assert 'boundary = "meter mcc-12 to shaft"' in text
    assert text.count(' = ""') == 2  # the days on which it applies
    later.write_text("\n".join(decided(text, keys)), encoding="utf-8")
    for source, name in ((later, "customer"), (later.with_suffix(".json"), "company")):
        assert magwatt("contract", "sign", source, "--key", tmp_path / f"{name}.pem").exit_code == 0
    listed = magwatt("contract", "history", plan, later.with_suffix(".json"), "--json")
    assert (listed.exit_code, json.loads(listed.stdout)["problems"]) == (0, [])


def test_a_changed_draft_does_not_replace_a_signed_plan(plant: Path, tmp_path: Path, keys: dict[str, str]) -> None:
    draft = drafted(plant, tmp_path, keys)
    assert magwatt("contract", "sign", draft, "--key", tmp_path / "customer.pem").exit_code == 0
    before = (tmp_path / "plan.json").read_bytes()
    draft.write_text(draft.read_text(encoding="utf-8").replace('"0.06"', '"0.13"'), encoding="utf-8")
    assert magwatt("contract", "sign", draft, "--key", tmp_path / "company.pem").exit_code == 2
    assert (tmp_path / "plan.json").read_bytes() == before


def test_nothing_is_written_when_it_cannot_be_signed(plant: Path, tmp_path: Path, keys: dict[str, str]) -> None:
    draft = drafted(plant, tmp_path, keys)
    text = draft.read_text(encoding="utf-8")
    body = {"title": "Green Drive"}
    for change in (text.replace('"0.06"', "0.06"), text.replace("drafted_ms = 1", "drafted_ms = 9"), text + "x ="):
        draft.write_text(change, encoding="utf-8")
        found = magwatt("contract", "sign", draft, "--key", tmp_path / "customer.pem")
        assert found.exit_code == 2, found.output
        assert not (tmp_path / "plan.json").exists()
    draft.write_text(text, encoding="utf-8")
    for key in (plant.parent / "state" / FILE, tmp_path / "none.pem", write_json(tmp_path / "k.json", body)):
        assert magwatt("contract", "sign", draft, "--key", key).exit_code == 2
    assert not (tmp_path / "plan.json").exists()


def test_a_ledger_of_another_key_does_not_confirm_the_month(plant: Path, tmp_path: Path, keys: dict[str, str]) -> None:
    draft = drafted(plant, tmp_path, keys)
    draft.write_text(re.sub('gateway_key = "[0-9a-f]+"', f'gateway_key = "{"12" * 32}"', draft.read_text("utf-8")),
                     encoding="utf-8")  # fmt: skip
    shown = magwatt("contract", "show", draft, "--month", "2024-10", "--config", plant, "--json")
    assert shown.exit_code == 1
    problems = {each["code"]: each for each in json.loads(shown.stdout)["problems"]}
    assert problems["ledger_invalid"]["data"]["problem"]["code"] == "key_unexpected"


def test_a_signed_plan_is_recorded_in_the_ledger(tmp_path: Path, keys: dict[str, str]) -> None:
    gateway = tmp_path / "gateway"
    metered_retrofit.retrofit(gateway, days=4)
    plant = gateway / "plant.toml"
    draft, plan = drafted(plant, tmp_path, keys), tmp_path / "plan.json"
    assert magwatt("contract", "history", "--config", plant).exit_code == 2  # none yet
    assert magwatt("contract", "sign", draft, "--key", tmp_path / "customer.pem").exit_code == 0
    assert magwatt("contract", "record", plan, "--config", plant).exit_code == 2  # signed by one party
    assert magwatt("contract", "sign", plan, "--key", tmp_path / "company.pem").exit_code == 0
    for _ in range(2):  # the second time it is recorded already
        assert magwatt("contract", "record", plan, "--config", plant).exit_code == 0
    listed = magwatt("contract", "history", "--config", plant, "--json")
    [only] = json.loads(listed.stdout)["versions"]
    assert (listed.exit_code, only["in_force"]) == (0, True)
    verified = json.loads(magwatt("ledger", "verify", "--config", plant, "--json").stdout)
    assert (verified["ok"], verified["problems"]) == (True, [])
    other = tmp_path / "other.json"
    body = json.loads(plan.read_text(encoding="utf-8"))
    body["document"]["price"]["vat_rate"] = "0.13"
    assert magwatt("contract", "record", write_json(other, body), "--config", plant).exit_code == 2


def test_a_wrong_passphrase_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "pass").write_text("\n", encoding="utf-8")
    found = magwatt("contract", "key", tmp_path / "k.pem", "--passphrase-file", tmp_path / "pass")
    assert (found.exit_code, found.output) == (2, f"{text_of(codes.PASSPHRASE_EMPTY())}\n")
    assert magwatt("contract", "key", tmp_path / "k.pem", "--passphrase-file", tmp_path / "none").exit_code == 2
    assert not (tmp_path / "k.pem").exists()


def test_an_existing_key_is_found_before_a_passphrase_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "k.pem"
    path.write_text("", encoding="utf-8")
    found = run("contract", "key", path, code=2, text="")
    assert found.output == f"{text_of(codes.KEY_EXISTS(path=str(path)))}\n"


def test_history_needs_plans(tmp_path: Path) -> None:
    assert magwatt("contract", "history", tmp_path).exit_code == 2
    unsigned = {"s": "magwatt.signed/1", "document": document(drafted_ms=DRAFTED_MS), "signatures": []}
    write_json(tmp_path / "plan.json", unsigned)
    found = magwatt("contract", "history", tmp_path, "--json")
    assert found.exit_code == 1
    [only] = json.loads(found.stdout)["versions"]
    assert only["not_in_force"]["code"] == codes.PLAN_NOT_SIGNED
    [line] = magwatt("contract", "history", tmp_path, code=1).stdout.splitlines()
    assert (line.count("EMC-2026-017"), line[:16]) == (1, only["id"][:16])

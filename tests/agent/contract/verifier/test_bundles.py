"""Valid bundles are accepted and mutated ones are not; what is known from elsewhere is compared."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from support.contract import COMPANY, CUSTOMER, OTHER
from support.contract_bundles import Recipe, built, bundle_text, recipe
from support.contract_mutations import mutations
from support.offline_verifier import answers, verdicts

VALID = 12
MUTATIONS, MUTATIONS_SOAK = 80, 1000  # 80: each kind once


def test_valid_bundles_are_accepted() -> None:
    found = verdicts([bundle_text(built(recipe(seed))) for seed in range(VALID)])
    assert [each["reason"] for each in found if each["verdict"] != "settled"] == []
    states = {check["code"]: check["state"] for check in found[0]["checks"]}
    assert {code for code, state in states.items() if state != "passed"} == {"checkpoints", "measured"}


def test_the_library_accepts_and_rejects_the_same() -> None:
    texts = [bundle_text(built(recipe(seed))) for seed in range(3)]
    texts += [each.text for each in mutations(6, first_seed=2)]
    assert verdicts(texts, library=True) == verdicts(texts)


def test_no_mutated_bundle_is_accepted() -> None:
    assert accepted(MUTATIONS) == []


@pytest.mark.soak
def test_none_of_a_thousand_mutated_bundles_is_accepted() -> None:
    assert accepted(MUTATIONS_SOAK, first_seed=1000) == []


def accepted(count: int, first_seed: int = 0) -> list[str]:
    made = list(mutations(count, first_seed))
    assert len(made) == count
    found = verdicts([each.text for each in made])
    return [f"{one.family}: {one.kind}, {one.seed}" for one, each in zip(made, found, strict=True)
            if each.get("verdict") == "settled"]  # fmt: skip


def verdict(bundle: dict[str, Any], keys: str = "", checkpoints: object = None) -> dict[str, Any]:
    stored = "" if checkpoints is None else json.dumps(checkpoints)
    [found] = answers([("bundle", [bundle_text(bundle), keys, stored])])
    return dict(found)


@pytest.fixture(scope="module")
def bundle() -> dict[str, Any]:
    return built(recipe(3))


def test_a_typed_key_is_compared(bundle: dict[str, Any]) -> None:
    confirmed = verdict(bundle, f"{CUSTOMER.public} {COMPANY.fingerprint}")
    assert (confirmed["verdict"], confirmed["owner"]) == ("settled", "plan")
    assert set(confirmed["confirmed"]) == {"customer", "energy_service_company"}
    assert verdict(bundle, bundle["key"].upper())["owner"] == "person"
    other = verdict(bundle, OTHER.public)
    assert (other["verdict"], other["reason"]["code"]) == ("rejected", "typed_key_unknown")
    assert verdict(bundle, "1234")["rejected"] == "typed_key_form"


def test_a_stored_checkpoint_is_compared(bundle: dict[str, Any]) -> None:
    line = json.loads(bundle["lines"][-1])
    assert line["kind"] == "checkpoint"
    published = {"seq": line["last"], "hash": line["hash"]}
    assert verdict(bundle, "", published)["verdict"] == "settled"
    assert verdict(bundle, "", [{"ledger": published}, line])["verdict"] == "settled"
    rewritten = verdict(bundle, "", published | {"hash": "ab" * 32})
    assert rewritten["reason"] == {"code": "checkpoint_differs", "data": {"seq": line["last"]}}
    assert verdict(bundle, "", published | {"seq": 10_000})["reason"]["code"] == "checkpoint_elsewhere"
    assert verdict(bundle, "", {"hash": "ab" * 32})["rejected"] == "checkpoint_form"


def signed_by(*roles: str) -> Recipe:
    made = recipe(3)
    made.signers = roles
    return made


def test_the_state_names_who_has_not_signed() -> None:
    one = verdict(built(signed_by("customer")))
    assert one["verdict"] == "open"
    assert one["reason"]["data"]["missing"] == ["energy_service_company"]
    assert len(verdict(built(signed_by()))["reason"]["data"]["missing"]) == 2


def test_without_a_month_the_measured_energy_is_shown() -> None:
    made = recipe(3)
    expected = {name: sum(row[0] for row in motor["energies"].values()) for name, motor in made.month["motor"].items()}  # type: ignore[index]
    made.month = None
    found = verdict(built(made))
    assert (found["verdict"], found["reason"]["code"], found["measured"]) == ("open", "no_month", expected)


def test_a_bundle_of_a_newer_format_is_named(bundle: dict[str, Any]) -> None:
    found = verdict(bundle | {"s": "magwatt.bundle/3"})
    assert found["reason"]["code"] == "format_newer"
    newer = copy.deepcopy(bundle)
    newer["months"][0]["document"]["s"] = "magwatt.month/2"
    assert verdict(newer)["reason"]["code"] == "format_newer"

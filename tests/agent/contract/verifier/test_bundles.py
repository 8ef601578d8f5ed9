"""Valid bundles are accepted and mutated ones are not, by the offline verifier and by the one in Python; what is known
from another source is compared."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from support.contract import COMPANY, CUSTOMER, OTHER
from support.contract_bundles import Recipe, built, bundle_text
from support.contract_mutations import mutations
from support.contract_recipes import recipe, settle
from support.contract_resigning import RESIGNED
from support.contract_tampering import REJECTED
from support.independent_bundle import Unfit, verified
from support.independent_contract import parsed
from support.offline_verifier import answers, verdicts

from agent.contract.canonical import document_id

VALID = 12
MUTATIONS, MUTATIONS_SOAK = 60, 1000  # 60: two of three kinds
CONSISTENT = ("open", "none", "issued", "accepted")


def test_valid_bundles_are_accepted_by_both_verifiers() -> None:
    made = [recipe(seed, hours=3) for seed in range(VALID)]
    made[0].corrected = made[1].corrected = True
    made[2] = recipe(2, 3, price__per_kwh={"__proto__": "0.68"})  # a name that objects of JavaScript have already
    texts = [bundle_text(built(each)) for each in made]
    assert [state_of(text) for text in texts] == ["settled"] * VALID
    found = verdicts(texts)
    assert [each["reason"] for each in found if each["verdict"] != "settled"] == []
    states = {check["code"]: check["state"] for check in found[0]["checks"]}
    assert {code for code, state in states.items() if state != "passed"} == {"checkpoints", "measured", "own_plan"}


def test_the_library_accepts_and_rejects_the_same() -> None:
    texts = [bundle_text(built(recipe(3, hours=1))), *(each.text for each in mutations(3, first_seed=2, hours=1))]
    assert verdicts(texts, library=True) == verdicts(texts)


def test_no_mutated_bundle_is_accepted_by_either_verifier() -> None:
    assert accepted(MUTATIONS) == []


@pytest.mark.soak
def test_none_of_a_thousand_mutated_bundles_is_accepted() -> None:
    assert accepted(MUTATIONS_SOAK, first_seed=1000) == []


def accepted(count: int, first_seed: int = 0) -> list[str]:
    made = list(mutations(count, first_seed))
    assert len(made) == count
    found = verdicts([each.text for each in made])
    here = [f"{one.family}: {one.kind}, {one.seed}" for one, each in zip(made, found, strict=True)
            if each.get("verdict") in ("settled", *CONSISTENT * (one.kind in REJECTED))]  # fmt: skip
    return here + [f"Python: {one.kind}, {one.seed}" for one in made
                   if state_of(one.text) in ("settled", *CONSISTENT * (one.kind in REJECTED))]  # fmt: skip


def state_of(text: str) -> str:
    """What the verifier in Python, which shares no code with the offline one, states of a bundle."""
    try:
        return verified(parsed(text)).state
    except (Unfit, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"rejected: {error!r}"


def verdict(bundle: dict[str, Any]) -> dict[str, Any]:
    [found] = verdicts([bundle_text(bundle)])
    return found


@pytest.fixture(scope="module")
def bundle() -> dict[str, Any]:
    return built(recipe(3, hours=1))


def judged(bundle: dict[str, Any], *known: tuple[str, object]) -> list[dict[str, Any]]:
    """The result for a bundle when a user knows (typed keys, checkpoints)."""
    text = bundle_text(bundle)
    return answers([("bundle", [text, keys, json.dumps(stored) if stored else ""]) for keys, stored in known])


def test_a_typed_key_is_compared(bundle: dict[str, Any]) -> None:
    both = f"{CUSTOMER.public} {COMPANY.fingerprint}"
    party, gateway, other, short = judged(
        bundle, *((keys, None) for keys in (both, bundle["key"].upper(), OTHER.public, "1234"))
    )
    assert (party["verdict"], party["owner"]) == ("settled", "plan")
    assert set(party["confirmed"]) == {"customer", "energy_service_company"}
    assert gateway["owner"] == "person"
    assert (other["verdict"], other["reason"]["code"]) == ("rejected", "typed_key_unknown")
    assert short["rejected"] == "typed_key_form"


def test_a_stored_checkpoint_is_compared(bundle: dict[str, Any]) -> None:
    line = json.loads(bundle["lines"][-1])
    assert line["kind"] == "checkpoint"
    published = {"seq": line["last"], "hash": line["hash"]}
    cases = (published, [{"ledger": published}, line], published | {"hash": "ab" * 32}, published | {"seq": 10_000},
             {"hash": "ab" * 32})  # fmt: skip
    one, several, rewritten, elsewhere, incomplete = judged(bundle, *(("", case) for case in cases))
    assert (one["verdict"], several["verdict"]) == ("settled", "settled")
    assert rewritten["reason"] == {"code": "checkpoint_differs", "data": {"seq": line["last"]}}
    assert elsewhere["reason"]["code"] == "checkpoint_elsewhere"
    assert incomplete["rejected"] == "checkpoint_form"


def test_checkpoints_of_other_gateways_are_not_compared(bundle: dict[str, Any]) -> None:
    """A file of all gateways of a site."""
    line = json.loads(bundle["lines"][-1])
    own = {"seq": line["last"], "hash": line["hash"], "site": line["site"], "gateway": line["gateway"]}
    other = own | {"gateway": "gw-08", "hash": "ab" * 32}
    both, foreign, wrong = judged(bundle, ("", [own, other]), ("", [other]), ("", [own | {"hash": "ab" * 32}]))
    assert [check["data"] for check in both["checks"] if check["code"] == "checkpoints"] == [
        {"compared": 1, "given": 2}
    ]
    assert foreign["reason"]["code"] == "checkpoint_elsewhere"
    assert wrong["reason"]["code"] == "checkpoint_differs"


def test_the_own_copy_of_the_plan_is_compared(bundle: dict[str, Any]) -> None:
    text = bundle_text(bundle)
    other = built(recipe(4, hours=1))["plans"][0]
    one, two = answers([("bundle", [text, "", "", json.dumps(plan)]) for plan in (bundle["plans"][0], other)])
    assert [check["state"] for check in one["checks"] if check["code"] == "own_plan"] == ["passed"]
    assert one["verdict"] == "settled"
    assert (two["verdict"], two["reason"]["code"]) == ("rejected", "own_plan_other")


def signed_by(*roles: str) -> Recipe:
    made = recipe(3, hours=1)
    made.signers = roles
    return made


def test_the_state_names_who_has_not_signed() -> None:
    one = verdict(built(signed_by("customer")))
    assert one["verdict"] == "open"
    assert one["reason"]["data"]["missing"] == ["energy_service_company"]
    assert len(verdict(built(signed_by()))["reason"]["data"]["missing"]) == 2


def test_without_a_month_the_measured_energy_is_shown() -> None:
    made = recipe(3, hours=1)
    expected = {name: sum(row[0] for row in motor["energies"].values()) for name, motor in made.month["motor"].items()}  # type: ignore[index]
    made.month = None
    found = verdict(built(made))
    assert (found["verdict"], found["reason"]["code"], found["measured"]) == ("open", "no_month", expected)


@pytest.mark.parametrize("corrected", [True, False])
def test_a_month_cannot_be_left_out_while_its_line_is_there(corrected: bool) -> None:
    made = recipe(3, hours=1)
    made.corrected = corrected
    bundle = built(made) | {"months": []}
    assert verdict(bundle)["reason"]["code"] == "revision_hidden"
    assert "a revision is left out" in state_of(bundle_text(bundle))


def test_a_settled_revision_is_shown_until_its_correction_is_settled() -> None:
    made = recipe(3, hours=1)
    made.corrected, made.signers = True, ("customer",)
    found = verdict(built(made))
    assert (found["verdict"], found["reason"]["code"]) == ("open", "newer_unsettled")
    assert (found["reason"]["data"]["revision"], found["reason"]["data"]["newest"]) == (1, 2)


def test_what_was_recorded_after_the_month_was_issued_is_counted() -> None:
    """It changes nothing that is settled."""
    made = recipe(3, hours=1)
    begin_ms, end_ms = made.bounds
    interval = next(body for _, kind, body in made.entries if kind == "interval" and body["length_s"] and
                    begin_ms <= body["from_ms"] < end_ms)  # fmt: skip
    event = {"number": 9, "asset": "fan", "from_ms": begin_ms, "to_ms": None, "decision": "keep", "adjust_wh": 0.0}
    made.later = [("interval", interval | {"energy_wh": 1}), ("decision", {"event": event})]
    found = verdict(built(made))
    assert found["verdict"] == "settled", found["reason"]
    assert found["later"] == {"intervals": 1, "decisions": 1}


def test_a_version_of_the_plan_that_the_ledger_contains_cannot_be_left_out() -> None:
    made = RESIGNED["next version of the plan"](recipe(3, hours=1), random.Random(1))
    assert made is not None
    bundle = built(made)
    assert len(bundle["plans"]) == 2
    del bundle["plans"][1]
    assert verdict(bundle)["reason"]["code"] == "month_other_version"


@pytest.mark.parametrize("corrected", [True, False])
def test_a_month_is_settled_again_under_a_version_that_replaces_its_plan(corrected: bool) -> None:
    """Version 2 applies from the same day as version 1, under which revision 1 was settled."""
    made = recipe(3, hours=1)
    assert made.month is not None
    second = copy.deepcopy(made.plans[0]) | {"version": 2, "replaces": document_id(made.plans[0])}
    second["price"]["vat_rate"] = "0.09"
    made.plans.append(second)
    made.corrected = corrected
    month = copy.deepcopy(made.month) | {"plan": document_id(second)}
    settle(second, month)
    made.second = {"plan": month["plan"], "amount": month["amount"]}
    bundle = built(made)
    found, state = verdict(bundle), state_of(bundle_text(bundle))
    assert found["reason"]["code"] == ("settled" if corrected else "month_other_version")
    assert state == ("settled" if corrected else "rejected: Unfit('plan of the day')")
    if corrected:
        bundle["months"] = bundle["months"][1:]
        assert verdict(bundle)["reason"]["code"] == "revision_not_successor"


def test_a_simulated_month_and_parts_of_its_production_are_read() -> None:
    """Optional members: what is wrong with them is found."""
    made = next(each for each in map(lambda seed: recipe(seed, hours=1), range(50)) if
                each.plans[0]["motor"]["fan"]["formula"] == "specific_energy")  # fmt: skip
    parts = ("1.000", "98.765"), ("2.000", "1.000"), ("1.000", "98.766")  # of 98.765 in the saving, and measured
    texts = []
    for compared, measured in parts:
        other = copy.deepcopy(made)
        assert other.month is not None
        other.month["simulated"] = True
        for motor in other.month["motor"].values():
            motor["counted"] = {"compared": compared, "measured": measured}
        texts.append(bundle_text(built(other)))
    assert [each["reason"]["code"] for each in verdicts(texts)] == ["settled", "month_part", "month_part"]


def test_recalculated_baseline_energies_are_compared_with_those_of_their_lines() -> None:
    made = recipe(3, hours=1)
    assert made.month is not None
    name, motor = next((name, motor) for name, motor in made.month["motor"].items() if made.plans[0]["motor"][name].get(
        "baseline") and any(row[1] for row in motor["energies"].values()))  # fmt: skip
    stated = {body["from_ms"]: body for _, kind, body in made.entries if kind == "interval" and body["asset"] == name}
    outside = [each[:2] for each in motor["excluded"]]
    starts = [start for start, body in sorted(stated.items()) if body["length_s"] and body.get("adjusted_wh") and
              made.bounds[0] <= start < made.bounds[1] and not any(a <= start < b for a, b in outside)]  # fmt: skip
    known = dict(motor["recalculated"])
    motor["recalculated"] = sorted(
        [start, known.get(start, stated[start]["adjusted_wh"])] for start in {*known, *starts}
    )
    found = verdict(built(made))
    assert found["verdict"] == "settled", found["reason"]
    recorded = sum(stated[start].get("adjusted_wh") or 0 for start, _ in motor["recalculated"])
    energy = sum(wh for _, wh in motor["recalculated"])
    assert recorded > 0
    assert found["recalculated"][name] == {"count": len(motor["recalculated"]), "energy": energy, "recorded": recorded}


@pytest.mark.parametrize(("early_ms", "reason"), [(600_000, "settled"), (600_001, "signature_before_plan")])
def test_a_month_signed_before_its_plan_is_not_accepted(early_ms: int, reason: str) -> None:
    made = recipe(3, hours=1)
    assert made.month is not None
    made.plan_signed_ms = made.month["drafted_ms"] + made.signed_ms + early_ms - made.plans[0]["drafted_ms"]
    text = bundle_text(built(made))
    assert verdicts([text])[0]["reason"]["code"] == reason
    assert state_of(text) == ("settled" if reason == "settled" else "rejected: Unfit('signed before its plan')")


def test_a_bundle_of_a_newer_format_is_named(bundle: dict[str, Any]) -> None:
    newer = copy.deepcopy(bundle)
    newer["months"][0]["document"]["s"] = "magwatt.month/2"
    found = verdicts([bundle_text(each) for each in (bundle | {"s": "magwatt.bundle/3"}, newer)])
    assert [each["reason"]["code"] for each in found] == ["format_newer"] * 2

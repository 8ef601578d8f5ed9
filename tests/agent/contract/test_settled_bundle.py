"""The small settled bundle, calculated by hand, is accepted by the independent verifier; what contradicts it is not."""

from __future__ import annotations

from typing import Any

import pytest
from support import contract_bundle as kit
from support.contract import COMPANY, CUSTOMER, DAY_MS
from support.contract_month import ISSUED_MS, corrected, revision
from support.independent_bundle import Unfit, verified

from agent.contract.ledger_month import changes_after


def test_it_is_settled_with_the_amount_by_hand() -> None:
    found = verified(kit.settled_bundle())
    assert (found.state, found.amount["gross"], found.later) == ("settled", "11.00", ())


SIGNED = {  # what all three signed, and what is wrong with it
    "energy at another price": {"motor__fan__energies": {"peak": [40_002, 40_002, 45_002],
                                                         "flat": [121_284, 106_284, 118_855],
                                                         "valley": [10_000, 10_000, 9_000]}},
    "interval without adjusted baseline": {"motor__fan__recalculated": []},
    "recalculated outside the saving": {
        "motor__fan__recalculated": [[kit.at_ms(8, 30), 1], [kit.at_ms(8, 45), 24_000]]
    },
    "another line": {"ledger__last": 11},
    "another hash": {"ledger__hash": "00" * 32},
    "lines that are not there": {"ledger__last": 999},
    "amount": {"amount__gross": "11.01"},
    "rounding": {"amount__vat": "0.6226"},
    "edge of the month": {"to_ms": kit.TO_MS - 1},
    "issued in the month": {"drafted_ms": kit.TO_MS - 1},
    "another motor": {"motor": {}},
}  # fmt: skip


@pytest.mark.parametrize("edit", SIGNED.values(), ids=SIGNED)
def test_a_wrong_month_is_not_accepted_although_all_sign_it(edit: dict[str, Any]) -> None:
    db = kit.ledger()
    with pytest.raises(Unfit):
        verified(kit.settled_bundle(kit.document(db, **edit), db=db))


def test_a_decision_that_is_not_named_is_missed() -> None:
    """Also one that changes no energy."""
    db = kit.ledger()
    body = kit.document(db)
    kept = body["motor"]["fan"]["decisions"].pop()
    assert kept["energy_wh"] == {}
    with pytest.raises(Unfit):
        verified(kit.settled_bundle(body, db=db))


@pytest.mark.parametrize("edit", [{"by": "Li Wei"}, {"coefficients": [1.0, 2e-05, -1515.22]}, {"asset": "pump"}])
def test_another_baseline_under_the_hash_of_the_plan_is_not_accepted(
    edit: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """The gateway signs it, and the parties signed the hash only."""
    monkeypatch.setattr(kit, "FROZEN", {**kit.FROZEN, **edit})
    with pytest.raises(Unfit):
        verified(kit.settled_bundle())


def test_an_older_decision_is_not_accepted() -> None:
    """The first decision on event 1, which was replaced before the month was issued."""
    db = kit.ledger()
    [first] = db.execute("select hash from ledger where kind = 'decision' order by seq limit 1").fetchone()
    body = kit.document(db)
    body["motor"]["fan"]["decisions"][0] |= {"line": first, "decision": "keep", "energy_wh": {}}
    with pytest.raises(Unfit):
        verified(kit.settled_bundle(body, db=db))


def test_a_correction_and_its_predecessor_are_followed() -> None:
    db = kit.ledger()
    first = revision(kit.document(db), CUSTOMER, plan=kit.PLAN)
    chain = {"revision": 2, "replaces": first.signed.id, "reason": "meter", "drafted_ms": ISSUED_MS + 7 * DAY_MS}
    bundle = kit.bundle(db, [first, revision(kit.document(db, **chain), plan=kit.PLAN)])
    found = verified(bundle)
    assert (found.state, found.signed_by) == ("issued", ())
    with pytest.raises(Unfit):
        verified({**bundle, "months": bundle["months"][:1]})  # the correction is left out
    alone = kit.bundle(kit.ledger(), [revision(kit.document(kit.ledger(), **chain), plan=kit.PLAN)])
    with pytest.raises(Unfit):
        verified(alone)
    assert corrected(first)["revision"] == 2


def test_what_was_recorded_later_is_reported_by_product_and_verifier() -> None:
    db = kit.ledger()
    month = revision(kit.document(db), CUSTOMER, COMPANY, plan=kit.PLAN)
    kit.record(db, [month])
    assert changes_after(db, month.month) == []
    kit.append(db, ISSUED_MS + DAY_MS, "decision", kit.event(1, "exclude", 0.0, kit.at_ms(9)))
    kit.append(db, ISSUED_MS + DAY_MS, "interval", kit.interval(kit.at_ms(8), 22_146, 24_310))
    later = [each.code for each in changes_after(db, month.month)]
    assert later == ["intervals_after_issue", "decision_after_issue"]
    found = verified(kit.exported(db, [month]))
    assert (found.state, len(found.later)) == ("settled", 2)

"""The state of a month follows from valid signatures of both parties, its plan and its revisions."""

from __future__ import annotations

from typing import Any

import pytest
from support.contract import COMPANY, CUSTOMER, DAY_MS, OTHER, document, edited, signed
from support.contract_month import (
    GATEWAY,
    ISSUED_MS,
    PLAN,
    corrected,
    issued,
    month_document,
    revision,
    settled,
)

from agent.contract import reasons as codes
from agent.contract.documents import SignedDocument
from agent.contract.month_states import MonthHistory, MonthRevision, revision_of, sign_month
from agent.contract.plan_versions import PlanHistory, PlanVersion
from drivers.reasons import InvalidValue

DAY_AFTER_MS = ISSUED_MS + DAY_MS


def state_of(found: MonthRevision, *others: MonthRevision, plans: tuple[PlanVersion, ...] = (PLAN,)) -> tuple[Any, ...]:
    history = MonthHistory([found, *others], PlanHistory(plans))
    state = history.state(next(each for each in history.revisions if each.signed.id == found.signed.id))
    return state.state, state.missing, state.problem and state.problem.code


def test_both_parties_sign_in_any_order() -> None:
    for first, second, missing in ((CUSTOMER, COMPANY, "energy_service_company"), (COMPANY, CUSTOMER, "customer")):
        new = revision(month_document())
        assert state_of(new) == ("issued", ("customer", "energy_service_company"), None)
        half = sign_month(new, first, "", DAY_AFTER_MS)
        assert state_of(half) == ("accepted", (missing,), None)
        assert state_of(sign_month(half, second, "", DAY_AFTER_MS)) == ("settled", (), None)


def test_two_files_with_one_signature_each_are_one_settled_month() -> None:
    assert state_of(revision(month_document(), CUSTOMER), revision(month_document(), COMPANY))[0] == "settled"


def refused(found: MonthRevision, key: Any = CUSTOMER, at_ms: int = DAY_AFTER_MS) -> str:
    with pytest.raises(InvalidValue) as caught:
        sign_month(found, key, "", at_ms)
    return caught.value.reason.code


def test_what_cannot_be_settled_is_not_signed() -> None:
    half = signed(document(), CUSTOMER)
    changed = signed(document(), CUSTOMER, COMPANY)
    other = edited(changed, document(price__vat_rate="0.13"))
    body = month_document()
    with_other_key = revision_of(issued(body, OTHER), "month.json", [PLAN])
    without = MonthRevision("month.json", SignedDocument(body, issued(body).id), revision(body).month, PLAN)
    for found, code in (
        (revision(month_document(half), plan=half), codes.PLAN_SIGNED_BY_ONE),
        (revision(month_document(other), plan=other), codes.SIGNATURE_OF_OTHER_DOCUMENT),
        (revision(month_document(amount__gross="5669.32")), codes.MONTH_FIGURE_WRONG),
        (with_other_key, codes.SIGNATURE_KEY_WRONG),
        (without, codes.MONTH_NOT_ISSUED),
    ):
        assert refused(found) == code
        assert state_of(found, plans=(found.plan,))[0] == "issued"


def test_a_wrong_key_and_a_clock_in_the_past_sign_nothing() -> None:
    new = revision(month_document())
    assert refused(new, OTHER) == codes.KEY_OF_NO_PARTY
    assert refused(new, CUSTOMER, ISSUED_MS - 600_001) == codes.CLOCK_IN_PAST
    assert refused(sign_month(new, CUSTOMER, "", DAY_AFTER_MS), COMPANY, ISSUED_MS) == codes.CLOCK_BEFORE_SIGNATURE
    assert refused(revision(month_document(), CUSTOMER)) == codes.SIGNED_ALREADY
    assert refused(new, GATEWAY) == codes.SIGNED_ALREADY  # the gateway issued it


def test_a_wrong_key_is_told_the_keys_of_the_parties_only() -> None:
    with pytest.raises(InvalidValue) as caught:
        sign_month(revision(month_document()), OTHER, "", DAY_AFTER_MS)
    assert caught.value.reason.data["known"] == (CUSTOMER.fingerprint, COMPANY.fingerprint)


def test_a_signature_before_the_month_was_issued_does_not_count() -> None:
    early = revision(month_document(), CUSTOMER, COMPANY, at_ms=ISSUED_MS - 600_001)
    assert state_of(early) == ("issued", ("customer", "energy_service_company"), codes.SIGNED_BEFORE_DRAFT)


def test_a_signature_before_that_of_the_plan_is_not_made_and_is_reported() -> None:
    """The gateway of a simulation issues on virtual time, before the plan was signed."""
    signed_ms = ISSUED_MS + 20 * DAY_MS
    late = signed(document(), at_ms=signed_ms)
    new = revision(month_document(late), plan=late)
    assert refused(new, CUSTOMER, signed_ms - 600_001) == codes.CLOCK_BEFORE_SIGNATURE
    assert sign_month(new, CUSTOMER, "", signed_ms - 600_000).dated_before_plan() == []
    early = revision(month_document(late), CUSTOMER, plan=late, at_ms=signed_ms - 600_001)
    assert state_of(early, plans=(late,)) == ("issued", ("energy_service_company",), codes.SIGNED_BEFORE_PLAN)


def test_a_former_key_of_a_party_does_not_sign_a_month() -> None:
    second = signed(document(version=2, replaces=PLAN.signed.id, party__customer__public_key=OTHER.public,
                             party__customer__former_public_key=CUSTOMER.public), CUSTOMER, OTHER, COMPANY)  # fmt: skip
    assert refused(revision(month_document(second), plan=second)) == codes.KEY_OF_NO_PARTY


def test_a_settled_month_stays_until_its_correction_is_settled() -> None:
    first = settled(month_document())
    body = corrected(first)
    for second, states in (
        (revision(body), ("settled", "issued")),
        (revision(body, CUSTOMER), ("settled", "accepted")),
        (settled(body), ("corrected", "settled")),
    ):
        assert (state_of(first, second)[0], state_of(second, first)[0]) == states
    unsigned_first = revision(month_document())
    assert state_of(unsigned_first, revision(corrected(unsigned_first)))[0] == "corrected"


def test_the_newest_correction_counts_when_one_was_corrected_before_it_was_settled() -> None:
    first = settled(month_document())
    second = revision(corrected(first))
    third = revision(corrected(second, revision=3))
    history = MonthHistory([first, second, third], PlanHistory([PLAN]))
    found = [history.state(each) for each in history.revisions]
    assert [(each.state, each.replaced_by) for each in found] == [("settled", 3), ("corrected", 3), ("issued", 0)]


def test_a_correction_follows_the_revision_that_it_names() -> None:
    first = settled(month_document())
    november = {"month": "2026-11"}
    for body, code in (
        (corrected(first, replaces="ab" * 32), codes.MONTH_REPLACED_MISSING),
        (corrected(first, revision=3), codes.MONTH_REPLACES_OTHER),
        (corrected(first, drafted_ms=ISSUED_MS - 600_001), codes.MONTH_ISSUED_BEFORE_REPLACED),
        (month_document(drafted_ms=ISSUED_MS + 1), codes.MONTH_REVISION_TWICE),
        (corrected(first, **november), codes.MONTH_BOUNDS_WRONG),
    ):
        found = settled(body)
        assert state_of(found, first) == ("issued", (), code)


def test_the_plan_is_the_one_in_force() -> None:
    later = signed(document(version=2, replaces=PLAN.signed.id, applies__first="2026-10-15"))
    rival = signed(document(contract="EMC-2026-018"))
    assert state_of(settled(month_document()), plans=(PLAN, later))[2] == codes.MONTH_OF_OTHER_VERSION
    assert state_of(settled(month_document()), plans=(PLAN, rival))[2] == codes.PLANS_OVERLAP
    twin = signed(document(project__title="other"))  # the same contract and version
    [overlap] = PlanHistory([PLAN, twin]).problems()
    named = {overlap.data["first_id"], overlap.data["second_id"]}
    assert named == {each.signed.id[:16] for each in (PLAN, twin)}


def test_a_month_without_its_plan_is_reported() -> None:
    with pytest.raises(InvalidValue) as caught:
        revision_of(issued(month_document()), "month.json", [rival := signed(document(contract="EMC-2026-018"))])
    assert caught.value.reason.code == codes.PLAN_OF_MONTH_MISSING
    assert rival.signed.id != PLAN.signed.id

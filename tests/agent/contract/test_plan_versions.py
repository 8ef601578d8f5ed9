"""Only what both parties signed with their own keys is in force; each contradiction has its own reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace
from support.contract import COMPANY, CUSTOMER, DAY_MS, DRAFTED_MS, OTHER, document, edited, signed, version

from agent.contract import reasons as codes
from agent.contract.plan import ContractPeriod
from agent.contract.plan_reader import PlanError
from agent.contract.plan_versions import PlanHistory, PlanVersion, sign_plan
from agent.contract.signatures import signed as signature
from drivers.reasons import Code, InvalidValue

AT_MS = DRAFTED_MS + DAY_MS


def code_of(found: PlanVersion) -> str:
    reason = found.not_in_force()
    return reason.code if reason else ""


def rejected(found: PlanVersion, key: Any, at_ms: int = AT_MS) -> Code:
    with pytest.raises(InvalidValue) as caught:
        sign_plan(found, key, "", at_ms)
    return caught.value.reason.code


def test_a_plan_is_in_force_when_both_have_signed_in_any_order() -> None:
    assert code_of(version(document())) == codes.PLAN_NOT_SIGNED
    for first, second, missing in (
        (CUSTOMER, COMPANY, "energy_service_company"), (COMPANY, CUSTOMER, "customer")
    ):  # fmt: skip
        half = signed(document(), first)
        assert half.not_in_force() == codes.PLAN_SIGNED_BY_ONE(version=1, contract="EMC-2026-017", missing=missing)
        assert code_of(sign_plan(half, second, "", AT_MS)) == ""


def test_the_signatory_of_the_plan_signs_unless_another_person_does() -> None:
    assert [each.by for each in signed(document()).signed.signatures] == ["Wang Fang", "Li Wei"]
    assert signed(document(), CUSTOMER, by="Chen Yu").signed.signatures[0].by == "Chen Yu"


def test_a_key_that_may_not_sign_is_rejected() -> None:
    assert rejected(version(document()), OTHER) == codes.KEY_OF_NO_PARTY
    assert rejected(signed(document(), CUSTOMER), CUSTOMER) == codes.SIGNED_ALREADY


def test_a_clock_in_the_past_signs_nothing() -> None:
    """Ten minutes are tolerated: the clocks of two offices differ."""
    ten_min_ms = 600_000
    assert rejected(version(document()), CUSTOMER, DRAFTED_MS - ten_min_ms - 1) == codes.CLOCK_IN_PAST
    sign_plan(version(document()), CUSTOMER, "", DRAFTED_MS - ten_min_ms)
    half = signed(document(), CUSTOMER, at_ms=AT_MS)
    assert rejected(half, COMPANY, AT_MS - ten_min_ms - 1) == codes.CLOCK_BEFORE_SIGNATURE


def test_a_signature_dated_before_the_draft_or_in_the_future_is_reported() -> None:
    body = document()
    early = signed(body, at_ms=DRAFTED_MS)
    assert code_of(edited(early, body)) == ""
    assert code_of(edited(early, document(drafted_ms=DRAFTED_MS + DAY_MS))) == codes.SIGNATURE_OF_OTHER_DOCUMENT
    assert early.signing.dated_later(DRAFTED_MS) == []
    unsigned = replace(early.signed.signatures[0], signed_ms=DRAFTED_MS - DAY_MS)
    signatures = (signature(unsigned, CUSTOMER), early.signed.signatures[1])
    assert code_of(replace(early, signed=replace(early.signed, signatures=signatures))) == codes.SIGNED_BEFORE_DRAFT
    assert [each.code for each in early.signing.dated_later(DRAFTED_MS - DAY_MS)] == [codes.SIGNED_IN_FUTURE] * 2


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each value that is neither table nor list."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in children:
        yield from places(item, (*path, key)) if isinstance(item, dict | list) else [(*path, key)]


def other(value: Any) -> Any:
    """Another value of the same form, where there is one."""
    if isinstance(value, bool | int):
        return not value if isinstance(value, bool) else value + 1
    return value[:-1] + ("1" if value[-1] != "1" else "2")


@pytest.mark.parametrize("place", list(places(document())), ids=str)
def test_no_changed_value_keeps_a_signature(place: tuple[Any, ...]) -> None:
    found, body = signed(document()), json.loads(json.dumps(document()))
    table = body
    for key in place[:-1]:
        table = table[key]
    table[place[-1]] = other(table[place[-1]])
    try:
        changed = edited(found, body)
    except PlanError:
        return  # is no plan any more
    assert code_of(changed) == codes.SIGNATURE_OF_OTHER_DOCUMENT


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        ({"by": "Liu Yang"}, codes.SIGNATURE_INVALID),
        ({"signed_ms": AT_MS + 1}, codes.SIGNATURE_INVALID),
        ({"sig": "00" * 64}, codes.SIGNATURE_INVALID),
        ({"sig": ""}, codes.SIGNATURE_INVALID),
        ({"role": "energy_service_company"}, codes.SIGNATURE_KEY_WRONG),
        ({"role": "gateway"}, codes.SIGNATURE_KEY_WRONG),
        ({"key": OTHER.fingerprint}, codes.SIGNATURE_KEY_WRONG),
        ({"document": "00" * 32}, codes.SIGNATURE_OF_OTHER_DOCUMENT),
        ({"type": "magwatt.month/1"}, codes.SIGNATURE_OF_OTHER_DOCUMENT),
    ],
)
def test_no_changed_signature_counts(edit: dict[str, Any], code: Code) -> None:
    found = signed(document())
    first, second = found.signed.signatures
    changed = replace(found, signed=replace(found.signed, signatures=(replace(first, **edit), second)))
    assert code_of(changed) == code
    assert changed.missing == ("customer",)
    upper = replace(found.signed, signatures=(replace(first, sig=first.sig.upper()), second))
    assert code_of(replace(found, signed=upper)) == codes.SIGNATURE_INVALID  # a second form of the same signature
    twice = replace(found.signed, signatures=(first, first, second))
    assert code_of(replace(found, signed=twice)) == codes.SIGNATURE_TWICE


def second_version(first: PlanVersion, **more: Any) -> dict[str, Any]:
    return document(**{"version": 2, "replaces": first.signed.id, "applies__first": "2027-04-01",
                       "drafted_ms": DRAFTED_MS + 5 * DAY_MS, "sharing__energy_service_company": ["0.5"] * 5,
                       **more})  # fmt: skip


LATER_MS = DRAFTED_MS + 6 * DAY_MS


def test_a_new_version_applies_from_its_day_on() -> None:
    first = signed(document())
    draft, second = version(second_version(first)), signed(second_version(first), at_ms=LATER_MS)
    assert PlanHistory([draft, first]).applies(first) == ContractPeriod(date(2026, 10, 1), date(2031, 9, 30))
    history = PlanHistory([second, first])
    assert [each.plan.version for each in history.versions] == [1, 2]
    assert history.applies(first) == ContractPeriod(date(2026, 10, 1), date(2027, 3, 31))
    assert history.applies(second) == ContractPeriod(date(2027, 4, 1), date(2031, 9, 30))
    assert history.in_force("fan", date(2027, 3, 31)).plan.version == 1
    assert history.in_force("fan", date(2027, 4, 1)).plan.version == 2
    assert history.problems() == []
    for motor, day in (("fan", date(2026, 9, 30)), ("pump", date(2027, 1, 1))):
        with pytest.raises(InvalidValue) as caught:
            history.in_force(motor, day)
        assert caught.value.reason.code == codes.NO_PLAN_FOR_DAY


def test_two_plans_for_one_time_settle_nothing() -> None:
    first = signed(document())
    rivals = [signed(second_version(first, price__vat_rate=rate), at_ms=LATER_MS) for rate in ("0.06", "0.13")]
    other_contract = signed(document(contract="EMC-2026-018"))
    for plans, day in (([first, *rivals], date(2027, 4, 1)), ([first, other_contract], date(2026, 10, 1))):
        history = PlanHistory(plans)
        assert [problem.code for problem in history.problems()] == [codes.PLANS_OVERLAP]
        with pytest.raises(InvalidValue) as caught:
            history.in_force("fan", day)
        assert caught.value.reason.code == codes.PLANS_OVERLAP
    assert PlanHistory([first, signed(document(contract="EMC-2026-018", applies__first="2031-10-01",
                                               applies__last=None))]).problems() == []  # fmt: skip


def test_a_copy_with_the_other_signature_completes_a_plan() -> None:
    history = PlanHistory([signed(document(), CUSTOMER), signed(document(), COMPANY)])
    assert [history.not_in_force(each) for each in history.versions] == [None]


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        ({"replaces": "00" * 32}, codes.PLAN_REPLACED_MISSING),
        ({"version": 3}, codes.PLAN_VERSION_WRONG),
        ({"contract": "EMC-2026-018"}, codes.PLAN_CONTRACT_CHANGED),
        ({"applies__first": "2026-09-30"}, codes.PLAN_EARLIER_THAN_REPLACED),
        ({"drafted_ms": DRAFTED_MS - DAY_MS}, codes.DRAFTED_BEFORE_REPLACED),
    ],
)
def test_a_version_that_does_not_follow_is_not_in_force(edit: dict[str, Any], code: Code) -> None:
    first = signed(document())
    second = signed(second_version(first, **edit), at_ms=LATER_MS)
    history = PlanHistory([first, second])
    reason = history.not_in_force(second)
    assert reason is not None
    assert reason.code == code
    assert history.in_force("fan", date(2027, 4, 1)).plan.version == 1


def test_a_party_that_invents_a_key_of_the_other_changes_nothing() -> None:
    """The company drafts a version with an invented key for the customer and signs with both."""
    first = signed(document())
    forged = signed(second_version(first, party__customer__public_key=OTHER.public), OTHER, COMPANY, at_ms=LATER_MS)
    assert code_of(forged) == ""
    history = PlanHistory([first, forged])
    assert [problem.code for problem in history.problems()] == [codes.OLD_KEY_NOT_SIGNED]
    assert history.in_force("fan", date(2027, 4, 1)).plan.version == 1


def test_a_party_changes_its_key_with_both_keys() -> None:
    first = signed(document())
    keys = {"party__customer__public_key": OTHER.public, "party__customer__former_public_key": CUSTOMER.public}
    half = signed(second_version(first, **keys), OTHER, COMPANY, at_ms=LATER_MS)
    assert code_of(half) == codes.PLAN_SIGNED_BY_ONE
    second = sign_plan(half, CUSTOMER, "", LATER_MS)
    history = PlanHistory([first, second])
    assert history.problems() == []
    assert history.in_force("fan", date(2027, 4, 1)).plan.version == 2

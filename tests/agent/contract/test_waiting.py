"""What a contract waits for at a time: the end of its plan, of a certificate, and of a month that is not issued."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from support import contract
from support.contract import certificate
from support.contract_month import PLAN, TO_MS, corrected, month_document, revision, settled

from agent.contract import reasons as codes
from agent.contract import waiting
from agent.contract.month_states import MonthHistory
from agent.contract.plan_versions import PlanHistory
from agent.contract.waiting import Wait, waits_of_issue, waits_of_month, waits_of_plan


def at(text: str) -> int:
    """UTC ms of a time in Shanghai."""
    return round(datetime.fromisoformat(f"{text}+08:00").astimezone(UTC).timestamp() * 1000)


def held(found: list[Wait], now_ms: int) -> list[str]:
    return [str.__str__(wait.reason.code) for wait in found if wait.holds(now_ms)]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-10-31 23:59", []),
        ("2026-11-01 00:00", [waiting.PLAN_ENDS]),
        ("2026-12-31 23:59", [waiting.PLAN_ENDS]),
        ("2027-01-01 00:00", [waiting.PLAN_ENDED]),
    ],
)
def test_the_end_of_a_plan_is_announced_for_its_last_60_days(now: str, expected: list[str]) -> None:
    version = contract.signed(contract.document(applies__last="2026-12-31", motor__fan__meter=None))
    found = list(waits_of_plan(version, PlanHistory([version]).applies(version)))  # type: ignore[arg-type]
    assert held(found, at(now)) == expected


def test_a_plan_that_a_later_version_replaces_is_not_missed() -> None:
    first = contract.signed(contract.document(motor__fan__meter=None))
    second = contract.signed(
        contract.document(version=2, replaces=first.signed.id, applies__first="2027-01-01", motor__fan__meter=None)
    )
    history = PlanHistory([first, second])
    assert list(waits_of_plan(first, history.applies(first))) == []  # type: ignore[arg-type]


def test_a_certificate_is_awaited_before_and_after_it_expires() -> None:
    meter = contract.document()["motor"]["fan"]["meter"] | {
        "certificate": certificate(valid_until="2027-03-01"), "ct_certificate": certificate()
    }  # fmt: skip
    version = contract.signed(contract.document(motor__fan__meter=meter, applies__last=None))
    found = list(waits_of_plan(version, PlanHistory([version]).applies(version)))  # type: ignore[arg-type]
    assert held(found, at("2026-12-30 23:59")) == []
    assert held(found, at("2026-12-31 00:00")) == held(found, at("2027-03-01 23:59")) == [waiting.CERTIFICATE_ENDS]
    assert held(found, at("2027-03-02 00:00")) == [codes.CALIBRATION_EXPIRED]


def test_a_month_waits_for_those_who_have_not_signed_the_newest_revision() -> None:
    first = settled(month_document())
    second = revision(corrected(first), contract.CUSTOMER)
    history = MonthHistory([first, second], PlanHistory([PLAN]))
    (wait,) = waits_of_month(history, [first, second])
    assert (wait.whom, wait.reason.code) == ("energy_service_company", waiting.SIGNATURE_AWAITED)
    assert (wait.since_ms, wait.from_ms, wait.until_ms) == (second.month.drafted_ms, None, None)
    assert wait.reason.data["revision"] == 2
    assert list(waits_of_month(history, [first])) == []


def test_a_revision_that_is_not_valid_waits_for_the_gateway() -> None:
    wrong = revision(month_document(amount__gross="1.00"))
    (wait,) = waits_of_month(MonthHistory([wrong], PlanHistory([PLAN])), [wrong])
    assert (wait.whom, wait.reason.code) == ("gateway", waiting.CORRECTION_AWAITED)


def test_a_month_is_to_be_issued_from_its_end_on() -> None:
    wait = waits_of_issue("2026-10", TO_MS, None)
    assert (wait.whom, wait.reason.code, wait.from_ms) == ("gateway", waiting.ISSUE_AWAITED, TO_MS)
    assert not wait.holds(TO_MS - 1)
    problem = codes.MONTH_PARTLY_COVERED(first="2026-10-05", last="–", month="2026-10")
    assert waits_of_issue("2026-10", TO_MS, problem).reason.code == waiting.ISSUE_PREVENTED

"""A month is accepted as it is documented only, and nothing in it contradicts its plan or its energies."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from support.contract import document, signed
from support.contract_month import FROM_MS, ISSUED_MS, PLAN, TO_MS, month_document, revision

from agent.config.reasons import NOT_A_MONTH
from agent.contract import reasons as codes
from agent.contract.documents import unsigned
from agent.contract.month_reader import amount_of_month, contradictions, month_of
from agent.contract.month_reasons import reason_of, signed_reason
from agent.savings import reasons as savings
from drivers.reasons import Code, InvalidValue


def problems(body: dict[str, Any], plan: Any = PLAN) -> list[str]:
    return [each.code for each in contradictions(month_of(unsigned(body), "month.json"), plan)]


def test_the_month_of_the_documentation_is_accepted() -> None:
    found = month_of(unsigned(month_document()), "month.json")
    amount = amount_of_month(found, PLAN.plan)
    assert problems(month_document()) == []
    assert (amount.net, amount.vat, amount.gross) == (Decimal("5348.41"), Decimal("320.90"), Decimal("5669.31"))
    assert found.figures["fan"].excluded_wh == 200_000


@pytest.mark.parametrize(
    "edit",
    [
        {"note": ""}, {"amount": None},
        {"motor__fan__energies__peak": [1, 2]}, {"motor__fan__energies__peak": [1, 2, "3"]},
        {"amount__gross": 5669}, {"amount__gross": "5.7e3"}, {"amount__gross": "NaN"}, {"amount__gross": "5669.31\n"},
        {"revision": 0}, {"revision": True}, {"plan": "AB" * 32}, {"motor__fan__evidence": "checked"},
        {"ledger__hash": ""}, {"motor__fan__u95_wh": -1}, {"month": "2026-1"}, {"revision": 2},
        {"reason": "later"}, {"replaces": "ab" * 32}, {"revision": 2, "replaces": "ab" * 32, "reason": " "},
    ],
)  # fmt: skip
def test_another_form_is_rejected(edit: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        month_of(unsigned(month_document(**edit)), "month.json")


def test_a_newer_format_is_rejected_with_this_cause() -> None:
    with pytest.raises(InvalidValue) as caught:
        month_of(unsigned(month_document(s="magwatt.month/2")), "month.json")
    assert caught.value.reason.code == codes.DOCUMENT_NEWER


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        ({"contract": "EMC-2026-018"}, codes.MONTH_NOT_OF_PLAN),
        ({"gateway_key": "ab" * 32}, codes.MONTH_NOT_OF_PLAN),
        ({"site": "mill-3"}, codes.MONTH_NOT_OF_PLAN),
        ({"from_ms": FROM_MS - 900_000}, codes.MONTH_BOUNDS_WRONG),
        ({"to_ms": TO_MS + 1}, codes.MONTH_BOUNDS_WRONG),
        ({"month": "2026-11"}, codes.MONTH_BOUNDS_WRONG),
        ({"month": "2026-13"}, NOT_A_MONTH),
        ({"drafted_ms": TO_MS - 1}, codes.MONTH_ISSUED_EARLY),
        ({"amount__gross": "5669.32"}, codes.MONTH_FIGURE_WRONG),
        ({"amount__gross": "5669.310"}, codes.MONTH_FIGURE_WRONG),
        ({"amount__share": "0.8"}, codes.MONTH_FIGURE_WRONG),
        ({"amount__year": 2}, codes.MONTH_FIGURE_WRONG),
        ({"motor__fan__adjusted_kwh": "8545"}, codes.MONTH_FIGURE_WRONG),
        ({"motor__fan__contract_kwh": {"": "8546"}}, codes.MONTH_FIGURE_WRONG),
        ({"motor__fan__excluded_wh": {"below_range": 199_999}}, codes.MONTH_PART_WRONG),
        ({"motor__fan__excluded_wh": {"below_range": 199_999, "gap": 1}}, codes.MONTH_PART_WRONG),
        ({"motor__fan__excluded": [[FROM_MS - 900_000, TO_MS, "below_range"]]}, codes.MONTH_PART_WRONG),
        ({"motor__fan__recalculated": [[FROM_MS, 1], [FROM_MS, 1]]}, codes.MONTH_PART_WRONG),
        ({"motor__fan__decisions": [{"line": "ab" * 32, "event": 1, "decision": "keep", "energy_wh": {"flat": 1}}]},
         codes.MONTH_PART_WRONG),
        ({"motor__fan__energies": {"peak": [0, 0, 0]}}, codes.MONTH_PART_WRONG),
    ],
)  # fmt: skip
def test_a_contradiction_is_named(edit: dict[str, Any], code: Code) -> None:
    assert code in problems(month_document(**edit))


def test_the_plan_is_that_of_the_month() -> None:
    other = signed(document(price__vat_rate="0.13"))
    assert problems(month_document(), other) == [codes.MONTH_NOT_OF_PLAN]
    later = signed(document(applies__first="2026-10-02"))
    assert problems(month_document(later), later) == [codes.MONTH_PARTLY_COVERED]
    without = signed(document(project__gateway_key=None))
    assert problems(month_document(without), without) == [codes.MONTH_NOT_OF_PLAN]


def test_the_time_of_issue_is_that_of_the_document() -> None:
    assert revision(month_document()).signing.drafted_ms == ISSUED_MS


def test_a_reason_is_the_same_after_it_was_signed() -> None:
    error = savings.ERROR_RELATIVE(share=0.025)
    reason = savings.DRIVER_UNCALIBRATED(driver="signal_flow_m3_h", error=error, u95_wh=5e-7, without_u95_wh=12.5)
    stored = unsigned(signed_reason(reason)).document  # raises for a fraction
    assert reason_of(stored) == reason
    assert stored["data"]["u95_wh"] == "0.0000005"
    assert reason_of({"code": "of_a_newer_version", "data": {}}).code == "unknown"
    assert reason_of({"code": "season_not_covered", "data": {"n": "x"}}).code == "unknown"

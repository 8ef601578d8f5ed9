"""Signatures are recorded for a month that this gateway issued and that was not corrected; nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from support.contract import COMPANY, CUSTOMER
from support.contract_month import PLAN, corrected, month_document, revision, settled

from agent.config.model import Site
from agent.contract import reasons as codes
from agent.contract.documents import SignedDocument
from agent.contract.month_states import MonthRevision
from agent.contract.plan_versions import PlanHistory
from agent.contract.recorded_months import body_of_issued, body_of_signed
from drivers.reasons import InvalidValue

SITE = Site("mill-2", "gw-07", "Asia/Shanghai", "CNY", None, None, None, False)
PLANS = PlanHistory([PLAN])


def signed_body(found: MonthRevision, *recorded: MonthRevision, site: Site = SITE) -> Any:
    return body_of_signed(recorded, found, PLANS, site)


def code_of(found: MonthRevision, *recorded: MonthRevision, site: Site = SITE) -> str:
    with pytest.raises(InvalidValue) as caught:
        signed_body(found, *recorded, site=site)
    return caught.value.reason.code


def test_a_record_has_all_signatures_so_far() -> None:
    new, customer, company = (revision(month_document(), *keys) for keys in ((), (CUSTOMER,), (COMPANY,)))
    roles = [each["role"] for each in signed_body(company, new, customer)["month"]["signatures"]]
    assert sorted(roles) == ["customer", "energy_service_company", "gateway"]
    assert signed_body(customer, new, customer) is None  # nothing new
    assert len(signed_body(customer, new)["month"]["signatures"]) == 2


def test_another_month_is_not_recorded() -> None:
    both = settled(month_document())
    second = revision(corrected(both))
    assert code_of(both) == codes.MONTH_NOT_IN_LEDGER
    assert signed_body(both, both, second) is None  # its signatures are recorded
    assert code_of(both, revision(month_document()), second) == codes.MONTH_REPLACED
    assert code_of(both, both, site=Site("mill-2", "gw-08", "Asia/Shanghai", "CNY", None, None, None, False)) == (
        codes.PLAN_OF_OTHER_GATEWAY
    )
    foreign, new = settled(corrected(both)).signed, revision(month_document())
    mixed = SignedDocument(new.signed.document, new.signed.id, foreign.signatures)
    assert code_of(replace(new, signed=mixed), new) == codes.SIGNATURE_OF_OTHER_DOCUMENT


def test_a_revision_that_cannot_be_settled_is_not_issued() -> None:
    first = settled(month_document())
    assert body_of_issued([first], revision(corrected(first)), PLANS)
    for body, code in (
        (month_document(drafted_ms=first.month.drafted_ms + 1), codes.MONTH_REVISION_TWICE),
        (corrected(first, replaces="ab" * 32), codes.MONTH_REPLACED_MISSING),
        (month_document(amount__gross="5669.32"), codes.MONTH_FIGURE_WRONG),
    ):
        with pytest.raises(InvalidValue) as caught:
            body_of_issued([first], revision(body), PLANS)
        assert caught.value.reason.code == code


def test_a_file_with_a_wrong_signature_is_rejected_also_when_its_month_is_recorded() -> None:
    both = settled(month_document())
    first, *rest = both.signed.signatures
    renamed = replace(both.signed, signatures=(*rest, replace(first, by="Chen Yu")))  # its digits are recorded
    assert code_of(replace(both, signed=renamed), both) == codes.SIGNATURE_INVALID
    assert signed_body(both, both) is None

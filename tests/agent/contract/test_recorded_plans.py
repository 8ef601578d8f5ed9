"""Only a plan in force, of this gateway and without a rival, becomes a record of the ledger."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from support.contract import CUSTOMER, GATEWAY_PUBLIC, document, signed

from agent.config.model import Site
from agent.contract import reasons as codes
from agent.contract.plan_versions import PlanVersion
from agent.contract.recorded_plans import record_body
from drivers.reasons import Code, InvalidValue

SITE = Site("mill-2", "gw-07", "Asia/Shanghai", "CNY", None, None, None, False)


def body_of(version: PlanVersion, *recorded: PlanVersion, site: Site = SITE, key: str = GATEWAY_PUBLIC) -> Any:
    return record_body(list(recorded), version, site, key)


def test_the_record_contains_the_file_of_the_plan() -> None:
    version = signed(document())
    body = body_of(version)
    assert body["plan"]["document"] == document()
    assert [each["role"] for each in body["plan"]["signatures"]] == ["customer", "energy_service_company"]
    assert body_of(version, version) is None
    assert body_of(version, key="") == body  # the ledger has no record yet


@pytest.mark.parametrize(
    ("version", "more", "code"),
    [
        (signed(document(contract="EMC-2026-018"), CUSTOMER), {}, codes.PLAN_SIGNED_BY_ONE),
        (signed(document(contract="EMC-2026-018")), {}, codes.PLANS_OVERLAP),
        (signed(document(version=2, replaces="ab" * 32)), {}, codes.PLAN_REPLACED_MISSING),
        (signed(document(project__gateway="gw-08")), {}, codes.PLAN_OF_OTHER_GATEWAY),
        (signed(document(contract="EMC-2026-018")), {"key": "34" * 32}, codes.PLAN_NAMES_OTHER_KEY),
    ],
    ids=["one party", "rival", "predecessor unknown", "other gateway", "other key"],
)
def test_another_plan_is_not_recorded(version: PlanVersion, more: dict[str, Any], code: Code) -> None:
    with pytest.raises(InvalidValue) as caught:
        body_of(version, signed(document()), **more)
    assert caught.value.reason.code == code


def test_a_file_that_is_not_signed_correctly_is_rejected_also_when_its_plan_is_recorded() -> None:
    version = signed(document())
    first, second = version.signed.signatures
    broken = replace(version.signed, signatures=(first, replace(second, sig="0" * 128)))
    for found, code in (
        (signed(document(), CUSTOMER), codes.PLAN_SIGNED_BY_ONE),
        (replace(version, signed=broken), codes.SIGNATURE_INVALID),
    ):
        with pytest.raises(InvalidValue) as caught:
            body_of(found, version)
        assert caught.value.reason.code == code

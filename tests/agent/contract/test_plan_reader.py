"""A plan with a wrong or missing term is rejected, with the key of the term."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from support import contract

from agent.config import reasons as config_codes
from agent.contract import reasons as codes
from agent.contract.plan_reader import PlanError, open_points, plan_of
from drivers.file_reasons import KEY_MISSING, KEY_UNKNOWN
from drivers.reasons import Code

RATE = {"motor__fan__formula": "saving_rate", "motor__fan__saving_rate": "0.25"}


def test_a_complete_plan_is_read_exactly() -> None:
    found = plan_of(contract.document(), "plan.json")
    assert found.rules.prices == {"peak": Decimal("1.05"), "flat": Decimal("0.68"), "valley": Decimal("0.34")}
    assert found.motors["fan"].baseline_period.last == date(2026, 9, 14)
    assert found.applies.contains(date(2031, 9, 30))
    assert not found.applies.contains(date(2031, 10, 1))


@pytest.mark.parametrize(
    ("edit", "key", "code"),
    [
        ({"contract": None}, "contract", KEY_MISSING),
        ({"contract": ""}, "contract", codes.VALUE_EMPTY),
        ({"note": "x"}, "note", KEY_UNKNOWN),
        ({"version": 0}, "version", config_codes.INTEGER_LIMITS),
        ({"version": 2}, "replaces", codes.VERSION_WITHOUT_PREDECESSOR),
        ({"replaces": "ab" * 32}, "replaces", codes.FIRST_VERSION_REPLACES),
        ({"version": 2, "replaces": "AB" * 32}, "replaces", codes.HASH_EXPECTED),
        ({"applies__first": "2026-02-30"}, "applies.first", codes.DATE_TEXT_EXPECTED),
        ({"applies__last": "2026-09-30"}, "applies.last", codes.SPAN_REVERSED),
        ({"project__timezone": 8}, "project.timezone", config_codes.TIME_ZONE_UNKNOWN),
        ({"party__customer": None}, "party", codes.PARTIES_EXPECTED),
        ({"party__bank": {}}, "party.bank", codes.PARTY_ROLE_UNKNOWN),
        ({"party__customer__public_key": contract.COMPANY.public}, "party", codes.PARTIES_SHARE_KEY),
        ({"party__customer__public_key": contract.GATEWAY_PUBLIC}, "party.customer.public_key",
         codes.PARTY_HAS_GATEWAY_KEY),
        ({"motor": {}}, "motor", codes.NO_PLAN_MOTOR),
        ({"motor__fan__method": "model"}, "motor.fan.method", config_codes.CHOICE_UNKNOWN),
        ({"motor__fan__baseline": None}, "motor.fan.baseline", codes.METHOD_NEEDS_BASELINE),
        ({"motor__fan__method": "direct_comparison"}, "motor.fan.formula", codes.FORMULA_NEEDS_MODEL),
        ({"motor__fan__formula": "saving_rate"}, "motor.fan.saving_rate", codes.FORMULA_NEEDS),
        ({"motor__fan__saving_rate": "0.25"}, "motor.fan.saving_rate", codes.FORMULA_WITHOUT),
        ({**RATE, "motor__fan__saving_rate": "1"}, "motor.fan.saving_rate", codes.DECIMAL_EXPECTED),
        ({**RATE, "motor__fan__saving_rate": 0.25}, "motor.fan.saving_rate", codes.DECIMAL_EXPECTED),
        ({"motor__fan__formula": "specific_energy", "motor__fan__specific_energy_kwh": "5",
          "motor__fan__quantity": "t"}, "motor.fan.formula", codes.FORMULA_ONE_PRICE),
        ({"motor__fan__reporting_period__first": "2026-09-14"}, "motor.fan.reporting_period.first",
         codes.PERIODS_OVERLAP),
        ({"motor__fan__meter__certificate": contract.certificate(valid_until="2026-02-28")},
         "motor.fan.meter.certificate.valid_until", codes.SPAN_REVERSED),
        ({"price__per_kwh": {}}, "price.per_kwh", codes.PRICE_TABLE_EXPECTED),
        ({"price__per_kwh": {"flat": "1e3"}}, "price.per_kwh.flat", codes.DECIMAL_EXPECTED),
        ({"price__vat_rate": "٠.06"}, "price.vat_rate", codes.DECIMAL_EXPECTED),
        ({"sharing__energy_service_company": ["0.8", "1.2"]}, "sharing.energy_service_company",
         codes.DECIMAL_EXPECTED),
        ({"sharing__energy_service_company": ""}, "sharing.energy_service_company", codes.VALUE_EMPTY_EXPECTED),
        ({"applies__last": ""}, "applies.last", codes.OPTIONAL_EMPTY),
        ({"motor__fan__meter__certificate__laboratory": ""}, "motor.fan.meter.certificate.laboratory",
         codes.CERTIFICATE_EMPTY),
        ({"price__per_kwh": {"": "1"}}, "price.per_kwh", config_codes.TEXT_EXPECTED),
        ({"settlement__rounding": "half"}, "settlement.rounding", config_codes.CHOICE_UNKNOWN),
    ],
)  # fmt: skip
def test_a_wrong_term_is_named(edit: dict[str, object], key: str, code: Code) -> None:
    with pytest.raises(PlanError) as caught:
        plan_of(contract.document(**edit), "plan.json")
    [problem] = caught.value.problems
    reason = problem.reason.data.get("problem", problem.reason)  # without the nearest known word
    assert (problem.key, reason.code) == (key, code)


def test_all_problems_are_reported_together() -> None:
    with pytest.raises(PlanError) as caught:
        plan_of(contract.document(contract=None, price__vat_rate="6 %", motor__fan__title=""), "plan.json")
    assert {problem.key for problem in caught.value.problems} == {"contract", "price.vat_rate", "motor.fan.title"}


def test_certificates_are_open_points() -> None:
    body = contract.document(motor__fan__meter__certificate=contract.certificate(valid_until="2027-02-28"))
    body["motor"]["fan"]["meter"].pop("ct_certificate")
    plan = plan_of(body, "plan.json")
    before, after = ([point.code for point in open_points(plan, day)] for day in (date(2027, 2, 28), date(2027, 3, 1)))
    assert before == [codes.CALIBRATION_MISSING]
    assert after == [codes.CALIBRATION_EXPIRED, codes.CALIBRATION_MISSING]

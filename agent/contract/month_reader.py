"""Reads the month of a contract from its JSON document, and compares it with the plan: what the plan and the energies
of the month determine is calculated again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from agent.contract import reasons as codes
from agent.contract.amounts import MonthAmount, MotorAmount, amount_of
from agent.contract.documents import SignedDocument, check_format, read_document
from agent.contract.month import SCHEMA, ContractMonth, MonthMotor, SettledAmount
from agent.contract.plan import ContractPlan
from agent.contract.plan_versions import PlanVersion
from agent.core.local_time import local_datetime
from drivers.reasons import InvalidValue, Reason


def read_month(path: Path) -> tuple[SignedDocument, ContractMonth]:
    """The month of a file; signatures are not verified. Raises InvalidValue."""
    found = read_document(path)
    return found, month_of(found, str(path))


def month_of(signed: SignedDocument, place: str) -> ContractMonth:
    """The month of a document. place: file, for errors. Raises InvalidValue."""
    check_format(place, signed.type, SCHEMA)
    try:
        found = msgspec.convert(signed.document, ContractMonth)
    except msgspec.ValidationError as error:
        raise InvalidValue(codes.MONTH_FORM_WRONG, path=place, error=str(error)) from None
    if (found.revision > 1) != bool(found.replaces) or (found.revision > 1) != bool(found.reason.strip()):
        raise InvalidValue(codes.MONTH_REVISION_WRONG, path=place, revision=found.revision)
    return found


def amount_texts(amount: MonthAmount) -> SettledAmount:
    """An amount as a document contains it."""
    year, share = amount.year, str(amount.share)
    return SettledAmount(str(amount.value), year, share, str(amount.net), str(amount.vat), str(amount.gross))


def motor_texts(motor: MotorAmount) -> tuple[dict[str, str], str]:
    """The kWh of a motor as a document contains them: of the contract by price, and the adjusted saving."""
    return {price: str(kwh) for price, kwh in motor.contract_kwh.items()}, str(motor.adjusted_kwh)


def first_day(month: ContractMonth, plan: ContractPlan) -> date:
    """The first day of the billing month."""
    return local_datetime(month.from_ms, plan.timezone).date()


def amount_of_month(month: ContractMonth, plan: ContractPlan) -> MonthAmount:
    """The amount by the energies of the month and the plan. Raises InvalidValue."""
    return amount_of(plan, first_day(month, plan), month.figures)


def contradictions(month: ContractMonth, version: PlanVersion) -> list[Reason]:
    """What contradicts the plan, or the month itself."""
    try:
        return list(dict.fromkeys(_contradictions(month, version)))
    except InvalidValue as error:  # not a month
        return [error.reason]


def _contradictions(month: ContractMonth, version: PlanVersion) -> Iterator[Reason]:
    plan = version.plan
    for name, found, expected in (
        ("contract", month.contract, plan.contract), ("plan", month.plan, version.signed.id),
        ("site", month.site, plan.site), ("gateway", month.gateway, plan.gateway),
        ("gateway_key", month.gateway_key, plan.gateway_key or "–"),
        ("motor", tuple(month.motors), tuple(name for name in month.motors if name in plan.motors) or "–"),
    ):  # fmt: skip
        if found != expected:
            yield codes.MONTH_NOT_OF_PLAN(month=month.month, key=name, found=found, expected=expected)
            return
    if missing := [name for name in plan.motors if name not in month.motors]:
        yield codes.MOTOR_WITHOUT_FIGURES(motor=missing[0], month=month.month)
        return
    bounds = plan.rules.tariff.bounds_ms(month.month)
    if (month.from_ms, month.to_ms) != bounds:
        yield codes.MONTH_BOUNDS_WRONG(month=month.month, from_ms=bounds[0], to_ms=bounds[1])
        return
    if month.drafted_ms < month.to_ms:
        yield codes.MONTH_ISSUED_EARLY(month=month.month, drafted_ms=month.drafted_ms, to_ms=month.to_ms)
    first, last = (local_datetime(at_ms, plan.timezone).date() for at_ms in (month.from_ms, month.to_ms - 1))
    if not (plan.applies.contains(first) and plan.applies.contains(last)):
        span = {"first": str(plan.applies.first), "last": str(plan.applies.last or "–")}
        yield codes.MONTH_PARTLY_COVERED(**span, month=month.month)
    wrong = [problem for name, motor in month.motors.items() for problem in _in_motor(month, name, motor, plan)]
    yield from wrong or _in_amount(month, plan)


def _in_motor(month: ContractMonth, name: str, motor: MonthMotor, plan: ContractPlan) -> Iterator[Reason]:
    """Parts of a motor that do not fit each other."""
    where, prices = {"month": month.month, "motor": name}, plan.rules.prices
    if motor.energies.keys() != prices.keys():
        yield codes.MONTH_PART_WRONG(**where, key="energies")
    if any(each.energy_wh.keys() - (prices.keys() if each.decision == "adjust" else set()) for each in motor.decisions):
        yield codes.MONTH_PART_WRONG(**where, key="decisions")
    if not _in_order([decision.event for decision in motor.decisions]):
        yield codes.MONTH_PART_WRONG(**where, key="decisions")
    edges = [month.from_ms, *(ms for from_ms, to_ms, _ in motor.excluded for ms in (from_ms, to_ms)), month.to_ms]
    if edges != sorted(edges) or any(from_ms == to_ms for from_ms, to_ms, _ in motor.excluded):
        yield codes.MONTH_PART_WRONG(**where, key="excluded")
    outside_wh = sum(measured_wh - compared_wh for measured_wh, compared_wh, _ in motor.energies.values())
    causes = {code for _, _, code in motor.excluded}
    if motor.excluded_wh.keys() != causes or sum(motor.excluded_wh.values()) != outside_wh:
        yield codes.MONTH_PART_WRONG(**where, key="excluded_wh")
    starts = [start_ms for start_ms, _ in motor.recalculated]
    if not _in_order([month.from_ms - 1, *starts, month.to_ms]):
        yield codes.MONTH_PART_WRONG(**where, key="recalculated")
    if motor.counted is not None and not _counts(motor, plan.motors[name].formula):
        yield codes.MONTH_PART_WRONG(**where, key="counted")


def _counts(motor: MonthMotor, formula: str) -> bool:
    """Whether the parts of a count are parts of what the formula counts."""
    total = {"specific_energy": motor.quantity, "direct_comparison": motor.running_s}.get(formula)
    if motor.counted is None or total is None:
        return False
    return 0 <= Decimal(motor.counted.compared) <= Decimal(motor.counted.measured) <= Decimal(total)


def _in_order(values: list[int]) -> bool:
    return all(first < second for first, second in pairwise(values))


def _in_amount(month: ContractMonth, plan: ContractPlan) -> Iterable[Reason]:
    """Figures that do not follow from the energies by the plan."""
    try:
        amount = amount_of_month(month, plan)
    except InvalidValue as error:
        return [error.reason]
    found: dict[str, Any] = msgspec.to_builtins(month.amount)
    expected: dict[str, Any] = msgspec.to_builtins(amount_texts(amount))
    for name, motor in amount.motors.items():
        kwh, adjusted = motor_texts(motor)
        found |= _named(name, month.motors[name].contract_kwh, month.motors[name].adjusted_kwh)
        expected |= _named(name, kwh, adjusted)
    return [
        codes.MONTH_FIGURE_WRONG(month=month.month, key=key, found=str(found.get(key, "–")),
                                 expected=str(expected.get(key, "–")))
        for key in {**expected, **found}
        if found.get(key) != expected.get(key)
    ]  # fmt: skip


def _named(motor: str, kwh: Mapping[str, str], adjusted_kwh: str) -> dict[str, str]:
    """Figures by their place in the document."""
    by_price = {f"{motor}.contract_kwh.{price}".rstrip("."): value for price, value in kwh.items()}
    return {**by_price, f"{motor}.adjusted_kwh": adjusted_kwh}

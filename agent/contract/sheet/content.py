"""What the confirmation sheet shows, as texts and formatted numbers in one language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from agent import VERSION
from agent.contract.amounts import ONE_PRICE, MotorAmount
from agent.contract.month import MonthMotor
from agent.contract.plan import ContractMotor, ContractPeriod
from agent.contract.sheet.difference import CAUSES
from agent.contract.sheet.evidence import evidence_rows, evidence_text, motor_evidence
from agent.contract.sheet.sheet import Sheet
from agent.contract.sheet.standing import MARKS, party_blocks, state_lines, state_text
from agent.core.local_time import format_minute
from agent.core.text import N_, Catalogue
from agent.savings.report.formatting import exact, grouped, kwh, with_u
from agent.savings.report.html.details import PRICES, DetailRow
from agent.savings.report.html.summary import currency

CAUSE_NAMES = {
    "production": N_("production and load"),
    "excluded": N_("not compared"),
    "unmeasured": N_("not measured"),
    "together": N_("production, and what is not compared"),
    "adjustments": N_("decided adjustments"),
    "rounding": N_("rounding"),
}
CAUSE_MEANINGS = {
    "production": N_(
        "In the intervals of the comparison: reference energy by the constant of the contract − adjusted baseline of "
        "the model at the production and load of the month."
    ),
    "excluded": N_(
        "In measured time outside the comparison (outside the range of the baseline, or excluded): reference energy of "
        "the contract − measured energy."
    ),
    "unmeasured": N_("Reference energy of the contract for production or running time without energy at the meter."),
    "together": N_(
        "Reference energy of the contract − adjusted baseline of the model − measured energy outside the comparison: "
        "which part of the production or running time belongs to the comparison is not known."
    ),
    "adjustments": N_("− decided adjustments of non-routine events, which only the adjusted saving contains."),
}
FORMULA_WORDS = (
    N_("adjusted_baseline"), N_("saving_rate"), N_("specific_energy"), N_("direct_comparison"), N_("baseline_model"),
)  # fmt: skip
ROUNDING_WORDS = (N_("half_up"), N_("half_even"), N_("down"))
NOTES = "¹²³⁴"


def sheet_texts(sheet: Sheet, _: Catalogue) -> Mapping[str, Any]:
    """What the template shows."""
    rows, accepted = sheet.motors(), sheet.accepted
    differences = [sheet.difference(*row) for row in rows]
    shown = [cause for cause in CAUSES if cause == "rounding" or any(each[cause] for each in differences)]
    return {
        "state": sheet.standing, "state_text": state_text(sheet, _), "state_lines": list(state_lines(sheet, _)),
        "mark": _(MARKS[sheet.standing]) if sheet.standing in MARKS else "",
        "simulated": sheet.month.simulated,
        "revision": sheet.month.revision, "month": sheet.month.month, "title": sheet.plan.title,
        "head": _head(sheet, _), "motors": [
            _motor(sheet, *row, _) | {"parts": [{"code": cause, "text": exact(causes[cause])} for cause in shown]}
            for row, causes in zip(rows, differences, strict=True)
        ],
        "causes": _causes(shown, _), "currency": currency(sheet.plan.rules.currency, _),
        "price_head": [_("price"), _("price per kWh"), "kWh", _("value of the energy saved")],
        "prices": _prices(sheet, _),
        "amounts": list(_amounts(sheet, _)), "rules": _rules(sheet, _), "accepted": accepted,
        "assumptions_head": _assumptions_head(sheet, _), "motor_evidence": motor_evidence(sheet, _),
        "evidence": evidence_rows(sheet, _), "parties": party_blocks(sheet, _), "footer": _footer(sheet, _),
    }  # fmt: skip


def _head(sheet: Sheet, _: Catalogue) -> list[DetailRow]:
    month, plan = sheet.month, sheet.plan
    span = " – ".join(format_minute(at_ms, plan.timezone) for at_ms in (month.from_ms, month.to_ms))
    revision = "–" if sheet.signed is None else str(month.revision)
    if month.replaces:
        revision = _("{revision:d}, replaces revision {before:d}: {reason}", revision=month.revision,
                     before=month.revision - 1, reason=month.reason)  # fmt: skip
    issued = _("not issued") if sheet.signed is None else format_minute(month.drafted_ms, plan.timezone)
    return [
        DetailRow(_("contract"), (_("{contract}, plan version {version:d}", contract=plan.contract,
                                    version=plan.version),)),
        DetailRow(_("billing month"), (month.month, f"{span} ({plan.timezone})")),
        DetailRow(_("customer"), (plan.parties["customer"].title,)),
        DetailRow(_("energy_service_company"), (plan.parties["energy_service_company"].title,)),
        DetailRow(_("revision"), (revision,)),
        DetailRow(_("issued on"), (issued,)),
        DetailRow(_("project boundary"), (plan.boundary,)),
    ]  # fmt: skip


def _motor(
    sheet: Sheet, terms: ContractMotor, motor: MonthMotor, amount: MotorAmount, _: Catalogue
) -> dict[str, Any]:  # fmt: skip
    decimals = sheet.plan.rules.energy_decimals
    u80, u90, u95 = (with_u(0.0, u_wh / 1000)[1] for u_wh in (motor.u80_wh, motor.u90_wh, motor.u95_wh))
    return {
        "name": terms.name, "title": terms.title, "formula": _formula(terms, _),
        "contract": exact(amount.total_kwh), "adjusted": exact(amount.adjusted_kwh), "u80": u80, "u90": u90, "u95": u95,
        "evidence": motor.evidence, "evidence_text": evidence_text(sheet, motor, _),
        "details": _("; ").join(_details(terms, motor, _)),
        "difference": exact(amount.difference_kwh.quantize(Decimal(1).scaleb(-decimals))),
    }  # fmt: skip


def _formula(terms: ContractMotor, _: Catalogue) -> str:
    formula = _(terms.formula)
    for value, unit in (
        (terms.saving_rate, ""), (terms.specific_energy_kwh, f" kWh/{terms.quantity}"), (terms.reference_kw, " kW")
    ):  # fmt: skip
        if value is not None:
            return _(", ").join((formula, exact(value) + unit))
    return formula


def _details(terms: ContractMotor, motor: MonthMotor, _: Catalogue) -> Iterator[str]:
    measured, compared, adjusted = (sum(column) for column in zip(*motor.energies.values(), strict=True))
    yield _("measurement boundary: {boundary}", boundary=terms.boundary)
    yield _(terms.method)
    yield _("baseline period {period}", period=_period(terms.baseline_period, _))
    yield _("reporting period {period}", period=_period(terms.reporting_period, _))
    yield _("measured {measured} kWh, compared {compared} kWh, their adjusted baseline {adjusted} kWh",
            measured=kwh(measured), compared=kwh(compared), adjusted=kwh(adjusted))  # fmt: skip
    if motor.quantity is not None and terms.formula == "specific_energy":
        yield _("production {quantity} {unit}", quantity=exact(Decimal(motor.quantity)), unit=terms.quantity)
    if motor.running_s is not None and terms.formula == "direct_comparison":
        yield _("running {hours} h", hours=grouped(motor.running_s / 3600, 2))


def _period(period: ContractPeriod, _: Catalogue) -> str:
    if period.last is None:
        return _("from {first}", first=str(period.first))
    return _("{first} to {last}", first=str(period.first), last=str(period.last))


def _causes(shown: Sequence[str], _: Catalogue) -> list[Mapping[str, str]]:
    noted = [cause for cause in shown if cause in CAUSE_MEANINGS]
    return [
        {"code": cause, "name": _(CAUSE_NAMES[cause]), "note": NOTES[noted.index(cause)] if cause in noted else "",
         "meaning": _(CAUSE_MEANINGS[cause]) if cause in noted else ""}
        for cause in shown
    ]  # fmt: skip


def _prices(sheet: Sheet, _: Catalogue) -> list[Mapping[str, Any]]:
    """Energy and value at each price, over all motors, the highest price first."""
    prices, sums = sheet.plan.rules.prices, dict[str, Decimal]()
    only = next(iter(prices)) if len(prices) == 1 else ""
    for _terms, _figures, amount in sheet.motors():
        for name, energy in amount.contract_kwh.items():
            price = only if name == ONE_PRICE else name
            sums[price] = sums.get(price, Decimal(0)) + energy
    return [
        {"name": name, "cells": [_(PRICES[name]) if name in PRICES else name, exact(prices[name]), exact(energy),
                                 exact(energy * prices[name])]}
        for name, energy in sorted(sums.items(), key=lambda item: (-prices[item[0]], item[0]))
    ]  # fmt: skip


def _amounts(sheet: Sheet, _: Catalogue) -> Iterator[Mapping[str, Any]]:
    amount, rules = sheet.month.amount, sheet.plan.rules
    yield _row("value", _("value of the energy saved"), amount.value)
    share = _("share of the energy-service company in year {year:d}", year=amount.year)
    yield {"code": "share", "name": share, "value": _percent(Decimal(amount.share)), "total": False}
    yield _row("net", _("service fee without VAT"), amount.net)
    yield _row("vat", _("VAT {rate}", rate=_percent(rules.vat_rate)), amount.vat)
    yield _row("gross", _("service fee with VAT"), amount.gross, total=True)


def _row(code: str, name: str, value: str, total: bool = False) -> Mapping[str, Any]:
    return {"code": code, "name": name, "value": exact(Decimal(value)), "total": total}


def _percent(share: Decimal) -> str:
    return f"{exact(Decimal(f'{(share * 100).normalize():f}'))} %"


def _rules(sheet: Sheet, _: Catalogue) -> str:
    rules = sheet.plan.rules
    return " · ".join((
        _("Rounding {rule:word}: energy to {energy:d}, amounts to {money:d} {money:decimal|decimals}",
          rule=rules.rounding, energy=rules.energy_decimals, money=rules.money_decimals),
        _("VAT {rate}, included in the prices", rate=_percent(rules.vat_rate)) if rules.prices_include_vat
        else _("VAT {rate}, added to the fee", rate=_percent(rules.vat_rate)),
        _("A month with a negative saving: nothing is paid") if rules.negative_month == "zero"
        else _("A month with a negative saving: the amount is negative"),
    ))  # fmt: skip


def _assumptions_head(sheet: Sheet, _: Catalogue) -> str:
    if not any(motor.assumptions for motor in sheet.month.motors.values()):
        return _("No assumption is open.")
    if sheet.accepted:
        return _("Open assumptions, accepted by both parties with their signatures:")
    return _("Open assumptions, which the data cannot check; a signature accepts them:")


def _footer(sheet: Sheet, _: Catalogue) -> str:
    made = format_minute(sheet.made_ms, sheet.plan.timezone)
    checked = (
        _("State by all documents in the ledger of the gateway.") if sheet.in_ledger
        else _("Signatures and figures were checked with the plan; the ledger and later revisions were not: use the "
               "bundle of the month.")
    )  # fmt: skip
    created = _("created {moment} ({zone})", moment=made, zone=sheet.plan.timezone)
    return f"magwatt {VERSION} · {created} · {checked}"

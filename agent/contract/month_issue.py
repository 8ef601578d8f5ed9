"""Makes the document of a month from the report and the ledger: what the gateway issues."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from agent.contract import reasons as codes
from agent.contract.amounts import MonthFigures, MotorAmount, PriceEnergies, amount_of
from agent.contract.counted import counted_of
from agent.contract.documents import SignedDocument, unsigned
from agent.contract.ledger_month import LedgerMonth, ledger_month, overlaps
from agent.contract.month import SCHEMA
from agent.contract.month_figures import adjustments_of, figures_of, measured_wh_of
from agent.contract.month_notes import assumptions_of
from agent.contract.month_reader import amount_texts, motor_texts
from agent.contract.month_reasons import signed_reason
from agent.contract.plan_versions import PlanVersion
from agent.contract.signatures import GATEWAY, PartySignature, signed
from agent.core.local_time import local_datetime
from agent.savings.ledger.chain import LedgerRecord
from agent.savings.ledger.reasons import DECISION_NOT_RECORDED
from agent.savings.ledger.signing_key import LedgerKey
from agent.savings.reasons import DRIVER_MISSING, without_values
from agent.savings.records.model import Interval
from agent.savings.report.model.month import ReportMonth
from agent.savings.report.reasons import BASELINE_MISSING, OUTSIDE_REPORTING_PERIOD
from drivers.reasons import InvalidValue


class Correction(Struct, frozen=True):
    """What a new revision replaces.

    revision, id: of the revision before. reason: why it is corrected.
    """

    revision: int
    id: str
    reason: str


def month_document(
    db: sqlite3.Connection, months: Sequence[ReportMonth], version: PlanVersion, now_ms: int,
    correction: Correction | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The document of a month.

    months: the reports of all motors of the plan, calculated with its tariff, without obstacles
    (agent.contract.month_notes).
    now_ms: UTC time of this gateway.
    Raises InvalidValue when a figure is missing, or the ledger does not have the energies of the report.
    """
    plan, some = version.plan, months[0]
    ledger = ledger_month(db, tuple(plan.motors), (some.from_ms, some.to_ms), some.month)
    figures = {month.asset: _figures(month, version) for month in months}
    amount = amount_of(plan, local_datetime(some.from_ms, plan.timezone).date(), figures)
    chain = {"revision": 1} if correction is None else {
        "revision": correction.revision + 1, "replaces": correction.id, "reason": correction.reason,
    }  # fmt: skip
    return {
        "s": SCHEMA, "contract": plan.contract, "plan": version.signed.id, "month": some.month,
        "from_ms": some.from_ms, "to_ms": some.to_ms, **chain, "drafted_ms": now_ms,
        "site": plan.site, "gateway": plan.gateway, "gateway_key": plan.gateway_key,
        **({"simulated": True} if some.simulated else {}),
        "ledger": {"first": ledger.first, "last": ledger.last, "hash": ledger.hash},
        "motor": {month.asset: _motor(month, version, ledger, figures[month.asset])
                  | _kwh(amount.motors[month.asset]) for month in months},
        "amount": to_builtins(amount_texts(amount)),
    }  # fmt: skip


def issued(document: Mapping[str, Any], key: LedgerKey) -> SignedDocument:
    """The document with the signature of the gateway. key: of the ledger. Raises LedgerKeyError."""
    made = unsigned(document)
    by = f"{document['site']}/{document['gateway']}"
    statement = PartySignature(made.id, made.type, GATEWAY, by, key.fingerprint, document["drafted_ms"])
    return SignedDocument(made.document, made.id, (signed(statement, key),))


def _figures(month: ReportMonth, version: PlanVersion) -> MonthFigures:
    """The figures of a motor, with each price of the plan."""
    found = figures_of(month, version.plan.motors[month.asset].quantity)
    return replace(found, energies={price: found.energies.get(price, PriceEnergies()) for price in
                                    version.plan.rules.prices})  # fmt: skip


def _motor(month: ReportMonth, version: PlanVersion, ledger: LedgerMonth, figures: MonthFigures) -> dict[str, Any]:
    recorded = ledger.intervals[month.asset]
    _check_recorded(month, recorded)
    causes = _causes(month)
    outside_wh = Counter[str]()
    for item in month.intervals:
        if item.start_ms in causes:
            outside_wh[causes[item.start_ms]] += measured_wh_of(item)
    verdict = month.saving.verdict if month.saving else "none"
    return {
        "energies": {price: [each.measured_wh, each.compared_wh, each.adjusted_wh] for price, each in
                     figures.energies.items()},
        "running_s": figures.running_s,
        "quantity": None if figures.quantity is None else f"{figures.quantity:.3f}",
        "excluded": _spans(month.intervals, causes), "excluded_wh": dict(sorted(outside_wh.items())),
        "recalculated": list(_recalculated(month, causes, recorded, version.plan.motors[month.asset].baseline_hash)),
        "decisions": list(_decisions(month, ledger.decisions[month.asset])),
        "unmeasured_s": max(figures.unmeasured_s, 0),
        "u80_wh": figures.u80_wh, "u90_wh": figures.u90_wh, "u95_wh": figures.u95_wh, "evidence": verdict,
        "assumptions": [signed_reason(each) for each in assumptions_of(month, version.plan)],
        **({"counted": counted} if (counted := counted_of(month, version.plan.motors[month.asset], figures)) else {}),
    }  # fmt: skip


def _kwh(amount: MotorAmount) -> dict[str, Any]:
    contract_kwh, adjusted_kwh = motor_texts(amount)
    return {"contract_kwh": contract_kwh, "adjusted_kwh": adjusted_kwh}


def _check_recorded(month: ReportMonth, recorded: Mapping[int, LedgerRecord]) -> None:
    """Raises InvalidValue unless the intervals of the report are the counting records, with their energies."""
    reported = {item.start_ms: measured_wh_of(item) for item in month.intervals}
    lines = {start_ms: (record.body["energy_wh"] or 0) + record.body.get("auxiliary_wh", 0)
             for start_ms, record in recorded.items()}  # fmt: skip
    if differing := {start_ms for start_ms in reported.keys() | lines.keys()
                     if reported.get(start_ms) != lines.get(start_ms)}:  # fmt: skip
        raise InvalidValue(codes.MONTH_NOT_RECORDED, month=month.month, motor=month.asset, n=len(differing))


def _causes(month: ReportMonth) -> dict[int, str]:
    """Start of each interval that is not in the saving → code of the cause."""
    results = {result.start_ms: result for result in month.results}
    absent = BASELINE_MISSING if month.baseline is None else OUTSIDE_REPORTING_PERIOD
    found = dict[int, str]()
    for item in month.intervals:
        if (result := results.get(item.start_ms)) is None:
            found[item.start_ms] = str.__str__(absent)
        elif result.excluded is not None or result.adjusted_wh is None:
            cause = without_values(result.excluded).code if result.excluded else DRIVER_MISSING
            found[item.start_ms] = str.__str__(cause)
    return found


def _spans(found: Sequence[Interval], causes: Mapping[int, str]) -> list[list[Any]]:
    """Consecutive excluded intervals with one cause, as from, to, code."""
    spans = list[list[Any]]()
    before = ""
    for item in found:
        cause = causes.get(item.start_ms, "")
        if cause and cause == before:
            spans[-1][1] = item.end_ms
        elif cause:
            spans.append([item.start_ms, item.end_ms, cause])
        before = cause
    return spans


def _recalculated(
    month: ReportMonth, causes: Mapping[int, str], recorded: Mapping[int, LedgerRecord], baseline_hash: str
) -> Iterator[list[int]]:
    """Intervals in the saving whose adjusted baseline is not that of their record, and the value."""
    for result in month.results:
        if result.start_ms in causes or result.adjusted_wh is None:
            continue
        body, adjusted_wh = recorded[result.start_ms].body, round(result.adjusted_wh)
        if (body.get("adjusted_wh"), body.get("baseline")) != (adjusted_wh, baseline_hash[:16]):
            yield [result.start_ms, adjusted_wh]


def _decisions(month: ReportMonth, recorded: Mapping[int, LedgerRecord]) -> Iterator[dict[str, Any]]:
    """The decisions on events that overlap the month, by the ledger or by the report.

    Raises InvalidValue when a decision of the report is not that of the ledger.
    """
    decided = {event.number: event.decision for event in month.events if event.decision is not None}
    for number, decision in decided.items():
        if number not in recorded or recorded[number].body["event"].get("decision") != decision:
            raise InvalidValue(DECISION_NOT_RECORDED, number=number, asset=month.asset)
    adjusted, span = adjustments_of(month), (month.from_ms, month.to_ms)
    for number, record in recorded.items():
        event = record.body["event"]
        if number in decided or overlaps(event, span):
            yield {"line": record.hash, "event": number, "decision": event["decision"],
                   "energy_wh": adjusted.get(number, {})}  # fmt: skip

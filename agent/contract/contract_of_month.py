"""The contracts of a gateway in one month, from its ledger: plan, revisions, sheet, and what is awaited."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from agent.config.model import Config
from agent.contract.ledger_month import changes_after
from agent.contract.month import ContractMonth
from agent.contract.month_issue import month_document
from agent.contract.month_notes import obstacles
from agent.contract.month_states import MonthHistory, MonthRevision
from agent.contract.plan_versions import PlanHistory, PlanVersion
from agent.contract.recorded_months import recorded_months
from agent.contract.recorded_plans import recorded_plans
from agent.contract.sheet.sheet import Sheet, draft_sheet, sheet_of_history
from agent.contract.waiting import PARTIES, Wait, waits_of_issue, waits_of_month, waits_of_plan
from agent.core.local_time import local_datetime
from agent.savings.ledger.signing_key import ED25519, LedgerKey
from agent.savings.report.model.ledger_check import LedgerVerifier
from agent.savings.report.model.month import ReportMonth
from agent.savings.report.writer import months_of
from drivers.reasons import InvalidValue, Reason


class ContractOfMonth(NamedTuple):
    """A contract in a month.

    version: plan that applies. plans: all recorded versions of the contract.
    span: the billing month by the tariff of the plan, UTC ms.
    revisions: of the month, the newest last; empty: it is not issued.
    sheet: of the newest revision, or of a draft; None: the month has not ended, or no figures can be calculated.
    ended: the month has ended.
    """

    version: PlanVersion
    plans: Sequence[PlanVersion]
    span: tuple[int, int]
    history: MonthHistory
    revisions: Sequence[MonthRevision]
    sheet: Sheet | None
    waits: Sequence[Wait]
    ended: bool


def contracts_of_month(
    db: sqlite3.Connection, config: Config, month: str, motors: Collection[str], now_ms: int, check: LedgerVerifier
) -> list[ContractOfMonth]:  # fmt: skip
    """The contracts of some motors whose plan is recorded and applies in a month, by number.

    motors: of the report; a draft needs all motors of its plan. check: verifies the ledger of a plan without its key.
    Raises InvalidValue, PlanError when a document of the ledger cannot be used.
    """
    recorded = recorded_plans(db)
    if not recorded:
        return []
    plans = PlanHistory(recorded)
    history = MonthHistory(recorded_months(db, recorded), plans)
    found = []
    for version in _applying(plans, history, month):
        if not set(motors) & version.plan.motors.keys():
            continue
        span = version.plan.rules.tariff.bounds_ms(month)
        revisions = history.of_month(version.plan.contract, month)
        waits, sheet = list[Wait](), None
        if revisions:
            sheet = sheet_of_history(history, revisions[-1], now_ms)
            waits += waits_of_month(history, revisions)
            waits += [Wait(PARTIES, reason, revisions[-1].month.drafted_ms) for reason in
                      changes_after(db, revisions[-1].month)]  # fmt: skip
        elif now_ms >= span[1]:
            sheet, problem = None, None
            if set(motors) >= version.plan.motors.keys():
                sheet, problem = _draft(db, version, report_months(db, config, version, month, now_ms, check), now_ms)
            waits.append(waits_of_issue(month, span[1], problem))
        waits += _plan_waits(plans, version)
        own = [each for each in plans.versions if each.plan.contract == version.plan.contract]
        found.append(ContractOfMonth(version, own, span, history, revisions, sheet, waits, now_ms >= span[1]))
    return found


def _applying(plans: PlanHistory, history: MonthHistory, month: str) -> Iterator[PlanVersion]:
    """Of each contract the plan of the newest revision of the month, else the version in force on its first day."""
    done = set[str]()
    for version in plans.versions:
        contract = version.plan.contract
        if contract in done:
            continue
        if revisions := history.of_month(contract, month):
            done.add(contract)
            yield revisions[-1].plan
            continue
        first = local_datetime(version.plan.rules.tariff.bounds_ms(month)[0], version.plan.timezone).date()
        if (period := plans.applies(version)) is not None and period.contains(first):
            done.add(contract)
            yield version


def _plan_waits(plans: PlanHistory, version: PlanVersion) -> Iterator[Wait]:
    if (period := plans.applies(version)) is not None:
        yield from waits_of_plan(version, period)


def _draft(
    db: sqlite3.Connection, version: PlanVersion, months: Sequence[ReportMonth], now_ms: int
) -> tuple[Sheet | None, Reason | None]:  # fmt: skip
    """The sheet of a month that is not issued (None: it has no figures), and what prevents that it is issued."""
    notes = [note for each in months for note in obstacles(each, version.plan)]
    first = notes[0] if notes else None
    try:
        draft = msgspec.convert(month_document(db, months, version, now_ms), ContractMonth)
    except InvalidValue as error:
        return None, first or error.reason
    except msgspec.ValidationError:  # a verdict that no document has: the notes contain its cause
        return None, first
    return draft_sheet(draft, version, notes, now_ms), first


def report_months(
    db: sqlite3.Connection, config: Config, version: PlanVersion, month: str, now_ms: int, check: LedgerVerifier
) -> list[ReportMonth]:  # fmt: skip
    """The month of each motor of a plan by its tariff, with the ledger verified by the key that the plan names.

    check: used if it names none. Raises InvalidValue.
    """
    key = version.plan.gateway_key
    own = LedgerVerifier(LedgerKey(ED25519, key), check.external) if key else check
    by_plan = replace(config, tariff=version.plan.rules.tariff)
    return months_of(db, by_plan, tuple(version.plan.motors), month, now_ms, own)

"""The contracts of a month as files next to its report: their state as JSON, sheets as pages, bundles.

A child process writes them (agent/web/savings/report_worker.py), so that the page needs neither keys nor documents.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from agent.contract.bundle import bundle_of, bundle_text
from agent.contract.contract_of_month import ContractOfMonth
from agent.contract.month_states import DRAFT, MonthHistory, MonthRevision
from agent.contract.sheet.page import sheet_page
from agent.contract.sheet.sheet import INVALID
from agent.contract.signatures import ROLES
from agent.contract.waiting import Wait
from agent.core.local_time import zone_of
from agent.core.text import LANGUAGES, Catalogue
from drivers.reasons import Reason

STATES = "contract.json"
RUNNING = "running"  # the month has not ended


def contract_files(
    db: sqlite3.Connection, month: str, contracts: Sequence[ContractOfMonth], problem: Reason | None
) -> dict[str, str]:  # fmt: skip
    """Name → content. problem: why the contracts of the ledger cannot be used; None: they can."""
    files, found = dict[str, str](), list[dict[str, Any]]()
    for number, each in enumerate(contracts, 1):
        if each.sheet is not None:
            files |= {f"sheet-{number}-{name}.html": sheet_page(each.sheet, name) for name in ("en", "zh")}
        if each.revisions:
            bundle = bundle_of(db, month, each.span, tuple(each.version.plan.motors), each.plans, each.revisions)
            files[f"bundle-{number}.json"] = bundle_text(bundle)
        found.append(_contract(number, each))
    texts = _texts(problem, "UTC") if problem else None
    return {**files, STATES: json.dumps({"contracts": found, "problem": texts}, ensure_ascii=False)}


def _contract(number: int, each: ContractOfMonth) -> dict[str, Any]:
    plan = each.version.plan
    newest = each.revisions[-1] if each.revisions else None
    state = _standing(each.history, newest) if newest else DRAFT if each.ended else RUNNING
    return {
        "number": number, "contract": plan.contract, "version": plan.version, "title": plan.title, "state": state,
        "parties": {role: plan.parties[role].title for role in ROLES},
        "revisions": [_revision(each.history, revision, plan.timezone) for revision in each.revisions],
        "waits": [_wait(wait, plan.timezone) for wait in each.waits],
        "sheet": each.sheet is not None, "bundle": bool(each.revisions),
    }  # fmt: skip


def _revision(history: MonthHistory, revision: MonthRevision, zone: str) -> dict[str, Any]:
    month, problem = revision.month, history.state(revision).problem
    return {
        "revision": month.revision, "state": _standing(history, revision), "id": revision.signed.id,
        "issued_ms": month.drafted_ms, "reason": month.reason, "missing": list(revision.missing),
        "gross": month.amount.gross, "currency": revision.plan.plan.rules.currency,
        "problem": _texts(problem, zone) if problem else None,
        "signatures": [{"role": each.role, "by": each.by, "key": each.key, "signed_ms": each.signed_ms}
                       for each in revision.signed.signatures if each.role in revision.accepted_by],
    }  # fmt: skip


def _standing(history: MonthHistory, revision: MonthRevision) -> str:
    state = history.state(revision)
    return INVALID if state.problem is not None else state.state


def _wait(wait: Wait, zone: str) -> dict[str, Any]:
    times = {"since_ms": wait.since_ms, "from_ms": wait.from_ms, "until_ms": wait.until_ms}
    return {"whom": wait.whom, **_texts(wait.reason, zone), **times}


def _texts(reason: Reason, zone: str) -> dict[str, Any]:
    """Code and data of a reason, and its text by language."""
    texts = {language.partition("_")[0]: Catalogue(language, zone_of(zone)).reason(reason) for language in LANGUAGES}
    return {**reason.as_object(), "text": texts}

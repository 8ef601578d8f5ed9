"""A contract of the invented plant of the page: a plan, and its month, issued and signed by one party."""

from __future__ import annotations

import contextlib
import sqlite3

from support import contract
from support.contract import CUSTOMER, certificate
from support.contract_month import PartySignature, with_sig

from agent.config.model import Config
from agent.contract.contract_of_month import report_months
from agent.contract.documents import SignedDocument, file_body
from agent.contract.month_issue import issued, month_document
from agent.contract.plan_versions import PlanVersion
from agent.savings.ledger.chain import append_to
from agent.savings.ledger.signing_key import FILE, LedgerKey, load
from agent.savings.records.repository import load_frozen
from agent.savings.report.model.ledger_check import LedgerVerifier

HOUR_MS = 3_600_000


def record_contract(config: Config, month: str, motor: str) -> None:
    """Appends both to the ledger of the plant."""
    assert config.state_dir is not None
    key = load(config.state_dir / FILE)
    with contextlib.closing(sqlite3.connect(config.state_dir / "magwatt.sqlite")) as db:
        plan = _plan(db, config, key, month, motor)
        append_to(db, key, plan.plan.drafted_ms, [("plan", {"plan": file_body(plan.signed)})])
        issued_ms = plan.plan.rules.tariff.bounds_ms(month)[1] + 2 * HOUR_MS
        months = report_months(db, config, plan, month, issued_ms, LedgerVerifier())
        found = issued(month_document(db, months, plan, issued_ms), key)
        statement = PartySignature(found.id, found.type, "customer", "王芳", CUSTOMER.fingerprint, issued_ms + HOUR_MS)
        signed = SignedDocument(found.document, found.id, (*found.signatures, with_sig(statement, CUSTOMER)))
        append_to(db, key, issued_ms + HOUR_MS, [("month", {"month": file_body(signed)})])
        db.commit()


def _plan(db: sqlite3.Connection, config: Config, key: LedgerKey, month: str, motor: str) -> PlanVersion:
    frozen = load_frozen(db, motor)
    assert frozen is not None
    first = f"{month}-01"
    body = contract.document(
        drafted_ms=frozen.to_ms, applies={"first": first}, sharing__first=first,
        project__site=config.site.id, project__gateway=config.site.gateway, project__gateway_key=key.public,
        project__boundary="变频器输入侧至电机轴端",
        party__customer__title="第二炼钢厂", party__customer__signatory="王芳",
        party__energy_service_company__title="绿色电机公司", party__energy_service_company__signatory="李伟",
        motor__fan__baseline=frozen.hash, motor__fan__boundary="电能表 mcc-12",
        motor__fan__baseline_period={"first": "2025-01-01", "last": "2025-01-14"},
        motor__fan__reporting_period={"first": "2025-01-15"},
        motor__fan__meter__certificate=certificate(issued="2019-03-21", valid_until="2025-03-20"),
    )  # fmt: skip
    return contract.signed(body, at_ms=frozen.to_ms + HOUR_MS)

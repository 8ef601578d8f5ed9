"""Plans in the ledger: a signed plan becomes a record of the kind `plan`, which the gateway signs above the parties."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from agent.config.model import Site
from agent.contract import reasons as codes
from agent.contract.documents import document_of, file_body
from agent.contract.plan_reader import plan_of
from agent.contract.plan_versions import PlanHistory, PlanVersion
from agent.savings.ledger.chain import records
from drivers.reasons import InvalidValue

KIND = "plan"


def recorded_plans(db: sqlite3.Connection) -> list[PlanVersion]:
    """The plans of the ledger, in the order of their records; signatures are not verified. Raises InvalidValue,
    PlanError.
    """
    found = []
    for record in records(db, KIND):
        place = f"ledger:{record.seq}"
        signed = document_of(record.body.get("plan"), place)
        found.append(PlanVersion(place, signed, plan_of(signed.document, place)))
    return found


def record_body(
    recorded: list[PlanVersion], version: PlanVersion, site: Site, ledger_key: str
) -> Mapping[str, Any] | None:
    """The body of the record of a plan; None: it is recorded already.

    ledger_key: public key that signs the ledger; "": there is none yet.
    Raises InvalidValue when the plan is not in force, contradicts a recorded one, or belongs to another gateway.
    """
    plan = version.plan
    if (plan.site, plan.gateway) != (site.id, site.gateway):
        own = f"{site.id}/{site.gateway}"
        raise InvalidValue(codes.PLAN_OF_OTHER_GATEWAY, gateway=f"{plan.site}/{plan.gateway}", own=own)
    if plan.gateway_key and ledger_key and plan.gateway_key != ledger_key:
        raise InvalidValue(codes.PLAN_NAMES_OTHER_KEY, key=plan.gateway_key[:16], own=ledger_key[:16])
    if reason := version.not_in_force():
        raise InvalidValue(reason)
    if any(each.signed.id == version.signed.id for each in recorded):
        return None
    history = PlanHistory([*recorded, version])
    if reason := history.not_in_force(version) or next(iter(history.problems()), None):
        raise InvalidValue(reason)
    return {"plan": file_body(version.signed)}

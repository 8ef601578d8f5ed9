"""Months in the ledger: an issued month becomes a record of the kind `month`, and again with each new signature."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from agent.config.model import Site
from agent.contract import reasons as codes
from agent.contract.documents import document_of, file_body
from agent.contract.month_states import CORRECTED, MonthHistory, MonthRevision, revision_of
from agent.contract.plan_versions import PlanHistory, PlanVersion
from agent.savings.ledger.chain import records
from drivers.reasons import InvalidValue

KIND = "month"


def recorded_months(db: sqlite3.Connection, plans: Sequence[PlanVersion]) -> list[MonthRevision]:
    """The months of the ledger, in the order of their records; signatures are not verified.

    plans: those of the ledger. Raises InvalidValue.
    """
    found = []
    for record in records(db, KIND):
        place = f"ledger:{record.seq}"
        found.append(revision_of(document_of(record.body.get("month"), place), place, plans))
    return found


def body_of_issued(recorded: Sequence[MonthRevision], revision: MonthRevision, plans: PlanHistory) -> Mapping[str, Any]:
    """The body of the record of a new revision. Raises InvalidValue when it cannot be settled."""
    history = MonthHistory([*recorded, revision], plans)
    if (problem := history.state(revision).problem) is not None:
        raise InvalidValue(problem)
    return {KIND: file_body(revision.signed)}


def body_of_signed(
    recorded: Sequence[MonthRevision], revision: MonthRevision, plans: PlanHistory, site: Site
) -> Mapping[str, Any] | None:
    """The body of the record of a month that parties have signed; None: all signatures are recorded already.

    Raises InvalidValue when this gateway did not issue it, a newer revision was issued, or it cannot be settled.
    """
    month = revision.month
    if (month.site, month.gateway) != (site.id, site.gateway):
        own, found = f"{site.id}/{site.gateway}", f"{month.site}/{month.gateway}"
        raise InvalidValue(codes.PLAN_OF_OTHER_GATEWAY, gateway=found, own=own)
    # also of a file whose month is recorded with valid signatures
    if (problem := revision.problem()) is not None:
        raise InvalidValue(problem)
    same = [each for each in recorded if each.signed.id == revision.signed.id]
    if not same:
        raise InvalidValue(codes.MONTH_NOT_IN_LEDGER, month=month.month, revision=month.revision)
    known = {each.sig for other in same for each in other.signed.signatures}
    if not [each for each in revision.signed.signatures if each.sig not in known]:
        return None
    history = MonthHistory([*recorded, revision], plans)
    [now] = [each for each in history.revisions if each.signed.id == revision.signed.id]
    state = history.state(now)
    if state.problem is not None:
        raise InvalidValue(state.problem)
    if state.state == CORRECTED or state.replaced_by:
        raise InvalidValue(codes.MONTH_REPLACED, month=month.month, revision=month.revision, by=state.replaced_by)
    return {KIND: file_body(now.signed)}

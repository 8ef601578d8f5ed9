"""What `magwatt contract` prints of a month: what the parties sign, and its state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agent.cli.contract_view import amount_lines
from agent.core.text import N_, _, as_object, text_of

if TYPE_CHECKING:
    from agent.contract.month import MonthDecision, MonthMotor
    from agent.contract.month_states import MonthHistory, MonthRevision, MonthState
    from drivers.reasons import Reason

WORDS = (
    N_("proven"), N_("provisional"), N_("not_proven"), N_("negative"), N_("none"), N_("exclude"), N_("keep"),
    N_("adjust"),
)  # fmt: skip


def month_lines(revision: MonthRevision, wrong: Sequence[Reason]) -> Iterator[str]:
    """What a party signs: amounts, energies, decisions, and assumptions that it accepts. wrong: what contradicts."""
    from agent.contract.month_reader import amount_of_month

    month, plan = revision.month, revision.plan.plan
    yield _("{month} of {contract}, revision {revision:d}: {title}", month=month.month, contract=month.contract,
            revision=month.revision, title=plan.title)  # fmt: skip
    yield "  " + _("Document {id}", id=revision.signed.id)
    yield "  " + _("By version {version:d} of the plan, {id}", version=plan.version, id=month.plan[:16])
    yield "  " + _("Billing month {from_ms:local} to {to_ms:local}", from_ms=month.from_ms, to_ms=month.to_ms)
    if month.replaces:
        yield "  " + _("Corrects {id}: {reason}", id=month.replaces[:16], reason=month.reason)
    yield "  " + _("Lines {first:d} to {last:d} of the ledger", first=month.ledger.first, last=month.ledger.last)
    for name, motor in month.motors.items():
        yield from _motor_lines(name, motor)
    if not wrong:
        yield from amount_lines(plan, month.month, amount_of_month(month, plan), month.figures, ())
    for each in revision.signed.signatures:
        yield _("Signature of {by} as {role:word}, {signed_ms:local}, key {key}", by=each.by, role=each.role,
                signed_ms=each.signed_ms, key=each.key)  # fmt: skip
    yield from map(text_of, wrong)


def _motor_lines(name: str, motor: MonthMotor) -> Iterator[str]:
    from agent.contract.month_reasons import reason_of

    yield "  " + _("{motor}: evidence {evidence:word}", motor=name, evidence=motor.evidence)
    for price, (measured_wh, compared_wh, adjusted_wh) in motor.energies.items():
        yield "    " + _(
            "{price:word}: measured {measured:kwh} kWh; compared {compared:kwh} kWh, adjusted baseline "
            "{adjusted:kwh} kWh",
            price=price, measured=measured_wh, compared=compared_wh, adjusted=adjusted_wh,
        )  # fmt: skip
    for cause, wh in motor.excluded_wh.items():
        yield "    " + _("Not in the saving, {cause:word}: {wh:kwh} kWh", cause=cause, wh=wh)
    if motor.recalculated:
        yield "    " + _("Adjusted baseline calculated after recording: {n:d} {n:interval|intervals}",
                         n=len(motor.recalculated))  # fmt: skip
    for decision in motor.decisions:
        yield "    " + _decision_line(decision)
    for stored in motor.assumptions:
        yield "    " + _("Accepted by signing, not checked by data: {assumption}", assumption=reason_of(stored))


def _decision_line(decision: MonthDecision) -> str:
    event = {"number": decision.event, "decision": decision.decision, "line": decision.line[:16]}
    if not decision.energy_wh:
        return _("Event {number:d}: {decision:word} (record {line})", **event)
    return _("Event {number:d}: {decision:word} {wh:kwh} kWh (record {line})", **event,
             wh=sum(decision.energy_wh.values()))  # fmt: skip


def state_line(revision: MonthRevision, state: MonthState) -> str:
    """The state of a revision in one sentence."""
    from agent.contract.signatures import ROLES

    name = {"month": revision.month.month, "revision": revision.month.revision}
    if state.problem is not None and state.state != "corrected":
        return text_of(state.problem)
    if state.state == "corrected":
        return _("{month}, revision {revision:d}: corrected by revision {by:d}", **name, by=state.replaced_by)
    if revision.missing == ROLES:
        return _("{month}, revision {revision:d}: issued; no party has signed", **name)
    if state.missing:
        return _("{month}, revision {revision:d}: accepted by {by:word}; the signature of {missing:word} is missing",
                 **name, by=revision.accepted_by, missing=state.missing)  # fmt: skip
    if state.replaced_by:
        return _(
            "{month}, revision {revision:d}: settled, until revision {by:d} is settled", **name, by=state.replaced_by
        )
    return _("{month}, revision {revision:d}: settled; both parties have signed", **name)


def state_lines_of_file(revision: MonthRevision, state: MonthState) -> Iterator[str]:
    """The state by the file alone, and what it does not show."""
    yield state_line(revision, state)
    if state.state == "settled":
        yield _("By this file: the ledger may contain a newer revision, or a newer version of the plan.")


def months_lines(history: MonthHistory, later: Mapping[str, Sequence[Reason]]) -> Iterator[str]:
    """later: identifier of a revision → what was recorded of the month after it was issued."""
    for each in history.revisions:
        yield _(": ").join((each.month.contract, state_line(each, history.state(each))))
        yield from (f"  {text_of(note)}" for note in later.get(each.signed.id, ()))


def month_as_object(revision: MonthRevision, state: MonthState, later: Sequence[Reason] = ()) -> dict[str, Any]:
    """later: what was recorded of the month after it was issued."""
    return {
        "document": revision.signed.document, "id": revision.signed.id,
        "signatures": [each.as_object() for each in revision.signed.signatures],
        "state": state.state, "missing": list(state.missing), "replaced_by": state.replaced_by or None,
        "problem": as_object(state.problem) if state.problem else None,
        "later": [as_object(each) for each in later],
    }  # fmt: skip

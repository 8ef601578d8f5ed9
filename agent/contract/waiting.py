"""What a month of a contract waits for, and for whom: signatures, its issue, a new plan, a new certificate.

Each item holds from a time on and until another one, so that what was read from the ledger once is right later, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from msgspec import Struct

from agent.config.reporting_periods import begin_ms
from agent.contract import reasons as codes
from agent.contract.month_states import CORRECTED, SETTLED, MonthHistory, MonthRevision
from agent.contract.plan import ContractPeriod, ContractPlan
from agent.contract.plan_versions import PlanVersion
from agent.contract.signatures import GATEWAY
from drivers.reasons import Code, Reason

PARTIES = "parties"  # both
NOTICE_D = 60  # days before a plan or certificate ends

SIGNATURE_AWAITED = Code(
    "signature_awaited",
    "signature of {role:word} on revision {revision:d} of {month}, since {since_ms:local}",
)
ISSUE_AWAITED = Code(
    "issue_awaited",
    "{month} ended on {to_ms:local} and is not issued: `magwatt contract issue --month {month}` on the gateway",
)
ISSUE_PREVENTED = Code("issue_prevented", "{month} cannot be issued: {problem}")
CORRECTION_AWAITED = Code("correction_awaited", "revision {revision:d} of {month} is not valid: {problem}")
PLAN_ENDS = Code(
    "plan_ends", "{contract}, version {version:d}: the plan applies until {last}; a later month needs a new one"
)
PLAN_ENDED = Code(
    "plan_ended", "{contract}, version {version:d}: the plan applied until {last}, and no other replaces it"
)
CERTIFICATE_ENDS = Code("certificate_ends", "{motor}: certificate {number} of the {device:word} is valid until {until}")


class Wait(Struct, frozen=True):
    """Something that is awaited.

    whom: a role of a party, `PARTIES`, or `GATEWAY`: who operates it.
    since_ms: UTC.
    from_ms, until_ms: it holds between these times, UTC; None: whatever the clock shows, until something is recorded.
    """

    whom: str
    reason: Reason
    since_ms: int
    from_ms: int | None = None
    until_ms: int | None = None

    def holds(self, now_ms: int) -> bool:
        return (self.from_ms is None or self.from_ms <= now_ms) and (self.until_ms is None or now_ms < self.until_ms)


def waits_of_month(history: MonthHistory, revisions: list[MonthRevision]) -> Iterator[Wait]:
    """What the newest revision of an issued month waits for."""
    newest = revisions[-1]
    state, month = history.state(newest), newest.month
    name = {"month": month.month, "revision": month.revision}
    if state.problem is not None:
        yield Wait(GATEWAY, CORRECTION_AWAITED(**name, problem=state.problem), month.drafted_ms)
    elif state.state not in (SETTLED, CORRECTED):
        for role in state.missing:
            reason = SIGNATURE_AWAITED(**name, role=role, since_ms=month.drafted_ms)
            yield Wait(role, reason, month.drafted_ms)


def waits_of_issue(month: str, to_ms: int, problem: Reason | None) -> Wait:
    """Of a month that is not issued. problem: what prevents it; None: nothing."""
    if problem is not None:
        return Wait(GATEWAY, ISSUE_PREVENTED(month=month, problem=problem), to_ms, to_ms)
    return Wait(GATEWAY, ISSUE_AWAITED(month=month, to_ms=to_ms), to_ms, to_ms)


def waits_of_plan(version: PlanVersion, applies: ContractPeriod) -> Iterator[Wait]:
    """End of the plan and of its certificates. applies: when it is in force, by its successors."""
    plan = version.plan
    if applies.last is not None and applies.last == plan.applies.last:
        name = {"contract": plan.contract, "version": plan.version, "last": str(applies.last)}
        yield _before(plan, applies.last, PLAN_ENDS(**name))
        yield _from(_after_ms(plan, applies.last), PLAN_ENDED(**name))
    for motor in plan.motors.values():
        for device, certificate in (motor.meter.certificates if motor.meter else {}).items():
            name = {"motor": motor.title, "device": device, "number": certificate.number}
            until = certificate.valid_until
            yield _before(plan, until, CERTIFICATE_ENDS(**name, until=str(until)))
            yield _from(_after_ms(plan, until), codes.CALIBRATION_EXPIRED(**name, until=str(until)))


def _before(plan: ContractPlan, last: date, reason: Reason) -> Wait:
    """In the last days until the end of a day."""
    return _from(begin_ms(last - timedelta(days=NOTICE_D), plan.timezone), reason, _after_ms(plan, last))


def _from(from_ms: int, reason: Reason, until_ms: int | None = None) -> Wait:
    return Wait(PARTIES, reason, from_ms, from_ms, until_ms)


def _after_ms(plan: ContractPlan, last: date) -> int:
    return begin_ms(last + timedelta(days=1), plan.timezone)

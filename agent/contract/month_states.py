"""Revisions of a month: who has signed, and what state each of them has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from agent.contract import reasons as codes
from agent.contract.documents import SignedDocument
from agent.contract.month import ContractMonth
from agent.contract.month_reader import contradictions, first_day, month_of, read_month
from agent.contract.plan_versions import PlanHistory, PlanVersion
from agent.contract.signatures import GATEWAY, ROLES
from agent.contract.signing import CLOCK_TOLERANCE_MS, Signing, merged
from agent.core.local_time import local_datetime
from agent.savings.ledger.signing_key import LedgerKey
from drivers.reasons import InvalidValue, Reason

DRAFT, ISSUED, ACCEPTED, SETTLED, CORRECTED = "draft", "issued", "accepted", "settled", "corrected"
STATES = (DRAFT, ISSUED, ACCEPTED, SETTLED, CORRECTED)  # draft: not issued, there is no document


class MonthRevision(Struct, frozen=True):
    """A revision of a month with its signatures and the plan that it names.

    file: where it was read.
    """

    file: str
    signed: SignedDocument
    month: ContractMonth
    plan: PlanVersion

    @property
    def signing(self) -> Signing:
        parties = {role: (party.public_key,) for role, party in self.plan.plan.parties.items()}
        keys = {GATEWAY: (self.month.gateway_key,), **parties}
        return Signing(self.signed, self.month.drafted_ms, keys, self.plan.signing)

    @property
    def missing(self) -> tuple[str, ...]:
        """Parties without a valid signature."""
        return tuple(role for role in self.signing.missing if role in ROLES)

    @property
    def accepted_by(self) -> tuple[str, ...]:
        """Parties with a valid signature."""
        return tuple(role for role in ROLES if role not in self.missing)

    def dated_before_plan(self) -> list[Reason]:
        """Signatures of parties that are dated before their plan was drafted or signed last."""
        plan_ms = self.plan.signing.last_ms
        return [
            codes.SIGNED_BEFORE_PLAN(by=each.by, role=each.role, signed_ms=each.signed_ms, plan_ms=plan_ms)
            for each in self.signed.signatures
            if each.role in ROLES and each.signed_ms < plan_ms - CLOCK_TOLERANCE_MS
        ]

    def problem(self) -> Reason | None:
        """Why the parties cannot settle this revision, signed or not; None: they can."""
        if (reason := self.plan.not_in_force()) is not None:
            return reason
        found = [*self.signing.problems, *self.dated_before_plan(), *contradictions(self.month, self.plan)]
        if not found and GATEWAY in self.signing.missing:
            return codes.MONTH_NOT_ISSUED(month=self.month.month, gateway=self.month.gateway)
        return found[0] if found else None

    def signed_state(self, problem: Reason | None) -> str:
        """issued, accepted or settled by the signatures of the parties; with a problem issued."""
        return ISSUED if problem or len(self.missing) == len(ROLES) else ACCEPTED if self.missing else SETTLED

    def state_by_itself(self) -> MonthState:
        """The state by this revision and its plan only: other revisions and plans are not known here."""
        problem = self.problem()
        return MonthState(self.signed_state(problem), self.missing, problem)


class MonthState(Struct, frozen=True):
    """The state of a revision.

    state: one of STATES.
    missing: parties that have not signed it.
    problem: why it cannot be settled; None: nothing.
    replaced_by: number of the newest revision, settled or not; 0: it is this one.
    """

    state: str
    missing: tuple[str, ...] = ()
    problem: Reason | None = None
    replaced_by: int = 0


def read_revision(path: Path, plans: Sequence[PlanVersion]) -> MonthRevision:
    """The month of a file with its plan. Raises InvalidValue."""
    signed, month = read_month(path)
    return _revision(str(path), signed, month, plans)


def revision_of(signed: SignedDocument, place: str, plans: Sequence[PlanVersion]) -> MonthRevision:
    """The month of a signed document with its plan. place: for errors. Raises InvalidValue."""
    return _revision(place, signed, month_of(signed, place), plans)


def _revision(place: str, signed: SignedDocument, month: ContractMonth, plans: Sequence[PlanVersion]) -> MonthRevision:
    plan = next((each for each in plans if each.signed.id == month.plan), None)
    if plan is None:
        raise InvalidValue(codes.PLAN_OF_MONTH_MISSING, path=place, plan=month.plan[:16], contract=month.contract)
    return MonthRevision(place, signed, month, plan)


def sign_month(revision: MonthRevision, key: LedgerKey, by: str, now_ms: int) -> MonthRevision:
    """The month with one more signature of a party.

    by: name of the signatory; "": the one that the plan names. now_ms: UTC time of this computer.
    Raises InvalidValue when the month cannot be settled, the key is that of no party or has signed already, or the
    clock is in the past.
    """
    role = revision.signing.role_of(key, revision.month.contract)
    if (problem := revision.problem()) is not None:
        raise InvalidValue(problem)
    name = by or revision.plan.plan.parties[role].signatory
    return replace(revision, signed=revision.signing.with_signature(key, role, name, now_ms))


class MonthHistory:
    """The revisions of months.

    revisions: in the order of contract, month and revision; one that is there twice counts once, with all signatures.
    """

    def __init__(self, revisions: Iterable[MonthRevision], plans: PlanHistory) -> None:
        by_id: dict[str, MonthRevision] = {}
        for each in revisions:
            known = by_id.setdefault(each.signed.id, each)
            by_id[each.signed.id] = replace(known, signed=merged(known.signed, each.signed))
        ordered = sorted(by_id.values(), key=lambda each: (*_month(each), each.month.revision, each.signed.id))
        self.revisions: Sequence[MonthRevision] = tuple(ordered)
        self._by_id, self._plans = by_id, plans

    def of_month(self, contract: str, month: str) -> list[MonthRevision]:
        """The revisions of one month, the newest last."""
        return [each for each in self.revisions if _month(each) == (contract, month)]

    def state(self, revision: MonthRevision) -> MonthState:
        """The state of one of the revisions."""
        problem = self._problem(revision)
        own = revision.signed_state(problem)
        newer = [each for each in self.of_month(*_month(revision)) if each.month.revision > revision.month.revision]
        replaced = own != SETTLED or any(not self._problem(each) and not each.missing for each in newer)
        state = CORRECTED if newer and replaced else own
        return MonthState(state, revision.missing, problem, newer[-1].month.revision if newer else 0)

    def problems(self) -> list[Reason]:
        """Why months cannot be settled, without those that were corrected before."""
        found = [self.state(each) for each in self.revisions]
        return list(dict.fromkeys(each.problem for each in found if each.problem and each.state != CORRECTED))

    def _problem(self, revision: MonthRevision) -> Reason | None:
        return revision.problem() or self._plan_problem(revision) or next(self._chain_problems(revision), None)

    def _plan_problem(self, revision: MonthRevision) -> Reason | None:
        """The plan is the one that is in force on the first and the last day, for each motor."""
        plan = revision.plan.plan
        first, last = first_day(revision.month, plan), last_day(revision)
        try:
            for motor in plan.motors:
                for day in (first, last):
                    if self._plans.in_force(motor, day).signed.id != revision.month.plan:
                        return codes.MONTH_OF_OTHER_VERSION(month=revision.month.month, motor=motor, day=str(day))
        except InvalidValue as error:
            return error.reason
        return None

    def _chain_problems(self, revision: MonthRevision) -> Iterator[Reason]:
        """Each revision names the one before, and there is only one of each number."""
        month = revision.month
        name = {"month": month.month, "revision": month.revision}
        rivals = [each for each in self.of_month(*_month(revision)) if each.month.revision == month.revision]
        if len(rivals) > 1:
            yield codes.MONTH_REVISION_TWICE(**name)
        if month.revision == 1:
            return
        before = self._by_id.get(month.replaces)
        if before is None:
            yield codes.MONTH_REPLACED_MISSING(**name, replaced=month.replaces[:16])
        elif (*_month(before), before.month.revision) != (*_month(revision), month.revision - 1):
            yield codes.MONTH_REPLACES_OTHER(**name, replaced=month.replaces[:16])
        elif month.drafted_ms < before.month.drafted_ms - CLOCK_TOLERANCE_MS:
            times = {"drafted_ms": month.drafted_ms, "replaced_ms": before.month.drafted_ms}
            yield codes.MONTH_ISSUED_BEFORE_REPLACED(**name, **times)


def last_day(revision: MonthRevision) -> date:
    """The last day of the billing month."""
    return local_datetime(revision.month.to_ms - 1, revision.plan.plan.timezone).date()


def _month(revision: MonthRevision) -> tuple[str, str]:
    return revision.month.contract, revision.month.month

"""Versions of plans: which signatures count, which version is in force on a day, and what contradicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from agent.contract import reasons as codes
from agent.contract.documents import SignedDocument, check_format, read_document
from agent.contract.plan import SCHEMA, ContractPeriod, ContractPlan
from agent.contract.plan_reader import plan_of
from agent.contract.signatures import ROLES
from agent.contract.signing import CLOCK_TOLERANCE_MS, Signing, merged
from agent.savings.ledger.signing_key import ED25519, LedgerKey
from drivers.reasons import InvalidValue, Reason


class PlanVersion(Struct, frozen=True):
    """A plan with its signatures.

    file: where it was read.
    """

    file: str
    signed: SignedDocument
    plan: ContractPlan

    @property
    def signing(self) -> Signing:
        keys = {role: party.keys for role, party in self.plan.parties.items()}
        return Signing(self.signed, self.plan.drafted_ms, keys)

    @property
    def missing(self) -> tuple[str, ...]:
        """Roles without a valid signature."""
        return self.signing.missing

    @property
    def problems(self) -> list[Reason]:
        """What is wrong with the signatures, whatever the time of this computer."""
        return self.signing.problems

    def not_in_force(self) -> Reason | None:
        """Why the parties are not bound by this version; None: all of them have signed, and nothing is wrong."""
        name = {"contract": self.plan.contract, "version": self.plan.version}
        if self.problems:
            return self.problems[0]
        if len(self.missing) == len(ROLES):
            return codes.PLAN_NOT_SIGNED(**name)
        return codes.PLAN_SIGNED_BY_ONE(**name, missing=self.missing[0]) if self.missing else None


def read_plan(path: Path) -> PlanVersion:
    """The plan of a file; signatures are not verified. Raises InvalidValue, PlanError."""
    found = read_document(path)
    check_format(str(path), found.type, SCHEMA)
    return PlanVersion(str(path), found, plan_of(found.document, path.name))


def sign_plan(version: PlanVersion, key: LedgerKey, by: str, now_ms: int) -> PlanVersion:
    """The plan with one more signature.

    by: name of the signatory; "": the one that the plan names.
    now_ms: UTC time of this computer.
    Raises InvalidValue when the key is that of no party, has signed already, or the clock is in the past.
    """
    role = version.signing.role_of(key, version.plan.contract)
    name = by or version.plan.parties[role].signatory
    return replace(version, signed=version.signing.with_signature(key, role, name, now_ms))


class PlanHistory:
    """The versions of one or several contracts.

    versions: in the order of contract and version; a document that is there twice counts once, with all signatures.
    """

    def __init__(self, versions: Iterable[PlanVersion]) -> None:
        by_id: dict[str, PlanVersion] = {}
        for version in versions:
            known = by_id.setdefault(version.signed.id, version)
            by_id[version.signed.id] = replace(known, signed=merged(known.signed, version.signed))
        ordered = sorted(by_id.values(), key=lambda each: (each.plan.contract, each.plan.version, each.signed.id))
        self.versions: Sequence[PlanVersion] = tuple(ordered)
        self._by_id = by_id

    def problems(self) -> list[Reason]:
        """What contradicts, of signed versions: a successor that names nothing known, or two plans for one time."""
        found = [problem for each in self.versions for problem in each.problems]
        for each in self.versions:
            if each.not_in_force() is None:
                found += self._successor_problems(each)
        return found + list(self._overlaps([each for each in self.versions if self.not_in_force(each) is None]))

    def not_in_force(self, version: PlanVersion) -> Reason | None:
        """Why the parties are not bound by a version; None: they are."""
        return version.not_in_force() or next(self._successor_problems(version), None)

    def applies(self, version: PlanVersion) -> ContractPeriod | None:
        """The days on which a version is in force; None: it is not, or is replaced from its first day on."""
        if self.not_in_force(version) is not None:
            return None
        begins = [
            each.plan.applies.first
            for each in self.versions
            if each.plan.replaces == version.signed.id and self.not_in_force(each) is None
        ]
        own = version.plan.applies
        if not begins:
            return own
        last = min([min(begins) - timedelta(days=1), *([own.last] if own.last else [])])
        return ContractPeriod(own.first, last) if own.first <= last else None

    def in_force(self, motor: str, day: date) -> PlanVersion:
        """The version that applies to a motor on a day. Raises InvalidValue when there is none, or more than one."""
        found = [
            each for each in self.versions
            if motor in each.plan.motors and (period := self.applies(each)) is not None and period.contains(day)
        ]  # fmt: skip
        if len(found) > 1:
            raise InvalidValue(_overlap(motor, day, found[0], found[1]))
        if not found:
            raise InvalidValue(codes.NO_PLAN_FOR_DAY, motor=motor, day=str(day))
        return found[0]

    def _successor_problems(self, version: PlanVersion) -> Iterator[Reason]:
        plan = version.plan
        name = {"contract": plan.contract, "version": plan.version}
        if not plan.replaces:
            return
        before = self._by_id.get(plan.replaces)
        if before is None:
            yield codes.PLAN_REPLACED_MISSING(**name, replaced=plan.replaces[:16])
            return
        if before.plan.contract != plan.contract:
            yield codes.PLAN_CONTRACT_CHANGED(contract=plan.contract, other=before.plan.contract)
        if before.plan.version != plan.version - 1:
            yield codes.PLAN_VERSION_WRONG(**name, replaced_version=before.plan.version)
        if plan.applies.first < before.plan.applies.first:
            yield codes.PLAN_EARLIER_THAN_REPLACED(**name, day=str(plan.applies.first))
        if plan.drafted_ms < before.plan.drafted_ms - CLOCK_TOLERANCE_MS:
            times = {"drafted_ms": plan.drafted_ms, "replaced_ms": before.plan.drafted_ms}
            yield codes.DRAFTED_BEFORE_REPLACED(**name, **times)
        for role, party in plan.parties.items():
            former = before.plan.parties[role].public_key
            if party.public_key != former != party.former_public_key:
                key = LedgerKey(ED25519, former).fingerprint
                yield codes.OLD_KEY_NOT_SIGNED(**name, role=role, fingerprint=key)

    def _overlaps(self, bound: Sequence[PlanVersion]) -> Iterator[Reason]:
        """The first common day of each two versions in force for one motor."""
        for number, one in enumerate(bound):
            for other in bound[number + 1 :]:
                first, second = self.applies(one), self.applies(other)
                if first is None or second is None:
                    continue
                day = max(first.first, second.first)
                if first.contains(day) and second.contains(day):
                    yield from (_overlap(motor, day, one, other) for motor in one.plan.motors if motor in
                                other.plan.motors)  # fmt: skip


def _overlap(motor: str, day: date, one: PlanVersion, other: PlanVersion) -> Reason:
    return codes.PLANS_OVERLAP(
        motor=motor, day=str(day), first=one.plan.contract, first_version=one.plan.version,
        second=other.plan.contract, second_version=other.plan.version, first_id=one.signed.id[:16],
        second_id=other.signed.id[:16],
    )  # fmt: skip

"""Signatures of a document by those whose keys it names: which are valid, which are missing, and one more."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from agent.contract import reasons as codes
from agent.contract.documents import SignedDocument
from agent.contract.signatures import ROLES, PartySignature, problem_of, signed
from agent.savings.ledger.signing_key import ED25519, LedgerKey
from drivers.reasons import InvalidValue, Reason

CLOCK_TOLERANCE_MS = 600_000  # clocks of computers without a time reference differ by minutes


class Signing(Struct, frozen=True):
    """The signatures of a document.

    signed: the document.
    drafted_ms: UTC time when it was drafted.
    keys: role → public keys that must sign in this role.
    follows: those of the document that it follows, as a month follows its plan.
    """

    signed: SignedDocument
    drafted_ms: int
    keys: Mapping[str, tuple[str, ...]]
    follows: Signing | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Roles without a valid signature of each of their keys."""
        valid = {(each.role, each.key) for each in self.signed.signatures if self._problem(each) is None}
        return tuple(
            role for role, keys in self.keys.items()
            if not {(role, LedgerKey(ED25519, key).fingerprint) for key in keys} <= valid
        )  # fmt: skip

    @property
    def problems(self) -> list[Reason]:
        """What is wrong with the signatures, whatever the time of this computer."""
        found = [problem for each in self.signed.signatures if (problem := self._problem(each))]
        keys = [(each.key, each.role) for each in self.signed.signatures]
        found += [codes.SIGNATURE_TWICE(fingerprint=key) for key, _ in dict.fromkeys(
            each for each in keys if keys.count(each) > 1)]  # fmt: skip
        return found

    def _problem(self, signature: PartySignature) -> Reason | None:
        found = problem_of(signature, self.signed.id, self.signed.type, self.keys.get(signature.role, ()))
        if found is None and signature.signed_ms < self.drafted_ms - CLOCK_TOLERANCE_MS:
            times = {"signed_ms": signature.signed_ms, "drafted_ms": self.drafted_ms}
            return codes.SIGNED_BEFORE_DRAFT(by=signature.by, **times)
        return found

    def role_of(self, key: LedgerKey, title: str) -> str:
        """The role in which a key signs. title: of the contract. Raises InvalidValue for a key of no party, one that
        signed already, and when a signature is wrong.
        """
        role = next((role for role, keys in self.keys.items() if key.public in keys), None)
        if role is None:
            known = tuple(LedgerKey(ED25519, each).fingerprint for own in ROLES for each in self.keys.get(own, ()))
            raise InvalidValue(codes.KEY_OF_NO_PARTY, fingerprint=key.fingerprint, title=title, known=known)
        if self.problems:
            raise InvalidValue(self.problems[0])
        for each in self.signed.signatures:
            if each.key == key.fingerprint:
                raise InvalidValue(codes.SIGNED_ALREADY, by=each.by, role=role, fingerprint=each.key)
        return role

    def with_signature(self, key: LedgerKey, role: str, by: str, now_ms: int) -> SignedDocument:
        """The document with one more signature.

        by: name of the signatory. now_ms: UTC time of this computer.
        Raises InvalidValue when the clock is before the draft or a signature of this document, or of the one before.
        """
        if (problem := self._clock_problem(now_ms)) is not None:
            raise InvalidValue(problem)
        unsigned = PartySignature(self.signed.id, self.signed.type, role, by, key.fingerprint, now_ms)
        return replace(self.signed, signatures=(*self.signed.signatures, signed(unsigned, key)))

    def _clock_problem(self, now_ms: int) -> Reason | None:
        followed = [self.follows] if self.follows else []
        drafted_ms = max(each.drafted_ms for each in (self, *followed))
        signatures = [signature for each in (self, *followed) for signature in each.signed.signatures]
        newest = max(signatures, key=lambda each: each.signed_ms, default=None)
        if newest is not None and newest.signed_ms > drafted_ms:
            if now_ms < newest.signed_ms - CLOCK_TOLERANCE_MS:
                who = {"by": newest.by, "role": newest.role, "signed_ms": newest.signed_ms}
                return codes.CLOCK_BEFORE_SIGNATURE(now_ms=now_ms, **who)
        elif now_ms < drafted_ms - CLOCK_TOLERANCE_MS:
            return codes.CLOCK_IN_PAST(now_ms=now_ms, known_ms=drafted_ms)
        return None

    @property
    def last_ms(self) -> int:
        """UTC time of the draft or of the newest signature."""
        return max([self.drafted_ms, *(each.signed_ms for each in self.signed.signatures)])

    def dated_later(self, now_ms: int) -> list[Reason]:
        """Signatures that are dated in the future of this computer."""
        return [
            codes.SIGNED_IN_FUTURE(by=each.by, signed_ms=each.signed_ms)
            for each in self.signed.signatures
            if each.signed_ms > now_ms + CLOCK_TOLERANCE_MS
        ]


def merged(known: SignedDocument, other: SignedDocument) -> SignedDocument:
    """One document with the signatures of both."""
    added = [each for each in other.signatures if each not in known.signatures]
    return replace(known, signatures=(*known.signatures, *added))

"""Signatures of the parties. A signature covers a statement: which document, in which role, by whom, with which key
and when.

The statement contains the identifier of the document, so its signature covers the document. Role, name and time are
signed, too, as the signed properties of XAdES are. Signatures are independent of each other: parties sign in any order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from agent.contract import reasons as codes
from agent.contract.canonical import canonical
from agent.savings.ledger.signing_key import ED25519, LedgerKey
from drivers.reasons import InvalidValue, Reason

SCHEMA = "magwatt.signature/1"
ROLES = ("customer", "energy_service_company")  # parties of a plan
GATEWAY = "gateway"
_FIELDS = {"document": str, "type": str, "role": str, "by": str, "key": str, "signed_ms": int, "sig": str}


class PartySignature(Struct, frozen=True):
    """One signature.

    document: identifier of the signed document.
    type: its format, such as magwatt.plan/1.
    role: one of ROLES, or GATEWAY.
    by: name of the signatory.
    key: fingerprint of the key.
    signed_ms: UTC time on the computer of the signer.
    sig: Ed25519 over the canonical bytes of the statement, in 128 hexadecimal digits.
    """

    document: str
    type: str
    role: str
    by: str
    key: str
    signed_ms: int
    sig: str = ""

    def statement(self) -> dict[str, Any]:
        """What is signed."""
        fields = {name: getattr(self, name) for name in _FIELDS if name != "sig"}
        return {"s": SCHEMA, **fields}

    def as_object(self) -> dict[str, Any]:
        return {**self.statement(), "sig": self.sig}


def signature_of(body: Any) -> PartySignature:
    """A signature from JSON. Raises InvalidValue."""
    if not isinstance(body, Mapping) or body.keys() != {"s", *_FIELDS} or body["s"] != SCHEMA:
        raise InvalidValue(codes.SIGNATURE_FORM_WRONG)
    if any(type(body[name]) is not kind for name, kind in _FIELDS.items()):
        raise InvalidValue(codes.SIGNATURE_FORM_WRONG)
    return PartySignature(**{name: body[name] for name in _FIELDS})


def signed(unsigned: PartySignature, key: LedgerKey) -> PartySignature:
    """The signature, made with a key that has its private half. Raises InvalidValue for a name that is not Unicode."""
    return PartySignature(**{**_named(unsigned), "sig": key.sign(canonical(unsigned.statement()))})


def _named(signature: PartySignature) -> dict[str, Any]:
    return {name: getattr(signature, name) for name in _FIELDS}


def problem_of(signature: PartySignature, document: str, type_: str, public: Iterable[str]) -> Reason | None:
    """What is wrong with a signature; None: nothing.

    document, type_: identifier and format of the document that it is attached to.
    public: public keys of its role; empty: the document names no such role.
    """
    who = {"by": signature.by, "role": signature.role}
    if (signature.document, signature.type) != (document, type_):
        return codes.SIGNATURE_OF_OTHER_DOCUMENT(**who)
    keys = (LedgerKey(ED25519, each) for each in public)
    key = next((each for each in keys if each.fingerprint == signature.key), None)
    if key is None:
        return codes.SIGNATURE_KEY_WRONG(**who, fingerprint=signature.key)
    if not re.fullmatch("[0-9a-f]{128}", signature.sig):
        return codes.SIGNATURE_INVALID(**who)
    if not key.verifies(canonical(signature.statement()), signature.sig):
        return codes.SIGNATURE_INVALID(**who)
    return None

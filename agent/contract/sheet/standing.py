"""The state of a month in words, and the blocks for the signatures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from msgspec.structs import replace

from agent.contract.month_states import ACCEPTED, CORRECTED, DRAFT, ISSUED, SETTLED
from agent.contract.sheet.sheet import INVALID, Sheet
from agent.contract.signatures import ROLES, PartySignature
from agent.contract.signing import Signing
from agent.core.text import N_, Catalogue
from agent.savings.ledger.signing_key import ED25519, LedgerKey
from drivers.reasons import Reason

TEXTS = {
    DRAFT: N_("draft, not issued"),
    ISSUED: N_("issued; not accepted yet"),
    SETTLED: N_("settled: accepted by both parties"),
    CORRECTED: N_("corrected: a later revision replaces this one"),
    INVALID: N_("not valid"),
}
MARKS = {DRAFT: N_("DRAFT, NOT ISSUED"), CORRECTED: N_("REPLACED"), INVALID: N_("NOT VALID")}
ROLE_NAMES = {
    "customer": N_("customer"),
    "energy_service_company": N_("energy_service_company"),
}


class StateLine(NamedTuple):
    code: str
    text: str


def state_text(sheet: Sheet, _: Catalogue) -> str:
    if sheet.standing == ACCEPTED:
        [role] = [role for role in ROLES if role not in sheet.state.missing]
        return _("accepted by {role:word} only", role=role)
    return _(TEXTS[sheet.standing])


def state_lines(sheet: Sheet, _: Catalogue) -> Iterator[StateLine]:
    """What follows from the state, and what is missing."""
    state = sheet.state
    if sheet.standing == DRAFT:
        yield StateLine("draft", _("No amount is final: figures change until the gateway issues the month."))
        yield from (StateLine("note", _.reason(note)) for note in sheet.notes)
        return
    if state.problem is not None:
        yield StateLine("problem", _.reason(state.problem))
    elif state.state in (ISSUED, ACCEPTED):
        for role in state.missing:
            yield StateLine("waits", _("Waiting for the signature of {role:word}, {title}.", role=role,
                                       title=sheet.plan.parties[role].title))  # fmt: skip
    if state.replaced_by:
        yield StateLine("replaced", _("Revision {revision:d} replaces this one.", revision=state.replaced_by))
    if sheet.settled:
        yield StateLine("stays", _("Revision {revision:d} stays settled until both parties have accepted this one.",
                                   revision=sheet.settled))  # fmt: skip
    elif sheet.month.replaces and not sheet.in_ledger and state.state in (ISSUED, ACCEPTED):
        text = _("A revision that was settled before stays settled until both parties have accepted this one.")
        yield StateLine("stays", text)


def party_blocks(sheet: Sheet, _: Catalogue) -> list[dict[str, Any]]:
    return [_block(sheet, role, _) for role in ROLES]


def _block(sheet: Sheet, role: str, _: Catalogue) -> dict[str, Any]:
    """state: valid, invalid or missing. to_sign: with lines to sign by hand, while the signature is missing.
    to_stamp: with a place for the stamp. Neither in a draft or an invalid month.
    """
    party = sheet.plan.parties[role]
    own = [each for each in sheet.signed.signatures if each.role == role] if sheet.signed else []
    problems = [(each, _problem(sheet, each)) for each in own]
    lines = [line for each, problem in problems for line in _signature_lines(each, problem, _)]
    state = "missing" if not own else "invalid" if any(problem for _each, problem in problems) else "valid"
    if not own:
        lines = [
            _("not signed"), _("signatory of the plan: {signatory}", signatory=party.signatory),
            _("key of the plan: {key}", key=fingerprint(party.public_key)),
        ]  # fmt: skip
    return {
        "role": role, "role_text": _(ROLE_NAMES[role]), "title": party.title, "state": state, "lines": lines,
        "to_sign": state == "missing" and sheet.standing in (ISSUED, ACCEPTED),
        "to_stamp": sheet.standing in (ISSUED, ACCEPTED, SETTLED),
    }  # fmt: skip


def _signature_lines(each: PartySignature, problem: Reason | None, _: Catalogue) -> Iterator[str]:
    if problem is not None:
        yield _("INVALID: {problem}", problem=problem)
        return
    yield _("digitally signed by {by}", by=each.by)
    yield _("{signed_ms:local}, key {key}", signed_ms=each.signed_ms, key=each.key)


def _problem(sheet: Sheet, signature: PartySignature) -> Reason | None:
    """What is wrong with one signature; None: nothing."""
    assert sheet.signed is not None
    alone = replace(sheet.signed, signatures=(signature,))
    keys = (sheet.plan.parties[signature.role].public_key,)
    return next(iter(Signing(alone, sheet.month.drafted_ms, {signature.role: keys}).problems), None)


def fingerprint(public: str) -> str:
    return LedgerKey(ED25519, public).fingerprint

"""Bundles of months for verifiers, signed with published keys.

A `Recipe` is a bundle before it is signed, so that a test can change what is signed: see support.contract_recipes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from support.contract import COMPANY, CUSTOMER, signed
from support.contract_month import GATEWAY, issued

from agent.contract.documents import SignedDocument, file_body
from agent.contract.plan_versions import PlanVersion
from agent.contract.signatures import PartySignature
from agent.contract.signatures import signed as with_sig
from agent.savings.ledger.chain import append_to
from agent.savings.ledger.signing_key import LedgerKey

HOUR_MS, QUARTER_MS, MINUTE_MS = 3_600_000, 900_000, 60_000
ZONES = ("Asia/Shanghai", "Europe/Berlin")
KEYS = {"customer": CUSTOMER, "energy_service_company": COMPANY}
BOTH = ("customer", "energy_service_company")


class Recipe(Struct):
    """A bundle before it is signed.

    plans: documents; the last one applies. entries: (time, kind, body) of the ledger after the record of its key.
    first_entry: the first one in the range of lines. month: the document, None: not issued; its range is filled in.
    later: records (kind, body) after the month.
    corrected: the month is revision 1, signed by both; a second one follows, which the signers sign.
    second: members of the second revision.
    signers: roles that sign the (newest) month. signed_ms: when, after it was issued. key: of the gateway.
    plan_signed_ms: when the plans are signed, after they were drafted.
    """

    plans: list[dict[str, Any]]
    entries: list[tuple[int, str, dict[str, Any]]]
    first_entry: int
    month: dict[str, Any] | None
    bounds: tuple[int, int]
    name: str
    later: list[tuple[str, dict[str, Any]]] = []
    corrected: bool = False
    second: dict[str, Any] = {}
    signers: tuple[str, ...] = BOTH
    signed_ms: int = HOUR_MS
    key: LedgerKey = GATEWAY
    plan_signed_ms: int = HOUR_MS


def built(recipe: Recipe) -> dict[str, Any]:
    """The bundle, with every signature."""
    db = sqlite3.connect(":memory:")
    db.execute("create table ledger (seq integer primary key, t_ms integer, kind text, body text, hash text)")
    plans = [file_body(plan_version(each, recipe.plan_signed_ms).signed) for each in recipe.plans]
    append_to(db, recipe.key, recipe.entries[0][0] - HOUR_MS, [("plan", {"plan": each}) for each in plans])
    first = 2 + len(plans) + recipe.first_entry
    for t_ms, kind, body in recipe.entries:
        append_to(db, recipe.key, t_ms, [(kind, body or _checkpoint(db, recipe.key))])
    [last] = db.execute("select max(seq) from ledger").fetchone()
    months = [] if recipe.month is None else _issue(db, recipe, recipe.month, first, last - 1)
    lines = dict(db.execute("select seq, body from ledger"))
    end = len(lines) if recipe.later else last  # intervals of the month are consecutive lines
    return {
        "s": "magwatt.bundle/2", "month": recipe.name, "from_ms": recipe.bounds[0], "to_ms": recipe.bounds[1],
        "motors": list(recipe.plans[-1]["motor"]), "key": recipe.key.public,
        "before": [lines[seq] for seq in range(1, first) if _single(lines[seq])],
        "lines": [lines[seq] for seq in range(first, end + 1)],
        "after": [lines[seq] for seq in range(end + 1, len(lines) + 1)],
        "plans": plans, "months": months,
    }  # fmt: skip


def _issue(
    db: sqlite3.Connection, recipe: Recipe, month: dict[str, Any], first: int, last: int
) -> list[dict[str, Any]]:  # fmt: skip
    """Writes the lines of the ledger into the month, and the month into the ledger. Its files."""
    for motor in month["motor"].values():
        for decision in motor["decisions"]:
            if isinstance(decision["line"], int):  # position of its entry
                decision["line"] = _hash(db, 2 + len(recipe.plans) + decision["line"])
    month["ledger"] = {"first": first, "last": last, "hash": _hash(db, last), **month["ledger"]}
    months = [file_body(each) for each in _revisions(recipe, month)]
    append_to(db, recipe.key, month["drafted_ms"], [("month", {"month": each}) for each in months])
    append_to(db, recipe.key, month["drafted_ms"] + HOUR_MS, recipe.later)
    return months


def _revisions(recipe: Recipe, month: dict[str, Any]) -> list[SignedDocument]:
    if not recipe.corrected:
        return [signed_month(month, recipe.signers, recipe.key, recipe.signed_ms)]
    first = signed_month(month, BOTH, recipe.key)
    follows = {"revision": 2, "replaces": first.id, "reason": "certificate of the meter"}
    second = month | {"drafted_ms": month["drafted_ms"] + HOUR_MS} | follows | recipe.second
    return [first, signed_month(second, recipe.signers, recipe.key, recipe.signed_ms)]


def plan_version(body: Mapping[str, Any], after_ms: int = HOUR_MS) -> PlanVersion:
    return signed(body, at_ms=body["drafted_ms"] + after_ms)


def signed_month(
    body: Mapping[str, Any], roles: tuple[str, ...], key: LedgerKey = GATEWAY, after_ms: int = HOUR_MS
) -> SignedDocument:  # fmt: skip
    """The document with the signatures of the gateway and of these parties, without any check."""
    found = issued(body, key)
    for role in roles:
        statement = PartySignature(found.id, found.type, role, f"Signatory {role}", KEYS[role].fingerprint,
                                   body["drafted_ms"] + after_ms)  # fmt: skip
        found = SignedDocument(found.document, found.id, (*found.signatures, with_sig(statement, KEYS[role])))
    return found


def bundle_text(bundle: Mapping[str, Any]) -> str:
    return json.dumps(bundle, ensure_ascii=False, indent=0)


def _checkpoint(db: sqlite3.Connection, key: LedgerKey) -> dict[str, Any]:
    [(seq, hash_)] = db.execute("select seq, hash from ledger order by seq desc limit 1").fetchall()
    return {"site": "mill-2", "gateway": "gw-07", "day": "2026-11-30", "last": seq, "hash": hash_,
            "key": key.fingerprint}  # fmt: skip


def _hash(db: sqlite3.Connection, seq: int) -> str:
    return str(db.execute("select hash from ledger where seq = ?", (seq,)).fetchone()[0])


def _single(line: str) -> bool:
    return json.loads(line)["kind"] in ("key", "baseline", "decision", "plan")

"""Months for tests: a complete document of the plan of `support.contract`, calculated by hand, and its signatures."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from support.contract import COMPANY, CUSTOMER, DAY_MS, document, signed

from agent.contract.documents import SignedDocument, unsigned
from agent.contract.month_states import MonthRevision, revision_of
from agent.contract.plan_versions import PlanVersion
from agent.contract.signatures import PartySignature
from agent.contract.signatures import signed as with_sig
from agent.savings.ledger.signing_key import ED25519, LedgerKey

GATEWAY = LedgerKey(  # RFC 8032, 7.1, test 1024
    ED25519,
    "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
    bytes.fromhex("f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5"),
)
FROM_MS, TO_MS = 1_790_784_000_000, 1_793_462_400_000  # October 2026 in Shanghai
ISSUED_MS = TO_MS + 2 * 3_600_000
PLAN = signed(document())


def month_document(plan: PlanVersion = PLAN, /, **more: object) -> dict[str, Any]:
    """October of the plan. more: dotted key with __ for a dot → value; None removes the key.

    By price: 3445.6, 5100.5 and −0.5 kWh, rounded half up 3446, 5101 and −1; value 3446 × 1.05 + 5101 × 0.68 − 0.34;
    fee 0.80 of it, 5669.312; VAT included, 6 / 106 of the fee.
    """
    found: dict[str, Any] = {
        "s": "magwatt.month/1", "contract": "EMC-2026-017", "plan": plan.signed.id, "month": "2026-10",
        "from_ms": FROM_MS, "to_ms": TO_MS, "revision": 1, "drafted_ms": ISSUED_MS, "site": "mill-2",
        "gateway": "gw-07", "gateway_key": GATEWAY.public,
        "ledger": {"first": 3, "last": 2_980, "hash": "cd" * 32},
        "motor": {
            "fan": {
                "energies": {"peak": [9_000_000, 8_900_000, 12_345_600], "flat": [20_000_000, 19_900_000, 25_000_500],
                             "valley": [14_000_000, 14_000_000, 13_999_500]},
                "running_s": 2_678_400, "quantity": None,
                "excluded": [[FROM_MS + 3_600_000, FROM_MS + 7_200_000, "below_range"]],
                "excluded_wh": {"below_range": 200_000}, "recalculated": [], "decisions": [],
                "unmeasured_s": 0, "u80_wh": 340_000, "u90_wh": 440_000, "u95_wh": 520_000,
                "evidence": "provisional",
                "assumptions": [{"code": "season_not_covered", "data": {"n": 12, "limit_d": 45, "most_d": 61}}],
                "contract_kwh": {"peak": "3446", "flat": "5101", "valley": "-1"}, "adjusted_kwh": "8546",
            },
        },
        "amount": {"value": "7086.64", "year": 1, "share": "0.80", "net": "5348.41", "vat": "320.90",
                   "gross": "5669.31"},
    }  # fmt: skip
    for place, value in more.items():
        *tables, key = place.split("__")
        table = found
        for name in tables:
            table = table[name]
        if value is None:
            table.pop(key)
        else:
            table[key] = value
    return found


def issued(body: Mapping[str, Any], key: LedgerKey = GATEWAY, at_ms: int | None = None) -> SignedDocument:
    """The document with the signature of the gateway."""
    made = unsigned(copy.deepcopy(dict(body)))
    statement = PartySignature(made.id, made.type, "gateway", "mill-2/gw-07", key.fingerprint,
                               body["drafted_ms"] if at_ms is None else at_ms)  # fmt: skip
    return SignedDocument(made.document, made.id, (with_sig(statement, key),))


def revision(
    body: Mapping[str, Any], *keys: LedgerKey, plan: PlanVersion = PLAN, at_ms: int | None = None
) -> MonthRevision:
    """The issued month, signed with these keys of parties, without any check."""
    found = issued(body)
    at_ms = body["drafted_ms"] + DAY_MS if at_ms is None else at_ms
    for key in keys:
        role = "customer" if key is CUSTOMER else "energy_service_company"
        name = plan.plan.parties[role].signatory
        statement = PartySignature(found.id, found.type, role, name, key.fingerprint, at_ms)
        found = SignedDocument(found.document, found.id, (*found.signatures, with_sig(statement, key)))
    return revision_of(found, "month.json", [plan])


def settled(body: Mapping[str, Any], plan: PlanVersion = PLAN) -> MonthRevision:
    """The month, signed by both parties."""
    return revision(body, CUSTOMER, COMPANY, plan=plan)


def corrected(before: MonthRevision, **more: object) -> dict[str, Any]:
    """The document of the next revision."""
    month = before.month
    chain = {"revision": month.revision + 1, "replaces": before.signed.id, "reason": "meter read again",
             "drafted_ms": month.drafted_ms + 7 * DAY_MS}  # fmt: skip
    return month_document(before.plan, **{**chain, **more})

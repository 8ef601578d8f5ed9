"""Plans for tests: a complete document, and keys whose secrets are published (RFC 8032, 7.1, tests 1 to 3 and 1024)."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.contract.documents import unsigned
from agent.contract.plan_reader import plan_of
from agent.contract.plan_versions import PlanVersion, sign_plan
from agent.savings.ledger.signing_key import ED25519, LedgerKey

CUSTOMER = LedgerKey(
    ED25519,
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
)
COMPANY = LedgerKey(
    ED25519,
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
)
OTHER = LedgerKey(
    ED25519,
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"),
)
GATEWAY_PUBLIC = "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e"
DRAFTED_MS = 1_790_000_000_000  # 2026-09-21
DAY_MS = 86_400_000


def certificate(**more: object) -> dict[str, object]:
    return {
        "number": "E2026-0815",
        "laboratory": "省计量院",
        "issued": "2026-03-01",
        "valid_until": "2032-02-28",
        **more,
    }


def document(**more: object) -> dict[str, Any]:
    """A plan of one motor at three prices. more: dotted key with __ for a dot → value; None removes the key."""
    found: dict[str, Any] = {
        "s": "magwatt.plan/1", "contract": "EMC-2026-017", "version": 1, "drafted_ms": DRAFTED_MS,
        "applies": {"first": "2026-10-01", "last": "2031-09-30"},
        "project": {"title": "2#高炉除尘风机节能改造", "boundary": "drive input to shaft", "site": "mill-2",
                    "gateway": "gw-07", "timezone": "Asia/Shanghai", "gateway_key": GATEWAY_PUBLIC},
        "party": {
            "customer": {"title": "Second Steel Works", "signatory": "Wang Fang", "public_key": CUSTOMER.public},
            "energy_service_company": {"title": "Green Drive", "signatory": "Li Wei", "public_key": COMPANY.public},
        },
        "motor": {
            "fan": {
                "title": "3#除尘风机", "boundary": "meter mcc-12", "method": "baseline_model",
                "formula": "adjusted_baseline", "baseline": "ab" * 32,
                "baseline_period": {"first": "2026-09-01", "last": "2026-09-14"},
                "reporting_period": {"first": "2026-10-01"},
                "meter": {"name": "mcc-12", "serial_number": "22091734", "class": "0.5S", "ct": "400/5",
                          "ct_class": "0.5S", "certificate": certificate(), "ct_certificate": certificate()},
            },
        },
        "price": {"currency": "CNY", "per_kwh": {"peak": "1.05", "flat": "0.68", "valley": "0.34"},
                  "vat_rate": "0.06", "includes_vat": True, "reading_day": 1, "period": [
                      {"price": "valley", "from": "23:00", "to": "07:00"},
                      {"price": "flat", "from": "07:00", "to": "17:00"},
                      {"price": "peak", "from": "17:00", "to": "23:00"}]},
        "sharing": {"first": "2026-10-01", "energy_service_company": ["0.80", "0.80", "0.70", "0.60", "0.50"]},
        "settlement": {"rounding": "half_up", "energy_decimals": 0, "money_decimals": 2, "negative_month": "zero"},
    }  # fmt: skip
    for place, value in more.items():
        *tables, key = place.split("__")
        table = found
        for name in tables:
            table = table.setdefault(name, {})
        if value is None:
            table.pop(key)
        else:
            table[key] = value
    if len(found["price"]["per_kwh"]) == 1:
        found["price"].pop("period", None)
    return found


def version(body: Mapping[str, Any]) -> PlanVersion:
    """The plan of a document, without signatures."""
    copied = copy.deepcopy(dict(body))
    return PlanVersion("plan.json", unsigned(copied), plan_of(copied, "plan.json"))


def signed(
    body: Mapping[str, Any], *keys: LedgerKey, at_ms: int = DRAFTED_MS + DAY_MS, by: str = ""
) -> PlanVersion:  # fmt: skip
    """The plan, signed with these keys; both parties if none is given."""
    found = version(body)
    for key in keys or (CUSTOMER, COMPANY):
        found = sign_plan(found, key, by, at_ms)
    return found


def edited(found: PlanVersion, body: Mapping[str, Any]) -> PlanVersion:
    """The signatures of a plan attached to another document."""
    other = version(body)
    return PlanVersion(other.file, type(other.signed)(other.signed.document, other.signed.id, found.signed.signatures),
                       other.plan)  # fmt: skip


def write_json(path: Path, body: object) -> Path:
    path.write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
    return path

"""A verifier of ledger lines, signed plans and amounts that was written only from docs/reference: ledger-format.md
and contract-format.md.

It imports nothing of the product. Arithmetic: integers and fractions.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Energies = Mapping[str, Sequence[int]]  # price → measured, compared, adjusted Wh


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def parsed(text: str) -> Any:
    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in found}) < len(found):
            raise ValueError("a key twice")
        return dict(found)

    return json.loads(text, object_pairs_hook=pairs)


def verifies(public: str, data: bytes, signature: str) -> bool:
    if not re.fullmatch("[0-9a-f]{128}", signature):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), data)
    except InvalidSignature:
        return False
    return True


def first_bad_line(lines: Sequence[str], public: str) -> int | None:
    """Position of the first invalid line, from 1; None: all are valid."""
    before = "0" * 64
    for position, line in enumerate(lines, 1):
        body = parsed(line)
        declared = position > 1 or (body["kind"] == "key" and body["key"]["public"] == public)
        if (body["seq"], body["prev"]) != (position, before) or not declared:
            return position
        if not signed_line(line, body, public):
            return position
        before = digest(line.encode())
    return None


def problem_of_bundle(bundle: Mapping[str, Any], public: str) -> str | None:
    """What is wrong with a bundle; None: nothing. public: the key of the gateway from a signed plan."""
    if bundle["s"] != "magwatt.bundle/2" or bundle["key"] != public:
        return "format or key"
    numbers = []
    for line in (*bundle["before"], *bundle["lines"], *bundle["after"]):
        body = parsed(line)
        if body["s"] != "magwatt.ledger/1" or not signed_line(line, body, public):
            return f"signature of line {body['seq']}"
        numbers.append(body["seq"])
    if numbers != sorted(set(numbers)):
        return "order"
    for first, second in pairwise(bundle["lines"]):
        one, two = parsed(first), parsed(second)
        if (two["seq"], two["prev"]) != (one["seq"] + 1, digest(first.encode())):
            return f"chain at line {two['seq']}"
    return None


def signed_line(line: str, body: Mapping[str, Any], public: str) -> bool:
    rest = line.replace(f'"sig":"{body["sig"]}",', "", 1)
    return verifies(public, rest.encode(), body["sig"])


def energies_of(lines: Sequence[str]) -> dict[str, int]:
    """Sums of the counting interval records."""
    newest = {}
    for body in map(parsed, lines):
        if body["kind"] == "interval":
            newest[body["asset"], body["from_ms"]] = body
    counting = [body for body in newest.values() if body["length_s"]]
    return {
        "measured_wh": sum((body["energy_wh"] or 0) + body.get("auxiliary_wh", 0) for body in counting),
        "adjusted_wh": sum(body.get("adjusted_wh") or 0 for body in counting),
    }


def canonical(value: Any) -> str:
    if isinstance(value, float) or (isinstance(value, int) and abs(value) >= 2**53):
        raise ValueError(value)
    if isinstance(value, list):
        return f"[{','.join(map(canonical, value))}]"
    if isinstance(value, dict):
        ordered = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return f"{{{','.join(f'{canonical(key)}:{canonical(value[key])}' for key in ordered)}}}"
    return json.dumps(value, ensure_ascii=False)


def in_force(file: Mapping[str, Any]) -> bool:
    """Whether a first version is signed by both parties, and nothing is wrong with a signature."""
    document = file["document"]
    if file.keys() != {"s", "document", "signatures"} or file["s"] != "magwatt.signed/1":
        return False
    if document["s"] != "magwatt.plan/1":
        return False
    id_ = digest(canonical(document).encode())
    signed = []
    for each in file["signatures"]:
        public = document["party"][each["role"]]["public_key"]
        statement = {key: value for key, value in each.items() if key != "sig"}
        if statement.keys() != {"s", "document", "type", "role", "by", "key", "signed_ms"}:
            return False
        fits = (each["s"], each["document"], each["type"], each["key"]) == (
            "magwatt.signature/1", id_, document["s"], digest(bytes.fromhex(public))[:16]
        )  # fmt: skip
        timely = each["signed_ms"] >= document["drafted_ms"] - 600_000
        if not (fits and timely and verifies(public, canonical(statement).encode(), each["sig"])):
            return False
        signed.append(each["role"])
    return sorted(signed) == ["customer", "energy_service_company"]


def integer(value: Fraction, rule: str) -> int:
    """Rounded to a whole number."""
    whole, rest = divmod(abs(value), 1)
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and (rule == "half_up" or whole % 2 == 1))
    found = int(whole) + (up and rule != "down")
    return found if value >= 0 else -found


def to(value: Fraction, decimals: int, rule: str) -> Fraction:
    return Fraction(integer(value * 10**decimals, rule), 10**decimals)


def contract_kwh(motor: Mapping[str, Any], row: Sequence[int], quantity: str | None, running_s: int | None) -> Fraction:
    measured, compared, adjusted = row
    match motor["formula"]:
        case "adjusted_baseline":
            return Fraction(adjusted - compared, 1000)
        case "saving_rate":
            rate = Fraction(motor["saving_rate"])
            return Fraction(measured, 1000) * rate / (1 - rate)
        case "specific_energy":
            return Fraction(motor["specific_energy_kwh"]) * Fraction(quantity or 0) - Fraction(measured, 1000)
        case _:
            return Fraction(motor["reference_kw"]) * Fraction(running_s or 0, 3600) - Fraction(measured, 1000)


def fee(
    plan: Mapping[str, Any], year: int, energies: Energies, quantity: str | None, running_s: int | None
) -> tuple[Fraction, Fraction, Fraction]:
    """Net, VAT and gross of a plan with the motor `fan` only."""
    rules, price = plan["settlement"], plan["price"]
    prices, decimals, cents = price["per_kwh"], rules["energy_decimals"], rules["money_decimals"]
    rule = rules["rounding"]
    rows = dict(energies)
    if len(prices) == 1:
        rows = {next(iter(prices)): [sum(column) for column in zip(*energies.values(), strict=True)]}
    value = sum(
        (to(contract_kwh(plan["motor"]["fan"], row, quantity, running_s), decimals, rule) * Fraction(prices[name])
         for name, row in rows.items()), Fraction(0),
    )  # fmt: skip
    if rules["negative_month"] == "zero":
        value = max(value, Fraction(0))
    first = to(value * Fraction(plan["sharing"]["energy_service_company"][year - 1]), cents, rule)
    vat_rate = Fraction(price["vat_rate"])
    if price["includes_vat"]:
        vat = to(first * vat_rate / (1 + vat_rate), cents, rule)
        return first - vat, vat, first
    vat = to(first * vat_rate, cents, rule)
    return first, vat, first + vat

"""Writes the test vectors of docs/reference/ledger-format.md and contract-format.md.

Run: PYTHONPATH=.:tests python docs/generate/vectors.py

All keys are those of RFC 8032, section 7.1, and all times are fixed, so that the files are the same each time.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from support import contract, contract_bundle, contract_month

from agent.contract.amounts import MonthFigures, PriceEnergies, amount_of
from agent.contract.canonical import canonical, document_id
from agent.contract.documents import file_body
from agent.savings.ledger.chain import append_to, digest
from agent.savings.ledger.chain import canonical as ledger_text
from drivers.reasons import InvalidValue

FOLDER = Path(__file__).parents[1] / "reference" / "vectors"
HOUR_MS = 3_600_000
VALUES: tuple[Any, ...] = (
    {}, [], "", {"b": 1, "a": [True, False, None, -5]}, {"price": "0.6125", "数": "电"},
    {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7},
    "\u0000\b\t\n\f\r\u001f\u007f\u2028\"\\/", 9007199254740991,
)  # fmt: skip
REJECTED: tuple[Any, ...] = (0.5, {"a": 9007199254740992})


def canonical_vectors() -> dict[str, Any]:
    for value in REJECTED:
        try:
            canonical(value)
        except InvalidValue:
            continue
        raise AssertionError(value)
    accepted = [
        {"value": value, "canonical": canonical(value).decode(), "sha256": document_id(value)} for value in VALUES
    ]
    return {"accepted": accepted, "rejected": list(REJECTED)}


def ledger_vectors() -> dict[str, Any]:
    """A ledger of two quarter hours, one of which was recorded twice, with a baseline that contains fractions."""
    db = sqlite3.connect(":memory:")
    db.execute("create table ledger (seq integer primary key, t_ms integer, kind text, body text, hash text)")
    begin_ms = contract.DRAFTED_MS // HOUR_MS * HOUR_MS
    interval = {"asset": "fan", "from_ms": begin_ms, "length_s": 900, "energy_wh": 22_145, "covered_s": 900,
                "auxiliary_wh": 75, "meter": "mcc-12 22091734 400/5", "register_wh": [8_100_000, 8_122_150],
                "adjusted_wh": 24_310, "baseline": "ab" * 8, "interval": digest("first"), "config": "c0ffee",
                "software": "0.1.0"}  # fmt: skip
    later = interval | {"from_ms": begin_ms + 900_000, "energy_wh": None, "covered_s": 120,
                        "interval": digest("second")}  # fmt: skip
    again = later | {"energy_wh": 21_990, "covered_s": 900, "filled_wh": 19_000, "interval": digest("third"),
                     "replaces": digest("second")}  # fmt: skip
    baseline = {"baseline": {"asset": "fan", "coefficients": [1.0, 1e-05, -1515.22], "hash": "ab" * 32}, "by": "Li Wei",
                "replaces": ""}  # fmt: skip
    append_to(db, contract.OTHER, begin_ms - HOUR_MS, [("baseline", baseline)])
    for number, body in enumerate((interval, later, again), 1):
        append_to(db, contract.OTHER, begin_ms + number * 900_000, [("interval", body)])
    rows = db.execute("select body, hash from ledger order by seq").fetchall()
    lines = [text for text, _ in rows]
    swapped = [lines[1], lines[0], *lines[2:]]
    edited = [line.replace('"energy_wh":22145', '"energy_wh":22144') for line in lines]
    resigned = json.loads(lines[2])
    resigned["energy_wh"], resigned["sig"] = 22_144, json.loads(lines[3])["sig"]
    moved = [*lines[:2], ledger_text(resigned), *lines[3:]]
    return {
        "key": contract.OTHER.public, "lines": lines, "hashes": [hash_ for _, hash_ in rows],
        "energies": {"measured_wh": 22_145 + 75 + 21_990 + 75, "adjusted_wh": 2 * 24_310},
        "invalid": [
            {"what": "an energy was edited", "lines": edited, "first_bad": 3},
            {"what": "edited, with the signature of another record", "lines": moved, "first_bad": 3},
            {"what": "two records were exchanged", "lines": swapped, "first_bad": 1},
            {"what": "a record was removed", "lines": [*lines[:3], *lines[4:]], "first_bad": 4},
        ],
    }  # fmt: skip


def plan_vectors() -> dict[str, Any]:
    both = contract.signed(contract.document())
    changed = contract.edited(both, contract.document(price__vat_rate="0.13"))
    body = file_body(both.signed)
    customer, company = body["signatures"]

    def with_first(**edit: object) -> dict[str, Any]:
        return body | {"signatures": [customer | edit, company]}

    return {
        "id": both.signed.id, "canonical": canonical(both.signed.document).decode(), "in_force": body,
        "not_in_force": [
            {"what": "a newer format of the file", "file": body | {"s": "magwatt.signed/2"}},
            {"what": "a further member of a signature", "file": with_first(note="")},
            {"what": "signed by the customer only", "file": body | {"signatures": [customer]}},
            {"what": "no signature", "file": body | {"signatures": []}},
            {"what": "a price was changed", "file": file_body(changed.signed)},
            {"what": "the name of the signatory was changed", "file": with_first(by="Li Wei")},
            {"what": "the time was changed", "file": with_first(signed_ms=customer["signed_ms"] + 1)},
            {"what": "the role was changed", "file": with_first(role="energy_service_company")},
            {"what": "upper case, a second form of one signature", "file": with_first(sig=customer["sig"].upper())},
            {"what": "signed twice by one party",
             "file": body | {"signatures": [customer, customer, company]}},
        ],
    }  # fmt: skip


AMOUNTS: tuple[tuple[dict[str, Any], MonthFigures], ...] = (
    ({}, MonthFigures({"peak": PriceEnergies(9_000_000, 8_900_000, 12_345_600),
                       "flat": PriceEnergies(20_000_000, 19_900_000, 25_000_500),
                       "valley": PriceEnergies(14_000_000, 14_000_000, 13_999_500)})),
    ({"settlement__rounding": "half_even"}, MonthFigures({"flat": PriceEnergies(0, 0, 2_500)})),
    ({"price__per_kwh": {"flat": "0.6125"}, "price__includes_vat": False, "price__vat_rate": "0.13",
      "motor__fan__formula": "saving_rate", "motor__fan__saving_rate": "0.2350", "settlement__energy_decimals": 2},
     MonthFigures({"flat": PriceEnergies(31_234_567, 0, 0)})),
    ({"price__per_kwh": {"flat": "0.80"}, "motor__fan__formula": "specific_energy", "motor__fan__quantity": "t",
      "motor__fan__specific_energy_kwh": "5.821"},
     MonthFigures({"flat": PriceEnergies(40_000_000, 0, 0)}, quantity=Decimal("9876.543"))),
    ({"price__per_kwh": {"flat": "0.80"}, "motor__fan__formula": "direct_comparison",
      "motor__fan__reference_kw": "96.4",
      "settlement__rounding": "down"},
     MonthFigures({"flat": PriceEnergies(40_000_000, 0, 0)}, running_s=2_500_001)),
    ({"settlement__negative_month": "settle"}, MonthFigures({"flat": PriceEnergies(0, 1_234_500, 0)})),
    ({}, MonthFigures({"flat": PriceEnergies(0, 1_234_500, 0)})),
)  # fmt: skip


def amount_vectors() -> list[dict[str, Any]]:
    return [_amount(contract.document(**edit), figures) for edit, figures in AMOUNTS]


def _amount(document: Mapping[str, Any], figures: MonthFigures) -> dict[str, Any]:
    found = amount_of(contract.version(document).plan, date(2026, 10, 1), {"fan": figures})
    energies = {name: [each.measured_wh, each.compared_wh, each.adjusted_wh] for name, each in
                figures.energies.items()}  # fmt: skip
    return {
        "plan": document, "first_day": "2026-10-01",
        "figures": {"fan": {"energies": energies, "running_s": figures.running_s,
                            "quantity": None if figures.quantity is None else str(figures.quantity)}},
        "amount": {"kwh": {price: str(kwh) for price, kwh in found.motors["fan"].contract_kwh.items()},
                   "share": str(found.share), "net": str(found.net), "vat": str(found.vat), "gross": str(found.gross)},
    }  # fmt: skip


def month_vectors() -> dict[str, Any]:
    """The document of October, and files of it with their states; `not_settled`: files that no state covers, one with
    another signing of the plan.
    """
    body = contract_month.month_document()
    both = contract_month.settled(body)
    file = file_body(both.signed)
    gateway, customer, company = file["signatures"]
    foreign = contract_month.issued(body, contract.OTHER)
    wrong = contract_month.settled(contract_month.month_document(amount__gross="5669.32"))
    early = contract_month.revision(body, contract.CUSTOMER, contract.COMPANY, at_ms=body["drafted_ms"] - 600_001)
    late = contract.signed(contract.document(), at_ms=customer["signed_ms"] + 600_001)
    return {
        "plan": file_body(contract_month.PLAN.signed), "id": both.signed.id,
        "canonical": canonical(both.signed.document).decode(),
        "states": [
            {"state": "settled", "file": file},
            {"state": "accepted", "file": file | {"signatures": [gateway, company]}},
            {"state": "issued", "file": file | {"signatures": [gateway]}},
        ],
        "not_settled": [
            {"what": "without the signature of the gateway", "file": file | {"signatures": [customer, company]}},
            {"what": "issued with another key", "file": file_body(foreign)},
            {"what": "signed twice by one party", "file": file | {"signatures": [gateway, customer, customer]}},
            {"what": "a signature of the plan", "file": file | {
                "signatures": [gateway, *file_body(contract_month.PLAN.signed)["signatures"]]}},
            {"what": "an amount that does not follow, signed by all", "file": file_body(wrong.signed)},
            {"what": "signed 10 minutes and 1 ms before it was issued", "file": file_body(early.signed)},
            {"what": "signed 10 minutes and 1 ms before the plan", "file": file, "plan": file_body(late.signed)},
            {"what": "a newer format", "file": file | {"document": body | {"s": "magwatt.month/2"}}},
        ],
    }  # fmt: skip


def bundle_vectors() -> dict[str, Any]:
    """A settled bundle of one motor and nine lines of intervals, and replacements by which it is no longer accepted."""
    bundle = contract_bundle.settled_bundle()
    lines, plan, month = bundle["lines"], bundle["plans"][0], bundle["months"][0]
    edited = lines[0].replace('"energy_wh":22145', '"energy_wh":22144')
    return {
        "bundle": bundle, "state": "settled", "amount": month["document"]["amount"],
        "not_accepted": [
            {"what": "a newer format", "path": ["s"], "value": "magwatt.bundle/3"},
            {"what": "another key", "path": ["key"], "value": contract.OTHER.public},
            {"what": "the edge of the month", "path": ["to_ms"], "value": bundle["to_ms"] - 1},
            {"what": "an energy of a line", "path": ["lines", 0], "value": edited},
            {"what": "two lines exchanged", "path": ["lines"], "value": [lines[1], lines[0], *lines[2:]]},
            {"what": "a line removed", "path": ["lines"], "value": [*lines[:3], *lines[4:]]},
            {"what": "the last decision removed", "path": ["after"], "value": bundle["after"][1:]},
            {"what": "the month is in no line", "path": ["after"], "value": bundle["after"][:2]},
            {"what": "the plan without a signature", "path": ["plans", 0, "signatures"],
             "value": plan["signatures"][:1]},
            {"what": "another rounding in the plan", "path": ["plans", 0, "document", "settlement", "rounding"],
             "value": "down"},
            {"what": "an amount of the month", "path": ["months", 0, "document", "amount", "gross"], "value": "11.01"},
            {"what": "the time of a signature", "path": ["months", 0, "signatures", 1, "signed_ms"],
             "value": month["signatures"][1]["signed_ms"] + 1},
        ],
    }  # fmt: skip


def files() -> dict[str, Any]:
    """Name of the file → its content."""
    return {
        "canonical.json": canonical_vectors(), "ledger.json": ledger_vectors(), "plan.json": plan_vectors(),
        "amounts.json": amount_vectors(), "month.json": month_vectors(), "bundle.json": bundle_vectors(),
    }  # fmt: skip


def text_of(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        print(json.dumps({name: text_of(content) for name, content in files().items()}))
    else:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name, content in files().items():
            (FOLDER / name).write_text(text_of(content), encoding="utf-8")

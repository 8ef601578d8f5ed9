"""The allowed tables and keys of a plan, and the check of each value; the same for its TOML and for its JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from agent.config import schema
from agent.config.keys import SITE, STATIC_FACTORS
from agent.config.schema import KeySpec, optional_table
from agent.contract import reasons as codes
from agent.contract.plan import FORMULAS, METHODS, NEGATIVE_MONTHS, ROUNDINGS, SCHEMA
from drivers.file_reasons import with_suggestion
from drivers.reasons import InvalidValue

VERSION_MAX = 9999


def decimal_text(low: str, high: str, example: str) -> Callable[[Any], Decimal]:
    """A decimal number as text, from low to high; JSON numbers of other programs would be rounded to binary.

    example: for problems.
    """

    def convert(value: Any) -> Decimal:
        expected = codes.DECIMAL_EXPECTED(low=low, high=high, example=example)
        found = Decimal(schema.matched(value, r"-?[0-9]{1,9}(\.[0-9]{1,9})?", expected)[0])
        if not Decimal(low) <= found <= Decimal(high):
            raise InvalidValue(expected)
        return found

    return convert


def day_text(value: Any) -> date:
    """A date as text."""
    found = schema.matched(value, r"[0-9]{4}-[0-9]{2}-[0-9]{2}", codes.DATE_TEXT_EXPECTED())
    try:
        return date.fromisoformat(found[0])
    except ValueError:
        raise InvalidValue(codes.DATE_TEXT_EXPECTED) from None


def hash_text(value: Any) -> str:
    return schema.matched(value, "[0-9a-f]{64}", codes.HASH_EXPECTED())[0]


def public_key(value: Any) -> str:
    return schema.matched(value, "[0-9a-f]{64}", codes.PUBLIC_KEY_EXPECTED())[0]


def _format(value: Any) -> str:
    if value != SCHEMA:
        raise InvalidValue(codes.PLAN_FORMAT_EXPECTED, known=SCHEMA)
    return SCHEMA


def _factors(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise InvalidValue(codes.TEXTS_EXPECTED)
    for kind in value:
        schema.one_of(*STATIC_FACTORS)(kind)
    return {kind: schema.text(statement) for kind, statement in value.items()}


def _prices(value: Any) -> dict[str, Decimal]:
    if not isinstance(value, dict) or not value:
        raise InvalidValue(codes.PRICE_TABLE_EXPECTED)
    return {schema.text(name): _PRICE(price) for name, price in value.items()}


def keys_of(prices: Any) -> Mapping[str, KeySpec]:
    """The keys of a plan. prices: its price table as it was read; each of its prices is a key."""
    if not isinstance(prices, dict) or not prices or not all(map(_is_text, prices)):
        return PLAN
    spec = KeySpec(schema.anything, nested={name: KeySpec(_PRICE) for name in prices})
    price = KeySpec(schema.anything, nested={**(PLAN["price"].nested or {}), "per_kwh": spec})
    return {**PLAN, "price": price}


def _is_text(name: str) -> bool:
    try:
        return schema.text(name) == name
    except InvalidValue:
        return False


def role_problem(name: str, roles: tuple[str, ...]) -> Any:
    return with_suggestion(codes.PARTY_ROLE_UNKNOWN(roles=roles), name, roles)


def motor_name(name: str) -> bool:
    return bool(re.fullmatch("[a-z0-9_-]{1,64}", name))


_PRICE = decimal_text("0", "1000", '"0.6125"')
_SHARES = schema.list_of(decimal_text("0", "1", '"0.80" (80 %)'), '["0.80", "0.70"]')
PERIOD = {"first": KeySpec(day_text), "last": KeySpec(day_text, None)}
PLAN = {
    "s": KeySpec(_format),
    "contract": KeySpec(schema.text),
    "version": KeySpec(schema.integer(1, VERSION_MAX)),
    "replaces": KeySpec(hash_text, ""),
    "drafted_ms": KeySpec(schema.integer(0, 1 << 52)),
    "applies": KeySpec(schema.anything, nested=PERIOD),
    "project": KeySpec(
        schema.anything,
        nested={
            "title": KeySpec(schema.text),
            "boundary": KeySpec(schema.text),
            "site": KeySpec(schema.identifier),
            "gateway": KeySpec(schema.identifier),
            "timezone": KeySpec(SITE["timezone"].convert),
            "gateway_key": KeySpec(public_key, ""),
        },
    ),
    "party": KeySpec(schema.anything),
    "motor": KeySpec(schema.anything),
    "price": KeySpec(
        schema.anything,
        nested={
            "currency": KeySpec(schema.text),
            "per_kwh": KeySpec(_prices),
            "vat_rate": KeySpec(decimal_text("0", "0.5", '"0.06" (6 %)')),
            "includes_vat": KeySpec(schema.boolean),
            "period": KeySpec(schema.anything, None),
            "holidays": KeySpec(schema.list_of(day_text, '["2026-10-01"]', 0), ()),
            "reading_day": KeySpec(schema.integer(1, 28), 1),
        },
    ),
    "sharing": KeySpec(
        schema.anything,
        nested={
            "first": KeySpec(day_text),
            "energy_service_company": KeySpec(_SHARES),
        },
    ),
    "settlement": KeySpec(
        schema.anything,
        nested={
            "rounding": KeySpec(schema.one_of(*ROUNDINGS)),
            "energy_decimals": KeySpec(schema.integer(0, 3)),
            "money_decimals": KeySpec(schema.integer(0, 2)),
            "negative_month": KeySpec(schema.one_of(*NEGATIVE_MONTHS)),
        },
    ),
}
PARTY = {
    "title": KeySpec(schema.text),
    "signatory": KeySpec(schema.text),
    "public_key": KeySpec(public_key),
    "former_public_key": KeySpec(public_key, ""),
}
CERTIFICATE = {
    "number": KeySpec(schema.text),
    "laboratory": KeySpec(schema.text),
    "issued": KeySpec(day_text),
    "valid_until": KeySpec(day_text),
}
METER = {
    "name": KeySpec(schema.text),
    "serial_number": KeySpec(schema.text, ""),
    "class": KeySpec(schema.text),
    "ct": KeySpec(schema.text, ""),
    "ct_class": KeySpec(schema.text, ""),
    "vt": KeySpec(schema.text, ""),
    "vt_class": KeySpec(schema.text, ""),
    "certificate": optional_table(CERTIFICATE),
    "ct_certificate": optional_table(CERTIFICATE),
    "vt_certificate": optional_table(CERTIFICATE),
}
MOTOR = {
    "title": KeySpec(schema.text),
    "boundary": KeySpec(schema.text),
    "method": KeySpec(schema.one_of(*METHODS)),
    "formula": KeySpec(schema.one_of(*FORMULAS)),
    "baseline": KeySpec(hash_text, ""),
    "baseline_period": KeySpec(schema.anything, nested=PERIOD),
    "reporting_period": KeySpec(schema.anything, nested=PERIOD),
    "factors": KeySpec(schema.list_of(schema.text, '["flow m³/h"]', 0), ()),
    "static_factors": KeySpec(_factors, {}),
    "saving_rate": KeySpec(decimal_text("0.0001", "0.9999", '"0.185" (18.5 %)'), None),
    "specific_energy_kwh": KeySpec(decimal_text("0.000001", "100000", '"12.5"'), None),
    "quantity": KeySpec(schema.one_of("t", "m3"), ""),
    "reference_kw": KeySpec(decimal_text("0.001", "100000", '"90.5"'), None),
    "meter": optional_table(METER),
}
OPTIONAL = frozenset(("last", "serial_number", "ct_class", "vt_class"))  # a draft names them; they can be deleted

"""Canonical JSON of contract documents: RFC 8785 (JCS), without fractions, so that each language writes the same bytes.

Numbers are integers of at most 53 bits (the range that RFC 7493 calls interoperable); a decimal number is a string such
as "0.6125". Keys are ordered by UTF-16 code units, as RFC 8785, 3.2.3, requires.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from agent.contract import reasons as codes
from drivers.reasons import InvalidValue

INTEGER_MAX = 2**53 - 1
DEPTH_MAX = 12


def canonical(value: Any) -> bytes:
    """The canonical bytes, UTF-8. Raises InvalidValue for a value that JSON of this kind cannot contain."""
    return json.dumps(_ordered(value, "", DEPTH_MAX), separators=(",", ":"), ensure_ascii=False).encode()


def document_id(document: Any) -> str:
    """Identifier of a document: SHA-256 of its canonical bytes, in hexadecimal digits. Raises InvalidValue."""
    return hashlib.sha256(canonical(document)).hexdigest()


def _ordered(value: Any, place: str, depth: int) -> Any:
    """The value with the keys of all objects in canonical order."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        _units(value, place)
        return value
    if isinstance(value, int | float):
        if isinstance(value, float) or abs(value) > INTEGER_MAX:
            raise InvalidValue(codes.NUMBER_NOT_EXACT, key=place)
        return value
    if depth == 0:
        raise InvalidValue(codes.NESTED_TOO_DEEPLY)
    if isinstance(value, list | tuple):
        return [_ordered(item, f"{place}[{number}]", depth - 1) for number, item in enumerate(value)]
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InvalidValue(codes.VALUE_KIND_WRONG, key=place)
    order = sorted(value, key=lambda key: _units(key, place))
    return {key: _ordered(value[key], f"{place}.{key}".lstrip("."), depth - 1) for key in order}


def _units(text: str, place: str) -> bytes:
    """The UTF-16 code units of a text, as bytes that compare as the units do. Raises InvalidValue for half a pair."""
    try:
        return text.encode("utf-16-be")
    except UnicodeEncodeError:
        raise InvalidValue(codes.TEXT_NOT_UNICODE, key=place) from None

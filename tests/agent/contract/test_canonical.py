"""Canonical JSON follows RFC 8785; what another language could write differently is rejected."""

from __future__ import annotations

import hashlib

import pytest

from agent.contract import reasons as codes
from agent.contract.canonical import canonical, document_id
from drivers.reasons import Code, InvalidValue


def test_keys_are_in_the_order_of_the_standard() -> None:
    """RFC 8785, 3.2.3: by UTF-16 code units, so that the emoji precedes U+FB33."""
    names = {
        "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
        "\U0001f600": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis",
    }  # fmt: skip
    expected = (
        '{"\\r":"Carriage Return","1":"One","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis",'
        '"\u20ac":"Euro Sign","\U0001f600":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}'
    )
    assert canonical(names).decode() == expected


def test_texts_are_escaped_as_in_the_standard() -> None:
    """RFC 8785, 3.2.2."""
    source = {"string": '\u20ac$\u000f\nA\'B"\\\\"/', "literals": [None, True, False]}
    assert canonical(source).decode() == (
        '{"literals":[null,true,false],"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical("\u007f\u2028\b\t\f").decode() == '"\u007f\u2028\\b\\t\\f"'


def test_the_identifier_is_sha_256_of_the_bytes() -> None:
    assert document_id({"b": [1, -2], "a": "ü"}) == hashlib.sha256('{"a":"ü","b":[1,-2]}'.encode()).hexdigest()


def nested(levels: int) -> object:
    found: object = 1
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"a": {"b": 0.5}}, codes.NUMBER_NOT_EXACT),
        ({"a": 1.0}, codes.NUMBER_NOT_EXACT),
        ({"a": 2**53}, codes.NUMBER_NOT_EXACT),
        ({"a": float("nan")}, codes.NUMBER_NOT_EXACT),
        ({"a": "\ud83d"}, codes.TEXT_NOT_UNICODE),
        ({"\ud83d": 1}, codes.TEXT_NOT_UNICODE),
        ({1: 1}, codes.VALUE_KIND_WRONG),
        ({"a": b"x"}, codes.VALUE_KIND_WRONG),
        (nested(13), codes.NESTED_TOO_DEEPLY),
    ],
)
def test_what_cannot_be_signed_is_rejected(value: object, code: Code) -> None:
    with pytest.raises(InvalidValue) as caught:
        canonical(value)
    assert caught.value.reason.code == code


def test_the_largest_integers_and_depth_are_accepted() -> None:
    assert canonical([2**53 - 1, 1 - 2**53]) == b"[9007199254740991,-9007199254740991]"
    assert canonical(nested(12)) == b"[" * 12 + b"1" + b"]" * 12

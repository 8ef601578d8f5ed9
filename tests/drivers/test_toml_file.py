"""Limits of TOML files: 64-bit integers (TOML 1.0), and no file that exhausts memory or time."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers import file_reasons as codes
from drivers.reasons import Code
from drivers.toml_file import TomlError, parse_toml, read_limited
from drivers.toml_reasons import TOML_CONTROL_CHARACTER, TOML_ENCODING


@pytest.mark.parametrize(
    ("data", "key", "code"),
    [
        (b"[a]\nb = [1, {c = " + b"9" * 400 + b"}]", "a.b.c", codes.TOML_INTEGER_TOO_LARGE),
        (b"b = 0x1" + b"0" * 16, "b", codes.TOML_INTEGER_TOO_LARGE),
        (b"b = -9223372036854775809", "b", codes.TOML_INTEGER_TOO_LARGE),
        (b"b = " + b"9" * 5000, "", codes.INVALID_TOML),
        (b"a = '" + b"x" * 10_000_000 + b"'", "", codes.TOML_TOO_LARGE),
        (b"a = '" + b"x" * 20_000 + b"'", "", codes.TOML_LINE_TOO_LONG),
        (b"[t]\na = '''" + b"x\n" * 20_000 + b"'''", "t.a", codes.TOML_TEXT_TOO_LONG),
        (b"x = " + b"[" * 2000 + b"]" * 2000, "", codes.TOML_TOO_DEEP),
        (b"a." * 100 + b"a = 1", ".".join("a" * 33), codes.TOML_TOO_DEEP),
        (b"[" + b".".join([b"a"] * 1_000_000) + b"]", "", codes.TOML_LINE_TOO_LONG),
        (b"a = 'b\x00'", "a", TOML_CONTROL_CHARACTER),
        (b"a = '\xff'", "", TOML_ENCODING),
        ("a = 1".encode("utf-16"), "", TOML_ENCODING),
    ],
)
def test_a_file_outside_the_limits_is_one_short_problem(data: bytes, key: str, code: Code) -> None:
    with pytest.raises(TomlError) as caught:
        parse_toml(data)
    assert (caught.value.key, caught.value.reason.code) == (key, code)
    assert len(str(caught.value)) < 300


def test_byte_order_mark_line_ends_and_64_bits_are_accepted() -> None:
    data = b"\xef\xbb\xbfa = -9223372036854775808\r\nb = 0xFFFFFFFFFFFFFFFF\r\nc = nan\r\n"
    found = parse_toml(data)
    assert (found["a"], found["b"]) == (-(2**63), 2**64 - 1)


def test_no_more_than_the_limit_of_a_file_is_read() -> None:
    with pytest.raises(TomlError) as caught:
        parse_toml(read_limited(Path("/dev/zero")))
    assert caught.value.reason == codes.TOML_TOO_LARGE(size_max_mb=4.0)

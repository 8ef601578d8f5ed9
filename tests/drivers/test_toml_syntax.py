"""Mistakes in TOML: the cause and a corrected line, which the parser of the standard library accepts."""

from __future__ import annotations

import tomllib

import pytest

from drivers import toml_reasons as codes
from drivers.file_reasons import INVALID_TOML
from drivers.reasons import Code
from drivers.toml_file import TomlError, parse_toml


def rejected(text: str) -> TomlError:
    with pytest.raises(TomlError) as caught:
        parse_toml(text.encode())
    return caught.value


@pytest.mark.parametrize(
    ("line", "code", "value"),
    [
        ("x = pm", codes.TOML_STRING_EXPECTED, "pm"),
        ("x = pm-line-start  # kind", codes.TOML_STRING_EXPECTED, "pm-line-start"),
        ("x = 192.0.2.40:502", codes.TOML_STRING_EXPECTED, "192.0.2.40:502"),
        ("x = 19200 8E1", codes.TOML_STRING_EXPECTED, "19200 8E1"),
        ("x = 007", codes.TOML_STRING_EXPECTED, "007"),
        ("x = 400/5", codes.TOML_STRING_EXPECTED, "400/5"),
        ("x = [sparkplug, homeassistant]", codes.TOML_STRING_EXPECTED, ["sparkplug", "homeassistant"]),
        ("x = 90,5", codes.TOML_DECIMAL_COMMA, 90.5),
        ("x = 0,500", codes.TOML_DECIMAL_COMMA, 0.5),
        ("x = 1,490", codes.TOML_THOUSANDS_COMMA, 1490),
        ("x = 1s", codes.TOML_TEXT_AFTER_NUMBER, "1s"),
        ("x = 90 kW", codes.TOML_TEXT_AFTER_NUMBER, "90 kW"),
        ('x = "pm', codes.TOML_QUOTE_MISSING, "pm"),
        ('x = pm"', codes.TOML_QUOTE_MISSING, "pm"),
        ("x = 'pm\"", codes.TOML_QUOTE_MISSING, "pm"),
        ("x = “pm”", codes.TOML_FULL_WIDTH, "pm"),
        ('x = "pm”', codes.TOML_FULL_WIDTH, "pm"),
        ("x = ‘1#泵：甲’", codes.TOML_FULL_WIDTH, "1#泵：甲"),
        ("x＝９０", codes.TOML_FULL_WIDTH, 90),
        ("x：90", codes.TOML_FULL_WIDTH, 90),
        ("x：泵", codes.TOML_FULL_WIDTH, "泵"),
        ("x = 【1，2】", codes.TOML_FULL_WIDTH, [1, 2]),
        ("x: 90", codes.TOML_COLON, 90),
        ("x: pm", codes.TOML_COLON, "pm"),
        ("x = True", codes.TOML_BOOLEAN, True),
        ("x = no", codes.TOML_BOOLEAN, False),
        (r'x = "C:\plant"', codes.TOML_BACKSLASH, r"C:\plant"),
        ('x = "pm" motor', codes.TOML_EXTRA_TEXT, "pm"),
    ],
)
def test_a_value_is_corrected(line: str, code: Code, value: object) -> None:
    """By hand: what the writer of the line meant."""
    error = rejected(f"a = 1\n{line}\nb = 2\n")
    assert (error.reason.code, error.key) == (code, "x")
    assert error.syntax is not None
    assert (error.syntax.line, error.syntax.source) == (2, line)
    assert tomllib.loads(error.reason.data["example"]) == {"x": value}


@pytest.mark.parametrize(
    ("text", "code", "key", "line"),
    [
        ("[motor.p1\nkw = 1\n", codes.TOML_BRACKET_MISSING, "", 1),
        ("a = 1\ntariff.period]]\n", codes.TOML_BRACKET_MISSING, "", 2),
        ("[a]\nx = 1\n[b]\n[a]\n", codes.TOML_TABLE_TWICE, "a", 4),
        ("[a]\nx = 1\ny = 2\nx = 3\n", codes.TOML_KEY_TWICE, "a.x", 4),
        ("[a]\nx =\n", codes.TOML_VALUE_MISSING, "a.x", 2),
        ("x = # later\n", codes.TOML_VALUE_MISSING, "x", 1),
        ("read me first\n", codes.TOML_STATEMENT_EXPECTED, "", 1),
        ("[motor.除鳞泵]\n", codes.TOML_KEY_CHARACTERS, "", 1),
        ("[motor.pump 1]\n", codes.TOML_KEY_CHARACTERS, "", 1),
        ('[a]\nx = ["b",\n"c"\n[d]\ny = 1\n', codes.TOML_LIST_OPEN, "a.x", 2),
        ('[a]\nx = """b\nc\n[d]\n', codes.TOML_TEXT_OPEN, "a.x", 2),
        ("x = 2026-02-30\n", codes.TOML_DATE, "x", 1),
        ("x = { reporting = 2026-9-1 }\n", codes.TOML_DATE, "x", 1),
        ('x = "a\x01b"\n', codes.TOML_CONTROL_CHARACTER, "x", 1),
        ("a.b = 1\na = 2\n", INVALID_TOML, "a", 2),
    ],
)
def test_the_place_of_a_mistake(text: str, code: Code, key: str, line: int) -> None:
    error = rejected(text)
    assert error.syntax is not None
    assert (error.reason.code, error.key, error.syntax.line) == (code, key, line)


@pytest.mark.parametrize("line", ["password = hunter2", "password: hunter2", "api_key = “hunter2”", "key: hunter2"])
def test_a_password_is_neither_quoted_nor_in_the_correction(line: str) -> None:
    error = rejected(f"[mqtt]\n{line}\n")
    assert error.syntax is not None
    assert error.syntax.source is None
    assert "hunter2" not in f"{error.reason!r}{error}"


def test_a_login_in_a_url_is_not_quoted() -> None:
    error = rejected("url = mqtt://me:hunter2@b\n")
    assert error.syntax is not None
    assert error.syntax.source == "url = mqtt://***@b"
    assert "hunter2" not in f"{error.reason!r}{error}"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_line_is_the_same_with_line_ends_of_windows(end: str) -> None:
    error = rejected(end.join(["\ufeff[a]", "# note", "kind = pm", "x = 1"]))
    assert error.syntax is not None
    assert (error.syntax.line, error.syntax.column, error.syntax.source) == (3, 8, "kind = pm")

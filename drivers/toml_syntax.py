"""What is wrong in a file that is not TOML: the line, the cause and the corrected line.

The causes are found in the line itself. A correction is stated only if the corrected line is valid TOML.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable

import tomli
from msgspec import Struct

from drivers import toml_reasons as codes
from drivers.file_reasons import INVALID_TOML
from drivers.reasons import Code, Reason
from drivers.secrets import masked, may_contain_secret
from drivers.toml_lines import key_lines, open_quote_lines, statement_key

SOURCE_MAX = 200  # characters of a line that are shown
_ASSIGNED = re.compile(r"(\s*(?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"))*\s*=\s*)(.*)")
_WITH_COLON = re.compile(r"(\s*[A-Za-z0-9_.-]+)\s*:\s*([^\s=].*)")
_COMMENT = re.compile(r"(?<!\s)\s+#.*$")  # from the first space on: a search from each one would take quadratic time
_COMMA = re.compile(r"([+-]?\d+),(\d+)")
_NUMBER_AND_UNIT = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*[^\W\d]+")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
_STRING_AND_TEXT = re.compile(r"(\"[^\"]*\"|'[^']*')\s+[^\s#\"'].*")
_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false", "true": "true", "false": "false"}
_WIDE = {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "【": "[", "】": "]", "、": ",", "。": "."}


class SyntaxProblem(Struct, frozen=True):
    """Why a file is not TOML.

    reason: the cause, with the correction.
    key: dotted key or table of the line; empty when there is none.
    line, column: its place, counted from 1.
    source: the line; None when it may contain a secret.
    """

    reason: Reason
    key: str
    line: int
    column: int
    source: str | None


def syntax_problem(text: str, error: tomli.TOMLDecodeError) -> SyntaxProblem:
    """The problem of a text that the parser rejected with `error`."""
    lines = text.split("\n")
    number, column = error.lineno, error.colno
    if opened := open_quote_lines(text):
        number, quotes = opened
        return _problem(lines, number, len(lines[number - 1]), codes.TOML_TEXT_OPEN(quotes=quotes))
    while number > 1 and not lines[number - 1].strip():  # the end of the file
        number -= 1
        column = len(lines[number - 1]) + 1
    line = lines[number - 1].rstrip("\r")
    if number > 1 and _is_valid(line) and not _repeated(lines, number) and not _is_valid(lines[number - 2]):
        number, line = number - 1, lines[number - 2].rstrip("\r")  # a string that ends in the next line
        column = len(line) + 1
    character = text[error.pos : error.pos + 1]
    if character != "\n" and unicodedata.category(character or " ") == "Cc":
        return _problem(lines, number, column, codes.TOML_CONTROL_CHARACTER(number=ord(character)))
    if reason := _corrected(line) or _repeated(lines, number):
        return _problem(lines, number, column, reason)
    if start := _open_list(lines, number):
        return _problem(lines, start, len(lines[start - 1]) + 1, codes.TOML_LIST_OPEN())
    return _problem(lines, number, column, _other(line, error))


def _problem(lines: list[str], number: int, column: int, reason: Reason) -> SyntaxProblem:
    line = lines[number - 1].rstrip("\r")
    hidden = may_contain_secret(line)
    key = statement_key(lines, number)
    return SyntaxProblem(reason, key, number, column, None if hidden else masked(line)[:SOURCE_MAX])


def _corrected(line: str) -> Reason | None:
    """The reason of the first correction that was necessary to make the line valid; None when it stays invalid."""
    cause: Code | None = None
    found = line
    for code, correct in _CORRECTIONS:
        if _is_valid(found):
            break
        changed = correct(found)
        if changed != found:
            cause, found = cause or code, changed
    if cause is None or not _is_valid(found):
        return None
    data = {"example": _shown(found)}
    if cause in (codes.TOML_TEXT_AFTER_NUMBER, codes.TOML_THOUSANDS_COMMA):
        other = _only_number(line) if cause == codes.TOML_TEXT_AFTER_NUMBER else _point(line)
        data["other"] = _shown(other)
    if cause == codes.TOML_FULL_WIDTH:
        data["found"] = " ".join(dict.fromkeys(old for old, new in zip(line, _narrow(line), strict=True) if old != new))
    return cause(**data)


def _is_valid(line: str) -> bool:
    try:
        tomli.loads(line)
    except (ValueError, RecursionError):
        return False
    return bool(line.strip())


def _shown(line: str) -> str:
    """A corrected line for people: without its comment, and without a value that may be a secret."""
    if may_contain_secret(line) and (found := _ASSIGNED.fullmatch(line)):
        line = f'{found[1]}"***"'
    short = _COMMENT.sub("", masked(line)).strip()
    return short if len(short) <= SOURCE_MAX else f"{short[: SOURCE_MAX - 1]}…"


# Corrections: line → line, unchanged if the mistake is another one


def _narrow(line: str) -> str:
    """Full-width punctuation and digits outside of strings as ASCII."""
    found, closing = "", ""
    for at, character in enumerate(line):
        narrow = _WIDE.get(character, character)
        if narrow == character and ("！" <= character <= "～" or character == "\u3000"):
            narrow = unicodedata.normalize("NFKC", character)
        if closing:
            if character in closing:
                character, closing = narrow, ""
        else:
            if narrow in ("'", '"'):
                closed = character == narrow and narrow in line[at + 1 :]
                closing = narrow if closed else {'"': '"”“„＂', "'": "'’‘＇"}[narrow]
            character = narrow
        found += character
    return found


def _with_equals(line: str) -> str:
    found = _WITH_COLON.fullmatch(line)
    return f"{found[1]} = {found[2]}" if found else line


def _with_brackets(line: str) -> str:
    table = _COMMENT.sub("", line).strip()
    if "=" in table or not ("[" in table or "]" in table):
        return line
    name = table.strip("[]")
    many = table.startswith("[[") or table.endswith("]]")
    return f"[[{name}]]" if many else f"[{name}]"


def _value_corrected(correct: Callable[[str], str]) -> Callable[[str], str]:
    """A correction of the value of a line; its comment is kept out of it."""

    def corrected(line: str) -> str:
        found = _ASSIGNED.fullmatch(line)
        value = _value_of(found[2]) if found else ""
        return f"{found[1]}{correct(value)}" if found and value and correct(value) != value else line

    return corrected


def _value_of(text: str) -> str:
    """The text after = without its comment."""
    return "" if text.startswith("#") else _COMMENT.sub("", text).rstrip()


def _only_string(value: str) -> str:
    found = _STRING_AND_TEXT.fullmatch(value)
    return found[1] if found else value


def _with_quotes(value: str) -> str:
    first, last = value[0], value[-1]
    if first in "\"'" and (last != first or len(value) == 1):
        return f"{first}{value[1:].rstrip(chr(34) + chr(39))}{first}"
    return f"{last}{value}" if last in "\"'" and first not in "\"'[{" else value


def _literal(value: str) -> str:
    quoted = value[0] == value[-1] == '"' and "\\" in value and "'" not in value
    return f"'{value[1:-1]}'" if quoted else value


def _boolean(value: str) -> str:
    return _BOOLEANS.get(value.lower(), value)


def _point_of(value: str) -> str:
    found = _COMMA.fullmatch(value)
    return f"{found[1]}.{found[2]}" if found else value


def _without_comma(value: str) -> str:
    found = _COMMA.fullmatch(value)
    return f"{found[1]}{found[2]}" if found and len(found[2]) == 3 and found[1].lstrip("+-") != "0" else value


def _number_of(value: str) -> str:
    found = _NUMBER_AND_UNIT.fullmatch(value)
    return found[1] if found else value


def _quoted_after_number(value: str) -> str:
    return value if _number_of(value) == value else json.dumps(value, ensure_ascii=False)


def _quoted(value: str) -> str:
    """A bare word, or the bare words of a list, in quotation marks."""
    if value[0] == "[" and value[-1] == "]":
        items = [item.strip() for item in value[1:-1].split(",")]
        return f"[{', '.join(item if _is_valid(f'x = {item}') else _quoted(item or ' ') for item in items)}]"
    return value if value[0] in "\"'[{" or _DATE.match(value) else json.dumps(value, ensure_ascii=False)


_point, _only_number = _value_corrected(_point_of), _value_corrected(_number_of)
_CORRECTIONS: tuple[tuple[Code, Callable[[str], str]], ...] = (
    (codes.TOML_FULL_WIDTH, _narrow),
    (codes.TOML_COLON, _with_equals),
    (codes.TOML_BRACKET_MISSING, _with_brackets),
    (codes.TOML_EXTRA_TEXT, _value_corrected(_only_string)),
    (codes.TOML_QUOTE_MISSING, _value_corrected(_with_quotes)),
    (codes.TOML_BACKSLASH, _value_corrected(_literal)),
    (codes.TOML_BOOLEAN, _value_corrected(_boolean)),
    (codes.TOML_THOUSANDS_COMMA, _value_corrected(_without_comma)),
    (codes.TOML_DECIMAL_COMMA, _point),
    (codes.TOML_TEXT_AFTER_NUMBER, _value_corrected(_quoted_after_number)),
    (codes.TOML_STRING_EXPECTED, _value_corrected(_quoted)),
)


# Problems that the line alone does not show


def _repeated(lines: list[str], number: int) -> Reason | None:
    """The table or key of the line, if an earlier line has the same one."""
    key = statement_key(lines, number)
    first = key_lines("\n".join(lines[: number - 1])).get(key) if key and _is_valid(lines[number - 1]) else None
    if first is None:
        return None
    return (codes.TOML_KEY_TWICE if "=" in lines[number - 1] else codes.TOML_TABLE_TWICE)(first=first)


def _open_list(lines: list[str], number: int) -> int | None:
    """The line in which the list begins that is still open in this line."""
    for start in range(number, max(0, number - 50), -1):
        if (found := _ASSIGNED.fullmatch(lines[start - 1].rstrip("\r"))) and found[2].startswith("["):
            return start if not _is_valid("\n".join(lines[start - 1 : number])) and found[2].count("]") == 0 else None
        if start < number and found:
            return None
    return None


def _other(line: str, error: tomli.TOMLDecodeError) -> Reason:
    text = _COMMENT.sub("", line).strip()
    if (found := _ASSIGNED.fullmatch(line)) and not _value_of(found[2]):
        return codes.TOML_VALUE_MISSING()
    if found and _DATE.search(found[2]):
        return codes.TOML_DATE()
    if text.startswith("["):
        return codes.TOML_KEY_CHARACTERS()
    if "=" not in text:
        return codes.TOML_STATEMENT_EXPECTED()
    return INVALID_TOML(error=error.msg)

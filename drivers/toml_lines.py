"""Lines and keys of a TOML file, which its parser does not return. The file need not be valid."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

_PART = r"(?:[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*')"
_KEY = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_KEY})\s*\]")
_ASSIGNMENT = re.compile(rf"\s*({_KEY})\s*=")
_LIKELY_KEY = re.compile(rf"\s*({_KEY})\s*(?:[=:：＝]|$)")
_QUOTES = re.compile(r'"""|\'\'\'')


def key_lines(text: str) -> dict[str, int]:
    """Dotted key or table → its first line, counted from 1.

    The tables of an array have a number: "tariff.period 1". Keys of inline tables are missing.
    """
    found: dict[str, int] = {}
    arrays: Counter[str] = Counter()
    table = ""
    for number, line in _outside_strings(text.splitlines()):
        if header := _HEADER.match(line):
            table = _dotted(header[2])
            if header[1] == "[[":
                found.setdefault(table, number)
                arrays[table] += 1
                table = f"{table} {arrays[table]}"
            found.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            key = _dotted(assignment[1])
            found.setdefault(f"{table}.{key}" if table else key, number)
    return found


def line_of(key: str, lines: Mapping[str, int]) -> int | None:
    """The line of a key, or of the innermost table around it if the key is missing; None when there is neither."""
    while key:
        if key in lines:
            return lines[key]
        key = key.rpartition(".")[0]
    return None


def statement_key(lines: Sequence[str], number: int) -> str:
    """The dotted key or table that a line defines, also if it is not valid TOML; empty when there is none."""
    table = ""
    for at, line in _outside_strings(lines[:number]):
        if header := _HEADER.match(line):
            table = _dotted(header[2])
        if at == number:
            key = _LIKELY_KEY.match(line)
            own = _dotted(key[1]) if key else ""
            if not header and line.lstrip().startswith("["):
                return ""
            return table if header else ".".join(filter(None, (table, own)))
    return table


def open_quote_lines(text: str) -> tuple[int, str] | None:
    """The line and the quotation marks of a multi-line string that is not closed."""
    opened, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        for quote in _QUOTES.findall(line):
            opened, start = ("", 0) if quote == opened else (opened, start) if opened else (quote, number)
    return (start, opened) if opened else None


def _outside_strings(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The lines that do not begin within a multi-line string, with their numbers from 1."""
    opened = ""
    for number, line in enumerate(lines, 1):
        if not opened:
            yield number, line
        for quote in _QUOTES.findall(line):
            opened = "" if quote == opened else opened or quote


def _dotted(key: str) -> str:
    return ".".join(part.strip("\"'") for part in re.findall(_PART, key))

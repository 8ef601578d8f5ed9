"""Line numbers of the keys of a TOML file, which the parser of the standard library does not return."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

_PART = r"(?:[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*')"
_KEY = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_KEY})\s*\]")
_ASSIGNMENT = re.compile(rf"\s*({_KEY})\s*=")
_QUOTES = re.compile(r'"""|\'\'\'')


def key_lines(text: str) -> dict[str, int]:
    """Dotted key or table → its first line, counted from 1.

    The tables of an array have a number: "tariff.period 1". Keys of inline tables are missing.
    """
    found: dict[str, int] = {}
    arrays: Counter[str] = Counter()
    table = open_quote = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not open_quote:
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
        for quote in _QUOTES.findall(line):
            open_quote = "" if quote == open_quote else open_quote or quote
    return found


def line_of(key: str, lines: Mapping[str, int]) -> int | None:
    """The line of a key, or of the innermost table around it if the key is missing; None when there is neither."""
    while key:
        if key in lines:
            return lines[key]
        key = key.rpartition(".")[0]
    return None


def _dotted(key: str) -> str:
    return ".".join(part.strip("\"'") for part in re.findall(_PART, key))

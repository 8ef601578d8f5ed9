"""Checks of the tables in a profile: unknown keys, wrong types, suggestions."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Table = Mapping[str, Any]
TEXT, WHOLE, NUMBER, YES, LIST, TABLE = str, int, (int, float), bool, list, dict
TEXTS, WHOLES = "strings", "integers"

NAMES = {
    TEXT: "a string", WHOLE: "an integer", NUMBER: "a number", YES: "true or false", LIST: "a list",
    TABLE: "a table", TEXTS: "a list of strings", WHOLES: "a list of integers",
}  # fmt: skip


def check_keys(table: Table, allowed: Mapping[str, Any], place: str, problems: list[str]) -> None:
    """Adds unknown keys and values of a wrong type to `problems`.

    allowed: key → type. place: prefix of the messages.
    """
    for key, value in table.items():
        if key not in allowed:
            problems.append(f"{place}{key}: unknown key{near(key, allowed)}")
        elif not is_a(value, allowed[key]):
            problems.append(f"{place}{key}: expected {NAMES[allowed[key]]}, found {value!r}")


def is_a(value: object, kind: Any) -> bool:
    """Whether the value has this type. Booleans and numbers that are not finite do not count as numbers."""
    if kind in (TEXTS, WHOLES):
        return isinstance(value, list) and all(is_a(item, TEXT if kind == TEXTS else WHOLE) for item in value)
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return isinstance(value, kind) and (kind is YES or not isinstance(value, bool))


def near(name: str, known: Iterable[str]) -> str:
    """A suggestion for the end of a message; empty if no known name is similar."""
    found = difflib.get_close_matches(str(name), list(known), 1)
    return f"; did you mean '{found[0]}'?" if found else ""


def table_of(raw: Table, key: str) -> Table:
    """The table with this key; empty if it is missing or not a table."""
    value = raw.get(key, {})
    return value if isinstance(value, dict) else {}


def tables_of(raw: Table, key: str, problems: list[str]) -> Iterator[tuple[int, Table]]:
    """Number (from 0) and table of each entry of an array of tables; other entries go to `problems`."""
    value = raw.get(key, [])
    for number, entry in enumerate(value if isinstance(value, list) else []):
        if isinstance(entry, dict):
            yield number, entry
        else:
            problems.append(f"{key} {number}: expected a table")

"""What every table of a profile is checked for: known keys, the right kinds, the likely right word."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Table = Mapping[str, Any]
TEXT, WHOLE, NUMBER, YES, LIST, TABLE = str, int, (int, float), bool, list, dict
TEXTS, WHOLES = "texts", "whole numbers"

NAMES = {
    TEXT: "a text", WHOLE: "a whole number", NUMBER: "a number", YES: "true or false", LIST: "a list",
    TABLE: "a table", TEXTS: "a list of texts", WHOLES: "a list of whole numbers",
}  # fmt: skip


def check_keys(table: Table, allowed: Mapping[str, Any], place: str, problems: list[str]) -> None:
    for key, value in table.items():
        if key not in allowed:
            problems.append(f"{place}{key}: unknown key{near(key, allowed)}")
        elif not is_a(value, allowed[key]):
            problems.append(f"{place}{key}: {value!r} is not {NAMES[allowed[key]]}")


def is_a(value: object, kind: Any) -> bool:
    """Of that kind; true and false are no numbers, and a number is finite."""
    if kind in (TEXTS, WHOLES):
        return isinstance(value, list) and all(is_a(item, TEXT if kind == TEXTS else WHOLE) for item in value)
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return isinstance(value, kind) and (kind is YES or not isinstance(value, bool))


def near(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(str(name), list(known), 1)
    return f"; did you mean '{found[0]}'?" if found else ""


def table_of(raw: Table, key: str) -> Table:
    value = raw.get(key, {})
    return value if isinstance(value, dict) else {}


def tables_of(raw: Table, key: str, problems: list[str]) -> Iterator[tuple[int, Table]]:
    value = raw.get(key, [])
    for number, entry in enumerate(value if isinstance(value, list) else []):
        if isinstance(entry, dict):
            yield number, entry
        else:
            problems.append(f"{key} {number}: is not a table")

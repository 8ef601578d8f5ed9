"""Checks of the tables in a profile: unknown keys, wrong types, suggestions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from drivers import profile_reasons as codes
from drivers.reasons import Reason
from drivers.recordings.reasons import KEY_UNKNOWN, TABLE_EXPECTED, with_suggestion

Table = Mapping[str, Any]
TEXT, WHOLE, NUMBER, YES, LIST, TABLE = str, int, (int, float), bool, list, dict
TEXTS, WHOLES = "strings", "integers"

EXPECTED = {
    TEXT: codes.PROFILE_STRING, WHOLE: codes.PROFILE_INTEGER, NUMBER: codes.PROFILE_NUMBER, YES: codes.PROFILE_BOOLEAN,
    LIST: codes.PROFILE_LIST, TABLE: codes.PROFILE_TABLE, TEXTS: codes.PROFILE_STRINGS, WHOLES: codes.PROFILE_INTEGERS,
}  # fmt: skip


class Problem(NamedTuple):
    """A problem of a profile.

    place: table and key, for example "device.id" or "register 3 (speed): unit".
    cause: what is wrong there.
    """

    place: str
    cause: Reason


def check_keys(table: Table, allowed: Mapping[str, Any], place: str, problems: list[Problem]) -> None:
    """Adds unknown keys and values of a wrong type to `problems`.

    allowed: key → type. place: prefix of the places.
    """
    for key, value in table.items():
        if key not in allowed:
            problems.append(Problem(f"{place}{key}", with_suggestion(KEY_UNKNOWN(), key, allowed)))
        elif not is_a(value, allowed[key]):
            problems.append(Problem(f"{place}{key}", EXPECTED[allowed[key]](value=repr(value))))


def is_a(value: object, kind: Any) -> bool:
    """Whether the value has this type. Booleans and numbers that are not finite do not count as numbers."""
    if kind in (TEXTS, WHOLES):
        return isinstance(value, list) and all(is_a(item, TEXT if kind == TEXTS else WHOLE) for item in value)
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return isinstance(value, kind) and (kind is YES or not isinstance(value, bool))


def choice(allowed: Iterable[object], value: object) -> Reason:
    """The reason for a value that is not one of the allowed ones."""
    return codes.PROFILE_CHOICE(allowed=tuple(map(str, allowed)), value=repr(value))


def table_of(raw: Table, key: str) -> Table:
    """The table with this key; empty if it is missing or not a table."""
    value = raw.get(key, {})
    return value if isinstance(value, dict) else {}


def tables_of(raw: Table, key: str, problems: list[Problem]) -> Iterator[tuple[int, Table]]:
    """Number (from 0) and table of each entry of an array of tables; other entries go to `problems`."""
    value = raw.get(key, [])
    for number, entry in enumerate(value if isinstance(value, list) else []):
        if isinstance(entry, dict):
            yield number, entry
        else:
            problems.append(Problem(f"{key} {number}", TABLE_EXPECTED()))

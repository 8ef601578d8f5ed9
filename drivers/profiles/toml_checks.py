"""Checks of the tables in a profile: unknown and missing keys, wrong types and values, suggestions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn, TypeVar

from msgspec import Struct

from drivers import profile_reasons as codes
from drivers.errors import ProfileError
from drivers.file_reasons import KEY_MISSING, KEY_UNKNOWN, TABLE_EXPECTED, with_suggestion
from drivers.reasons import Reason

T = TypeVar("T")
TableData = Mapping[str, Any]
TEXT, WHOLE, NUMBER, YES, LIST, TABLE = str, int, (int, float), bool, list, dict
TEXTS, WHOLES = "strings", "integers"
NUMBER_MIN, NUMBER_MAX = 1e-12, 1e12  # magnitude of scales, offsets, limits; a scaled 64-bit value is finite

EXPECTED = {
    TEXT: codes.PROFILE_STRING, WHOLE: codes.PROFILE_INTEGER, NUMBER: codes.PROFILE_NUMBER, YES: codes.PROFILE_BOOLEAN,
    LIST: codes.PROFILE_LIST, TABLE: codes.PROFILE_TABLE, TEXTS: codes.PROFILE_STRINGS, WHOLES: codes.PROFILE_INTEGERS,
}  # fmt: skip


class Key(Struct, frozen=True):
    """The valid values of a key.

    kind: type, a key of EXPECTED.
    allowed: valid values, or valid items of a list; empty: all.
    low, high: limits of a number; None: none.
    required: whether the table must have the key.
    """

    kind: Any
    allowed: tuple[object, ...] = ()
    low: int | None = None
    high: int | None = None
    required: bool = False

    def problem(self, value: Any) -> Reason | None:
        """Why a value is invalid; None if it is valid."""
        if not is_a(value, self.kind):
            return EXPECTED[self.kind](value=repr(value))
        wrong = [item for item in (value if isinstance(value, list) else [value]) if item not in self.allowed]
        if self.allowed and wrong:
            return codes.PROFILE_CHOICE(allowed=tuple(map(str, self.allowed)), value=repr(wrong[0]))
        if self.low is not None and self.high is not None and not self.low <= value <= self.high:
            return codes.PROFILE_LIMITS(low=self.low, high=self.high, value=repr(value))
        return None


Keys = Mapping[str, Key]


class Problem(NamedTuple):
    """A problem of a profile.

    place: table and key, for example "device.id" or "register 3 (speed): unit".
    cause: what is wrong there.
    """

    place: str
    cause: Reason


def profile_error(source: str, problems: Iterable[Problem]) -> ProfileError:
    """The error that reports these problems. source: file or identifier of the profile."""
    found = (codes.PROFILE_PROBLEM(file=source, place=problem.place, cause=problem.cause) for problem in problems)
    return ProfileError(codes.PROFILE_INVALID, problems=tuple(found))


class Rejected(Exception):
    """A table cannot be converted; its problems are recorded."""


class Table:
    """A table of a profile, and the list that collects its problems. place: prefix of the places."""

    def __init__(self, data: TableData, place: str, problems: list[Problem]) -> None:
        self.data = data
        self._place, self._problems, self._before = place, problems, len(problems)

    def part(self, key: str) -> Table:
        """The table with this key; empty if it is missing or not a table."""
        value = self.data.get(key, {})
        return Table(value if isinstance(value, dict) else {}, f"{self._place}{key}.", self._problems)

    def parts(self, key: str) -> Iterator[Table]:
        """The entries of an array of tables; an entry that is not a table is a problem."""
        value = self.data.get(key, [])
        for number, entry in enumerate(value if isinstance(value, list) else []):
            if isinstance(entry, dict):
                name = f" ({entry['name']})" if entry.get("name") else ""
                yield Table(entry, f"{key} {number}{name}: ", self._problems)
            else:
                self._problems.append(Problem(f"{key} {number}", TABLE_EXPECTED()))

    def wrong(self, key: str, cause: Reason) -> None:
        """Adds a problem of this table."""
        self._problems.append(Problem(self._place + key, cause))

    def reject(self, key: str, cause: Reason) -> NoReturn:
        """Adds a problem that ends the conversion of this table."""
        self.wrong(key, cause)
        raise Rejected

    def reject_if_wrong(self) -> None:
        """Ends the conversion if the table has problems."""
        if len(self._problems) > self._before:
            raise Rejected

    def replaced(self, data: TableData) -> Table:
        """The same table with other contents."""
        table = Table(data, self._place, self._problems)
        table._before = self._before
        return table

    def check_only(self, keys: Keys) -> None:
        """As `check_keys` for these keys; the others are not examined."""
        Table({key: value for key, value in self.data.items() if key in keys}, self._place, self._problems).check_keys(
            keys
        )

    def check_keys(self, keys: Keys) -> None:
        """Adds unknown and missing keys, and invalid values. A misspelled key is not also missing."""
        misspelled = set()
        for key, value in self.data.items():
            if key not in keys:
                cause = with_suggestion(KEY_UNKNOWN(), key, keys)
                misspelled.add(cause.data.get("near"))
                self.wrong(key, cause)
            elif problem := keys[key].problem(value):
                self.wrong(key, problem)
        for key, rule in keys.items():
            if rule.required and key not in self.data and key not in misspelled:
                self.wrong(key, KEY_MISSING())


def converted(tables: Iterable[Table], convert: Callable[[Table], T]) -> list[T]:
    """The results for all tables that are not rejected."""
    found = []
    for table in tables:
        with suppress(Rejected):
            found.append(convert(table))
    return found


def is_a(value: object, kind: Any) -> bool:
    """Whether the value has this type. Booleans are not numbers; a number is 0 or from NUMBER_MIN to NUMBER_MAX."""
    if kind in (TEXTS, WHOLES):
        return isinstance(value, list) and all(is_a(item, TEXT if kind == TEXTS else WHOLE) for item in value)
    if kind == NUMBER and isinstance(value, (int, float)) and value and not NUMBER_MIN <= abs(value) <= NUMBER_MAX:
        return False
    return isinstance(value, kind) and (kind is YES or not isinstance(value, bool))

"""Check TOML tables against their allowed keys and report every problem with file, line, key and value."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from typing import Any, TypeVar

from msgspec import Struct, field

from agent.config import reasons as codes
from agent.core.columns import cells
from agent.core.text import as_object, english
from drivers.file_reasons import KEY_MISSING, KEY_UNKNOWN, TABLE_EXPECTED, nearest, with_suggestion
from drivers.reasons import CodedError, InvalidValue, Reason
from drivers.secrets import is_secret, masked
from drivers.toml_lines import line_of

N = TypeVar("N", int, float)
REQUIRED = object()
PROBLEM, FINDING, NOTE = "problem", "finding", "note"
_DECIMAL = r"(\d+(?:\.\d+)?)"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SECONDS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


class KeySpec(Struct, frozen=True):
    """One allowed key.

    convert: returns the value to keep, or raises InvalidValue.
    default: value of a missing key; REQUIRED: the key must be present.
    missing: problem to report when a required key is missing.
    nested: keys of the table that is the value; None: the value is not a table.
    """

    convert: Callable[[Any], Any]
    default: Any = REQUIRED
    missing: Reason = KEY_MISSING()  # immutable
    nested: Mapping[str, KeySpec] | None = None


class Diagnostic(Struct, frozen=True):
    """One problem, finding or note of a file.

    level: "problem" (the file cannot be used), "finding" (to be decided on) or "note".
    file: name of the file.
    line: line number, counted from 1; None when unknown.
    key: dotted key; empty for the complete file.
    value: the value as TOML, shortened and without secrets; None when it is not shown.
    reason: what is wrong, or worth knowing.
    source, column: the line, if the file is not TOML, and the place of the mistake in it, counted from 1. source is
        None when the line may contain a secret.
    """

    level: str
    file: str
    line: int | None
    key: str
    value: str | None
    reason: Reason
    source: str | None = None
    column: int | None = None

    @property
    def place(self) -> str:
        """File, line, key and value: "plant.toml:12: bus.b.tcp = 5"."""
        file = self.file if self.line is None else f"{self.file}:{self.line}"
        key = self.key if self.value is None else f"{self.key} = {self.value}"
        return _one_line(f"{file}: {key}" if key else file)

    def text(self, render: Callable[[Reason], str] = english) -> str:
        """One line: place and reason. render: reason → text in the reader's language."""
        return _one_line(f"{self.place}: {render(self.reason)}")

    def excerpt(self) -> list[str]:
        """The quoted line and a mark below the mistake; empty if the file is TOML."""
        if self.source is None or self.column is None:
            return []
        before = self.source[: self.column - 1]
        return [f"    {_one_line(self.source)}", f"    {'':{cells(_one_line(before))}}^"]

    def __str__(self) -> str:
        return self.text()

    def as_object(self) -> dict[str, Any]:
        """The fields for JSON; the reason is an object with code, data and English text."""
        return {"level": self.level, "file": self.file, "line": self.line, "key": self.key, "value": self.value,
                "source": self.source, "column": self.column, "reason": as_object(self.reason)}  # fmt: skip


class ConfigReport(Struct):
    """Problems, findings and notes of a configuration.

    file: name of the configuration file.
    lines: dotted key → line number, see drivers/toml_lines.py.
    problems: prevent the use of the file.
    findings: the operator must decide on them.
    notes: information.
    """

    file: str
    lines: Mapping[str, int] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)
    notes: list[Diagnostic] = field(default_factory=list)

    def problem(self, key: str, reason: Reason, value: Any = REQUIRED) -> None:
        self.problems.append(self.diagnostic(PROBLEM, key, reason, value))

    def finding(self, key: str, reason: Reason, value: Any = REQUIRED) -> None:
        self.findings.append(self.diagnostic(FINDING, key, reason, value))

    def note(self, key: str, reason: Reason) -> None:
        self.notes.append(self.diagnostic(NOTE, key, reason))

    def diagnostic(self, level: str, key: str, reason: Reason, value: Any = REQUIRED) -> Diagnostic:
        """A diagnostic with its line.

        value: as parsed; REQUIRED: not shown. The value of a key that may be a secret is replaced by ***.
        """
        secret = is_secret(key.rpartition(".")[2])
        text = None if value is REQUIRED else "***" if secret else as_toml(value)
        return Diagnostic(level, self.file, line_of(key, self.lines), key, text, reason)


def reason_of_error(error: ValueError) -> Reason:
    """The reason of a rejected value; a text of a library is data of `value_invalid`."""
    return error.reason if isinstance(error, CodedError) else codes.VALUE_INVALID(error=str(error))


def optional_table(keys: Mapping[str, KeySpec]) -> KeySpec:
    """A key whose value is a table with these keys; its value is None when the table is missing or wrong."""
    return KeySpec(anything, None, nested=keys)


def defaults(keys: Mapping[str, KeySpec]) -> dict[str, Any]:
    return {name: key.default for name, key in keys.items()}


def read_table(raw: Any, keys: Mapping[str, KeySpec], where: str, report: ConfigReport) -> dict[str, Any] | None:
    """Checked values by key with the defaults of missing keys; None when a value is missing or wrong.

    A misspelled required key is one problem, not two. A wrong nested table is a problem, and None in the result.
    """
    if not isinstance(raw, dict):
        report.problem(where, TABLE_EXPECTED(), raw)
        return None
    values: dict[str, Any] = {}
    missing = [name for name, key in keys.items() if key.default is REQUIRED and name not in raw]
    complete = not missing
    for name in (name for name in raw if name not in keys):
        report.problem(f"{where}.{name}", with_suggestion(KEY_UNKNOWN(), name, keys), raw[name])
        if (near := nearest(name, keys)) in missing:
            missing.remove(near)
    for name in missing:
        report.problem(f"{where}.{name}", keys[name].missing)
    for name, key in keys.items():
        if key.nested is not None and name in raw:
            values[name] = read_table(raw[name], key.nested, f"{where}.{name}", report)
        elif name in raw:
            try:
                values[name] = key.convert(raw[name])
            except ValueError as error:
                report.problem(f"{where}.{name}", reason_of_error(error), raw[name])
                complete = False
        elif key.default is not REQUIRED:
            values[name] = key.default
    return values if complete else None


def unknown_reference(kind: str, name: str, known: Collection[str]) -> Reason:
    """The problem that no table has this name. kind: one of `config_reasons.TABLE_KINDS`."""
    if near := nearest(name, known):
        return codes.REFERENCE_MISSPELLED(kind=kind, near=near)
    unknown = codes.REFERENCE_UNKNOWN(kind=kind, known=tuple(known))
    return unknown if known else codes.REFERENCE_WITHOUT_TARGET(kind=kind)


def text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidValue(codes.TEXT_EXPECTED)
    if _CONTROL.search(value):
        raise InvalidValue(codes.CONTROL_CHARACTER)
    return value


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidValue(codes.BOOLEAN_EXPECTED)
    return value


def matched(value: Any, pattern: str, expected: Reason) -> re.Match[str]:
    """The match of a complete string. Raises InvalidValue with `expected`, also for another type."""
    found = re.fullmatch(pattern, value) if isinstance(value, str) else None
    if found is None:
        raise InvalidValue(expected)
    return found


def _within(value: N, low: float, high: float, limits: Reason) -> N:
    if not low <= value <= high:
        raise InvalidValue(limits)
    return value


def identifier(value: Any) -> str:
    return matched(value, r"[a-z0-9_-]{1,64}", codes.IDENTIFIER_EXPECTED())[0]


def topic_prefix(value: Any) -> str:
    return matched(value, r"[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64})*", codes.TOPIC_LEVELS_EXPECTED())[0]


def one_of(*allowed: str) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        if value in allowed and isinstance(value, str):
            return value
        raise InvalidValue(with_suggestion(codes.CHOICE_UNKNOWN(allowed=allowed), value, allowed))

    return convert


def number(low: float, high: float, unit: str = "") -> Callable[[Any], float]:
    """A number from low to high. unit: symbol to show in problems; empty for a number without a unit."""

    def convert(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidValue(codes.QUANTITY_EXPECTED(unit=unit) if unit else codes.NUMBER_EXPECTED())
        if not low <= value <= high:
            limits = {"low": low, "high": high}
            raise InvalidValue(codes.QUANTITY_LIMITS(unit=unit, **limits) if unit else codes.NUMBER_LIMITS(**limits))
        return float(value)

    return convert


def integer(low: int, high: int, step: int = 1) -> Callable[[Any], int]:
    """An integer; step 2: an even one."""

    def convert(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high or (value - low) % step:
            raise InvalidValue(codes.EVEN_INTEGER_LIMITS if step == 2 else codes.INTEGER_LIMITS, low=low, high=high)
        return value

    return convert


def list_of(convert: Callable[[Any], Any], example: str, least: int = 1) -> Callable[[Any], tuple[Any, ...]]:
    """A list of at least `least` values."""

    def converted(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) < least:
            raise InvalidValue(codes.LIST_EXPECTED, example=example)
        return tuple(map(convert, value))

    return converted


def duration(low_s: float, high_s: float) -> Callable[[Any], float]:
    def convert(value: Any) -> float:
        found = matched(value, rf"{_DECIMAL}\s*(ms|s|min|h|d)", codes.DURATION_EXPECTED())
        limits = codes.DURATION_LIMITS(low_s=low_s, high_s=high_s)
        return _within(float(found[1]) * _SECONDS[found[2]], low_s, high_s, limits)

    return convert


def size(low: int, high: int) -> Callable[[Any], int]:
    """A size such as 500MB, in bytes. low, high: limits in bytes."""

    def convert(value: Any) -> int:
        found = matched(value, rf"{_DECIMAL}\s*([kMGT])B", codes.SIZE_EXPECTED())
        limits = codes.SIZE_LIMITS(low_mb=low / 1e6, high_mb=high / 1e6)
        return _within(round(float(found[1]) * _BYTES[found[2]]), low, high, limits)

    return convert


def percent(low: float, high: float) -> Callable[[Any], float]:
    def convert(value: Any) -> float:
        expected = codes.PERCENTAGE_EXPECTED(low_pct=low, high_pct=high)
        return _within(float(matched(value, rf"{_DECIMAL}\s*%", expected)[1]), low, high, expected)

    return convert


def ratio(value: Any) -> tuple[float, float]:
    """`400/5` → (400.0, 5.0)."""
    found = matched(value, rf"{_DECIMAL}\s*/\s*{_DECIMAL}", codes.RATIO_EXPECTED())
    primary, secondary = float(found[1]), float(found[2])
    if not (primary > 0 and secondary > 0):
        raise InvalidValue(codes.RATIO_EXPECTED)
    return primary, secondary


def host_port(default_port: int) -> Callable[[Any], tuple[str, int]]:
    def convert(value: Any) -> tuple[str, int]:
        expected = codes.ADDRESS_EXPECTED(port=default_port)
        found = matched(value, r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?", expected)
        return found[1].strip("[]"), _within(int(found[2] or default_port), 1, 65535, expected)

    return convert


def day(value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise InvalidValue(codes.DATE_EXPECTED)
    return value


def anything(value: Any) -> Any:
    return value


def as_toml(value: Any) -> str:
    """The value as TOML, shortened; without the content of tables and without passwords in URLs."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict | list) for item in value)):
        return "{…}" if isinstance(value, dict) else "[…]"  # the content may be deep, or contain a password
    if isinstance(value, str):
        return '"' + masked(value if len(value) <= 200 else value[:199] + "…") + '"'
    try:
        text = f"[{', '.join(map(as_toml, value))}]" if isinstance(value, list) else str(value)
    except ValueError:  # an integer of thousands of digits
        return "…"
    return text if len(text) <= 60 else text[:57] + "…"


def _one_line(line: str) -> str:
    """Control characters as escapes, so that one diagnostic is one line of a terminal or log."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", line)

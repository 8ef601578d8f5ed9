"""A small checker for TOML tables: every problem at once, each with file, key, value and the likely right word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

REQUIRED = object()
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)")
_SECRET = re.compile(
    r"pass|pwd|secret|token|kennwort|credential|密码|key$", re.IGNORECASE
)  # never on a screen or in a log
_NO_SECRET = ("password_file",)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SECONDS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT])B")
_BYTES = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


@dataclass(frozen=True, slots=True)
class Key:
    """One allowed key. `convert` returns the value to keep or raises ValueError with what is wrong; `missing` is said
    where a required one is not there."""

    convert: Callable[[Any], Any]
    default: Any = REQUIRED
    missing: str = "missing"


@dataclass(slots=True)
class Report:
    """Collects problems (the file cannot be used), findings (a person must decide) and notes (worth knowing)."""

    file: str
    problems: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def problem(self, key: str, text: str, value: Any = REQUIRED) -> None:
        self.problems.append(self._line(key, text, value))

    def finding(self, key: str, text: str, value: Any = REQUIRED) -> None:
        self.findings.append(self._line(key, text, value))

    def note(self, key: str, text: str) -> None:
        self.notes.append(self._line(key, text, REQUIRED))

    def _line(self, key: str, text: str, value: Any) -> str:
        last = key.rpartition(".")[2]
        secret = _SECRET.search(last) is not None and last not in _NO_SECRET
        shown = "" if value is REQUIRED else f" = {'***' if secret else as_toml(value)}"
        return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", f"{self.file}: {key}{shown}: {text}")


def read_table(raw: Mapping[str, Any], keys: Mapping[str, Key], where: str, report: Report) -> dict[str, Any] | None:
    """Checked values by key, defaults filled in; None when something required is missing or wrong.

    A misspelt required key is one problem, not two.
    """
    good = True
    values: dict[str, Any] = {}
    unknown = [name for name in raw if name not in keys]
    missing = [name for name, key in keys.items() if key.default is REQUIRED and name not in raw]
    for name in unknown:
        near = nearest(name, keys)
        report.problem(f"{where}.{name}", "unknown key" + (f"; did you mean '{near}'?" if near else ""), raw[name])
        if near in missing:
            missing.remove(near)
            good = False
    for name in missing:
        report.problem(f"{where}.{name}", keys[name].missing)
        good = False
    for name, key in keys.items():
        if name in raw:
            try:
                values[name] = key.convert(raw[name])
            except ValueError as error:
                report.problem(f"{where}.{name}", str(error), raw[name])
                good = False
        elif key.default is not REQUIRED:
            values[name] = key.default
    return values if good else None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` probably meant."""
    found = difflib.get_close_matches(word, list(known), 1, 0.6)
    return found[0] if found else None


def text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text")
    if _CONTROL.search(value):
        raise ValueError("holds a control character")
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def identifier(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9_-]{1,64}", value):
        raise ValueError("must be 1 to 64 of a-z 0-9 _ - (it becomes a topic level)")
    return value


def topic_prefix(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64})*", value):
        raise ValueError("must be topic levels of A-Z a-z 0-9 _ - joined by /")
    return value


def one_of(*allowed: str) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        if value in allowed and isinstance(value, str):
            return value
        near = nearest(value, allowed) if isinstance(value, str) else None
        raise ValueError(f"must be one of {', '.join(allowed)}" + (f"; did you mean '{near}'?" if near else ""))

    return convert


def number(low: float, high: float, unit: str = "") -> Callable[[Any], float]:
    def convert(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"must be a number{f' in {unit}' if unit else ''}")
        if not low <= value <= high:
            raise ValueError(f"must be {low:g} to {high:g}{f' {unit}' if unit else ''}")
        return float(value)

    return convert


def whole(low: int, high: int, step: int = 1) -> Callable[[Any], int]:
    def convert(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high or (value - low) % step:
            raise ValueError(f"must be a whole number, {low} to {high}{' and even' if step == 2 else ''}")
        return value

    return convert


def duration(low_s: float, high_s: float) -> Callable[[Any], float]:
    def convert(value: Any) -> float:
        found = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if not found:
            raise ValueError('not a duration; write for example "1s", "500ms" or "5min"')
        seconds = float(found[1]) * _SECONDS[found[2]]
        if not low_s <= seconds <= high_s:
            raise ValueError(f"must be {low_s:g} s to {high_s:g} s")
        return seconds

    return convert


def size(low: int, high: int) -> Callable[[Any], int]:
    def convert(value: Any) -> int:
        found = _SIZE.fullmatch(value) if isinstance(value, str) else None
        if not found:
            raise ValueError('not a size; write for example "500MB" or "2GB"')
        count = round(float(found[1]) * _BYTES[found[2]])
        if not low <= count <= high:
            raise ValueError(f"must be {low / 1e6:g} MB to {high / 1e6:g} MB")
        return count

    return convert


def percent(low: float, high: float) -> Callable[[Any], float]:
    def convert(value: Any) -> float:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value) if isinstance(value, str) else None
        if not found or not low <= float(found[1]) <= high:
            raise ValueError(f'must be {low:g} % to {high:g} %; write for example "5%"')
        return float(found[1])

    return convert


def ratio(value: Any) -> tuple[float, float]:
    """`400/5` → (400.0, 5.0)."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)", value) if isinstance(value, str) else None
    if not found or float(found[1]) <= 0 or float(found[2]) <= 0:
        raise ValueError('not a ratio; write for example "400/5"')
    return float(found[1]), float(found[2])


def host_port(default_port: int) -> Callable[[Any], tuple[str, int]]:
    def convert(value: Any) -> tuple[str, int]:
        found = (
            re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?", value)
            if isinstance(value, str)
            else None
        )
        port = int(found[2] or default_port) if found else 0
        if not found or not 0 < port < 65536:
            raise ValueError(f'not an address; write for example "192.0.2.40:{default_port}"')
        return found[1].strip("[]"), port

    return convert


def day(value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("must be a date, for example 2026-03-01 (without quotes)")
    return value


def masked(url: str) -> str:
    """The url without the user and password that somebody wrote into it."""
    return re.sub(r"//.*@", "//***@", url)


def anything(value: Any) -> Any:
    return value


def as_toml(value: Any) -> str:
    """The value as TOML writes it, shortened; without the content of tables and without passwords in URLs."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict | list) for item in value)):
        return "{…}" if isinstance(value, dict) else "[…]"  # what is inside may be deep, or a password
    if isinstance(value, str):
        return '"' + masked(value if len(value) <= 200 else value[:199] + "…") + '"'
    if isinstance(value, list):
        shown = f"[{', '.join(map(as_toml, value))}]"
    else:
        try:
            shown = str(value)
        except ValueError:  # a whole number of thousands of digits
            shown = "…"
    return shown if len(shown) <= 60 else shown[:57] + "…"

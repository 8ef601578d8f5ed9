"""One payload → a number and, where it carries one, its time. No clock, no broker."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from typing import Any, NamedTuple

SIZE_MAX = 65_536  # bytes; what is larger is no value of a plant
_NUMBER = re.compile(r"[+-]?(\d{1,300}(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_WHOLE_MAX = 2**53  # larger ones are no longer exact where they are worked with
_SHOWN = 40
SECONDS_MAX = 1e11  # UTC ms of 1973: a smaller number of today is one of seconds


class PayloadError(Exception):
    """A payload that holds no value: why, and what to do about it."""

    def __init__(self, kind: str, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}: {remedy}")
        self.kind = kind


class Found(NamedTuple):
    value: float | int
    utc_ms: int | None


def read_payload(payload: bytes, value: str | None, time: str | None) -> Found:
    """value, time: fields of a JSON object; None: the payload is a bare number, it carries no time. True is 1.

    Raises PayloadError for all that is no finite number.
    """
    try:
        text = payload.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise PayloadError("text", "is not UTF-8", "have its publisher send text or JSON") from None
    if not text:
        raise PayloadError("empty", "is empty", "have its publisher send a number or a JSON object")
    if value is None:
        return Found(_bare(text), None)
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        remedy = "have its publisher send an object, or leave value out for a bare number"
        raise PayloadError("json", f"is no JSON ({_clip(text)})", remedy) from None
    found = _number(_field(body, value, "value"), f"field {value!r}")
    return Found(found, None if time is None else _utc_ms(_field(body, time, "time"), time))


def _bare(text: str) -> float | int:
    if _NUMBER.fullmatch(text):
        return _finite(int(text) if text.lstrip("+-").isdigit() else float(text), "it")
    if text.lower() in ("true", "false"):
        return int(text.lower() == "true")
    if text.startswith("{"):
        raise PayloadError("object", "is an object", 'name its field, for example value = "tonnes"')
    if re.fullmatch(r"[+-]?\d+,\d+", text):
        raise PayloadError("comma", f"is no number ({_clip(text)})", "have its publisher write a point, not a comma")
    raise PayloadError("number", f"is no number ({_clip(text)})", "have its publisher send a number alone")


def _field(body: Any, path: str, key: str) -> Any:
    try:
        return _dig(body, path)
    except KeyError:
        there = f"there are {_clip(', '.join(map(str, body)))}" if isinstance(body, dict) and body else "it has none"
        raise PayloadError(f"no {key}", f"has no field {path!r}", f"{there}; correct {key}") from None


def _dig(body: Any, path: str) -> Any:
    """Dots go deeper, unless a name has them itself; in a list a number counts from 0. Raises KeyError."""
    if isinstance(body, list):
        head, _, rest = path.partition(".")
        if not re.fullmatch(r"\d{1,5}", head) or int(head) >= len(body):
            raise KeyError(path)
        return _dig(body[int(head)], rest) if rest else body[int(head)]
    if not isinstance(body, dict):
        raise KeyError(path)
    if path in body:
        return body[path]
    for dot in (found.start() for found in re.finditer(r"\.", path)):
        if path[:dot] in body:
            return _dig(body[path[:dot]], path[dot + 1 :])
    raise KeyError(path)


def _number(value: Any, what: str) -> float | int:
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, int | float):
        word = "null" if value is None else f"no number ({_clip(json.dumps(value, ensure_ascii=False))})"
        raise PayloadError("number", f"has {word} in {what}", "have its publisher send a number there")
    return _finite(value, what)


def _finite(value: float | int, what: str) -> float | int:
    try:
        if math.isfinite(float(value)):
            return value if abs(value) <= _WHOLE_MAX else float(value)
    except OverflowError:
        pass
    raise PayloadError("finite", f"is not finite in {what}", "have its publisher leave out what it does not know")


def _utc_ms(value: Any, path: str) -> int:
    wanted = "send UTC milliseconds, or ISO 8601 with Z or +08:00"
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise PayloadError("time", f"has no time in field {path!r} ({_clip(value)})", wanted) from None
        if moment.tzinfo is None:
            raise PayloadError("zone", f"does not say of which zone its time is ({_clip(value)})", wanted)
        return _since_1970(round(moment.timestamp() * 1000), path, wanted)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        raise PayloadError("time", f"has no time in field {path!r}", wanted)
    if abs(value) < SECONDS_MAX:
        raise PayloadError("seconds", f"has a time of 1970 in field {path!r}: is it in seconds?", wanted)
    return _since_1970(round(value), path, wanted)


def _since_1970(utc_ms: int, path: str, wanted: str) -> int:
    """Before it lies what programs write that know no time, 0001-01-01 for one: nobody can reckon an age from that."""
    if utc_ms < 0:
        raise PayloadError("time", f"has a time before 1970 in field {path!r}", wanted)
    return utc_ms


def _clip(text: str) -> str:
    shown = "".join(sign if sign.isprintable() else "·" for sign in text[: _SHOWN + 1])
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"

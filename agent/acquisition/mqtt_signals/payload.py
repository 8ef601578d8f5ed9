"""Decode one payload: a number and, if configured, its time. Without clock and broker."""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from agent.acquisition.mqtt_signals import reasons as codes
from drivers.reasons import CodedError, Reason

SIZE_MAX = 65_536  # bytes; a larger payload is not the value of a signal
_NUMBER = re.compile(r"[+-]?(\d{1,300}(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_INTEGER_MAX = 2**53  # larger integers are not exact as floats
_CLIP_LENGTH = 40  # characters of a payload in a message
SECONDS_MAX = 1e11  # UTC ms of 1973: a smaller number is a time in seconds


class PayloadError(CodedError):
    """A payload without a usable value."""


class PayloadValue(NamedTuple):
    """The content of a payload.

    value: the number; booleans are 0 or 1.
    utc_ms: time in the payload; None: it has none.
    """

    value: float | int
    utc_ms: int | None


def read_payload(payload: bytes, value: str | None, time: str | None) -> PayloadValue:
    """Decodes a payload. value, time: paths of fields in a JSON object. None for value: the payload is a bare
    number without a time.

    Raises PayloadError if there is no finite number.
    """
    try:
        text = payload.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise PayloadError(codes.PAYLOAD_NOT_UTF8) from None
    if not text:
        raise PayloadError(codes.PAYLOAD_EMPTY)
    if value is None:
        return PayloadValue(_bare_number(text), None)
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise PayloadError(codes.PAYLOAD_NOT_JSON, payload=_clip(text)) from None
    found = _number(_field(body, value, "value"), value)
    return PayloadValue(found, None if time is None else _utc_ms(_field(body, time, "time"), time))


def _bare_number(text: str) -> float | int:
    if _NUMBER.fullmatch(text):
        return _finite(int(text) if text.lstrip("+-").isdigit() else float(text), codes.PAYLOAD_NOT_FINITE())
    if text.lower() in ("true", "false"):
        return int(text.lower() == "true")
    if text.startswith("{"):
        raise PayloadError(codes.PAYLOAD_IS_OBJECT)
    if re.fullmatch(r"[+-]?\d+,\d+", text):
        raise PayloadError(codes.PAYLOAD_DECIMAL_COMMA, payload=_clip(text))
    raise PayloadError(codes.PAYLOAD_NOT_NUMBER, payload=_clip(text))


def _field(body: Any, path: str, key: str) -> Any:
    """key: of the configuration that contains the path."""
    try:
        return _value_at(body, path)
    except KeyError:
        if isinstance(body, dict) and body:
            fields = _clip(", ".join(map(str, body)))
            raise PayloadError(codes.PAYLOAD_FIELD_MISSING, field=path, fields=fields, key=key) from None
        raise PayloadError(codes.PAYLOAD_WITHOUT_FIELDS, field=path, key=key) from None


def _value_at(body: Any, path: str) -> Any:
    """Dots separate levels, unless a name contains them; in a list a number is an index from 0. Raises KeyError."""
    if isinstance(body, list):
        head, _, rest = path.partition(".")
        if not re.fullmatch(r"\d{1,5}", head) or int(head) >= len(body):
            raise KeyError(path)
        return _value_at(body[int(head)], rest) if rest else body[int(head)]
    if not isinstance(body, dict):
        raise KeyError(path)
    if path in body:
        return body[path]
    for dot in (found.start() for found in re.finditer(r"\.", path)):
        if path[:dot] in body:
            return _value_at(body[path[:dot]], path[dot + 1 :])
    raise KeyError(path)


def _number(value: Any, path: str) -> float | int:
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, int | float):
        raise PayloadError(codes.FIELD_NOT_NUMBER, field=path, value=_json(value))
    return _finite(value, codes.FIELD_NOT_FINITE(field=path))


def _finite(value: float | int, otherwise: Reason) -> float | int:
    """The value. Raises PayloadError with the reason `otherwise` when it is not a finite float."""
    with suppress(OverflowError):
        if math.isfinite(float(value)):
            return value if abs(value) <= _INTEGER_MAX else float(value)
    raise PayloadError(otherwise)


def _utc_ms(value: Any, path: str) -> int:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise PayloadError(codes.FIELD_NOT_TIME, field=path, value=_clip(value)) from None
        if moment.tzinfo is None:
            raise PayloadError(codes.FIELD_WITHOUT_ZONE, field=path, value=_clip(value))
        utc_ms = moment.timestamp() * 1000
    elif isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        raise PayloadError(codes.FIELD_NOT_TIME, field=path, value=_json(value))
    elif abs(value) < SECONDS_MAX:
        raise PayloadError(codes.FIELD_IN_SECONDS, field=path)
    else:
        utc_ms = value
    if round(utc_ms) < 0:  # of a program without a clock, such as the year 1: no age can be calculated
        raise PayloadError(codes.FIELD_BEFORE_1970, field=path)
    return round(utc_ms)


def _json(value: Any) -> str:
    return _clip(json.dumps(value, ensure_ascii=False))


def _clip(text: str) -> str:
    printable = "".join(character if character.isprintable() else "·" for character in text[: _CLIP_LENGTH + 1])
    return printable if len(printable) <= _CLIP_LENGTH else printable[: _CLIP_LENGTH - 1] + "…"

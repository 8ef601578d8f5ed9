"""Reasons, findings, events and caveats as codes with data.

Code compares codes, never texts. A text is made where a user reads it: `agent.core.text` renders a reason in the
language of the reader, `str(reason)` renders the English source text for logs and exceptions.

A code is declared once, next to the code that uses it:

    DRIVER_MISSING = Code("driver_missing", "{driver:signal} is missing")
    ...
    return DRIVER_MISSING(driver="signal_flow_m3_h")

The format specification in the text states the type of a field:

    {name}                    a string, a reason, or a tuple of either, which is joined by commas
    {name:signal}             the name of a signal, shown with its unit: "descaler 1 flow m³/h"
    {name:word}               a word of the catalogues, such as "bypass"; it is translated
    {name:quoted}             a string in quotation marks
    {name:lines}              a tuple of reasons, one per line
    {name:.1f}, {name:g}, …   a number, or None, which is shown as –
    {unit_id:d}               a unit identifier; that of a PLC is shown as its data block
    {name:kwh}, {name:kw}     a number in Wh or W, shown in kWh or kW
    {name:pct}, {name:pct1}   a share of 1, shown in percent with 0 or 1 decimals
    {name:local}              UTC milliseconds, shown on the plant's clock
    {name:interval|intervals} a number that chooses between singular and plural
"""

from __future__ import annotations

import errno
import string
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from functools import reduce
from types import MappingProxyType
from typing import Any

from drivers.s7_place import unit_text

Translate = Callable[[str], str]


def N_(text: str) -> str:
    """Marks a text for the catalogues; it is translated later."""
    return text


class Code(str):
    """The stable name of a reason, a finding, an event or a caveat; equal to the plain string.

    text: the English source text with named fields; it is the message id in the catalogues.
    fields: name of each field → its format specification (see above).
    Calling a code with its data makes a `Reason`. Raises ValueError when a name is declared twice with different
    texts.
    """

    text: str
    fields: Mapping[str, str]

    def __new__(cls, name: str, text: str) -> Code:
        known = CODES.get(name)
        if known is not None and known.text != text:
            raise ValueError(f"code {name} is declared twice with different texts")
        code = super().__new__(cls, name)
        code.text, code.fields = text, fields_of(text)
        CODES[name] = code
        return code

    def __call__(self, **data: Any) -> Reason:
        return Reason(self, data)

    def __reduce__(self) -> tuple[Any, ...]:
        return Code, (str.__str__(self), self.text)


CODES: dict[str, Code] = {}
_parser = string.Formatter()


def fields_of(text: str) -> dict[str, str]:
    """Field name → format specification of a text; raises ValueError for positional fields."""
    found: dict[str, str] = {}
    for _, name, spec, conversion in _parser.parse(text):
        if name is None:
            continue
        if not name.isidentifier() or conversion:
            raise ValueError(f"{text!r}: fields need a plain name")
        if name not in found or "|" in found[name]:
            found[name] = spec or ""
    return found


class Reason:
    """A code with its data; immutable, and equal to a reason with the same code and data.

    code: one of `CODES`.
    data: one value for each field of the code: number, string, `Reason`, or a tuple of strings or reasons.
    Raises ValueError when the names of the data are not those of the code's text, or when a value has another type than
    its format specification asks for.
    """

    __slots__ = ("code", "data")  # not a dataclass: msgspec would encode its fields without as_object

    code: Code
    data: Mapping[str, Any]

    def __init__(self, code: Code, data: Mapping[str, Any]) -> None:
        if data.keys() != code.fields.keys():
            raise ValueError(f"{code}: expected data {sorted(code.fields)}, got {sorted(data)}")
        for name, spec in code.fields.items():
            if spec and spec not in TEXT_FORMATS and not isinstance(data[name], int | float | None):
                raise ValueError(f"{code}: {name} must be a number or None, got {data[name]!r}")
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "data", MappingProxyType(dict(data)))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a reason is immutable")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reason) and self.code == other.code and self.data == other.data

    def __hash__(self) -> int:
        return hash((self.code, frozenset(self.data.items())))

    def __repr__(self) -> str:
        return f"{self.code}({', '.join(f'{name}={value!r}' for name, value in self.data.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Reason, (self.code, dict(self.data))

    def __str__(self) -> str:
        return render(self, str)

    def as_object(self) -> dict[str, Any]:
        """Code and data for JSON; reasons within the data become objects of the same form."""
        return {"code": str.__str__(self.code), "data": {name: _plain(value) for name, value in self.data.items()}}


UNKNOWN = Code("unknown", "reason {name}")


def reason_of(stored: Mapping[str, Any]) -> Reason:
    """The reason that `as_object` wrote. A code or data that this version does not know becomes `unknown`."""
    name = stored.get("code", "")
    try:
        return CODES[name](**{field: _typed(value) for field, value in stored.get("data", {}).items()})
    except (KeyError, ValueError):
        return UNKNOWN(name=str(name))


def _plain(value: Any) -> Any:
    if isinstance(value, Reason):
        return value.as_object()
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return str.__str__(value) if isinstance(value, str) else value


def _typed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return reason_of(value)
    return tuple(_typed(item) for item in value) if isinstance(value, list) else value


class CodedError(Exception):
    """An error whose text reaches a user: raised with a reason, or with a code and its data.

    reason: what went wrong. `str(error)` is its English text.
    """

    def __init__(self, reason: Reason | Code, **data: Any) -> None:
        self.reason = reason(**data) if isinstance(reason, Code) else reason
        super().__init__(self.reason)

    def __str__(self) -> str:
        return str(self.reason)


class InvalidValue(CodedError, ValueError):
    """A value from a user, a file or a device that cannot be used."""


_OS_ERRORS = {  # the texts of the C library
    errno.ENOENT: Code("os_no_such_file", "No such file or directory"),
    errno.EACCES: Code("os_permission_denied", "Permission denied"),
    errno.EPERM: Code("os_not_permitted", "Operation not permitted"),
    errno.EISDIR: Code("os_is_a_directory", "Is a directory"),
    errno.ENOTDIR: Code("os_not_a_directory", "Not a directory"),
    errno.EEXIST: Code("os_file_exists", "File exists"),
    errno.ENOSPC: Code("os_no_space", "No space left on device"),
    errno.EROFS: Code("os_read_only", "Read-only file system"),
    errno.EIO: Code("os_io_error", "Input/output error"),
    errno.EBUSY: Code("os_busy", "Device or resource busy"),
    errno.ENAMETOOLONG: Code("os_name_too_long", "File name too long"),
    errno.EADDRINUSE: Code("os_address_in_use", "Address already in use"),
    errno.EADDRNOTAVAIL: Code("os_address_unavailable", "Cannot assign requested address"),
    errno.ECONNREFUSED: Code("os_connection_refused", "Connection refused"),
    errno.ECONNRESET: Code("os_connection_reset", "Connection reset by peer"),
    errno.EPIPE: Code("os_broken_pipe", "Broken pipe"),
    errno.ETIMEDOUT: Code("os_timed_out", "Connection timed out"),
    errno.EHOSTUNREACH: Code("os_no_route", "No route to host"),
    errno.ENETUNREACH: Code("os_network_unreachable", "Network is unreachable"),
}


def cause_of(error: BaseException) -> Reason | str:
    """An error as data of a reason: its own reason, that of the operating system, or the text of a library."""
    if isinstance(error, CodedError):
        return error.reason
    found = _OS_ERRORS.get(error.errno or 0) if isinstance(error, OSError) else None
    if found is not None and error.strerror == found.text:  # type: ignore[attr-defined]  # ssl has its own numbers
        return found()
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


# Texts from templates

PAIR = N_("{first}, {second}")  # two items of a list
_UNITS = (("_m3_h", " m³/h"), ("_t_h", " t/h"), ("_pct", " %"), ("_t", " t"), ("_rpm", " r/min"), ("_bar", " bar"))
TEXT_FORMATS = frozenset(("signal", "word", "quoted", "lines"))  # the others are numbers


def render(reason: Reason, translate: Translate = str, zone: tzinfo = UTC) -> str:
    """The text of a reason. translate: English source text or word → text in the reader's language."""
    return fill(translate(reason.code.text), reason.data, translate, zone)


def fill(text: str, data: Mapping[str, Any], translate: Translate = str, zone: tzinfo = UTC) -> str:
    """A text with its fields filled in; the module's docstring lists the format specifications."""
    pieces: list[str] = []
    for literal, name, spec, _ in _parser.parse(text):
        pieces.append(literal)
        if name is not None:
            value = data[name]
            if name.endswith("unit_id") and isinstance(value, int):
                value, spec = unit_text(value), ""
            pieces.append(_field_text(value, spec or "", translate, zone))
    return "".join(pieces)


def _field_text(value: Any, spec: str, translate: Translate, zone: tzinfo) -> str:
    if isinstance(value, Reason):
        return render(value, translate, zone)
    if isinstance(value, tuple | list):
        items = [_field_text(item, spec, translate, zone) for item in value]
        if spec == "lines":
            return "\n".join(items)
        pair = translate(PAIR)
        return reduce(lambda first, second: fill(pair, {"first": first, "second": second}), items) if items else ""
    if spec == "word":
        return translate(value) if value else ""
    if "|" in spec:  # {n:interval|intervals}
        one, _, many = spec.partition("|")
        return one if value == 1 else many
    if value is None:
        return "–"
    if known := _FORMATS.get(spec):
        return known(value, zone)
    return format(value, spec) if spec else str(value)


def signal_name(name: str) -> str:
    """A signal for people: `signal_descaler_1_flow_m3_h` → "descaler 1 flow m³/h"."""
    short = name.removeprefix("signal_")
    for end, unit in _UNITS:
        if short.endswith(end):
            return short.removesuffix(end).replace("_", " ") + unit
    return short.replace("_", " ")


def local_time(utc_ms: float, zone: tzinfo = UTC) -> str:
    """A moment on the plant's clock: "2026-10-31 08:15 +0800"; outside the years 1 to 9999 the milliseconds."""
    try:
        return datetime.fromtimestamp(utc_ms / 1000, zone).strftime("%Y-%m-%d %H:%M %z")
    except (ValueError, OverflowError, OSError):
        return f"{utc_ms:.0f} ms"


def _decimals(scale: float, decimals: int) -> Callable[[Any, tzinfo], str]:
    return lambda value, _: f"{scale * value:z.{decimals}f}"


_FORMATS: Mapping[str, Callable[[Any, tzinfo], str]] = {
    "kwh": _decimals(1e-3, 1),
    "kw": _decimals(1e-3, 2),
    "pct": _decimals(100, 0),
    "pct1": _decimals(100, 1),
    "local": local_time,
    "signal": lambda value, _: signal_name(value),
    "quoted": lambda value, _: f"'{value}'",
}

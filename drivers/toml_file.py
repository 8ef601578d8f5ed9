"""Reads TOML within limits, so that no file exhausts memory or time, and no number in it is out of range.

Python reads integers of any size; TOML 1.0 requires 64 bits, and an error for an integer that does not fit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli

from drivers import file_reasons as codes
from drivers.reasons import InvalidValue, Reason
from drivers.toml_reasons import TOML_ENCODING, TOML_LINE
from drivers.toml_syntax import SyntaxProblem, syntax_problem

FILE_BYTES_MAX = 4_000_000  # a plant of a thousand motors has 0.6 MB
LINE_BYTES_MAX = 16_384  # the time for a dotted key grows with the square of its length
TEXT_MAX = 16_384  # characters of a string
LEVELS_MAX = 32
KEY_SHOWN = 200  # characters of a key in an error
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**64 - 1  # 64 bits; patterns of registers have no sign


class TomlError(InvalidValue):
    """A file that is not TOML, or is outside the limits.

    key: dotted key of the value; empty for the complete file.
    syntax: place of the mistake in a file that is not TOML; None for a limit.
    """

    def __init__(self, reason: Reason, key: str = "", syntax: SyntaxProblem | None = None) -> None:
        super().__init__(reason)
        self.key, self.syntax = key[:KEY_SHOWN], syntax

    @property
    def located(self) -> Reason:
        """The reason with the number of the line, if it is known."""
        return TOML_LINE(line=self.syntax.line, problem=self.reason) if self.syntax else self.reason


def read_limited(path: Path) -> bytes:
    """The content of a file for parse_toml, which rejects a longer one. Raises OSError."""
    with path.open("rb") as file:
        return file.read(FILE_BYTES_MAX + 1)


def parse_toml(data: bytes) -> dict[str, Any]:
    """The tables of a TOML file; a byte order mark and CR LF are accepted.

    Raises TomlError.
    """
    if len(data) > FILE_BYTES_MAX:
        raise TomlError(codes.TOML_TOO_LARGE(size_max_mb=FILE_BYTES_MAX / 1e6))
    for number, line in enumerate(data.split(b"\n"), 1):
        if len(line) > LINE_BYTES_MAX:
            raise TomlError(codes.TOML_LINE_TOO_LONG(line=number, n_max=LINE_BYTES_MAX))
    text = _decoded(data)
    try:
        raw = tomli.loads(text)
    except RecursionError:
        raise TomlError(codes.TOML_TOO_DEEP()) from None
    except tomli.TOMLDecodeError as error:
        found = syntax_problem(text, error)
        raise TomlError(found.reason, found.key, found) from None
    except ValueError as error:  # a number of thousands of digits, or an impossible date
        raise TomlError(codes.INVALID_TOML(error=str(error))) from None
    _check(raw)
    return raw


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")  # Notepad writes a byte order mark
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TomlError(TOML_ENCODING(), "", SyntaxProblem(TOML_ENCODING(), "", line, 1, None)) from None


def _check(raw: dict[str, Any]) -> None:
    pending: list[tuple[str, Any, int]] = [("", raw, 0)]
    while pending:
        key, value, level = pending.pop()
        if level > LEVELS_MAX:
            raise TomlError(codes.TOML_TOO_DEEP(), key)
        if isinstance(value, dict):
            pending += ((f"{key}.{name}" if key else name, item, level + 1) for name, item in value.items())
        elif isinstance(value, list):
            pending += ((key, item, level + 1) for item in value)
        elif isinstance(value, str) and len(value) > TEXT_MAX:
            raise TomlError(codes.TOML_TEXT_TOO_LONG(n_max=TEXT_MAX), key)
        elif isinstance(value, int) and not INTEGER_MIN <= value <= INTEGER_MAX:
            raise TomlError(codes.TOML_INTEGER_TOO_LARGE(), key)

"""Numbers in answers: what people write instead of a number, and what to write."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from agent.commissioning.init import reasons as codes
from agent.config import reasons as config_codes
from drivers.reasons import InvalidValue

_COMMA = re.compile(r"([+-]?\d+),(\d+)")
_WITH_UNIT = re.compile(r"([+-]?\d+(?:[.,]\d+)?)\s*[^\d\s.,+-].*")
_NOT_A_NUMBER = (
    config_codes.NUMBER_EXPECTED, config_codes.QUANTITY_EXPECTED, config_codes.INTEGER_LIMITS,
    config_codes.EVEN_INTEGER_LIMITS,
)  # fmt: skip


def number_of(text: str) -> float | int:
    """The number that was typed. Raises InvalidValue with the number to write, if it can be recognized."""
    text = text.strip()
    if (plain := _plain(text)) is not None:
        return plain
    if found := _COMMA.fullmatch(text):
        raise InvalidValue(codes.DECIMAL_COMMA, value=f"{found[1]}.{found[2]}")
    if found := _WITH_UNIT.fullmatch(text):
        raise InvalidValue(codes.NUMBER_WITH_UNIT, value=found[1].replace(",", "."))
    raise InvalidValue(codes.NOT_A_NUMBER)


def of_toml(convert: Callable[[Any], Any], value: Any) -> Any:
    """The checked value of a TOML file; for a text instead of a number the reason contains the number."""
    try:
        return convert(value)
    except InvalidValue as error:
        if not isinstance(value, str) or error.reason.code not in _NOT_A_NUMBER:
            raise
    try:
        number = f"{number_of(value):g}"
    except InvalidValue as error:
        number = error.reason.data.get("value", "")
    raise InvalidValue(codes.NUMBER_IN_QUOTES, value=number) if number else InvalidValue(codes.NOT_A_NUMBER)


def _plain(text: str) -> float | int | None:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None

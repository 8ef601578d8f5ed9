"""Numbers in answers: what people write instead of a number, and what to write."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from agent.commissioning.init import reasons as codes
from agent.config import reasons as config_codes
from drivers.reasons import InvalidValue

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
_COMMA = re.compile(r"([+-]?\d+),(\d+)")
_WITH_UNIT = re.compile(r"([+-]?\d+(?:[.,]\d+)?)\s*[^\d\s.,+-].*")
_NOT_A_NUMBER = (
    config_codes.NUMBER_EXPECTED, config_codes.QUANTITY_EXPECTED, config_codes.INTEGER_LIMITS,
    config_codes.EVEN_INTEGER_LIMITS,
)  # fmt: skip


def number_of(text: str) -> float | int:
    """The number that was typed. Raises InvalidValue with the number to write, if it can be recognized."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    if found := _COMMA.fullmatch(text):
        raise InvalidValue(codes.DECIMAL_COMMA, value=f"{found[1]}.{found[2]}")
    if found := _WITH_UNIT.fullmatch(text):
        raise InvalidValue(codes.NUMBER_WITH_UNIT, value=found[1].replace(",", "."))
    raise InvalidValue(codes.NOT_A_NUMBER)


def of_toml(convert: Callable[[Any], Any], value: Any) -> Any:
    """The checked value of a TOML file; for a text in the place of a number the reason contains the number to write."""
    try:
        return convert(value)
    except InvalidValue as error:
        if isinstance(value, str) and error.reason.code in _NOT_A_NUMBER:
            raise InvalidValue(codes.NUMBER_IN_QUOTES, value=f"{number_of(value):g}") from None
        raise

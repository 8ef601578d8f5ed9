"""Validation rules of the plant's records. Each error is one line that names the record and the field."""

from __future__ import annotations

import math
from collections.abc import Callable

from drivers.reasons import Code
from simulators.reasons import SHARE_OUT_OF_RANGE, VALUE_NEGATIVE, VALUE_NOT_POSITIVE, require


def positive(what: str, record: object, names: str) -> None:
    _require(what, record, names, lambda value: value > 0 and math.isfinite(value), VALUE_NOT_POSITIVE)


def not_negative(what: str, record: object, names: str) -> None:
    _require(what, record, names, lambda value: value >= 0 and math.isfinite(value), VALUE_NEGATIVE)


def shares(what: str, record: object, names: str) -> None:
    _require(what, record, names, lambda value: 0 <= value <= 1, SHARE_OUT_OF_RANGE)


def _require(what: str, record: object, names: str, allowed: Callable[[float], bool], code: Code) -> None:
    for name in names.split():
        value = getattr(record, name)
        require(allowed(value), f"{what}: {name}", code, value=value)


def motor(what: str, pole_pairs: int, power_w: float, volts_v: float, current_a: float) -> None:
    """Raise ValueError for impossible pole pairs, or a rated power above the rated apparent power."""
    if not isinstance(pole_pairs, int) or pole_pairs < 1:
        raise ValueError(f"{what}: pole_pairs must be an integer of at least 1, got {pole_pairs}")
    apparent_va = math.sqrt(3) * volts_v * current_a
    if power_w > apparent_va:
        raise ValueError(
            f"{what}: power_w {power_w:g} W from {apparent_va:.0f} VA is an efficiency above 1"
            f" ({power_w / apparent_va:.2f})"
        )

"""Accuracy classes of meters and transformers in the configuration, or the limits of their certificates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.config import reasons as codes
from agent.config import schema
from drivers.file_reasons import with_suggestion
from drivers.reasons import InvalidValue
from dsp.efficiency_meter import (
    CERTIFICATE,
    CT_CLASSES,
    METER_CLASSES,
    METER_LIMIT,
    VT_CLASSES,
    ct_limits,
    meter_limit,
    vt_limits,
)


def meter_class(value: Any) -> str:
    """An accuracy class, or the limit of a certificate."""
    if isinstance(value, str) and METER_LIMIT.fullmatch(value.strip()):
        try:
            return f"{100 * meter_limit(value, 1.0):g} %"
        except ValueError:
            raise InvalidValue(codes.METER_LIMIT_RANGE) from None
    if value in METER_CLASSES and isinstance(value, str):
        return value
    expected = codes.METER_CLASS_EXPECTED(allowed=METER_CLASSES)
    raise InvalidValue(with_suggestion(expected, value, METER_CLASSES))


def _transformer_class(
    classes: tuple[str, ...], limits: Callable[[str], tuple[float, float]]
) -> Callable[[Any], str]:  # fmt: skip
    """A class of instrument transformers, or the limits of their certificate."""

    def convert(value: Any) -> str:
        text = schema.text(value)
        try:
            ratio, minutes = limits(text)
        except ValueError:
            if CERTIFICATE.fullmatch(text.strip()):
                raise InvalidValue(codes.CT_LIMITS_RANGE) from None
            expected = codes.CT_CLASS_EXPECTED(allowed=classes)
            raise InvalidValue(with_suggestion(expected, text, classes)) from None
        return text if text in classes else f"{100 * ratio:g} % {minutes:g}'"

    return convert


ct_class = _transformer_class(CT_CLASSES, ct_limits)
vt_class = _transformer_class(VT_CLASSES, vt_limits)

"""Reasons in msgspec's JSON."""

from __future__ import annotations

from typing import Any

from agent.core.text import as_object
from drivers.reasons import Reason, reason_of


def encode_reason(value: Any) -> Any:
    """enc_hook, and default of json.dumps: a reason as an object with code and data."""
    if isinstance(value, Reason):
        return value.as_object()
    raise TypeError(f"{type(value).__name__} is not serializable")


def encode_reason_with_text(value: Any) -> Any:
    """The same for JSON that a user reads: also with the English text."""
    if isinstance(value, Reason):
        return as_object(value)
    raise TypeError(f"{type(value).__name__} is not serializable")


def decode_reason(kind: type, value: Any) -> Any:
    """dec_hook: an object with code and data as a reason."""
    if kind is Reason and isinstance(value, dict):
        return reason_of(value)
    raise ValueError(f"expected a reason, got {value!r}")

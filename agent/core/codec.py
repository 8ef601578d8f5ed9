"""Reasons in msgspec's JSON."""

from __future__ import annotations

from typing import Any

from agent.core.text import as_object
from drivers.reasons import Reason, reason_of


def encode_reason(value: Any) -> Any:
    """A reason as an object with code and data, for `enc_hook` of msgspec and `default` of json.dumps."""
    if isinstance(value, Reason):
        return value.as_object()
    raise TypeError(f"{type(value).__name__} is not serializable")


def encode_reason_with_text(value: Any) -> Any:
    """The same for JSON that a user reads: also with the English text."""
    if isinstance(value, Reason):
        return as_object(value)
    raise TypeError(f"{type(value).__name__} is not serializable")


def decode_reason(kind: type, value: Any) -> Any:
    """A reason from an object with code and data, for `dec_hook` of msgspec."""
    if kind is Reason and isinstance(value, dict):
        return reason_of(value)
    raise ValueError(f"expected a reason, got {value!r}")

"""Reasons within a signed month: code and data, in which a number with a fraction is a decimal text.

The text is made where it is read, in the language of the reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from importlib import import_module
from typing import Any

from drivers.reasons import CODES, N_, TEXT_FORMATS, UNKNOWN, Reason

EXCLUSIONS = (  # codes of the causes of excluded intervals, as words
    N_("energy_unknown"), N_("shaft_energy_unknown"), N_("driver_missing"), N_("state_unknown"),
    N_("no_energy_at_load"), N_("off_not_in_baseline"), N_("polling_incomplete"), N_("transition_interval"),
    N_("excluded_by_decision"), N_("excluded_undecided"), N_("below_range"), N_("above_range"),
    N_("below_range_in_state"),
    N_("above_range_in_state"), N_("in_coverage_gap"), N_("combination_unknown"), N_("baseline_missing"),
    N_("outside_reporting_period"),
)  # fmt: skip
DIGITS = 6  # significant ones: only a text is made of it
MODULES = ("agent.savings.reasons", "agent.savings.report.reasons", "agent.contract.reasons")  # declare the codes


def signed_reason(reason: Reason) -> dict[str, Any]:
    """A reason as a document contains it."""
    found: dict[str, Any] = _exact(reason.as_object())
    return found


def reason_of(stored: Mapping[str, Any]) -> Reason:
    """The reason that `signed_reason` wrote. A code or data that this version does not know becomes `unknown`."""
    for name in MODULES:
        import_module(name)
    return _reason(stored)


def _exact(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _exact(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    return f"{Decimal(f'{value:.{DIGITS}g}'):f}" if isinstance(value, float) else value


def _reason(stored: Mapping[str, Any]) -> Reason:
    name, data = stored.get("code"), stored.get("data")
    code = CODES.get(name) if isinstance(name, str) else None
    if code is None or not isinstance(data, Mapping):
        return UNKNOWN(name=str(name))
    try:
        return code(**{key: _value(value, code.fields.get(key, "")) for key, value in data.items()})
    except ValueError:
        return UNKNOWN(name=str(name))


def _value(value: Any, spec: str) -> Any:
    """The value of a field. spec: its format specification. Raises ValueError."""
    if isinstance(value, Mapping):
        return _reason(value)
    if isinstance(value, list | tuple):
        return tuple(_value(item, spec) for item in value)
    return float(value) if isinstance(value, str) and spec and spec not in TEXT_FORMATS else value

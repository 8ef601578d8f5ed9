"""Status and type of values, from the flags of their message."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from asyncua import ua

from agent.delivery.base.metric_types import MetricType
from agent.northbound.opcua.unit_codes import CODES, unit_information
from agent.northbound.opcua.values import Presence, data_value

NUMBER, INTEGER, TEXT = MetricType.NUMBER, MetricType.INTEGER, MetricType.TEXT
NOW, LAST, GONE = Presence.PRESENT, Presence.LAST_USABLE, Presence.GONE


def found(
    value: Any, flags: dict[str, list[str]] | None = None, kind: MetricType = NUMBER, presence: Presence = NOW
) -> tuple[Any, str]:
    """Value and name of the status."""
    message = {"t": 1_790_000_000_123, "v": {"x_w": value}, **({"f": flags} if flags else {})}
    given = data_value(message, "x_w", kind, presence)
    assert given.Value is not None
    assert given.StatusCode is not None
    return given.Value.Value, given.StatusCode.name


@pytest.mark.parametrize(
    ("flags", "presence", "status"),
    [
        (None, NOW, "Good"),
        ({"*": ["SIMULATED"]}, NOW, "Good"),
        ({"x_w": ["MAINTENANCE"]}, NOW, "Good"),
        ({"x_w": ["CLIPPED"]}, NOW, "Uncertain"),
        ({"*": ["CLOCK_UNSYNCHRONIZED"]}, NOW, "Uncertain"),
        ({"x_w": ["SUBSTITUTED"]}, NOW, "UncertainSubstituteValue"),
        ({"other": ["NO_REPLY"]}, NOW, "Good"),
        (None, LAST, "UncertainLastUsableValue"),
    ],
)
def test_a_usable_value_has_its_status(flags: dict[str, list[str]] | None, presence: Presence, status: str) -> None:
    assert found(5.5, flags, presence=presence) == (5.5, status)


@pytest.mark.parametrize(
    ("value", "flags", "presence", "status"),
    [
        (5.5, {"x_w": ["NO_REPLY"]}, NOW, "BadNoCommunication"),
        (5.5, {"*": ["STALE"]}, NOW, "BadNoCommunication"),
        (5.5, {"x_w": ["OUT_OF_RANGE"]}, NOW, "BadSensorFailure"),
        (5.5, {"x_w": ["GAP"]}, NOW, "BadNoData"),
        (None, {"x_w": ["WARMING_UP"]}, NOW, "BadWaitingForInitialData"),
        (None, None, NOW, "BadNoData"),
        ("text", None, NOW, "BadNoData"),
        (True, None, NOW, "BadNoData"),
        (5.5, None, GONE, "BadNoCommunication"),
    ],
)
def test_without_a_usable_value_the_status_is_bad(value: Any, flags: Any, presence: Presence, status: str) -> None:
    assert found(value, flags, presence=presence) == (None, status)


def test_types_and_time() -> None:
    given = data_value({"t": 1_790_000_000_123, "v": {"x_w": 3}}, "x_w", NUMBER, NOW)
    assert given.Value == ua.Variant(3.0, ua.VariantType.Double)
    assert given.SourceTimestamp == datetime(2026, 9, 21, 14, 13, 20, 123000, tzinfo=UTC)
    assert found(3, kind=INTEGER) == (3, "Good")
    assert found(3.5, kind=INTEGER) == (None, "BadNoData")
    assert found(2**63, kind=INTEGER) == (None, "BadNoData")
    assert found("ok", kind=TEXT) == ("ok", "Good")
    assert found(1, kind=TEXT) == (None, "BadNoData")


def test_the_uncertainty_of_an_unusable_value_is_unusable() -> None:
    message = {"t": 0, "v": {"x_w": 1.0, "x_w_u": 0.1}, "f": {"x_w": ["NO_REPLY"]}}
    given = data_value(message, "x_w_u", NUMBER, NOW)
    assert given.StatusCode is not None
    assert given.StatusCode.name == "BadNoCommunication"


def test_units_have_the_numbers_of_the_specification() -> None:
    """OPC 10000-8, 5.6.4.3: the letters of the common code as an integer, for example 4408652 for CEL."""
    assert unit_information("degC").UnitId == 4408652
    assert unit_information("degC").DisplayName.Text == "°C"
    assert unit_information("%").UnitId == 20529, "P1"
    assert unit_information("km").UnitId == -1
    assert len(set(CODES.values())) == len(CODES)

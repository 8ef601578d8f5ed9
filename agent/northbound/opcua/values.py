"""Values of messages as OPC UA data values: type, status from the quality flags, time of the row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

from asyncua import ua

from agent.delivery.base.metric_types import MetricType
from agent.northbound.base.live_motors import EVERYTHING, flags_of

TYPES = {
    MetricType.NUMBER: ua.VariantType.Double,
    MetricType.INTEGER: ua.VariantType.Int64,  # signed: registers of state codes may be
    MetricType.TEXT: ua.VariantType.String,
}
_BAD = {
    "NO_REPLY": ua.StatusCodes.BadNoCommunication,
    "STALE": ua.StatusCodes.BadNoCommunication,
    "OUT_OF_RANGE": ua.StatusCodes.BadSensorFailure,
    "GAP": ua.StatusCodes.BadNoData,
}
_LIMITED = frozenset(("SIMULATED", "MAINTENANCE"))  # flags of values that are as certain as without them
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Presence(IntEnum):
    """Whether a row is of the present, of the last minute, or older."""

    PRESENT = 0
    LAST_USABLE = 1
    GONE = 2


def data_value(message: Mapping[str, Any], metric: str, kind: MetricType, presence: Presence) -> ua.DataValue:
    """The value of a metric. A value without one has the reason in its status."""
    found = message["v"].get(metric)
    value = _typed(found, kind)
    status = ua.StatusCode(status_of(message, metric, value is not None, presence))
    if status.is_bad():
        value = None
    variant = ua.Variant(None, ua.VariantType.Null) if value is None else ua.Variant(value, TYPES[kind])
    time = time_of(message)
    return ua.DataValue(variant, status, SourceTimestamp=time, ServerTimestamp=time)


def status_of(message: Mapping[str, Any], metric: str, known: bool, presence: Presence) -> Any:
    """The code of the status. known: whether there is a value of the right type."""
    flags = _flags(message, metric)
    if presence is Presence.GONE:
        return ua.StatusCodes.BadNoCommunication
    for flag, code in _BAD.items():
        if flag in flags:
            return code
    if not known:
        return ua.StatusCodes.BadWaitingForInitialData if "WARMING_UP" in flags else ua.StatusCodes.BadNoData
    if presence is Presence.LAST_USABLE:
        return ua.StatusCodes.UncertainLastUsableValue
    if "SUBSTITUTED" in flags:
        return ua.StatusCodes.UncertainSubstituteValue
    return ua.StatusCodes.Uncertain if flags - _LIMITED else ua.StatusCodes.Good


def time_of(message: Mapping[str, Any]) -> datetime | None:
    """The time `t` of a message."""
    t_ms = message.get("t")
    return _EPOCH + timedelta(milliseconds=t_ms) if isinstance(t_ms, int) else None


def _flags(message: Mapping[str, Any], metric: str) -> set[str]:
    flags = flags_of(message)
    names: Iterable[str] = (EVERYTHING, metric, metric.removesuffix("_u"))
    return {flag for name in names for flag in flags.get(name, ())}


def _typed(value: Any, kind: MetricType) -> float | int | str | None:
    """The value in the type of its node; None: there is none of this type."""
    if kind is MetricType.TEXT:
        return value if isinstance(value, str) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if kind is MetricType.NUMBER:
        return float(value)
    return int(value) if float(value).is_integer() and abs(value) < 2**63 else None

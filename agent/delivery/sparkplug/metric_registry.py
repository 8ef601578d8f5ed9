"""The metrics of one Sparkplug device, or of the node itself, with alias, type and newest value."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any

from msgspec import Struct

from agent.core.messages import EVERYTHING
from agent.core.metrics import Metric
from agent.delivery.base.metric_types import BAD_NAMES, MetricType, metric_type, unit_of
from agent.delivery.sparkplug.protobuf import BOOLEAN, DOUBLE, DOUBLE_ARRAY, INT32, INT64, STRING

QUALITY_BAD, QUALITY_GOOD, QUALITY_STALE = 0, 192, 500  # chapter 6, property "Quality"
DATATYPES = {
    MetricType.NUMBER: DOUBLE,
    MetricType.INTEGER: INT64,
    MetricType.TEXT: STRING,
    MetricType.SERIES: DOUBLE_ARRAY,
}
VALUE_FIELDS = {
    STRING: "string_value", INT64: "long_value", DOUBLE: "double_value", DOUBLE_ARRAY: "bytes_value",
    BOOLEAN: "boolean_value",
}  # fmt: skip
WITHOUT_FOLDER = ("telemetry", "health")  # message types whose metrics have no folder
INT64_RANGE = range(-(2**63), 2**63)
DIMENSIONLESS = "1"  # `engUnit` of a number without a unit (UCUM, ISO 80000-1)
REFRESH_MS = 60_000  # an unchanged value is sent again after this time (maximum time of exception reporting)


class MetricUpdate(Struct):
    """One value of one message.

    registered: the metric that it belongs to.
    t_ms: UTC milliseconds.
    value: as the declared type; None: not known.
    flags, method: of the value.
    recovers: the value sent before had flags, this one has none.
    """

    registered: RegisteredMetric
    t_ms: int
    value: Any
    flags: tuple[str, ...] = ()
    method: str = ""
    recovers: bool = False


class RegisteredMetric(Struct, eq=False):
    """One metric of the birth.

    name, alias, datatype, unit, about: as declared in the birth.
    coded: whether the value is a code, whose English text is another metric, NAME_text.
    last: newest value.
    last_sent: value, flags and method sent last since the birth, or in it.
    sent_ms: UTC milliseconds of the value sent last since the birth; 0: none.
    """

    name: str
    alias: int
    datatype: int
    unit: str = ""
    about: str = ""
    coded: bool = False
    last: MetricUpdate | None = None
    last_sent: tuple[Any, ...] = ()
    sent_ms: int = 0


class MetricRegistry:
    """The metrics of one device.

    aliases: counter, shared by all devices of the node.
    row: message type and name → row of the metrics table.
    start_ms: UTC milliseconds; time of a metric that was never measured, which must not be after its first value.
    """

    def __init__(self, aliases: Iterator[int], row: Callable[[str, str], Metric | None], start_ms: int) -> None:
        self._aliases, self._row, self.start_ms = aliases, row, start_ms
        self.metrics: dict[str, RegisteredMetric] = {}

    def expect(self, kind: str, metrics: Iterable[tuple[str, Metric]]) -> None:
        """Declares metrics under the names that they have in messages of this type."""
        for name in ("id", "quality", "flags"):
            self._register(kind, name, STRING, "", _ABOUT[name])
        for name, metric in metrics:
            self._declare(kind, name, metric)
            if metric.kind == "estimate" or (metric.kind == "counter" and kind == "telemetry"):
                self._register(kind, f"{name}_u", DOUBLE, unit_of(metric), f"uncertainty (k = 2) of {name}")

    def state(self, name: str, value: Any, t_ms: int) -> MetricUpdate:
        """A text that is not part of a message: identity or state."""
        registered = self._register("telemetry", name, STRING)
        return MetricUpdate(registered, t_ms, _fit(registered.datatype, value))

    def set_value(
        self, folder: str, name: str, datatype: int, value: Any, t_ms: int, unit: str = "", about: str = "",
        flags: tuple[str, ...] = (),
    ) -> MetricUpdate:  # fmt: skip
        """A value that is not part of a message of the metrics table."""
        registered = self._register(folder, name, datatype, unit, about)
        return MetricUpdate(registered, t_ms, _fit(registered.datatype, value), flags)

    def set_constant(self, name: str, value: str | float | None, unit: str = "") -> None:
        """Declares a property of the device: a text, or a number in `unit`."""
        registered = self._register("telemetry", f"Properties/{name}", DOUBLE if unit else STRING, unit)
        registered.last = MetricUpdate(registered, self.start_ms, _fit(registered.datatype, value))

    def read(self, kind: str, body: Mapping[str, Any]) -> tuple[list[MetricUpdate], bool]:
        """All values of an encoded message; true when some were not in the birth."""
        all_flags, methods, reasons = body.get("f", {}), body.get("m", {}), body.get("r", {})
        before, t_ms = len(self.metrics), int(body["t"])
        frame = {"id": body["id"], "quality": body["q"], "flags": " ".join(all_flags.get(EVERYTHING, ()))}
        found = [self._update(kind, name, value, t_ms) for name, value in frame.items()]
        for name, value in body["v"].items():
            flags = tuple(all_flags[name]) if name in all_flags else ()
            update = self._update(kind, name, value, t_ms, flags, methods.get(name, ""))
            found.append(update)
            if update.registered.coded:
                found.append(self._update(kind, f"{name}_text", text_of_reasons(reasons.get(name, ())), t_ms))
        return found, len(self.metrics) != before

    def _update(
        self, kind: str, name: str, value: Any, t_ms: int, flags: tuple[str, ...] = (), method: str = ""
    ) -> MetricUpdate:  # fmt: skip
        registered = self.metrics.get(_folder(kind) + name)
        if registered is None:
            metric = self._row(kind, name)
            unknown = STRING if isinstance(value, str) else DOUBLE
            registered = self._declare(kind, name, metric) if metric else self._register(kind, name, unknown)
        return MetricUpdate(registered, t_ms, _fit(registered.datatype, value), flags, method)

    def _declare(self, kind: str, name: str, metric: Metric) -> RegisteredMetric:
        registered = self._register(kind, name, DATATYPES[metric_type(metric)], unit_of(metric), metric.about)
        if metric.kind == "code" and not registered.coded:
            registered.coded = True
            self._register(kind, f"{name}_text", STRING, "", f"English text of {name}")
        return registered

    def _register(self, kind: str, name: str, datatype: int, unit: str = "", about: str = "") -> RegisteredMetric:
        """The metric, which is declared unless it is known."""
        full = _folder(kind) + name
        if full not in self.metrics:
            unit = unit or ("" if datatype in (STRING, BOOLEAN) else DIMENSIONLESS)
            self.metrics[full] = RegisteredMetric(full, next(self._aliases), datatype, unit, about)
        return self.metrics[full]


_ABOUT = {
    "id": "identifier of the message (boot-sequence), for deduplication",
    "quality": "quality of the message: good, uncertain or bad",
    "flags": "quality flags of the complete message",
}


def store_newest(updates: Iterable[MetricUpdate], historical: bool = False) -> None:
    """Stores these as the newest values; historical ones only where nothing newer was sent.

    A birth sends a metric without a value as null at the start of the agent, which is newer than the rows that an agent
    before has left. Live values come in order; after a step of the clock they are newer with an earlier time.
    """
    for item in updates:
        last, born = item.registered.last, bool(item.registered.last_sent)
        if not historical or (not born if last is None else item.t_ms >= last.t_ms):
            item.registered.last = item


def changed_values(updates: Iterable[MetricUpdate]) -> list[MetricUpdate]:
    """The values to send, which replace those sent last: report by exception with a maximum time.

    A value is sent when it differs from the one sent last, when that one is REFRESH_MS old or has a later time (the
    clock was stepped), and when none was sent since the birth: the birth repeats values from before the connection was
    lost, at their times.
    """
    found = []
    for item in updates:
        registered, content = item.registered, (item.value, item.flags, item.method)
        if registered.last_sent != content or not 0 <= item.t_ms - registered.sent_ms < REFRESH_MS:
            item.recovers = bool(registered.last_sent and registered.last_sent[1] and not item.flags)
            registered.last_sent, registered.sent_ms = content, item.t_ms
            found.append(item)
    return found


def write_birth(payload: Any, registry: MetricRegistry) -> None:
    """Adds every metric with name, alias, type and value or null, in chronological order."""
    updates = [item.last or MetricUpdate(item, registry.start_ms, None) for item in registry.metrics.values()]
    for update in sorted(updates, key=attrgetter("t_ms")):
        registered = update.registered
        metric = payload.metrics.add(name=registered.name, alias=registered.alias, datatype=registered.datatype)
        for key, text in (("engUnit", registered.unit), ("documentation", registered.about)):
            if text:
                _property(metric, key, STRING, text)
        _value(metric, update)
        _quality(metric, update)
        registered.last_sent, registered.sent_ms = (update.value, update.flags, update.method), 0


def write_data(payload: Any, updates: Iterable[MetricUpdate], historical: bool) -> None:
    """Adds values by alias."""
    for item in updates:
        metric = payload.metrics.add(alias=item.registered.alias)
        if historical:
            metric.is_historical = True
        _value(metric, item)
        _quality(metric, item)


def _value(metric: Any, update: MetricUpdate) -> None:
    metric.timestamp = update.t_ms
    if update.value is None:
        metric.is_null = True
    else:
        unsigned = update.value & (2**64 - 1) if update.registered.datatype == INT64 else update.value
        setattr(metric, VALUE_FIELDS[update.registered.datatype], unsigned)


def _quality(metric: Any, update: MetricUpdate) -> None:
    if not BAD_NAMES.isdisjoint(update.flags):
        _property(metric, "Quality", INT32, QUALITY_STALE if update.flags == ("STALE",) else QUALITY_BAD)
    elif update.recovers:
        _property(metric, "Quality", INT32, QUALITY_GOOD)
    if update.flags or update.recovers:
        _property(metric, "flags", STRING, " ".join(update.flags))
    if update.method:
        _property(metric, "method", STRING, update.method)


def _property(metric: Any, key: str, datatype: int, value: str | int) -> None:
    metric.properties.keys.append(key)
    setattr(metric.properties.values.add(type=datatype), "int_value" if datatype == INT32 else "string_value", value)


def _fit(datatype: int, value: Any) -> Any:
    """The value as its declared type; None where it has another type."""
    if value is None or (datatype == DOUBLE and type(value) is float):
        return value
    if datatype == STRING:
        return str(value)
    if datatype == DOUBLE_ARRAY:
        items = value if isinstance(value, list) else [value]
        numbers = [float("nan") if item is None else float(item) for item in items]
        return struct.pack(f"<{len(numbers)}d", *numbers)
    if datatype == BOOLEAN:
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if datatype == INT64:
        return int(value) if value == int(value) and int(value) in INT64_RANGE else None
    return float(value)


def text_of_reasons(reasons: Iterable[Mapping[str, Any]]) -> str:
    """English text of the reasons in an encoded message; empty when there are none."""
    return "; ".join(str(reason["text"]) for reason in reasons)


def _folder(kind: str) -> str:
    return "" if kind in WITHOUT_FOLDER else f"{kind}/"

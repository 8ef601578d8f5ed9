"""The envelope of all messages: a JSON object with time, id, values, flags and reasons (docs/reference/mqtt.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from agent.core.text import as_object, english
from drivers.reading import BAD, ORIGIN, Quality
from drivers.reasons import Reason

SCHEMA_VERSION = 1
# Metrics that are no measurement of the present
BOOKKEEPING = frozenset((
    "windows", "windows_left_out", "fundamental_hz", "energy_allocated_kwh", "energy_counted_import_wh",
    "energy_counted_export_wh", "energy_shaft_wh", "energy_shaft_returned_wh", "energy_loss_motor_wh",
    "energy_loss_drive_wh", "energy_uncounted_s", "efficiency_unavailable_reason", "efficiency_basis",
    "efficiency_class_observed", "meter_wiring", "back_emf",
))  # fmt: skip
EVERYTHING = "*"  # key of the flags that apply to all values of the message
_UNCERTAIN = ~ORIGIN


class Message(Struct, frozen=True):
    """What is published for one asset at one time.

    asset: name of the asset; None: the gateway.
    kind: message type, a topic of the metrics table: telemetry, pq3s, pq10m, harmonics, savings, event or health.
    t_ms: UTC milliseconds of the newest value.
    values: metric → value; None: not known.
    uncertainties: metric → expanded uncertainty (k = 2) in the unit of the metric.
    methods: metric → method of the estimate.
    flags: metric → quality flags of its value.
    quality: flags of all values.
    counters: name → whole number (mWh or s) that this message is the first to show; not sent, but committed to the
        store in one transaction, before the message is sent.
    reasons: metric whose value is a code, a list of codes, or the text of reasons → the reasons with their data.
    """

    asset: str | None
    kind: str
    t_ms: int
    values: Mapping[str, Any]
    uncertainties: Mapping[str, float] = field(default_factory=dict)
    methods: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, Quality] = field(default_factory=dict)
    quality: Quality = Quality.GOOD
    counters: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, Sequence[Reason]] = field(default_factory=dict)


def event(
    asset: str | None, t_ms: int, kind: str, reasons: Sequence[Reason], values: Mapping[str, Any] | None = None,
    quality: Quality = Quality.GOOD,
) -> Message:  # fmt: skip
    """An event that reasons describe; its `event_text` is their English text.

    kind: value of `event_kind`. values: further metrics of the event.
    """
    body = {"event_kind": kind, **(values or {}), "event_text": "; ".join(map(english, reasons))}
    return Message(asset, "event", t_ms, body, quality=quality, reasons={"event_text": reasons})


def overall_quality(values: Mapping[str, Any], flags: Mapping[str, Quality], quality: Quality) -> str:
    """good, uncertain or bad: bad when no value is usable, uncertain when any value or the message has a flag.

    SIMULATED and LISTENED alone do not make a message uncertain.
    """
    bad = {name for name, flag in flags.items() if flag & BAD}
    usable = (value is not None and name not in BOOKKEEPING and name not in bad for name, value in values.items())
    if not any(usable):
        return "bad"
    return "uncertain" if any(flags.values()) or quality & _UNCERTAIN else "good"


def encode(message: Message, message_id: str) -> bytes:
    """The payload: keys s, t, id, q, v, and m, f, r where they are not empty; each key once."""
    body: dict[str, Any] = {
        "s": f"magwatt.{message.kind}/{SCHEMA_VERSION}",
        "t": message.t_ms,
        "id": message_id,
        "q": overall_quality(message.values, message.flags, message.quality),
        "v": _with_uncertainties(message),
    }
    if message.methods:
        body["m"] = message.methods
    flags = {name: flag.names() for name, flag in message.flags.items() if flag}
    if message.quality:
        flags[EVERYTHING] = message.quality.names()
    if flags:
        body["f"] = flags
    if reasons := {name: [as_object(reason) for reason in found] for name, found in message.reasons.items() if found}:
        body["r"] = reasons
    return msgspec.json.encode(body)


def _with_uncertainties(message: Message) -> dict[str, Any]:
    """All values, each estimate followed by its uncertainty."""
    found: dict[str, Any] = {}
    for name, value in message.values.items():
        found[name] = value
        if name in message.uncertainties:
            found[f"{name}_u"] = message.uncertainties[name]
    return found


def codes(reasons: Iterable[Reason]) -> str:
    """The codes of reasons as the value of a metric, separated by commas; empty when there are none."""
    return ",".join(dict.fromkeys(str.__str__(reason.code) for reason in reasons))


def encode_plain(kind: str, t_ms: int, body: Mapping[str, Any]) -> bytes:
    """Payload of a retained message (info, meta, state, explain): no id, because each replaces the one before."""
    return msgspec.json.encode({"s": f"magwatt.{kind}/{SCHEMA_VERSION}", "t": t_ms, **body})

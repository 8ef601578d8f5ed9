"""The envelope: one JSON object per message, one time, an id for removing duplicates (docs/mqtt.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agent.core.text import as_object
from drivers.reading import BAD, Quality
from drivers.reasons import Reason

SCHEMA_VERSION = 1
BOOKKEEPING = frozenset((
    "windows", "windows_left_out", "fundamental_hz", "energy_allocated_kwh", "energy_counted_import_wh",
    "energy_counted_export_wh", "energy_shaft_wh", "energy_shaft_returned_wh", "energy_loss_motor_wh",
    "energy_loss_drive_wh", "energy_uncounted_s", "efficiency_unavailable_reason", "efficiency_basis",
    "efficiency_class_observed", "meter_wiring", "back_emf",
))  # no measurement of the moment  # fmt: skip
EVERYTHING = "*"  # the key of flags that hold for the whole message
_DOUBTFUL = ~Quality.SIMULATED


@dataclass(frozen=True, slots=True)
class Message:
    """What is published for one asset at one time. asset None: the gateway itself.

    reasons: metric whose value is a code, or a list of codes → the reasons with their data.
    counters: name → whole number (watt-hours) that this message is the first to show; not sent, but committed to the
    store in one transaction with its row.
    """

    asset: str | None
    kind: str  # a topic of the metrics table: telemetry | pq3s | pq10m | harmonics | savings | event | health
    t_ms: int
    values: Mapping[str, Any]
    uncertainties: Mapping[str, float] = field(default_factory=dict)
    methods: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, Quality] = field(default_factory=dict)
    quality: Quality = Quality.GOOD  # of the whole message
    counters: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, Sequence[Reason]] = field(default_factory=dict)


def judge(values: Mapping[str, Any], flags: Mapping[str, Quality], quality: Quality) -> str:
    """good | uncertain | bad: bad when nothing usable is left, uncertain when anything is doubtful.

    SIMULATED alone does not make a value uncertain; it is shown beside it.
    """
    bad = {name for name, flag in flags.items() if flag & BAD}
    usable = (value is not None and name not in BOOKKEEPING and name not in bad for name, value in values.items())
    if not any(usable):
        return "bad"
    return "uncertain" if any(flags.values()) or quality & _DOUBTFUL else "good"


def encode(message: Message, message_id: str) -> bytes:
    """The bytes on the wire: s, t, id, q, v, and m, f, r where they are not empty; keys never repeat."""
    body: dict[str, Any] = {
        "s": f"magwatt.{message.kind}/{SCHEMA_VERSION}",
        "t": message.t_ms,
        "id": message_id,
        "q": judge(message.values, message.flags, message.quality),
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
    """Each estimate followed by its uncertainty."""
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
    """Retained texts about things (info, meta, state): no id, since the last one replaces all before."""
    return msgspec.json.encode({"s": f"magwatt.{kind}/{SCHEMA_VERSION}", "t": t_ms, **body})

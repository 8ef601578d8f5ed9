"""What each row of the metrics table is, for dialects that must declare it: a number, a whole number, a text, a series.

Told by the vocabulary and the row's kind, so that a new row needs nothing here. Only texts and series of messages that
are no measurement are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any

from agent.metrics import Metric, by_name
from agent.topology import Asset
from drivers.profiles import load_profile
from drivers.reading import BAD, Quality
from drivers.registers import TEXT_OF, usable
from drivers.vocabulary import metric_name_of, vocabulary

TOPICS = ("telemetry", "pq3s", "pq10m", "harmonics", "event", "savings", "health")
SERIES_NAMES = ("harmonic_", "harmonics_", "band_", "snapshot_u_", "snapshot_i_", "event_phases")
TEXTS = ("event_kind", "event_state", "event_text", "gap_message_type")
FALLING = ("energy_net", "energy_total", "reactive_energy_total", "waveform_drift_ppm")  # net on some meters
BAD_NAMES = frozenset(BAD.names())


class Shape(Enum):
    NUMBER = "number"
    WHOLE = "whole number"
    TEXT = "text"
    SERIES = "series of numbers"


def shape(metric: Metric) -> Shape:
    if metric.name.startswith(SERIES_NAMES):
        return Shape.SERIES
    quantity = vocabulary().get(metric.name)  # states and identities have no unit: their name is the quantity's
    if metric.kind == "text" or metric.name in TEXTS or metric.name.endswith("_text"):
        return Shape.TEXT
    if quantity is not None and quantity.kind in ("identity", "state"):
        return Shape.TEXT if quantity.kind == "identity" else Shape.WHOLE
    return Shape.NUMBER


def nature(metric: Metric) -> str:
    """The vocabulary's kind (gauge, state, setting, identity), or the row's own where it is derived."""
    found = _quantities().get(metric.name)
    return found if metric.topic == "telemetry" and found else metric.kind


@cache
def _quantities() -> dict[str, str]:
    return {metric_name_of(name): quantity.kind for name, quantity in vocabulary().items()}


def grows(metric: Metric) -> bool:
    """Whether it is a counter that never falls but by starting anew."""
    return metric.kind == "counter" and not metric.name.startswith(FALLING)


def everything() -> Iterator[Metric]:
    """Each row of the table, once for each kind of message it stands in."""
    for topic in TOPICS:
        for metric in by_name(topic).values():
            yield metric if metric.topic == topic else _moved(metric, topic)


def _moved(metric: Metric, topic: str) -> Metric:
    return Metric(metric.name, metric.unit, metric.about, metric.kind, topic, metric.decimals)


def expected(asset: Asset) -> dict[str, list[Metric]]:
    """Kind of message → what an asset may ever say, from its devices' maps and what is measured there."""
    table = asset.metrics("telemetry")
    names: list[str] = []
    for model in (device.profile for device in (asset.meter, asset.drive) if device):
        profile = load_profile(model)
        names += [metric_name_of(row.name) for row in usable(profile)]
        if profile.faults and profile.faults_of in TEXT_OF:
            names.append(TEXT_OF[profile.faults_of])
    names += [signal.metric.name for signal in asset.signals]
    if asset.motor:
        names += [row.name for row in table.values() if row.kind in ("estimate", "text")]
        names += [row.name for row in table.values() if row.kind == "counter" and _derived(row)]
    found = {"telemetry": [table[name] for name in dict.fromkeys(names) if name in table]}
    topics = ["event", *(["savings"] if asset.motor else [])]
    if asset.motor and asset.motor.waveform:
        topics += ["pq3s", "pq10m", "harmonics"]
    return found | {topic: list(by_name(topic).values()) for topic in topics}


def _derived(metric: Metric) -> bool:
    return metric.name not in _quantities()


def flags_of(body: Mapping[str, Any], name: str) -> list[str]:
    """The flags of one metric in an encoded message; those of the whole message are not among them."""
    found: list[str] = body.get("f", {}).get(name, [])
    return found


def unusable(flags: list[str]) -> bool:
    return not BAD_NAMES.isdisjoint(flags)


def unusable_flag(flag: Quality) -> bool:
    return bool(flag & BAD)

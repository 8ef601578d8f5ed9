"""Type of each metric, for dialects that must declare it: number, integer, text or series.

It follows from the vocabulary and the kind of the metric, so that a new metric needs no entry here. Only series are
listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from functools import cache

from agent.config.topology import Asset
from agent.core.meter_clock import published_name
from agent.core.metrics import Metric, by_name
from drivers.drive_faults import TEXT_OF, TRIPPED
from drivers.profiles import load_profile
from drivers.reading import BAD
from drivers.register_blocks import usable
from drivers.vocabulary import metric_name_of, vocabulary

TOPICS = ("telemetry", "pq3s", "pq10m", "harmonics", "event", "savings", "health")
SERIES_NAMES = ("harmonic_", "harmonics_", "band_", "snapshot_u_", "snapshot_i_", "event_phases")
FALLING = ("energy_net", "energy_total", "reactive_energy_total", "waveform_drift_ppm")  # may decrease
UNITS_IN_NAMES = {"_ms": "ms", "_s": "s", "_ppm": "ppm", "certificate_days": "d", "spool_hours_left": "h"}
BAD_NAMES = frozenset(BAD.names())


class MetricType(Enum):
    NUMBER = "number"
    INTEGER = "whole number"
    TEXT = "text"
    SERIES = "series of numbers"


def metric_type(metric: Metric) -> MetricType:
    """Type of the value of a metric."""
    if metric.name.startswith(SERIES_NAMES):
        return MetricType.SERIES
    quantity = vocabulary().get(metric.name)  # states and identities have no unit suffix
    if metric.kind in ("text", "code") or metric.name.endswith("_text"):
        return MetricType.TEXT
    if quantity is not None and quantity.kind in ("identity", "state"):
        return MetricType.TEXT if quantity.kind == "identity" else MetricType.INTEGER
    return MetricType.NUMBER


def unit_of(metric: Metric) -> str:
    """Unit of a metric, from the end of its name where the table has none; empty: dimensionless, or a text."""
    return metric.unit or next((unit for end, unit in UNITS_IN_NAMES.items() if metric.name.endswith(end)), "")


def quantity_kind(metric: Metric) -> str:
    """Kind in the vocabulary (gauge, state, setting, identity), or the kind of the metric where it is derived."""
    found = _quantities().get(metric.name)
    return found if metric.topic == "telemetry" and found else metric.kind


@cache
def _quantities() -> dict[str, str]:
    return {metric_name_of(name): quantity.kind for name, quantity in vocabulary().items()}


def is_monotonic(metric: Metric) -> bool:
    """Whether it is a counter that decreases only when it is reset."""
    return metric.kind == "counter" and not metric.name.startswith(FALLING)


def all_metrics() -> Iterator[Metric]:
    """Each metric, once for each message type that contains it."""
    return (metric for topic in TOPICS for metric in by_name(topic).values())


def expected_metrics(asset: Asset) -> dict[str, list[Metric]]:
    """Message type → metrics that an asset may publish, from the register maps of its devices and its measurements."""
    table = asset.metrics("telemetry")
    names: list[str] = []
    for model in (device.profile for device in (asset.meter, asset.drive) if device):
        profile = load_profile(model)
        names += [metric_name_of(published_name(row.name)) for row in usable(profile)]
        if profile.faults and profile.faults_of in TEXT_OF:
            names.append(TEXT_OF[profile.faults_of])
        if profile.trip is not None and profile.trip.register in {row.name for row in usable(profile)}:
            names.append(TRIPPED)
    names += [signal.metric.name for signal in asset.signals]
    if asset.motor:
        names += [row.name for row in table.values() if row.kind in ("estimate", "text", "code")]
        names += [row.name for row in table.values() if row.kind == "counter" and row.name not in _quantities()]
    found = {"telemetry": [table[name] for name in dict.fromkeys(names) if name in table]}
    topics = ["event", *(["savings"] if asset.motor else [])]
    if asset.motor and asset.motor.waveform:
        topics += ["pq3s", "pq10m", "harmonics"]
    return found | {topic: list(by_name(topic).values()) for topic in topics}

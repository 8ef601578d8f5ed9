"""Samples of a value, in base units, and how long a value is exposed: for every exposition, with or without library."""

from __future__ import annotations

from typing import Any

from agent.delivery.prometheus.names import ExposedMetric, PrometheusType

AGE_S = {"pq10m": 1500.0, "savings": 3600.0, "health": 300.0, "event": float("inf")}  # less frequent messages
AGE_DEFAULT_S = 120.0
POINTS_MAX = 64  # a longer series (a waveform) is exposed by its minimum and maximum
LABELS = ("site", "gateway", "asset")


def uncertainty_of(exposed: ExposedMetric) -> ExposedMetric:
    """`magwatt_motor_efficiency_ratio` → `magwatt_motor_efficiency_uncertainty_ratio`."""
    name = exposed.name.removesuffix("_total")
    stem, _, unit = name.rpartition("_")
    return ExposedMetric(f"{stem}_uncertainty_{unit}", exposed.factor, PrometheusType.GAUGE, f"k = 2: {exposed.about}")


def help_of(exposed: ExposedMetric) -> str:
    return exposed.about or exposed.name.removeprefix("magwatt_").replace("_", " ")


def samples_of(exposed: ExposedMetric, value: Any) -> list[tuple[dict[str, str], float]]:
    """Further labels and number of each sample of a value."""
    if exposed.type is PrometheusType.INFO:
        return [({"text": str(value)}, 1.0)]
    if exposed.series:
        return [({"point": index}, number * exposed.factor) for index, number in _points(value)]
    return [({}, value * exposed.factor)] if isinstance(value, int | float) else []


def _points(value: Any) -> list[tuple[str, float]]:
    numbers = value if isinstance(value, list) else [value]
    if len(numbers) > POINTS_MAX:
        present = [number for number in numbers if number is not None]
        return [("min", min(present)), ("max", max(present))] if present else []
    return [(str(index), number) for index, number in enumerate(numbers) if number is not None]

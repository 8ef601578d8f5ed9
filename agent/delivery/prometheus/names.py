"""Prometheus names, derived from the metrics table: base units, written out; counters end in `_total`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from enum import Enum

from msgspec import Struct

from agent.core.metrics import Metric
from agent.delivery.base.metric_types import MetricType, is_monotonic, metric_type
from drivers.vocabulary import metric_name

BASE = {
    "W": ("watts", 1.0), "kW": ("watts", 1e3), "var": ("vars", 1.0), "VA": ("volt_amperes", 1.0), "V": ("volts", 1.0),
    "A": ("amperes", 1.0), "Hz": ("hertz", 1.0), "rpm": ("revolutions_per_second", 1 / 60), "%": ("ratio", 0.01),
    "degC": ("celsius", 1.0), "deg": ("radians", math.pi / 180), "Nm": ("newton_meters", 1.0), "h": ("seconds", 3600.0),
    "d": ("seconds", 86400.0), "s": ("seconds", 1.0), "ms": ("seconds", 1e-3), "Wh": ("joules", 3.6e3),
    "kWh": ("joules", 3.6e6), "MWh": ("joules", 3.6e9), "GWh": ("joules", 3.6e12), "kvarh": ("var_seconds", 3.6e6),
    "kVAh": ("volt_ampere_seconds", 3.6e6), "m3/h": ("cubic_meters_per_second", 1 / 3600), "bar": ("pascals", 1e5),
    "MB": ("bytes", 1e6),
}  # fmt: skip
IN_NAME = {  # metrics without a unit, whose name contains it
    "_start_ms": ("_start_time_seconds", 1e-3),
    "_s": ("_seconds", 1.0),
    "certificate_days": ("certificate_seconds", 86400.0),
    "spool_hours_left": ("spool_time_left_seconds", 3600.0),
    "_ppm": ("_ratio", 1e-6),
}


class PrometheusType(Enum):
    GAUGE = "gauge"
    COUNTER = "counter"
    INFO = "info"  # a text, as a label of a gauge that is 1


class ExposedMetric(Struct, frozen=True):
    """A metric as Prometheus sees it.

    name: with its base unit.
    factor: from the unit of the metric to the base unit.
    type: gauge, counter or info.
    about: help text.
    series: whether the value is a series, exposed with the label `point`.
    """

    name: str
    factor: float
    type: PrometheusType
    about: str
    series: bool = False


def names(metrics: Iterable[Metric]) -> dict[tuple[str, str], ExposedMetric]:
    """(message type, metric) → how it is exposed. Where two metrics would get the same name (`shaft_power_w` and
    `shaft_power_kw`), the name contains the original unit."""
    rows = {(metric.topic, metric.name): metric for metric in metrics}
    plain = {key: _exposed(metric, "") for key, metric in rows.items()}
    uses = Counter(item.name for item in plain.values())
    return {
        key: _exposed(rows[key], f"_in_{_UNIT_WORDS.get(rows[key].unit, 'own')}")
        if uses[exposed.name] > 1 and rows[key].unit
        else exposed
        for key, exposed in plain.items()
    }


_UNIT_WORDS = {"W": "watt", "kW": "kilowatt", "Wh": "watthour", "kWh": "kilowatthour", "MWh": "megawatthour",
               "GWh": "gigawatthour", "h": "hour", "d": "day", "%": "percent", "s": "second", "ms": "millisecond",
               "V": "volt", "A": "ampere"}  # fmt: skip


def _exposed(metric: Metric, original_unit: str) -> ExposedMetric:
    stem, factor, unit = metric.name, 1.0, ""
    if metric.unit in BASE:
        unit, factor = BASE[metric.unit]
        stem = stem.removesuffix(metric_name("", metric.unit)).removesuffix("_percent")
        unit = f"_{unit}"
    elif not metric.unit and (end := next((end for end in IN_NAME if stem.endswith(end)), None)):
        unit, factor = IN_NAME[end]
        stem = stem.removesuffix(end)
        unit = unit if unit.startswith("_") or not stem else f"_{unit}"
    kind = "" if metric.topic in ("telemetry", "event") else f"{metric.topic}_"
    form = metric_type(metric)
    name = "magwatt_" + _normalized(f"{kind}{stem.rstrip('_')}{original_unit}{unit}")
    if form is MetricType.TEXT:
        return ExposedMetric(f"{name}_info", 1.0, PrometheusType.INFO, metric.about)
    if is_monotonic(metric) and form is not MetricType.SERIES:
        return ExposedMetric(f"{name.removesuffix('_total')}_total", factor, PrometheusType.COUNTER, metric.about)
    return ExposedMetric(name, factor, PrometheusType.GAUGE, metric.about, form is MetricType.SERIES)


_REPLACEMENTS = {"_*": "", "_bits": "_bitmap", "100pct": "full_scale", "_hours_": "_time_", "_days_": "_time_"}


def _normalized(name: str) -> str:
    """The name of a bus in a metric (`bus_*_polls`) becomes a label; hours and days become a time in seconds."""
    for word, plain in _REPLACEMENTS.items():
        name = name.replace(word, plain)
    return name.strip("_")

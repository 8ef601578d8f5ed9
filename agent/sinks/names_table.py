"""docs/dialect-names.md: the name of every metric in each dialect."""

from __future__ import annotations

from collections.abc import Iterator

from agent.metrics import Metric
from agent.sinks.homeassistant_entities import entity
from agent.sinks.prometheus_names import names
from agent.sinks.shapes import Shape, all_metrics, metric_type

SPARKPLUG = {Shape.NUMBER: "Double", Shape.INTEGER: "Int64", Shape.TEXT: "String", Shape.SERIES: "DoubleArray"}


def table_markdown() -> str:
    lines = ["| message | metric | Home Assistant | Sparkplug | Prometheus |", "|---|---|---|---|---|"]
    exposed = names(all_metrics())
    for metric in sorted(all_metrics(), key=lambda row: (row.topic, row.name)):
        found = exposed[metric.topic, metric.name]
        entity_words, datatype = " ".join(_entity(metric)), SPARKPLUG[metric_type(metric)]
        if metric.kind == "code":
            datatype += f", `{metric.name}_text`"
        lines.append(f"| {metric.topic} | `{metric.name}` | {entity_words} | {datatype} | `{found.name}` |")
    return "\n".join(lines) + "\n"


def _entity(metric: Metric) -> Iterator[str]:
    found = entity(metric, metric.topic, "root", "asset")
    yield str(found.get("dev_cla", "–"))
    yield str(found.get("stat_cla", "–"))
    yield str(found.get("unit_of_meas", "–"))
    if "en" in found:
        yield "(off)"

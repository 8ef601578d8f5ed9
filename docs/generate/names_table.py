"""docs/reference/dialect-names.md: the name of every metric in each dialect."""

from __future__ import annotations

from collections.abc import Iterator

from agent.core.metrics import Metric
from agent.delivery.base.metric_types import MetricType, all_metrics, metric_type
from agent.delivery.homeassistant.entities import entity
from agent.delivery.prometheus.names import names

SPARKPLUG = {
    MetricType.NUMBER: "Double",
    MetricType.INTEGER: "Int64",
    MetricType.TEXT: "String",
    MetricType.SERIES: "DoubleArray",
}


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


if __name__ == "__main__":
    print(table_markdown(), end="")

"""GET /metrics: the newest values in the text format of Prometheus, named as those of the output of the agent.

A value that is missing, flagged as unusable or old has no sample.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.core.metrics import Metric
from agent.core.row_names import bus_of, row_name
from agent.delivery.base.metric_types import all_metrics
from agent.delivery.prometheus.names import ExposedMetric, PrometheusType, names
from agent.delivery.prometheus.samples import AGE_DEFAULT_S, AGE_S, LABELS, help_of, samples_of, uncertainty_of
from agent.web.base.context import Web, web_of
from agent.web.base.values import bad_flags
from agent.web.http.login import METRICS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus, "Text-based format"


def exposition(web: Web) -> str:
    """One family for each metric that has a value now."""
    families: dict[str, list[str]] = {}
    table = _exposed(tuple(signal.metric for asset in web.assets for signal in asset.signals))
    for kind, labels, message in _messages(web):
        for exposed, extra, value in _values(table, kind, message):
            for more, number in samples_of(exposed, value):
                kind_of = "counter" if exposed.type is PrometheusType.COUNTER else "gauge"
                head = [f"# HELP {exposed.name} {_escaped(help_of(exposed))}", f"# TYPE {exposed.name} {kind_of}"]
                text = ",".join(f'{name}="{_quoted(label)}"' for name, label in {**labels, **extra, **more}.items())
                families.setdefault(exposed.name, head).append(f"{exposed.name}{{{text}}} {float(number)!r}")
    return "".join(f"{line}\n" for lines in families.values() for line in lines)


def _messages(web: Web) -> Iterator[tuple[str, dict[str, str], Mapping[str, Any]]]:
    """Kind, labels and message of each message that is not too old."""
    now_s, now_ms = time.monotonic(), web.now_ms()
    for followed in list(web.follower.seen.values()):
        for kind, message in list(followed.messages.items()):
            if now_s - followed.received_s.get(kind, now_s) <= AGE_S.get(kind, AGE_DEFAULT_S):
                yield kind, _labels(followed.gateway, followed.asset), message
    for gateway, messages in list(web.follower.gateway_messages.items()):
        health = messages.get("health", {})
        if isinstance(t_ms := health.get("t"), int) and now_ms - t_ms <= 1000 * AGE_S["health"]:
            yield "health", _labels(gateway, ""), health


def _values(
    table: Mapping[tuple[str, str], ExposedMetric], kind: str, message: Mapping[str, Any]
) -> Iterator[tuple[ExposedMetric, dict[str, str], Any]]:
    """Metric, further labels and value; the value of NAME_u is the uncertainty of NAME."""
    values = message.get("v")
    for name, value in (values if isinstance(values, dict) else {}).items():
        if value is None or bad_flags(message, name):
            continue
        bus = bus_of(name) if kind == "health" else ""
        if (found := table.get((kind, row_name(name) if bus else name))) is not None:
            yield found, {"bus": bus} if bus else {}, value
        elif (found := table.get((kind, name.removesuffix("_u")))) is not None:
            yield uncertainty_of(found), {}, value


def _labels(gateway: str, asset: str) -> dict[str, str]:
    """gateway: its topic, whose last levels are site and gateway."""
    return dict(zip(LABELS, (*gateway.split("/")[-2:], asset), strict=True))


@cache
def _exposed(signals: tuple[Metric, ...]) -> dict[tuple[str, str], ExposedMetric]:
    return names((*all_metrics(), *signals))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', '\\"')


async def _metrics(request: Request) -> Response:
    return Response(exposition(web_of(request)), headers={"cache-control": "no-store"}, media_type=CONTENT_TYPE)


routes = [Route(METRICS, _metrics)]

"""Prometheus: the newest values on an HTTP port, which listens on loopback by default.

A value that is missing, flagged as unusable or old is not exposed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.core import Metric as Family

from agent.config.model import Config
from agent.config.topology import Asset
from agent.core.messages import Message
from agent.core.row_names import row_name
from agent.delivery.base.metric_types import all_metrics
from agent.delivery.prometheus.names import ExposedMetric, PrometheusType, names
from agent.delivery.prometheus.samples import AGE_DEFAULT_S, AGE_S, LABELS, help_of, samples_of, uncertainty_of
from drivers.reading import BAD, Quality

log = logging.getLogger(__name__)

RETRY_S = 30.0


class PrometheusSink:
    """A live sink, and the collector that the threads of the HTTP server call.

    port: on which it listens; None: not yet.
    """

    def __init__(self, config: Config, assets: tuple[Asset, ...]) -> None:
        settings = config.dialects.prometheus
        assert settings is not None
        self.port: int | None = None
        self._settings, self._site = settings, (config.site.id, config.site.gateway)
        self._lock = threading.Lock()
        self._newest: dict[tuple[str, str], tuple[Message, float]] = {}  # (asset, kind) → message, monotonic time
        self._server: Any = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="prometheus", daemon=True)
        self.reconfigure(config, assets)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join(5)
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def on_published(self, message: Message) -> None:
        with self._lock:
            self._newest[message.asset or "", message.kind] = (message, time.monotonic())

    def reconfigure(self, config: Config, assets: tuple[Asset, ...]) -> None:
        signals = [signal.metric for asset in assets for signal in asset.signals]
        with self._lock:
            self._buses = tuple(config.buses)
            self._exposed = names((*all_metrics(), *signals))  # (message type, metric) → how it is exposed
            known = {"", *(asset.name for asset in assets)}
            self._newest = {key: item for key, item in self._newest.items() if key[0] in known}

    def collect(self) -> Iterator[Family]:
        """One family for each metric that has a value now."""
        now_s = time.monotonic()
        with self._lock:
            newest, exposed = list(self._newest.items()), self._exposed
        families: dict[str, Any] = {}
        for (asset, kind), (message, at_s) in newest:
            if now_s - at_s > AGE_S.get(kind, AGE_DEFAULT_S):
                continue
            labels = dict(zip(LABELS, (*self._site, asset), strict=True))
            for name, value in message.values.items():
                bus = max((bus for bus in self._buses if name.startswith(f"bus_{bus}_")), key=len, default=None)
                found = exposed.get((kind, row_name(name) if bus else name))
                if found is not None and value is not None and not message.flags.get(name, Quality.GOOD) & BAD:
                    _add(families, found, labels | ({"bus": bus} if bus else {}), value)
            for name, value in message.uncertainties.items():
                if (found := exposed.get((kind, name))) is not None:
                    _add(families, uncertainty_of(found), labels, value)
        yield from families.values()

    def _listen(self) -> None:
        """Opens the port. A port in use is logged once and tried again: an earlier run may still hold it."""
        registry = CollectorRegistry()
        registry.register(self)
        logged = False
        while not self._ending.is_set():
            try:
                self._server, _ = start_http_server(self._settings.port, self._settings.host, registry)
            except OSError as error:
                if not logged:
                    log.error(
                        "prometheus.listen %s:%d: %s; measurement continues, next attempt in %.0f s",
                        self._settings.host, self._settings.port, error.strerror or error, RETRY_S,
                    )  # fmt: skip
                    logged = True
                self._ending.wait(RETRY_S)
            else:
                self.port = self._server.server_address[1]
                log.info("prometheus: http://%s:%d/metrics", self._settings.host, self.port)
                return


def _add(families: dict[str, Any], exposed: ExposedMetric, labels: dict[str, str], value: Any) -> None:
    """Adds the samples of one value to the family of its metric."""
    for extra, number in samples_of(exposed, value):
        if exposed.name not in families:
            kind = CounterMetricFamily if exposed.type is PrometheusType.COUNTER else GaugeMetricFamily
            families[exposed.name] = kind(exposed.name, help_of(exposed), labels=[*labels, *extra])
        families[exposed.name].add_metric([*labels.values(), *extra.values()], number)

"""Creates the configured sinks. A sink whose library is missing is omitted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from agent.config.model import Config
from agent.config.topology import assets
from agent.delivery.base.sink import DurableSink, LiveSink
from agent.delivery.publisher import Publisher
from agent.delivery.store import Store
from drivers.reading import Clock

log = logging.getLogger(__name__)

Sink = TypeVar("Sink")


def durable_sinks(config: Config, publisher: Publisher, store: Store, clock: Clock) -> list[DurableSink]:
    def mqtt() -> DurableSink:
        from agent.delivery.mqtt.sink import MqttSink

        assert config.mqtt is not None
        client_id = f"magwatt-{config.site.id}-{config.site.gateway}"
        return MqttSink(config.mqtt, client_id, publisher.root, publisher.retained_messages, publisher.publish_event)

    def sparkplug() -> DurableSink:
        from agent.delivery.sparkplug.sink import SparkplugSink

        return SparkplugSink(config, assets(config), publisher.root, publisher.retained_messages, store, clock)

    def file() -> DurableSink:
        from agent.delivery.files.conversion import LakeConversion, LongConversion
        from agent.delivery.files.ndjson import FileSink

        settings = dialects.file
        assert settings is not None
        if settings.layout == "wide":
            return FileSink(settings, publisher.root, LakeConversion(settings, config, store.directory, clock))
        parquet = settings.format == "parquet"
        return FileSink(settings, publisher.root, LongConversion(publisher.root) if parquet else None)

    dialects = config.dialects
    return [*_created(config.mqtt, mqtt), *_created(dialects.sparkplug, sparkplug), *_created(dialects.file, file)]


def live_sinks(config: Config, publisher: Publisher, store: Store) -> list[LiveSink]:
    def homeassistant() -> LiveSink:
        from agent.delivery.homeassistant.sink import HomeAssistantSink

        sink = HomeAssistantSink(config, assets(config), publisher.root, store)
        publisher.followers.append(sink.on_retained)
        return sink

    def prometheus() -> LiveSink:
        from agent.delivery.prometheus.sink import PrometheusSink

        return PrometheusSink(config, assets(config))

    dialects = config.dialects
    return [*_created(dialects.homeassistant, homeassistant), *_created(dialects.prometheus, prometheus)]


def _created(settings: object | None, create: Callable[[], Sink]) -> list[Sink]:
    """The sink; none without settings, or without its library, which agent/runtime/start_conditions.py reports."""
    try:
        return [] if settings is None else [create()]
    except ImportError as error:
        log.debug("output omitted: %s", error)
        return []

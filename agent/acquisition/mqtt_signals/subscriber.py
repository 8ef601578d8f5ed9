"""A connection to a broker that only subscribes to topics and never publishes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

import paho.mqtt.client as paho

from agent.acquisition.mqtt_signals.reasons import SUBSCRIPTION_REJECTED
from agent.config.model import Mqtt
from agent.delivery.mqtt.backoff import DisconnectReason
from agent.delivery.mqtt.connection import MqttConnection, MqttHandler
from drivers.reasons import Reason

log = logging.getLogger(__name__)

IDLE_S = 0.5


class MqttSubscriber(MqttHandler):
    """deliver: is called with topic, payload and the retain flag, in the thread of the link.

    rejected: topic → why the broker rejects its subscription.
    """

    def __init__(self, settings: Mqtt, client_id: str, deliver: Callable[[str, bytes, bool], None]) -> None:
        self.link = MqttConnection("topics", settings, client_id, self)
        self.rejected: dict[str, Reason] = {}
        self._deliver = deliver
        self._topics: frozenset[str] = frozenset()
        self._subscribed: frozenset[str] = frozenset()
        self._requested: dict[int, list[str]] = {}  # packet identifier → its topics

    @property
    def complete(self) -> bool:
        """Whether the broker has responded to all subscriptions."""
        return self._subscribed == self._topics and not self._requested

    def follow(self, topics: Iterable[str]) -> None:
        """Replaces the subscriptions. From any thread."""
        self._topics = frozenset(topics)
        self.link.wake()

    # Called by the link

    def configure(self, client: paho.Client) -> None:
        """Replaces the handler of the link, which ignores rejected subscriptions."""
        client.on_subscribe = self._on_subscribe

    def on_connected(self, properties: Any) -> None:
        self._subscribed = frozenset()

    def send_due(self, now_s: float) -> float:
        topics = self._topics
        if removed := sorted(self._subscribed - topics):
            self.link.client.unsubscribe(removed)
            for topic in removed:
                self.rejected.pop(topic, None)
        new = sorted(topics - self._subscribed)
        if new and (number := self.link.subscribe(new)) is not None:
            self._requested[number] = new
        self._subscribed = topics
        return IDLE_S

    def on_message(self, topic: str, payload: bytes, retained: bool) -> None:
        self._deliver(topic, payload, retained)

    def on_disconnected(self, end: DisconnectReason, reason: Reason | None) -> None:
        self._requested.clear()

    def _on_subscribe(
        self, _client: paho.Client, _data: Any, number: int, reasons: list[Any], _properties: Any
    ) -> None:  # fmt: skip
        for topic, reason in zip(self._requested.pop(number, ()), reasons, strict=False):
            if not reason.is_failure:
                self.rejected.pop(topic, None)
            elif topic not in self.rejected:
                self.rejected[topic] = SUBSCRIPTION_REJECTED(topic=topic, error=str(reason))
                log.warning("topics: %s", self.rejected[topic])

"""A connection to a broker that only subscribes to topics and never publishes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

import paho.mqtt.client as paho

from agent.acquisition.mqtt_signals.reasons import SUBSCRIPTION_REJECTED
from agent.config.model import Mqtt
from agent.delivery.mqtt.connection import MqttConnection
from drivers.reasons import Reason

log = logging.getLogger(__name__)

IDLE_S = 0.5


class MqttSubscriber:
    """deliver: is called with topic, payload and the retain flag, in the thread of the link.

    rejected: topic → why the broker rejects its subscription.
    """

    def __init__(self, settings: Mqtt, client_id: str, deliver: Callable[[str, bytes, bool], None]) -> None:
        self.link = MqttConnection("topics", settings, client_id, self)
        self.rejected: dict[str, Reason] = {}
        self._deliver = deliver
        self._wanted: frozenset[str] = frozenset()
        self._subscribed: frozenset[str] = frozenset()
        self._requested: dict[int, list[str]] = {}  # packet identifier → its topics
        self._client: paho.Client | None = None

    @property
    def complete(self) -> bool:
        """Whether the broker has responded to all subscriptions."""
        return self._subscribed == self._wanted and not self._requested

    def follow(self, topics: Iterable[str]) -> None:
        """Replaces the subscriptions. From any thread."""
        self._wanted = frozenset(topics)
        self.link.wake()

    # Called by the link

    def configure(self, client: paho.Client) -> None:
        """Replaces handlers of the link, which ignore the retain flag and rejected subscriptions."""
        client.on_message, client.on_subscribe = self._on_message, self._on_subscribe

    def stands(self, client: paho.Client) -> None:
        self._client, self._subscribed = client, frozenset()

    def turn(self, now_s: float) -> float:
        assert self._client is not None
        wanted = self._wanted
        if gone := sorted(self._subscribed - wanted):
            self._client.unsubscribe(gone)
            for topic in gone:
                self.rejected.pop(topic, None)
        if new := sorted(wanted - self._subscribed):
            _, number = self._client.subscribe([(topic, 1) for topic in new])
            if number is not None:
                self._requested[number] = new
        self._subscribed = wanted
        return IDLE_S

    def heard(self, topic: str, payload: bytes) -> None:
        self._deliver(topic, payload, False)

    def confirmed(self, mid: int) -> None:
        """Nothing is published."""

    def part(self, client: paho.Client) -> bool:
        return True

    def gone(self) -> None:
        self._client = None
        self._requested.clear()

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            self._deliver(message.topic, bytes(message.payload), bool(message.retain))
        except Exception:  # no payload may end the thread
            self.link.mistaken("internal error while processing a message; the message is ignored")

    def _on_subscribe(
        self, _client: paho.Client, _data: Any, number: int, reasons: list[Any], _properties: Any
    ) -> None:  # fmt: skip
        for topic, reason in zip(self._requested.pop(number, ()), reasons, strict=False):
            if not reason.is_failure:
                self.rejected.pop(topic, None)
            elif topic not in self.rejected:
                self.rejected[topic] = SUBSCRIPTION_REJECTED(topic=topic, error=str(reason))
                log.warning("topics: %s", self.rejected[topic])

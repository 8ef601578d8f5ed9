"""One connection to one broker that only reads: it subscribes to topics and publishes nothing, ever."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

import paho.mqtt.client as paho

from agent.config import Mqtt
from agent.sinks.link import Link

log = logging.getLogger(__name__)

IDLE_S = 0.5


class Listener:
    """deliver: gets topic, payload and whether it was retained, in the link's thread."""

    def __init__(self, settings: Mqtt, client_id: str, deliver: Callable[[str, bytes, bool], None]) -> None:
        self.link = Link("topics", settings, client_id, self)
        self.refused: dict[str, str] = {}  # topic → what the broker said
        self._deliver = deliver
        self._wanted: frozenset[str] = frozenset()
        self._subscribed: frozenset[str] = frozenset()
        self._asked: dict[int, list[str]] = {}  # packet → its topics
        self._client: paho.Client | None = None

    def follow(self, topics: Iterable[str]) -> None:
        """These from now on. From any thread."""
        self._wanted = frozenset(topics)
        self.link.wake()

    # What the link calls.

    def configure(self, client: paho.Client) -> None:
        """The link's own handlers know neither what was retained nor what was refused."""
        client.on_message, client.on_subscribe = self._on_message, self._on_subscribe

    def stands(self, client: paho.Client) -> None:
        self._client, self._subscribed = client, frozenset()

    def turn(self, now_s: float) -> float:
        assert self._client is not None
        wanted = self._wanted
        if gone := sorted(self._subscribed - wanted):
            self._client.unsubscribe(gone)
            for topic in gone:
                self.refused.pop(topic, None)
        if new := sorted(wanted - self._subscribed):
            _, number = self._client.subscribe([(topic, 1) for topic in new])
            if number is not None:
                self._asked[number] = new
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
        self._asked.clear()

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            self._deliver(message.topic, bytes(message.payload), bool(message.retain))
        except Exception:  # whatever somebody sends us
            self.link.mistaken("a message could not be understood; it is left out")

    def _on_subscribe(
        self, _client: paho.Client, _data: Any, number: int, reasons: list[Any], _properties: Any
    ) -> None:  # fmt: skip
        for topic, reason in zip(self._asked.pop(number, ()), reasons, strict=False):
            if not reason.is_failure:
                self.refused.pop(topic, None)
            elif topic not in self.refused:
                self.refused[topic] = f"the broker refuses {topic} ({reason}): let this user read it there"
                log.warning("topics: %s", self.refused[topic])

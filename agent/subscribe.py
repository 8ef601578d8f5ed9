"""Follows an agent's topics from the outside, as any consumer would: what `watch` and the demo show."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.config import Mqtt
from agent.sinks import tls

CONNACK_S = 2.0
KINDS = ("telemetry", "pq3s", "harmonics", "state", "meta", "savings", "condition", "event", "explain")


@dataclass(slots=True)
class Seen:
    """The newest of each kind for one asset."""

    gateway: str  # topic before the asset
    asset: str
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    came_s: dict[str, float] = field(default_factory=dict)  # monotonic


def check_filter(topic: str) -> None:
    """Raises ValueError when `topic` is no topic filter of MQTT (MQTT 5.0, 4.7)."""
    try:
        size = len(topic.encode())
    except UnicodeEncodeError:
        raise ValueError("is not UTF-8") from None
    levels = topic.split("/")
    if not topic:
        raise ValueError("is empty; # stands for everything")
    if size > 65535 or "\0" in topic:
        raise ValueError("is longer than 65535 bytes or holds a null character")
    if any("#" in level and (level != "#" or number < len(levels) - 1) for number, level in enumerate(levels)):
        raise ValueError("# must be the last level, alone")
    if any("+" in level and level != "+" for level in levels):
        raise ValueError("+ must stand alone between two /")


class Follower:
    """Subscribes to `topic` and keeps the newest messages. `changed` is called (in MQTT's thread) after each."""

    def __init__(self, broker: Mqtt, topic: str, changed: Callable[[Seen, str], None] | None = None) -> None:
        self.broker, self.topic = broker, topic
        self.seen: dict[str, Seen] = {}
        self.gateways: dict[str, str] = {}  # gateway topic → online | offline
        self.error = ""
        self._changed = changed
        self._client: paho.Client | None = None

    def start(self) -> None:
        """Connects; MQTT 5 first, then 3.1.1. Raises OSError when no broker answers, ValueError on a file or name
        that cannot be used."""
        versions = [MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311]
        if self.broker.version == "3.1.1":
            del versions[0]
        for version in versions:
            client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
            if self.broker.user:
                client.username_pw_set(self.broker.user, tls.password(self.broker))
            if self.broker.tls:
                client.tls_set_context(tls.context(self.broker))
            client.on_connect = self._on_connect
            client.on_message = self._on_message
            client.connect(self.broker.host, self.broker.port, keepalive=30)
            client.loop_start()
            until_s = time.monotonic() + CONNACK_S
            while not client.is_connected() and time.monotonic() < until_s:
                time.sleep(0.02)
            if client.is_connected():
                self._client = client
                return
            client.disconnect()
            client.loop_stop()
        raise OSError(self.error or f"{self.broker.host}:{self.broker.port} does not answer as an MQTT broker")

    def stop(self) -> None:
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self.error = f"the broker refused: {reason}"
            return
        client.subscribe(self.topic, qos=1)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        levels = message.topic.split("/")
        if levels[-1] == "status":
            self.gateways["/".join(levels[:-1])] = message.payload.decode("utf-8", "replace")
            return
        if len(levels) < 3 or levels[-1] not in KINDS or "backfill" in levels:
            return
        asset = "/".join(levels[:-1])
        if not message.payload:  # a retained text is taken off: there is no such motor any more
            self.seen.pop(asset, None)
            return
        try:
            body = msgspec.json.decode(message.payload)
        except msgspec.DecodeError:
            return
        if not isinstance(body, dict) or not str(body.get("s")).startswith(f"magwatt.{levels[-1]}/"):
            return  # somebody else's
        seen = self.seen.setdefault(asset, Seen("/".join(levels[:-2]), levels[-2]))
        seen.messages[levels[-1]] = body
        seen.came_s[levels[-1]] = time.monotonic()
        if self._changed is not None:
            self._changed(seen, levels[-1])

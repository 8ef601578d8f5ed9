"""A store with one MQTT sink, and an independent subscriber."""

from __future__ import annotations

import time
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.config.model import Mqtt, StoreSettings
from agent.core.clock import SystemClock
from agent.delivery.mqtt.sink import MqttSink
from agent.delivery.store import Store
from drivers.reasons import Reason


class Listener:
    """Subscribes to everything and keeps all messages."""

    def __init__(self, port: int) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self.client.on_message = lambda _client, _data, m: self.messages.append((m.topic, m.payload, m.retain))
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def of(self, topic: str) -> list[bytes]:
        return [payload for name, payload, _ in list(self.messages) if name == topic]

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Line:
    """A store with one sink: root topic `g`, asset `m`.

    payloads: all appended payloads, in order.
    events: kind and reason of each event that the sink published.
    """

    client_id = "magwatt-test"

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder, SystemClock(), StoreSettings(commit_interval_s=0.02))
        self.drain = self.store.sink_cursors(["mqtt"])["mqtt"]
        self.payloads: list[bytes] = []
        self.texts: dict[str, bytes] = {}
        self.events: list[tuple[str, Reason]] = []
        self._sink: MqttSink | None = None

    def sink(self, settings: Mqtt, texts: list[tuple[str, bytes]] | None = None) -> MqttSink:
        """A started sink."""
        self.texts.update(texts or [])
        self._sink = MqttSink(settings, self.client_id, "g", lambda: list(self.texts.items()),
                              lambda kind, reason: self.events.append((kind, reason)))  # fmt: skip
        self._sink.start(self.drain)
        return self._sink

    def put(self, count: int, size: int = 20) -> None:
        """Appends rows and waits until they are committed."""
        self.append(count, size)
        self.store.flush()

    def append(self, count: int, size: int = 20) -> None:
        for _ in range(count):
            self.payloads.append(f"{len(self.payloads):0{size}d}".encode())
            payload = self.payloads[-1]
            self.store.append("m", "telemetry", time.time_ns() // 1_000_000, lambda _, payload=payload: payload)  # type: ignore[misc]

    def close(self) -> None:
        if self._sink is not None:
            self._sink.stop()
        self.store.close()

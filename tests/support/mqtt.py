"""A store with one MQTT sink, and an independent subscriber."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
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


class ClosingBroker(threading.Thread):
    """A broker of MQTT 3.1.1, written by hand, that closes the connection at some messages.

    closes_at: topic and payload → whether it closes. Confirmations that it has not sent yet are lost then: it sends
        them when it has read everything.
    silent: the number of the first connections in which it confirms nothing.

    received: payload → topic and monotonic time at which it was received first, in order. connections: their number.
    """

    def __init__(self, closes_at: Callable[[str, bytes], bool], silent: int = 0) -> None:
        super().__init__(daemon=True)
        self.received: dict[bytes, tuple[str, float]] = {}
        self.connections = 0
        self._closes_at, self._silent = closes_at, silent
        self._server = socket.create_server(("127.0.0.1", 0))
        self.settings = Mqtt("127.0.0.1", self._server.getsockname()[1], False, version="3.1.1")

    def close(self) -> None:
        self._server.close()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            with connection, suppress(IndexError, OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        buffer, confirmations = b"", b""
        while True:
            if confirmations and not select.select([connection], [], [], 0.005)[0]:
                connection.sendall(confirmations)
                confirmations = b""
            if not (data := connection.recv(65536)):
                return
            buffer += data
            while packet := _packet(buffer):
                kind, body, size = packet
                buffer = buffer[size:]
                if kind == 1:
                    connection.sendall(bytes([0x20, 2, 0, 0]))
                elif kind == 3:
                    end = 2 + int.from_bytes(body[:2], "big")
                    topic, payload = body[2:end].decode(), body[end + 2 :]
                    if self._closes_at(topic, payload):
                        return
                    self.received.setdefault(payload, (topic, time.monotonic()))
                    if self.connections > self._silent:
                        confirmations += bytes([0x40, 2]) + body[end : end + 2]


def _packet(buffer: bytes) -> tuple[int, bytes, int] | None:
    """Type, content and size of the first MQTT packet; None: it is not complete."""
    size = 0
    for at in range(1, min(5, len(buffer))):
        size |= (buffer[at] & 0x7F) << 7 * (at - 1)
        if not buffer[at] & 0x80:
            end = at + 1 + size
            return (buffer[0] >> 4, buffer[at + 1 : end], end) if len(buffer) >= end else None
    return None

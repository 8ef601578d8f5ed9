"""Subscriber of a simulated fleet: counts the ids of the rows that arrive. It runs in a separate process."""

from __future__ import annotations

import re
import time
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.config.model import Mqtt
from agent.delivery.mqtt import tls

_ID = re.compile(rb'"t":(\d+),"id":"(\d+)-(\d+)"')
LATENCIES_KEPT = 200_000
COUNT = "count"  # request for the summary


class DeliveryCount:
    """Sequence numbers that arrived from each gateway.

    duplicates: rows that arrived more than once.
    out_of_order: rows that arrived after a later row of the same topic.
    bytes: size of all payloads without duplicates.
    """

    def __init__(self) -> None:
        self.duplicates = self.out_of_order = self.bytes = 0
        self._arrived: dict[str, set[int]] = {}
        self._last: dict[str, int] = {}  # topic → number
        self._latency_ms: list[float] = []

    def on_message(self, topic: str, payload: bytes, now_ms: float) -> None:
        """Counts a message; one without an id is ignored. now_ms: UTC milliseconds."""
        found = _ID.search(payload)
        if found is None:
            return
        number = int(found[3])
        arrived = self._arrived.setdefault(topic.rsplit("/", 2)[0], set())
        if number in arrived:
            self.duplicates += 1
            return
        arrived.add(number)
        self.bytes += len(payload)
        if number < self._last.get(topic, 0):
            self.out_of_order += 1
        self._last[topic] = number
        if len(self._latency_ms) < LATENCIES_KEPT:
            self._latency_ms.append(now_ms - int(found[1]))

    def summary(self) -> dict[str, Any]:
        """Counters, median and 99th percentile of the latency, and processor time of this process, seconds."""
        latency = sorted(self._latency_ms) or [0.0]
        return {
            "arrived": sum(map(len, self._arrived.values())),
            "duplicates": self.duplicates,
            "out_of_order": self.out_of_order,
            "bytes": self.bytes,
            "latency_p50_ms": latency[len(latency) // 2],
            "latency_p99_ms": latency[len(latency) * 99 // 100],
            "cpu_s": time.process_time(),
        }


def listen(pipe: Any, broker: Mqtt, site: str) -> None:
    """Subscribes and counts. The session persists when the connection is lost.

    pipe: receives "" after the subscription, or the text of the error; then a summary for each COUNT sent to it.
    """
    counting = DeliveryCount()
    client = paho.Client(
        CallbackAPIVersion.VERSION2, client_id=f"magwatt-fleet-check-{site}", clean_session=False,
        protocol=MQTTProtocolVersion.MQTTv311,
    )  # fmt: skip
    client.reconnect_delay_set(1, 2)
    tls.authenticate(client, broker)

    def on_subscribe(*_args: Any) -> None:
        client.on_subscribe = None  # later subscriptions follow a reconnect
        pipe.send("")

    topic = f"magwatt/v1/{site}/+/+/telemetry"
    client.on_connect = lambda connected, *_: connected.subscribe(topic, qos=1)
    client.on_subscribe = on_subscribe
    client.on_message = lambda _client, _data, m: counting.on_message(m.topic, bytes(m.payload), time.time() * 1000)
    try:
        client.connect(broker.host, broker.port)
    except OSError as error:
        pipe.send(str(error))
        return
    client.loop_start()
    while pipe.recv() == COUNT:
        pipe.send(counting.summary())

"""The other end of a simulated fleet: a subscriber that counts ids, in a process of its own."""

from __future__ import annotations

import re
import time
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.config import Mqtt
from agent.sinks import tls

_ID = re.compile(rb'"t":(\d+),"id":"(\d+)-(\d+)"')
LATE_KEPT = 200_000


class Counting:
    """Per gateway: which sequence numbers came, how often, in which order."""

    def __init__(self) -> None:
        self.repeated = self.out_of_order = self.bytes = 0
        self._came: dict[str, set[int]] = {}
        self._last: dict[str, int] = {}  # topic → number
        self._late_ms: list[float] = []

    def take(self, topic: str, payload: bytes, now_ms: float) -> None:
        found = _ID.search(payload)
        if found is None:
            return
        number = int(found[3])
        came = self._came.setdefault(topic.rsplit("/", 2)[0], set())
        if number in came:
            self.repeated += 1
            return
        came.add(number)
        self.bytes += len(payload)
        if number < self._last.get(topic, 0):
            self.out_of_order += 1
        self._last[topic] = number
        if len(self._late_ms) < LATE_KEPT:
            self._late_ms.append(now_ms - int(found[1]))

    def summary(self) -> dict[str, Any]:
        late = sorted(self._late_ms) or [0.0]
        return {
            "arrived": sum(map(len, self._came.values())),
            "repeated": self.repeated,
            "out_of_order": self.out_of_order,
            "bytes": self.bytes,
            "late_p50_ms": late[len(late) // 2],
            "late_p99_ms": late[len(late) * 99 // 100],
            "cpu_s": time.process_time(),
        }


def listen(pipe: Any, broker: Mqtt, site: str) -> None:
    """Says "listening", then answers each question with a summary. Its session outlives a broken connection."""
    counting = Counting()
    client = paho.Client(
        CallbackAPIVersion.VERSION2, client_id=f"magwatt-fleet-check-{site}", clean_session=False,
        protocol=MQTTProtocolVersion.MQTTv311,
    )  # fmt: skip
    client.reconnect_delay_set(1, 2)
    if broker.user:
        client.username_pw_set(broker.user, tls.password(broker))
    if broker.tls:
        client.tls_set_context(tls.context(broker))
    said = False

    def on_subscribe(*_args: Any) -> None:
        nonlocal said
        if not said:
            said = True
            pipe.send("listening")

    topic = f"magwatt/v1/{site}/+/+/telemetry"
    client.on_connect = lambda connected, *_: connected.subscribe(topic, qos=1)
    client.on_subscribe = on_subscribe
    client.on_message = lambda _client, _data, m: counting.take(m.topic, bytes(m.payload), time.time() * 1000)
    try:
        client.connect(broker.host, broker.port)
    except OSError as error:
        pipe.send(str(error))
        return
    client.loop_start()
    while pipe.recv() == "count":
        pipe.send(counting.summary())

"""The primary host of `magwatt demo`: a Sparkplug host application that goes offline once and counts what it receives.

It shows that births and data wait for it, and that rows of the time when it was offline follow as historical ones.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.config.model import Mqtt
from agent.core.text import _
from agent.delivery.sparkplug.edge_node import NAMESPACE
from agent.delivery.sparkplug.protobuf import Payload

OFFLINE_S = 20.0, 35.0  # after its start
CONNECT_S = 5.0


def state_topic(host_id: str) -> str:
    return f"{NAMESPACE}/STATE/{host_id}"


def state(online: bool, at_ms: int) -> bytes:
    """Payload of a STATE message (Sparkplug 3.0, 6.4.27)."""
    return json.dumps({"online": online, "timestamp": at_ms}).encode()


class DemoHost:
    """The host application. Each time online is one MQTT session with a will.

    announce: receives a line of text at each change; called in the thread of the host.
    offline_s: start and end of the time when it is offline, after its start.
    live, historical: data messages received so far, of the present and stored ones.
    """

    def __init__(
        self, broker: Mqtt, host_id: str, group: str, announce: Callable[[str], None],
        offline_s: tuple[float, float] = OFFLINE_S,
    ) -> None:  # fmt: skip
        self.live = self.historical = 0
        self._broker, self._id, self._group, self._announce = broker, host_id, group, announce
        self._offline_s = offline_s
        self._client: paho.Client | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="primary-host", daemon=True)

    def start(self) -> None:
        self._connect()
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join(CONNECT_S)
        self._disconnect()

    def status(self) -> str:
        """State and counts as one line."""
        data = {"host": self._id, "live": self.live, "historical": self.historical}
        if self._client is None:
            return _("primary host {host} offline; {live:d} live and {historical:d} stored messages received", **data)
        return _("primary host {host} online; {live:d} live and {historical:d} stored messages received", **data)

    def _run(self) -> None:
        start_s, end_s = self._offline_s
        if self._ending.wait(start_s):
            return
        self._disconnect()
        self._announce(self.status())
        if self._ending.wait(end_s - start_s):
            return
        self._connect()
        self._announce(self.status())

    def _connect(self) -> None:
        """The timestamps of will and birth are equal: the time of the CONNECT packet."""
        at_ms = time.time_ns() // 1_000_000
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311, clean_session=True)
        client.will_set(state_topic(self._id), state(False, at_ms), qos=1, retain=True)
        client.on_message = self._on_message

        def on_connect(connected: paho.Client, *_arguments: Any) -> None:
            connected.subscribe([(f"{NAMESPACE}/{self._group}/#", 1), (state_topic(self._id), 1)])
            connected.publish(state_topic(self._id), state(True, at_ms), qos=1, retain=True)

        client.on_connect = on_connect
        client.connect(self._broker.host, self._broker.port)
        client.loop_start()
        self._client = client

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            death = state(False, time.time_ns() // 1_000_000)
            client.publish(state_topic(self._id), death, qos=1, retain=True).wait_for_publish(CONNECT_S)
            client.disconnect()
            client.loop_stop()

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        if message.topic.split("/")[2] in ("NDATA", "DDATA"):
            metrics = Payload.FromString(message.payload).metrics
            if any(metric.is_historical for metric in metrics):
                self.historical += 1
            else:
                self.live += 1

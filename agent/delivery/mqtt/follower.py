"""Subscribe to the topics of agents as any MQTT client can: for `watch`, `explain`, `doctor` and the demo."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.config.model import Mqtt
from agent.delivery.followed_messages import (
    GATEWAY_KINDS,
    KINDS,
    MESSAGE_CODES,
    REMOVED,
    BrokerError,
    FollowedMessage,
    MessageFollower,
    declare_message_codes,
)
from agent.delivery.mqtt import tls
from agent.delivery.mqtt.connect_problem import closed_early, connect_problem, rejection
from agent.delivery.reasons import BROKER_PROBLEM, BROKER_SILENT
from drivers.reasons import Code, InvalidValue, Reason

__all__ = [
    "GATEWAY_KINDS",
    "KINDS",
    "MESSAGE_CODES",
    "REMOVED",
    "BrokerError",
    "FollowedMessage",
    "Follower",
    "MessageFollower",
    "check_filter",
]  # fmt: skip
CONNACK_S = 2.0
LOOK_S = 0.1
RECONNECT_S_MAX = 10
FILTER_BYTES_MAX = 65535
FILTER_INVALID = Code(
    "filter_invalid",
    "is not an MQTT topic filter: # is only valid as the last level, + as a complete level; # matches all topics",
)


def _exchange(client: paho.Client) -> bool:
    """Sends what is due and reads what arrives within LOOK_S; whether the connection is still open."""
    if client.want_write():
        client.loop_write()
    if (sock := client.socket()) is not None:
        select.select([sock], [], [], LOOK_S)
        client.loop_read()
    return client.socket() is not None


def check_filter(topic: str) -> None:
    """Raises InvalidValue if `topic` is not a topic filter (MQTT 5.0, 4.7)."""
    levels = topic.split("/")
    wildcards_alone = all(level in ("#", "+") or not {"#", "+"} & set(level) for level in levels)
    valid = topic and wildcards_alone and "#" not in levels[:-1] and topic.isprintable()
    if not valid or len(topic.encode()) > FILTER_BYTES_MAX:
        raise InvalidValue(FILTER_INVALID)


class Follower(MessageFollower):
    """Subscribes to a topic filter and stores the latest messages. `changed` is called in the MQTT thread.

    error: why the broker rejected the last connection; None: it did not.
    """

    def __init__(self, broker: Mqtt, topic: str, changed: Callable[[FollowedMessage, str], None] | None = None) -> None:
        super().__init__(changed)
        self.broker, self.topic = broker, topic
        self._client: paho.Client | None = None

    def start(self) -> None:
        """Connects with MQTT 5, then with 3.1.1. Raises BrokerError if there is no connection."""
        try:
            reason = self._connect()
        except (OSError, ValueError) as error:
            reason = connect_problem(self.broker, error)
        if reason is not None:
            raise BrokerError(BROKER_PROBLEM(host=self.broker.host, port=self.broker.port, cause=reason))

    def _connect(self) -> Reason | None:
        """Why the broker does not accept the connection; None: it does. Raises OSError, ValueError."""
        declare_message_codes()
        closed, subscribed = False, threading.Event()
        mqtt5 = [] if self.broker.version == "3.1.1" else [MQTTProtocolVersion.MQTTv5]
        for version in (*mqtt5, MQTTProtocolVersion.MQTTv311):
            client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
            tls.authenticate(client, self.broker)
            client.on_connect, client.on_message = self._on_connect, self._on_message
            client.on_subscribe = lambda *_: subscribed.set()
            client.reconnect_delay_set(1, RECONNECT_S_MAX)
            client.connect(self.broker.host, self.broker.port, keepalive=30)
            until_s = time.monotonic() + CONNACK_S
            closed = False
            while not (closed or subscribed.is_set()) and time.monotonic() < until_s:
                closed = not _exchange(client)
            if client.is_connected():
                client.loop_start()
                self._client = client
                return None
            client.disconnect()
        return self.error or (closed_early(self.broker) if closed else BROKER_SILENT(timeout_s=CONNACK_S))

    @property
    def interrupted(self) -> bool:
        """Whether the connection to the broker was lost; it is made again automatically."""
        return self._client is not None and not self._client.is_connected()

    def stop(self) -> None:
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self.error = rejection(self.broker, reason.value, str(reason))
            return
        self.error = None  # of MQTT 5, where the broker supports 3.1.1 only
        client.subscribe(self.topic, qos=1)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self.receive(message.topic, bytes(message.payload))

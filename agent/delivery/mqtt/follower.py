"""Subscribe to the topics of agents as any MQTT client can: for `watch`, `explain`, `doctor` and the demo."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import msgspec
import paho.mqtt.client as paho
from msgspec import Struct, field
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.config.model import Mqtt
from agent.delivery.mqtt import tls
from agent.delivery.mqtt.connect_problem import closed_early, connect_problem, rejection
from agent.delivery.reasons import BROKER_PROBLEM, BROKER_SILENT
from drivers.reasons import Code, CodedError, InvalidValue, Reason

CONNACK_S = 2.0
LOOK_S = 0.1
FILTER_BYTES_MAX = 65535
# Modules that declare the codes of messages: a reason whose code is not declared is shown in English
MESSAGE_CODES = (
    "agent.config.reasons",
    "agent.analysis.efficiency.reasons",
    "agent.savings.reasons",
    "agent.commissioning.selfcheck.reasons",
    "agent.delivery.reasons",
    "agent.core.state_reasons",
    "agent.delivery.store.reasons",
    "agent.acquisition.mqtt_signals.reasons",
    "agent.acquisition.selfcheck_results",
    "agent.analysis.efficiency.explain_reasons",
)

FILTER_INVALID = Code(
    "filter_invalid",
    "is not an MQTT topic filter: # is only valid as the last level, + as a complete level; # matches all topics",
)
KINDS = ("telemetry", "pq3s", "harmonics", "state", "meta", "savings", "condition", "event", "explain")
GATEWAY_KINDS = ("info", "health")
RECONNECT_S_MAX = 10
REMOVED = "removed"  # instead of a kind


class FollowedMessage(Struct):
    """The latest messages of one asset.

    gateway: topic of the gateway, without the asset.
    messages: kind → message.
    received_s: kind → monotonic time of arrival.
    interval_s: between the arrivals of the last two telemetry messages; 0: there were not two.
    """

    gateway: str
    asset: str
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    received_s: dict[str, float] = field(default_factory=dict)
    interval_s: float = 0.0


class HealthSince(Struct):
    """changed_ms: figure → time of the first message in which it was as it is now.
    first_ms: time of the first message; None: there was none.
    """

    changed_ms: dict[str, int] = field(default_factory=dict)
    first_ms: int | None = None

    def add(self, before: dict[str, Any], body: dict[str, Any]) -> None:
        t_ms, values, earlier = body.get("t"), body.get("v"), before.get("v")
        if not isinstance(t_ms, int) or not isinstance(values, dict):
            return
        known = earlier if isinstance(earlier, dict) else {}
        self.changed_ms = {
            name: self.changed_ms.get(name, t_ms) if name in known and known[name] == value else t_ms
            for name, value in values.items()
        }
        if self.first_ms is None:
            self.first_ms = t_ms


class BrokerError(CodedError, OSError):
    """No connection to a broker."""


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


class Follower:
    """Subscribes to a topic filter and stores the latest messages.

    seen: topic of an asset → its messages.
    gateways: topic of a gateway → online | offline.
    gateway_messages: topic of a gateway → kind (info, health) → its latest message.
    health_since: topic of a gateway → since when the figures of its last `health` message are as they are.
    error: why the broker rejected the connection; None: it did not.
    changed: is called after each message with its kind, and with REMOVED when a motor was removed, in the thread of the
        MQTT client.
    """

    def __init__(self, broker: Mqtt, topic: str, changed: Callable[[FollowedMessage, str], None] | None = None) -> None:
        self.broker, self.topic = broker, topic
        self.seen: dict[str, FollowedMessage] = {}
        self.gateways: dict[str, str] = {}
        self.gateway_messages: dict[str, dict[str, dict[str, Any]]] = {}
        self.health_since: dict[str, HealthSince] = {}
        self.error: Reason | None = None
        self._changed = changed
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
        for name in MESSAGE_CODES:
            import_module(name)
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
        client.subscribe(self.topic, qos=1)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        asset, _, kind = message.topic.rpartition("/")
        gateway, _, name = asset.rpartition("/")
        if kind == "status":
            self.gateways[asset] = message.payload.decode("utf-8", "replace")
            return
        if not gateway or kind not in (*KINDS, *GATEWAY_KINDS) or "backfill" in message.topic.split("/"):
            return
        if not message.payload:  # a retained message was deleted: the motor was removed
            removed = self.seen.pop(asset, None)
            if removed is not None and self._changed is not None:
                self._changed(removed, REMOVED)
            return
        try:
            body = msgspec.json.decode(message.payload)
        except msgspec.DecodeError:
            return
        if not isinstance(body, dict) or not str(body.get("s")).startswith(f"magwatt.{kind}/"):
            return  # not from an agent
        if kind in GATEWAY_KINDS:
            messages = self.gateway_messages.setdefault(asset, {})
            if kind == "health":
                self.health_since.setdefault(asset, HealthSince()).add(messages.get(kind, {}), body)
            messages[kind] = body
            return
        followed = self.seen.setdefault(asset, FollowedMessage(gateway, name))
        now_s = time.monotonic()
        if kind == "telemetry" and kind in followed.received_s:
            followed.interval_s = now_s - followed.received_s[kind]
        followed.messages[kind] = body
        followed.received_s[kind] = now_s
        if self._changed is not None:
            self._changed(followed, kind)

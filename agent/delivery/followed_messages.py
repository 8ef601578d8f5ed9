"""The latest messages of agents, by whatever way they arrive: from a broker, or from the socket of an agent."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import msgspec
from msgspec import Struct, field

from drivers.reasons import CodedError, Reason

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
    "agent.alarms.reasons",
    "agent.analysis.condition.common_reasons",
    "agent.analysis.condition.rectifier_reasons",
    "agent.analysis.condition.cage_reasons",
    "agent.analysis.condition.history_reasons",
    "agent.analysis.condition.magnet_reasons",
    "agent.analysis.condition.magnet_unseen_reasons",
    "agent.analysis.condition.rows.reasons",
)

KINDS = ("telemetry", "pq3s", "harmonics", "state", "meta", "savings", "condition", "event", "explain")
GATEWAY_KINDS = ("info", "health", "alarms")
ALARM = "alarm"  # kind of the records of alarms, whose topics end in alarm/NAME
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
    """No connection to a broker, or to the socket of an agent."""


class MessageFollower:
    """Stores the latest messages that a connection receives.

    seen: topic of an asset → its messages.
    gateways: topic of a gateway → online | offline.
    gateway_messages: topic of a gateway → kind (info, health, alarms) → its latest message.
    alarms: topic of an asset or of a gateway → last level of the topic (code, or code-part) → record of the alarm.
    health_since: topic of a gateway → since when the figures of its last `health` message are as they are.
    error: why the connection was rejected; None: it was not.
    kinds: of the messages of assets that are stored; the others are not decoded.
    changed: is called after each message with its kind, and with REMOVED when a motor was removed, in the thread of the
        connection.
    """

    def __init__(self, changed: Callable[[FollowedMessage, str], None] | None = None) -> None:
        self.seen: dict[str, FollowedMessage] = {}
        self.gateways: dict[str, str] = {}
        self.gateway_messages: dict[str, dict[str, dict[str, Any]]] = {}
        self.alarms: dict[str, dict[str, dict[str, Any]]] = {}
        self.health_since: dict[str, HealthSince] = {}
        self.error: Reason | None = None
        self.kinds = frozenset(KINDS)
        self._changed = changed

    def start(self) -> None:
        """Connects; later losses are repaired automatically. Raises BrokerError if there is no connection."""
        raise NotImplementedError

    @property
    def interrupted(self) -> bool:
        """Whether the connection was lost; it is made again automatically."""
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def receive(self, topic: str, payload: bytes, age_s: float = 0.0) -> None:
        """Stores a message. Messages that are not from an agent are ignored. age_s: time since it was made."""
        asset, _, kind = topic.rpartition("/")
        gateway, _, name = asset.rpartition("/")
        if kind == "status":
            self.gateways[asset] = payload.decode("utf-8", "replace")
            return
        if name == ALARM and kind not in KINDS:  # else it is a message of a motor of this name
            self._receive_alarm(gateway, kind, payload)
            return
        if not gateway or kind not in (*KINDS, *GATEWAY_KINDS) or "backfill" in topic.split("/"):
            return
        if not payload:
            self._delete(asset, kind)
            return
        if kind not in self.kinds and kind not in GATEWAY_KINDS:
            return
        if (body := _body(kind, payload)) is None:
            return
        if kind in GATEWAY_KINDS:
            messages = self.gateway_messages.setdefault(asset, {})
            if kind == "health":
                self.health_since.setdefault(asset, HealthSince()).add(messages.get(kind, {}), body)
            messages[kind] = body
            return
        followed = self.seen.setdefault(asset, FollowedMessage(gateway, name))
        made_s = time.monotonic() - age_s
        if kind == "telemetry" and kind in followed.received_s:
            followed.interval_s = made_s - followed.received_s[kind]
        followed.messages[kind] = body
        followed.received_s[kind] = made_s
        if self._changed is not None:
            self._changed(followed, kind)

    def _receive_alarm(self, owner: str, name: str, payload: bytes) -> None:
        """owner: topic of the asset or gateway. An empty payload: this alarm is no longer configured."""
        body = _body(ALARM, payload) if payload else None
        if payload and body is None:
            return
        records = dict(self.alarms.get(owner, {}))  # a new dict each time: another thread may be reading the old one
        if body is None:
            records.pop(name, None)
        else:
            records[name] = body
        self.alarms[owner] = records
        if self._changed is not None:
            gateway, _, asset = owner.rpartition("/")
            self._changed(self.seen.get(owner) or FollowedMessage(gateway, asset), ALARM)

    def _delete(self, asset: str, kind: str) -> None:
        """A retained message was deleted: the condition is no longer watched, or the motor was removed."""
        if kind == "condition":
            followed = self.seen.get(asset)
            if followed is None or followed.messages.pop(kind, None) is None:
                return
            change = kind
        else:
            followed, change = self.seen.pop(asset, None), REMOVED
            self.alarms.pop(asset, None)
        if followed is not None and self._changed is not None:
            self._changed(followed, change)


def _body(kind: str, payload: bytes) -> dict[str, Any] | None:
    """A message of this kind; None: it is not from an agent."""
    try:
        body = msgspec.json.decode(payload)
    except msgspec.DecodeError:
        return None
    return body if isinstance(body, dict) and str(body.get("s")).startswith(f"magwatt.{kind}/") else None


def declare_message_codes() -> None:
    """Declares the codes of messages, before the first one is shown."""
    for name in MESSAGE_CODES:
        import_module(name)

"""A Sparkplug B 3.0 edge node: group = site, node = gateway, device = motor or shared meter.

Data messages have QoS 0, as the specification requires. A marker with QoS 1 on the same connection confirms that the
broker has read all messages before it. Rows without a confirmed marker at the end of a connection are sent again as
historical.
"""

from __future__ import annotations

import json
import logging
import math
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec
import paho.mqtt.client as paho

from agent.config.model import Config
from agent.config.topology import Asset
from agent.core.messages import encode_plain
from agent.delivery.base.sink import RetainedMessages
from agent.delivery.mqtt.backoff import DisconnectReason
from agent.delivery.mqtt.connection import MqttConnection, MqttHandler
from agent.delivery.mqtt.rate_limit import BackfillRateLimiter, BirthRateLimiter
from agent.delivery.reasons import CONFIRMATION_TIMEOUT, PRIMARY_HOST_OFFLINE, SPARKPLUG_ENCODING_FAILED
from agent.delivery.sparkplug.edge_node import NAMESPACE, EdgeNode
from agent.delivery.sparkplug.protobuf import SIZE_MAX, decoded
from agent.delivery.store import SinkCursor, Store, StoredRow, StoreError
from drivers.reading import Clock
from drivers.reasons import Reason

log = logging.getLogger(__name__)

ENTRY_KIND = "sparkplug"
WINDOW = 200  # rows after the last confirmed marker
MARKER_S, MARKER_ROWS = 1.0, 50  # a marker is sent after this time or this number of rows
REBIRTH_S = 5.0  # requests within this time after a rebirth are combined
CONFIRM_S = 30.0  # without a confirmation within this time the connection is lost
LOGGED_MAX = 5  # rejected commands that are logged; later ones are only counted
IDLE_S = 0.5
RETAINED_KINDS = ("meta", "explain")


class SparkplugSink(MqttHandler):
    """Runs in the thread of the link, except `update_retained`, `reconfigure` and `numbers`.

    commands_rejected, rebirths: counters of this run.
    """

    name = "sparkplug"

    def __init__(
        self,
        config: Config,
        assets: tuple[Asset, ...],
        root: str,
        retained_messages: RetainedMessages,
        store: Store,
        clock: Clock,
    ) -> None:
        settings, broker = config.dialects.sparkplug, config.mqtt
        assert settings is not None
        assert broker is not None
        self.link = MqttConnection(
            "sparkplug", broker, f"magwatt-{config.site.id}-{config.site.gateway}-sparkplug", self
        )
        self.node = EdgeNode(settings.group, settings.node, config, assets, clock, self._publish)
        self.commands_rejected = self.rebirths = 0
        self._host, self._root, self._retained_messages = settings.primary_host, root, retained_messages
        self._store, self._clock = store, clock
        self._cursor: SinkCursor  # set by `start`
        self._changes: deque[Callable[[], None]] = deque()  # of the node, from other threads
        self._bd_seq = _last_bd_seq(store)
        self._birth_limiter, self._backfill_limiter = BirthRateLimiter(), BackfillRateLimiter(self.link.chance)
        self._host_online, self._host_ms = settings.primary_host is None, -1
        self._host_server: tuple[str, int] | None = None  # to which _host_ms belongs
        self._rebirth_due_s: float | None = None
        self._last_rebirth_s = -math.inf
        self._unmarked: list[int] = []  # rows sent since the last marker
        self._unmarked_s = 0.0  # time when the first of them was sent
        self._marked: tuple[int, float, list[int]] | None = None  # packet id, time sent, rows before it
        self._subscribing: int | None = None
        self._death_mid: int | None = None
        self._now_s = 0.0

    def start(self, cursor: SinkCursor) -> None:
        self._cursor = cursor
        cursor.wake = self.link.wake
        self.link.start()

    def update_retained(self, topic: str, payload: bytes) -> None:
        if self.link.connected:  # a new connection sends all retained messages
            self._changes.append(partial(self.apply_retained, topic, payload))
            self.link.wake()

    def reconfigure(self, config: Config, assets: tuple[Asset, ...]) -> None:
        self._changes.append(partial(self.node.reconfigure, config, assets))
        self.link.update_settings(config.mqtt)
        self.link.wake()

    def numbers(self) -> Mapping[str, float | int]:
        return {"sparkplug_connects": self.link.connects, "sparkplug_rebirths": self.rebirths,
                "sparkplug_commands_rejected": self.commands_rejected}  # fmt: skip

    # Called by the link.

    def configure(self, client: paho.Client) -> None:
        client.on_socket_open = self._count_connect

    def _count_connect(self, client: paho.Client, _data: Any, _sock: Any) -> None:
        """The TCP connection is open: the following CONNECT packet gets a new bdSeq."""
        self._bd_seq = (self._bd_seq + 1) % 256
        try:
            self._store.save_entry(ENTRY_KIND, "bdSeq", "", self._bd_seq)
        except StoreError as error:
            log.warning("sparkplug: bdSeq not saved: %s", error)
        client.will_set(self.node.topic("NDEATH"), self.node.death(self._bd_seq), qos=1, retain=False)

    def on_connected(self, properties: Any) -> None:
        topics = [self.node.topic("NCMD")]
        if self._host is not None:
            self._host_online = False  # until its retained STATE message is received
            server = self.link.settings.host, self.link.settings.port
            if server != self._host_server:  # a host has a session, and a time of it, with each server
                self._host_server, self._host_ms = server, -1
            topics.append(f"{NAMESPACE}/STATE/{self._host}")
        self._changes += [partial(self.apply_retained, *message) for message in self._retained_messages()]
        self._subscribing = self.link.subscribe(topics)

    def send_due(self, now_s: float) -> float:
        self._now_s = now_s
        if not self._host_online and self.node.born:
            self.send_last()
            self.link.close(PRIMARY_HOST_OFFLINE(host=self._host), DisconnectReason.ASKED)  # connects again immediately
        while self._changes and not self.node.born:
            self._changes.popleft()()
        if self._subscribing is not None or not self._host_online:
            return IDLE_S
        while (wait_s := self._send_births(now_s)) == 0 and self._changes:
            self._changes.popleft()()
            while self._changes and self.node.birth_incomplete and self._rebirth_due_s is None:
                self._changes.popleft()()  # one birth for the alarms of all devices that went offline together
        return min(wait_s or self._send_rows(now_s), IDLE_S)

    def on_message(self, topic: str, payload: bytes, retained: bool) -> None:
        if topic == self.node.topic("NCMD"):
            self._command(payload)
        elif topic == f"{NAMESPACE}/STATE/{self._host}":
            self._host_state(payload)

    def on_confirmed(self, mid: int, code: int) -> None:
        if mid == self._subscribing:
            self._subscribing = None
        if mid == self._death_mid:  # NDEATH follows all rows of this connection and confirms them like a marker
            self._death_mid = -1
            self._cursor.confirm([*(self._marked[2] if self._marked else ()), *self._unmarked])
            self._unmarked, self._marked = [], None
        if self._marked is not None and self._marked[0] == mid:
            self._backfill_limiter.on_confirmed(self._now_s - self._marked[1])
            self._cursor.confirm(self._marked[2])
            self._marked = None

    def send_last(self) -> bool:
        """Publishes NDEATH first: a DISCONNECT of MQTT 3.1.1 discards the will."""
        if not self.node.born:
            return True
        if self._death_mid is None:
            self.node.end_session()
            self._death_mid = self.link.publish(self.node.topic("NDEATH"), self.node.death(self._bd_seq))
        return self._death_mid == -1

    def on_disconnected(self, end: DisconnectReason, reason: Reason | None) -> None:
        self._subscribing = self._death_mid = None
        self.node.end_session()
        self._rebirth_due_s = None
        self._unmarked, self._marked = [], None
        self._cursor.return_unconfirmed()

    # Births and rows.

    def _publish(self, topic: str, payload: bytes) -> None:
        self.link.publish(topic, payload, qos=0)

    def _send_births(self, now_s: float) -> float:
        """Sends due births; returns the seconds until the next one may be sent, 0 when none is due.

        Until then no data may be sent (tck-id-payloads-ddata-order, …-data-commands-rebirth-action-1). A sequence is
        completed before a requested one begins.
        """
        if self._rebirth_due_s is not None and not self.node.birth_due:
            if now_s < self._rebirth_due_s:
                return self._rebirth_due_s - now_s
            self._rebirth_due_s, self._last_rebirth_s = None, now_s
            self.rebirths += 1
            self.node.request_births()
        while self.node.birth_due:
            if (wait_s := self._birth_limiter.wait_s(now_s)) > 0:
                return wait_s
            self._birth_limiter.spend(now_s, self.node.next_birth(self._bd_seq))
        return 0.0

    def apply_retained(self, topic: str, payload: bytes) -> None:
        """Applies a retained message of the JSON dialect, in the thread of the link."""
        *owner, kind = topic[len(self._root) + 1 :].split("/")
        asset = owner[0] if owner else None
        if kind in ("state", "info"):
            self.node.update_retained(asset, payload)
        elif kind == "condition" and asset is not None:
            self.node.update_condition(asset, payload)
        elif owner[-1:] == ["alarm"] and kind not in RETAINED_KINDS:  # else it is of a motor of this name
            self.node.update_alarm(owner[0] if len(owner) > 1 else None, kind, payload)

    def _send_rows(self, now_s: float) -> float:
        free = WINDOW - len(self._unmarked) - (len(self._marked[2]) if self._marked else 0)
        if live := self._cursor.fetch_live(free):
            self._backfill_limiter.on_live_rows(now_s, len(live))
        room = min(free - len(live), WINDOW // 2)
        for row in live:
            self._send(row, historical=False)
        more = self._cursor.has_backlog and room > 0
        for row in self._cursor.fetch_backlog(self._backfill_limiter.grant(now_s, room)) if more else ():
            self._send(row, historical=True)
        if not self._cursor.has_backlog:
            self.node.send_due_deaths()
        self._send_marker(now_s)
        if self._marked and now_s - self._marked[1] > CONFIRM_S:
            self.link.close(CONFIRMATION_TIMEOUT(timeout_s=CONFIRM_S))
        return max(0.002, self._backfill_limiter.wait_s(now_s)) if self._cursor.has_backlog and free > 0 else IDLE_S

    def _send(self, row: StoredRow, historical: bool) -> None:
        try:
            born = self.node.row(row.asset, row.kind, msgspec.json.decode(row.payload), historical)
        except (ValueError, KeyError, TypeError, msgspec.DecodeError) as error:
            self.link.log_internal_error("a row could not be encoded; it is moved out of the spool")
            self._cursor.reject(row.n, SPARKPLUG_ENCODING_FAILED(error=repr(error)))
            return
        self._birth_limiter.spend(self._now_s, born)
        if not self._unmarked:
            self._unmarked_s = self._now_s
        self._unmarked.append(row.n)

    def _send_marker(self, now_s: float) -> None:
        """Sends a marker when one is due and none is unconfirmed."""
        due = len(self._unmarked) >= MARKER_ROWS or now_s - self._unmarked_s >= MARKER_S
        if self._unmarked and due and not self._marked:
            payload = encode_plain("sparkplug", self._clock.utc_ns() // 1_000_000, {"rows": len(self._unmarked)})
            mid = self.link.publish(f"{self._root}/sparkplug", payload)
            self._marked, self._unmarked = (mid, now_s, self._unmarked), []

    # Messages of host applications.

    def _command(self, data: bytes) -> None:
        try:
            metrics = decoded(data).metrics
        except ValueError as error:
            self._reject(str(error))
            return
        for metric in metrics:
            if metric.name == "Node Control/Rebirth":
                if metric.WhichOneof("value") != "boolean_value":
                    self._reject("Node Control/Rebirth without a Boolean value")
                elif metric.boolean_value and self._rebirth_due_s is None:
                    self._rebirth_due_s = max(self._now_s, self._last_rebirth_s + REBIRTH_S)
            else:
                self._reject(f"{metric.name or f'alias {metric.alias}'!r} cannot be written")

    def _reject(self, error: str) -> None:
        self.commands_rejected += 1
        if self.commands_rejected <= LOGGED_MAX:
            log.warning("sparkplug: command ignored: %s", error[:200])

    def _host_state(self, data: bytes) -> None:
        try:
            if len(data) > SIZE_MAX:
                raise ValueError(f"{len(data)} bytes")
            state = json.loads(data)
            online, at_ms = state["online"], state["timestamp"]
            if not isinstance(online, bool) or not isinstance(at_ms, int) or isinstance(at_ms, bool):
                raise ValueError("wrong types")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            self._reject(f"STATE of the primary host is invalid: {error!r}")
            return
        if at_ms < self._host_ms:
            return  # older than the last one
        self._host_ms = at_ms
        if online != self._host_online:
            log.info("sparkplug: primary host %s is %s", self._host, "online" if online else "offline")
        self._host_online = online


def _last_bd_seq(store: Store) -> int:
    bd_seq = store.entry(ENTRY_KIND, "bdSeq", "")
    return bd_seq if isinstance(bd_seq, int) and 0 <= bd_seq < 256 else 255

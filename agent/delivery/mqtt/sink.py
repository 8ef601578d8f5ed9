"""MQTT: a durable sink with one connection in a separate thread.

It uses MQTT 5, or 3.1.1 where the broker rejects MQTT 5 or does not respond. While the broker is unreachable, rows stay
in the spool and measurement continues.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import paho.mqtt.client as paho

from agent.config.alarm_table_gateway import CERTIFICATE_D
from agent.config.model import Config, Mqtt
from agent.delivery.base.sink import RetainedMessages
from agent.delivery.mqtt import tls
from agent.delivery.mqtt.backoff import DisconnectReason
from agent.delivery.mqtt.connection import MqttConnection, MqttHandler
from agent.delivery.mqtt.rate_limit import BackfillRateLimiter, BirthRateLimiter
from agent.delivery.mqtt.session import MqttSession, SinkState
from agent.delivery.mqtt.suspects import ENDS_MAX, Key
from agent.delivery.reasons import (
    BROKER_CERTIFICATE_EXPIRING,
    CLIENT_CERTIFICATE_EXPIRING,
    CLIENT_ID_CONFLICT,
    CLIENT_ID_CONFLICT_SUSPECTED,
    QOS_1_UNSUPPORTED,
    ROW_ENDS_CONNECTION,
)
from agent.delivery.store import SinkCursor
from drivers.reasons import Code, Reason

log = logging.getLogger(__name__)


class MqttSink(MqttHandler):
    """The sink of the JSON topics. `update_retained`, `reconfigure`, `numbers` and `stop`: from any thread.

    retained_messages: called for each connection.
    publish_event: publishes an event of the gateway with this kind and reason.
    """

    name = "mqtt"

    def __init__(
        self, settings: Mqtt, client_id: str, root: str, retained_messages: RetainedMessages,
        publish_event: Callable[[str, Reason], None],
    ) -> None:  # fmt: skip
        self.link = MqttConnection("mqtt", settings, client_id, self, negotiate=True)
        self._root, self._retained_messages, self._publish_event = root, retained_messages, publish_event
        self._state = SinkState(BackfillRateLimiter(self.link.chance), BirthRateLimiter())
        self._certificate_end: datetime | None = None  # the earlier of broker and client; None: no TLS
        self._published = 0  # in earlier connections
        self._retained_dropped, self._dropped_topics = 0, set[str]()  # in all connections
        self._session: MqttSession | None = None
        self._cursor: SinkCursor  # set by `start`

    @property
    def published(self) -> int:
        """Rows that the broker confirmed."""
        return self._published + (session.published if (session := self._session) else 0)

    def start(self, cursor: SinkCursor) -> None:
        self._cursor = cursor
        cursor.wake = self.link.wake
        self.link.start()

    def update_retained(self, topic: str, payload: bytes) -> None:
        if (session := self._session) is not None:  # a new connection sends all of them
            session.retained[topic] = payload
            self.link.wake()

    def reconfigure(self, config: Config, *_assets: object) -> None:
        self.link.update_settings(config.mqtt)

    def numbers(self) -> Mapping[str, float | int]:
        found: dict[str, float | int] = {"rows_published": self.published, "mqtt_connects": self.link.connects,
                                          "retained_dropped": self._retained_dropped}  # fmt: skip
        if self._certificate_end is not None:
            found["certificate_days"] = _days_until(self._certificate_end)
        return found

    # Called by the link.

    def configure(self, client: paho.Client) -> None:
        client.will_set(f"{self._root}/status", b"offline", qos=1, retain=True)
        self._state.backfill_limiter.rate_max = self.link.settings.backfill_rate

    def on_connected(self, properties: Any) -> None:
        if getattr(properties, "MaximumQoS", 1) < 1:
            self.link.close(QOS_1_UNSUPPORTED(), DisconnectReason.REFUSED)
            return
        session = MqttSession(self.link, properties, self._cursor, self._root, self._state, self._on_retained_dropped)
        self._session = session  # from here on it receives changes, which are newer than the following
        for topic, payload in reversed(self._retained_messages()):
            session.retained.setdefault(topic, payload)
        session.retained[session.status_topic] = b"online"  # the last one added is sent first
        if self.link.settings.tls:
            self._check_certificates()

    def send_due(self, now_s: float) -> float:
        assert self._session is not None
        return self._session.send_due(now_s)

    def on_confirmed(self, mid: int, code: int) -> None:
        if self._session is not None:
            self._session.on_confirmed(mid, code)

    def send_last(self) -> bool:
        assert self._session is not None
        return self._session.send_last()

    def cause_of_end(self, end: DisconnectReason) -> DisconnectReason:
        state, session = self._state, self._session
        if end is DisconnectReason.ASKED:
            state.suspects.clear()
            state.rejected.clear()
        if end is not DisconnectReason.LOST or session is None:
            return end
        session.process_confirmations()
        now_s = time.monotonic()
        sent_s = {key: now_s - at_s for key, at_s in session.unconfirmed.items()}
        if (found := state.suspects.cause_of_end(sent_s, self.published)) is None:
            return end
        message, ends = found
        if ends >= ENDS_MAX:
            state.suspects.acquit(message)
            self._reject(message, ROW_ENDS_CONNECTION(n=ends))
        return DisconnectReason.MESSAGE

    def on_disconnected(self, end: DisconnectReason, reason: Reason | None) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.process_confirmations()
            self._published += session.published
            self._cursor.return_unconfirmed()
        if reason is not None and reason.code in (CLIENT_ID_CONFLICT, CLIENT_ID_CONFLICT_SUSPECTED):
            self._publish_event("client_id_conflict", reason)

    def _on_retained_dropped(self, topic: str, reason: Reason) -> None:
        self._retained_dropped += 1
        if topic not in self._dropped_topics:
            self._dropped_topics.add(topic)
            log.warning("retained message %s is not delivered: %s", topic, reason)

    def _reject(self, message: Key, reason: Reason) -> None:
        """Never sends a row, or the retained messages of a topic, to this broker again."""
        if isinstance(message, str):
            self._state.rejected.add(message)
            self._on_retained_dropped(message, reason)
        else:
            self._cursor.reject(message, reason)
            log.error("a row is not delivered: %s", reason)

    def _check_certificates(self) -> None:
        ends: list[tuple[datetime, Code, dict[str, str]]] = []
        sock: Any = self.link.client.socket()
        with contextlib.suppress(OSError, ValueError, AttributeError):
            ends.append((tls.ends(sock.getpeercert(True)), BROKER_CERTIFICATE_EXPIRING, {}))
        if (file := self.link.settings.cert) is not None:
            with contextlib.suppress(OSError, ValueError):
                ends.append((tls.file_ends(file), CLIENT_CERTIFICATE_EXPIRING, {"file": str(file)}))
        self._certificate_end = min((end for end, _, _ in ends), default=None)
        for end, code, data in ends:
            if (days := _days_until(end)) < CERTIFICATE_D[0]:
                reason = code(end_ms=round(1000 * end.timestamp()), days=days, **data)
                log.warning("%s", reason)
                self._publish_event("certificate_expiring", reason)


def _days_until(end: datetime) -> float:
    return (end - datetime.now(UTC)).total_seconds() / 86400

"""MQTT: a durable sink with one connection in a separate thread.

It uses MQTT 5, or 3.1.1 where the broker rejects MQTT 5 or does not respond. While the broker is unreachable, rows stay
in the spool and measurement continues.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.config.model import Mqtt
from agent.delivery.base.sink import Texts
from agent.delivery.mqtt import tls
from agent.delivery.mqtt.backfill_rate import BackfillRateLimiter
from agent.delivery.mqtt.backoff import BRIEF_ENDS, BRIEF_S, Backoff, DisconnectReason
from agent.delivery.mqtt.session import CONNACK_S, STOP_S, Disconnected, MqttSession
from agent.delivery.reasons import (
    BROKER_CERTIFICATE_EXPIRING,
    CLIENT_CERTIFICATE_EXPIRING,
    CLIENT_ID_CONFLICT_SUSPECTED,
    CONNECT_FAILED,
    ROW_ENDS_CONNECTION,
    SINK_INTERNAL_ERROR,
)
from agent.delivery.sparkplug.birth_rate import BirthRateLimiter
from agent.delivery.store import SinkCursor
from drivers.reasons import Reason

log = logging.getLogger(__name__)

KEEPALIVE_JITTER = 0.1
CONNECT_S = 5.0
CERTIFICATE_DAYS = 30
POISON_BYTES, POISON_ENDS = 8192, 3  # a row of this size that ended this number of connections is not sent again


class MqttSink:
    """The sink of the JSON topics.

    greet: returns all retained messages; called for each connection.
    publish_event: publishes an event of the gateway with this kind and reason.
    """

    name = "mqtt"

    def __init__(
        self, settings: Mqtt, client_id: str, root: str, greet: Texts, publish_event: Callable[[str, Reason], None]
    ) -> None:
        self.settings = settings
        self.connects = 0
        self._certificate_end: datetime | None = None  # the earlier of broker and client; None: no TLS
        self._client_id, self._root, self._greet, self._publish_event = client_id, root, greet, publish_event
        self._version = MQTTProtocolVersion.MQTTv311 if settings.version == "3.1.1" else MQTTProtocolVersion.MQTTv5
        self._chance = random.Random(client_id)
        self._pacer, self._births = BackfillRateLimiter(self._chance, settings.backfill_rate), BirthRateLimiter()
        self._texts: dict[str, bytes] = {}
        self._published, self._session = 0, None  # type: int, MqttSession | None
        self._standing = False
        self._ending = threading.Event()
        self._wake_out, self._wake_in = os.pipe()
        for end in (self._wake_out, self._wake_in):
            os.set_blocking(end, False)
        self._pipe, self._open = threading.Lock(), True
        self._thread = threading.Thread(target=self._keep_connected, name="mqtt", daemon=True)
        self._reported: Reason | None = None  # why the connection is lost, as logged
        self._fallback_logged = False
        self._suspect: tuple[int, int] = (0, 0)  # row, number of connections that ended while it was sent
        self._drain: SinkCursor | None = None

    @property
    def connected(self) -> bool:
        return self._standing

    @property
    def published(self) -> int:
        """Rows that the broker confirmed."""
        session = self._session
        return self._published + (session.published if session else 0)

    def start(self, drain: SinkCursor) -> None:
        self._drain = drain
        drain.wake = self._wake
        self._thread.start()

    def update_retained(self, topic: str, payload: bytes) -> None:
        if self._standing:  # a new connection sends everything anyway
            self._texts[topic] = payload
            self._wake()

    def numbers(self) -> Mapping[str, float | int]:
        found: dict[str, float | int] = {"rows_published": self.published, "mqtt_connects": self.connects}
        if self._certificate_end is not None:
            found["certificate_days"] = _days_until(self._certificate_end)
        return found

    def stop(self) -> None:
        """Sends the live rows, publishes `offline` and disconnects; other rows stay in the spool."""
        self._ending.set()
        self._wake()
        self._thread.join(2 * STOP_S + CONNACK_S)
        if self._drain is not None and self._drain.wake == self._wake:
            self._drain.wake = _nothing
        if self._open and not self._thread.is_alive():
            with self._pipe:
                self._open = False
                os.close(self._wake_in)
                os.close(self._wake_out)

    def _wake(self) -> None:
        with self._pipe, contextlib.suppress(BlockingIOError):  # full: it is awake
            if self._open:
                os.write(self._wake_in, b"1")

    def _keep_connected(self) -> None:
        retry = Backoff(self._chance)
        assert self._drain is not None
        while not self._ending.is_set():
            ended = self._connect_once(self._drain)
            if ended.end is DisconnectReason.ASKED:
                return
            ended = self._other_version(ended)
            older = self._version == MQTTProtocolVersion.MQTTv311
            if older and retry.looks_taken_over(ended.end, ended.stood_s):
                reason = CLIENT_ID_CONFLICT_SUSPECTED(n=BRIEF_ENDS, limit_s=BRIEF_S, client_id=self._client_id)
                ended = Disconnected(DisconnectReason.TAKEN_OVER, reason, ended.stood_s)
            self._suspect_row(ended, self._drain)
            self._report(ended)
            self._ending.wait(retry.after(ended.end, ended.stood_s))

    def _connect_once(self, drain: SinkCursor) -> Disconnected:
        try:
            client = self._new_client()
        except (OSError, ValueError) as error:
            return Disconnected(
                DisconnectReason.UNREACHABLE, CONNECT_FAILED(error=str(error) or type(error).__name__), 0.0
            )
        keepalive_s = self.settings.keepalive_s * self._chance.uniform(1 - KEEPALIVE_JITTER, 1 + KEEPALIVE_JITTER)
        session = self._session = MqttSession(
            client, drain, self._pacer, self._births, client_id=self._client_id, root=self._root,
            will_topic=f"{self._root}/status", texts=self._texts, greet=self._greet, wake=self._wake_out,
            ending=self._ending.is_set, connected=self._on_connected,
        )  # fmt: skip
        try:
            return session.run(self.settings.host, self.settings.port, keepalive_s)
        except Exception as error:  # an internal error must not end the thread
            log.exception("the connection to the broker failed (internal error)")
            return Disconnected(DisconnectReason.UNREACHABLE, SINK_INTERNAL_ERROR(error=repr(error)), 0.0)
        finally:
            self._standing = False
            drain.give_back()
            self._published, self._session = self._published + session.published, None

    def _new_client(self) -> paho.Client:
        settings = self.settings
        # A clean session: the spool stores what must survive, not the broker.
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            clean_session=True if self._version == MQTTProtocolVersion.MQTTv311 else None,
            protocol=self._version,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(0)  # the session limits the unconfirmed rows
        client.will_set(f"{self._root}/status", b"offline", qos=1, retain=True)
        if settings.user:
            client.username_pw_set(settings.user, tls.password(settings))
        if settings.tls:
            client.tls_set_context(tls.context(settings))
        return client

    def _on_connected(self, client: paho.Client) -> None:
        self.connects += 1
        self._standing = True
        if self._reported:
            log.info("broker %s:%d: connected again", self.settings.host, self.settings.port)
            self._reported = None
        if self.settings.tls:
            self._check_certificates(client)

    def _check_certificates(self, client: paho.Client) -> None:
        broker_end = own_end = None
        sock: Any = client.socket()
        with contextlib.suppress(OSError, ValueError, AttributeError):
            broker_end = tls.ends(sock.getpeercert(True))
        if self.settings.cert is not None:
            with contextlib.suppress(OSError, ValueError):
                own_end = tls.file_ends(self.settings.cert)
        self._certificate_end = min((end for end in (broker_end, own_end) if end), default=None)
        if broker_end and (days := _days_until(broker_end)) < CERTIFICATE_DAYS:
            self._report_expiry(BROKER_CERTIFICATE_EXPIRING(end_ms=_utc_ms(broker_end), days=days))
        if own_end and (days := _days_until(own_end)) < CERTIFICATE_DAYS:
            file = str(self.settings.cert)
            self._report_expiry(CLIENT_CERTIFICATE_EXPIRING(file=file, end_ms=_utc_ms(own_end), days=days))

    def _report_expiry(self, reason: Reason) -> None:
        log.warning("%s", reason)
        self._publish_event("certificate_expiring", reason)

    def _other_version(self, ended: Disconnected) -> Disconnected:
        """When the broker does not support MQTT 5: MQTT 3.1.1 immediately; when that fails too, both again later."""
        if ended.end is not DisconnectReason.OTHER_VERSION:
            return ended
        five = self._version == MQTTProtocolVersion.MQTTv5
        if self.settings.version == "auto":
            self._version = MQTTProtocolVersion.MQTTv311 if five else MQTTProtocolVersion.MQTTv5
            if five:
                if not self._fallback_logged:
                    log.info("the broker does not support MQTT 5; connecting with MQTT 3.1.1")
                    self._fallback_logged = True
                return Disconnected(DisconnectReason.OTHER_VERSION, None, 0.0)
        return Disconnected(DisconnectReason.UNREACHABLE, ended.reason, 0.0)

    def _suspect_row(self, ended: Disconnected, drain: SinkCursor) -> None:
        """Rejects a row that ends each connection: MQTT 3.1.1 brokers close the connection at an oversized packet."""
        if ended.end is not DisconnectReason.LOST or not ended.stuck:
            return
        first = ended.stuck[0]
        if len(first.payload) < POISON_BYTES or len(first.payload) < max(len(row.payload) for row in ended.stuck):
            return
        count = self._suspect[1] + 1 if self._suspect[0] == first.n else 1
        self._suspect = (first.n, count)
        if count >= POISON_ENDS:
            drain.reject(first.n, ROW_ENDS_CONNECTION(n=count))
            log.error("a row of %d bytes ended the connection %d times; it is moved out of the spool",
                      len(first.payload), count)  # fmt: skip

    def _report(self, ended: Disconnected) -> None:
        """Logs the reason once when the connection is lost, and again only when the reason changes."""
        if ended.reason is None or ended.reason == self._reported:
            return
        if (
            ended.end is DisconnectReason.LOST
            or not self._reported
            or ended.end in (DisconnectReason.REFUSED, DisconnectReason.TAKEN_OVER)
        ):
            log.warning("broker %s:%d: %s; polling continues", self.settings.host, self.settings.port, ended.reason)
        if ended.end is DisconnectReason.TAKEN_OVER:
            self._publish_event("client_id_conflict", ended.reason)
        self._reported = ended.reason


def _days_until(end: datetime) -> float:
    return (end - datetime.now(UTC)).total_seconds() / 86400


def _utc_ms(moment: datetime) -> int:
    return round(1000 * moment.timestamp())


def _nothing() -> None:
    """Replaces the wake function of a sink that has stopped."""

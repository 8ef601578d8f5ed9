"""MQTT: one connection in a thread of its own, MQTT 5 first, 3.1.1 where a broker is silent or refuses.

Nothing here ever holds up the polling: while the broker is away live rows are dropped and counted (the spool will keep
them), and what is retained is sent again with each connection.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.config import Mqtt

log = logging.getLogger(__name__)

CONNACK_S = 2.0
RETRY_S = (1.0, 120.0)  # full jitter between 0 and a limit that doubles
STOOD_S = 30.0  # a connection that lasted that long resets the limit
STOP_S = 3.0
IN_FLIGHT_MAX, QUEUE_MAX = 100, 1000
TAKEN_OVER = 0x8E  # MQTT 5: session taken over
_UNSUPPORTED_PROTOCOL = (1, 0x84, 132)


class MqttSink:
    """Connects in the background once started. `greet` gives what to send after each connection: (topic, payload)."""

    def __init__(
        self, settings: Mqtt, client_id: str, will_topic: str, greet: Callable[[], list[tuple[str, bytes]]]
    ) -> None:
        self.settings = settings
        self.published = self.dropped = self.connects = 0
        self._client_id, self._will_topic, self._greet = client_id, will_topic, greet
        self._version = MQTTProtocolVersion.MQTTv311 if settings.version == "3.1.1" else MQTTProtocolVersion.MQTTv5
        self._client: paho.Client | None = None
        self._connected, self._refused = threading.Event(), threading.Event()
        self._gone, self._ending = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._keep_connected, name="mqtt", daemon=True)
        self._chance = random.Random(client_id)
        self._told_away = self._told_older = False
        self._waiting: set[int] = set()  # ids of rows without a PUBACK
        self._early: set[int] = set()  # a PUBACK can come before publish() has returned
        self._reason = ""

    @property
    def connected(self) -> bool:
        return self._connected.is_set()

    def start(self) -> None:
        self._thread.start()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Hands one message to the connection, QoS 1; False, and counted, when there is none. Never waits."""
        client = self._client
        if client is None or not self._connected.is_set():
            self.dropped += 0 if retain else 1
            return False
        info = client.publish(topic, payload, qos=1, retain=retain)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            self.dropped += 0 if retain else 1
            return False
        if info.mid in self._early:
            self._early.discard(info.mid)
            self.published += 0 if retain else 1
        elif not retain:
            self._waiting.add(info.mid)
        return True

    def stop(self) -> None:
        """Says offline, lets the queue drain for a moment, and disconnects."""
        client = self._client
        if client is not None and self._connected.is_set():
            info = client.publish(self._will_topic, b"offline", qos=1, retain=True)
            with contextlib.suppress(RuntimeError, ValueError):
                info.wait_for_publish(STOP_S)
        self._ending.set()
        self._gone.set()
        self._thread.join(STOP_S + CONNACK_S)

    def _keep_connected(self) -> None:
        limit_s = RETRY_S[0]
        while not self._ending.is_set():
            started_s = time.monotonic()
            error = self._connect_once()
            if error is None:
                continue
            if time.monotonic() - started_s > STOOD_S:
                limit_s = RETRY_S[0]
            if error and not self._told_away:
                log.warning("broker %s:%d: %s; polling goes on", self.settings.host, self.settings.port, error)
                self._told_away = True
            self._ending.wait(self._chance.uniform(0, limit_s))
            limit_s = min(2 * limit_s, RETRY_S[1])

    def _connect_once(self) -> str | None:
        """One connection from first packet to last; the reason when it never stood, None to try again at once."""
        for event in (self._connected, self._refused, self._gone):
            event.clear()
        if self._ending.is_set():
            return ""
        try:
            client = self._new_client()
            client.connect(self.settings.host, self.settings.port, keepalive=round(self.settings.keepalive_s))
        except (OSError, ValueError) as error:
            return str(error) or type(error).__name__
        client.loop_start()
        try:
            if not self._wait_connack():
                return self._fall_back()
            self._client = client
            self._gone.wait()
            if not self._ending.is_set():
                log.warning("broker %s:%d: connection lost%s; polling goes on", self.settings.host, self.settings.port,
                            self._reason)  # fmt: skip
                self._told_away = True
            return ""
        finally:
            self._connected.clear()
            self._client = None
            client.disconnect()
            client.loop_stop()
            self.dropped += len(self._waiting)  # what was handed over and never confirmed
            self._waiting.clear()
            self._early.clear()

    def _wait_connack(self) -> bool:
        for _ in range(round(CONNACK_S / 0.02)):
            if self._connected.wait(0.02):
                return True
            if self._refused.is_set() or self._gone.is_set() or self._ending.is_set():
                return False
        return False

    def _fall_back(self) -> str | None:
        if self._ending.is_set():
            return ""
        if self._refused.is_set():
            return self._refusal
        if self.settings.version == "auto":
            five = self._version == MQTTProtocolVersion.MQTTv5
            self._version = MQTTProtocolVersion.MQTTv311 if five else MQTTProtocolVersion.MQTTv5
            if not self._told_older:
                log.info("broker does not answer MQTT 5; trying 3.1.1")
                self._told_older = True
            return None if five else "no answer to the connection request"
        return f"no answer to the connection request in {CONNACK_S:g} s"

    def _new_client(self) -> paho.Client:
        settings = self.settings
        # A clean session: what must survive is in our own store, not in the broker's.
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            clean_session=True if self._version == MQTTProtocolVersion.MQTTv311 else None,
            protocol=self._version,
            reconnect_on_failure=False,
        )
        client.max_inflight_messages_set(IN_FLIGHT_MAX)
        client.max_queued_messages_set(QUEUE_MAX)
        client.will_set(self._will_topic, b"offline", qos=1, retain=True)
        if settings.user:
            password = settings.password_file.read_text(encoding="utf-8").strip() if settings.password_file else None
            client.username_pw_set(settings.user, password)
        if settings.tls:
            client.tls_set(ca_certs=str(settings.ca) if settings.ca else None)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        return client

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            if (
                self.settings.version == "auto"
                and self._version == MQTTProtocolVersion.MQTTv5
                and reason.value in (_UNSUPPORTED_PROTOCOL)
            ):
                self._gone.set()  # treated as silence: the older version is tried next
                return
            self._refusal = f"refused: {reason}"
            self._refused.set()
            return
        self.connects += 1
        if self._told_away:
            log.info("broker %s:%d: connected again", self.settings.host, self.settings.port)
            self._told_away = False
        client.publish(self._will_topic, b"online", qos=1, retain=True)
        for topic, payload in self._greet():
            client.publish(topic, payload, qos=1, retain=True)
        self._connected.set()

    def _on_publish(self, _client: paho.Client, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        if mid in self._waiting:
            self._waiting.discard(mid)
            self.published += 1
        else:
            self._early.add(mid)
            if len(self._early) > 2 * QUEUE_MAX:  # retained texts are confirmed here too and not waited for
                self._early.clear()

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._reason = f" ({reason})" if reason.is_failure else ""
        if reason.is_failure and reason.value == TAKEN_OVER:
            self._reason = " (another client has the same site and gateway: give each its own)"
        self._connected.clear()
        self._gone.set()

    _refusal = ""

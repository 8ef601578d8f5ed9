"""One MQTT connection in a separate thread, established again whenever it is lost.

Everything happens in this thread, paho's callbacks included: no lock is held around publish(). No error ends it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import select
import ssl
import threading
import time
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.config.model import Mqtt
from agent.delivery.mqtt import tls
from agent.delivery.mqtt.backoff import BRIEF_ENDS, BRIEF_S, Backoff, DisconnectReason
from agent.delivery.mqtt.connect_problem import closed_early, connect_problem, rejection
from agent.delivery.reasons import (
    CLIENT_ID_CONFLICT,
    CLIENT_ID_CONFLICT_SUSPECTED,
    CLOSED_BEFORE_CONNACK,
    CONNACK_TIMEOUT,
    CONNECT_FAILED,
    CONNECT_REJECTED,
    CONNECTION_LOST,
    SINK_INTERNAL_ERROR,
)
from drivers.reasons import Reason

log = logging.getLogger(__name__)

CONNECT_S, CONNACK_S = 5.0, 5.0
NEGOTIATION_S = 2.0  # for the CONNACK to MQTT 5, where MQTT 3.1.1 is the alternative
TURN_S = 0.5
STOP_S, FLUSH_S = 4.0, 2.0  # for the last messages; for what is already in the buffer
TRACEBACKS_MAX = 3
UNSUPPORTED_PROTOCOL, TAKEN_OVER = (1, 0x84), 0x8E  # MQTT 3.1.1, 3.2.2.3; MQTT 5.0, 2.4


class MqttHandler:
    """The dialect of a link. All methods are called in the thread of the link. Those that a dialect does not need do
    nothing."""

    link: MqttConnection

    def stop(self) -> None:
        """Sends the last messages and disconnects."""
        self.link.stop()

    def configure(self, client: paho.Client) -> None:
        """Sets the will of a new client before it connects."""

    def on_connected(self, properties: Any) -> None:
        """The broker accepted the connection. properties: of the CONNACK packet; None with MQTT 3.1.1."""

    def send_due(self, now_s: float) -> float:
        """Sends what is due; returns the longest time until the next call, seconds."""
        raise NotImplementedError

    def on_message(self, topic: str, payload: bytes, retained: bool) -> None:
        """A message was received."""

    def on_confirmed(self, mid: int, code: int) -> None:
        """The broker responded to a publication (QoS 1) or a subscription. code: 0x80 and above for a rejection."""

    def send_last(self) -> bool:
        """The link is stopping: sends the last messages; true when all are sent."""
        return True

    def cause_of_end(self, end: DisconnectReason) -> DisconnectReason:
        """Why the connection ended, where the dialect knows more. Called once, before `on_disconnected`."""
        return end

    def on_disconnected(self, end: DisconnectReason, reason: Reason | None) -> None:
        """The connection has ended or could not be established. reason: None when it was logged before."""


class MqttConnection:
    """The connection.

    name: of the thread, and in log lines.
    handler: the dialect.
    negotiate: whether settings.version applies; otherwise MQTT 3.1.1.

    settings, client: of the present connection.
    connects: number of connections so far. connected: whether a connection exists now.
    """

    def __init__(
        self, name: str, settings: Mqtt, client_id: str, handler: MqttHandler, *, negotiate: bool = False
    ) -> None:
        self.name, self.client_id, self.settings = name, client_id, settings
        self.connects, self.connected = 0, False
        self.client: paho.Client  # set for each connection
        self.chance = random.Random(client_id)
        self._handler, self._negotiate = handler, negotiate
        self._version = self._first_version(settings)
        self._lock = threading.Lock()  # of the next four
        self._next_settings, self._ending, self._pipe_open = settings, False, True
        self._interrupt = threading.Event()  # the connection ends: `stop`, or other settings
        self._wake_out, self._wake_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._end: tuple[DisconnectReason, Reason | None] | None = None
        self._reported: Reason | None = None  # why the connection is lost, as logged
        self._bugs = 0
        self._thread = threading.Thread(target=self._keep_connected, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._lock:
            self._ending = True
            self._interrupt.set()
        self.wake()
        self._thread.join(CONNECT_S + CONNACK_S + STOP_S + FLUSH_S)
        with self._lock:
            if self._pipe_open and not self._thread.is_alive():
                self._pipe_open = False
                os.close(self._wake_in)
                os.close(self._wake_out)

    def wake(self) -> None:
        """There is something to send. From any thread."""
        with self._lock, contextlib.suppress(BlockingIOError):  # full: it is awake
            if self._pipe_open:
                os.write(self._wake_in, b"1")

    def update_settings(self, settings: Mqtt | None) -> None:
        """Connects to another broker, or with another login, if they differ. From any thread. None: stays connected."""
        with self._lock:
            if settings is None or settings == self._next_settings:
                return
            self._next_settings = settings
            self._interrupt.set()
        self.wake()

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> int:
        """Returns the packet identifier. Call in the thread of the link, while connected.

        Raises ValueError for an invalid topic.
        """
        return int(self.client.publish(topic, payload, qos, retain).mid)

    def subscribe(self, topics: list[str]) -> int | None:
        """Returns the packet identifier; None: not sent. Call in the thread of the link, while connected."""
        mid: int | None = self.client.subscribe([(topic, 1) for topic in topics])[1]
        return mid

    def close(self, reason: Reason, end: DisconnectReason = DisconnectReason.LOST) -> None:
        """Ends this connection, for the first reason given; another one follows. Call in the thread of the link."""
        self._end = self._end or (end, reason)

    def log_internal_error(self, what: str) -> None:
        """Logs an internal error; the traceback only for the first ones. Call while the exception is handled."""
        self._bugs += 1
        if self._bugs <= TRACEBACKS_MAX:
            log.exception("%s: %s", self.name, what)

    def _keep_connected(self) -> None:
        backoff = Backoff(self.chance)
        while True:
            with self._lock:
                if self._ending:
                    return
                self._interrupt.clear()
                settings = self._next_settings
            if settings != self.settings:
                self.settings, self._version, backoff = settings, self._first_version(settings), Backoff(self.chance)
            lasted_s = self._connect_once()
            end, reason = self._other_version(*(self._end or (DisconnectReason.ASKED, None)))
            cause, older = end, self._version == MQTTProtocolVersion.MQTTv311
            try:
                cause = self._handler.cause_of_end(end)
                if self._negotiate and older and backoff.is_takeover_suspected(cause, lasted_s):
                    cause = DisconnectReason.TAKEN_OVER
                    reason = CLIENT_ID_CONFLICT_SUSPECTED(n=BRIEF_ENDS, limit_s=BRIEF_S, client_id=self.client_id)
                self._handler.on_disconnected(end, self._log_end(cause, reason))
            except Exception:
                self.log_internal_error("the end of the connection could not be processed (internal error)")
            self._interrupt.wait(backoff.delay_s(cause, lasted_s))

    def _connect_once(self) -> float:
        """Duration of the connection, seconds; 0: none was established."""
        self._end, client, started_s = None, None, 0.0
        try:
            try:
                client = self.client = self._new_client()
                self._handler.configure(client)
                keepalive_s = self.settings.keepalive_s * self.chance.uniform(0.9, 1.1)
                client.connect(self.settings.host, self.settings.port, keepalive=round(keepalive_s))
            except (OSError, ValueError) as error:
                self.close(CONNECT_FAILED(error=connect_problem(self.settings, error)), DisconnectReason.UNREACHABLE)
            else:
                started_s = time.monotonic()
                self._exchange(client, started_s)  # paho reports network errors to `_on_disconnect`
        except Exception as error:
            self.log_internal_error("the connection failed (internal error)")
            self._end = (DisconnectReason.UNREACHABLE, SINK_INTERNAL_ERROR(error=repr(error)))
        lasted_s = time.monotonic() - started_s if self.connected else 0.0
        self.connected = False
        self._end = self._end or (DisconnectReason.ASKED, None)  # from here on this client closes the connection
        if client is not None:
            try:
                client.disconnect()
                client.loop_write()
                if (sock := client.socket()) is not None:  # DISCONNECT could not be sent
                    sock.close()
            except Exception:
                self.log_internal_error("the connection could not be closed (internal error)")
        return lasted_s

    def _first_version(self, settings: Mqtt) -> MQTTProtocolVersion:
        mqtt5 = self._negotiate and settings.version != "3.1.1"
        return MQTTProtocolVersion.MQTTv5 if mqtt5 else MQTTProtocolVersion.MQTTv311

    def _other_version(self, end: DisconnectReason, reason: Reason | None) -> tuple[DisconnectReason, Reason | None]:
        """When the broker does not support MQTT 5: MQTT 3.1.1 immediately; when that fails too, both again later."""
        if end is not DisconnectReason.OTHER_VERSION:
            return end, reason
        if self._negotiate and self.settings.version == "auto":
            if self._version == MQTTProtocolVersion.MQTTv5:
                self._version = MQTTProtocolVersion.MQTTv311
                if self.connects == 0 and self._reported is None:
                    log.info("%s: the broker does not support MQTT 5; connecting with MQTT 3.1.1", self.name)
                return DisconnectReason.OTHER_VERSION, None
            self._version = MQTTProtocolVersion.MQTTv5
        return DisconnectReason.UNREACHABLE, reason

    def _new_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=self.client_id, protocol=self._version,
            # A clean session: what must survive is in the spool, not in the broker.
            clean_session=True if self._version == MQTTProtocolVersion.MQTTv311 else None, reconnect_on_failure=False,
        )  # fmt: skip
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(0)  # the dialect limits the unconfirmed messages
        tls.authenticate(client, self.settings)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_message = self._on_message
        # paho then queues each packet, and `_exchange` writes those of a turn together.
        client.on_socket_register_write = lambda *_: None
        client.on_publish = lambda _client, _data, mid, code, _properties: self._handler.on_confirmed(mid, code.value)
        client.on_subscribe = lambda _client, _data, mid, *_: self._handler.on_confirmed(mid, 0)
        return client

    def _exchange(self, client: paho.Client, started_s: float) -> None:
        """Sends and receives until the connection ends."""
        sock: Any = client.socket()
        poll = select.poll()
        poll.register(self._wake_out, select.POLLIN)
        poll.register(sock, select.POLLIN)
        alternative = self._version == MQTTProtocolVersion.MQTTv5 and self.settings.version == "auto"
        connack_s = NEGOTIATION_S if alternative else CONNACK_S
        misc_s, wait_s = 0.0, TURN_S
        while self._end is None:
            now_s = time.monotonic()
            if self.connected:
                wait_s = min(TURN_S, max(0.0, self._handler.send_due(now_s)))
                if client.want_write():
                    client.loop_write()
                if self._end is not None:
                    break
                if self._interrupt.is_set():
                    self._send_last(client, sock)
                    break
            elif self._interrupt.is_set():
                break
            elif now_s - started_s > connack_s:
                self._end = (DisconnectReason.OTHER_VERSION, CONNACK_TIMEOUT(timeout_s=connack_s))
                break
            poll.modify(sock, select.POLLIN | (select.POLLOUT if client.want_write() else 0))
            pending = isinstance(sock, ssl.SSLSocket) and sock.pending()
            ready = dict(poll.poll(0 if pending else 1000 * wait_s))
            if ready.pop(self._wake_out, 0):
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_out, 4096)
            events = next(iter(ready.values()), 0)
            if pending or events & ~select.POLLOUT:
                client.loop_read()
            if events & select.POLLOUT:
                client.loop_write()
            if now_s - misc_s > 1:
                misc_s = now_s
                client.loop_misc()
        self._flush(client, sock)

    def _send_last(self, client: paho.Client, sock: Any) -> None:
        until_s = time.monotonic() + STOP_S
        while not self._handler.send_last() and self._end is None and time.monotonic() < until_s:
            self._flush(client, sock)
            select.select([sock], [], [], 0.05)
            client.loop_read()

    @staticmethod
    def _flush(client: paho.Client, sock: Any) -> None:
        until_s = time.monotonic() + FLUSH_S
        while client.want_write() and time.monotonic() < until_s and client.socket() is not None:
            select.select([], [sock], [], 0.1)
            client.loop_write()

    def _on_connect(self, _client: paho.Client, _data: Any, _flags: Any, code: Any, properties: Any) -> None:
        if code.is_failure:
            unsupported = code.value in UNSUPPORTED_PROTOCOL
            self._end = (
                DisconnectReason.OTHER_VERSION if unsupported else DisconnectReason.REFUSED,
                CONNECT_REJECTED(error=rejection(self.settings, code.value, str(code))),
            )
            return
        self.connects += 1
        self.connected = True
        if self._reported:
            again = " again" if self.connects > 1 else ""
            log.info("%s: broker %s:%d: connected%s", self.name, self.settings.host, self.settings.port, again)
            self._reported = None
        self._handler.on_connected(properties)

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code.value == TAKEN_OVER:
            self.close(CLIENT_ID_CONFLICT(client_id=self.client_id), DisconnectReason.TAKEN_OVER)
        elif self.connected:
            self.close(CONNECTION_LOST(error=str(code)))
        else:
            self.close(CLOSED_BEFORE_CONNACK(error=closed_early(self.settings)), DisconnectReason.UNREACHABLE)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            self._handler.on_message(message.topic, bytes(message.payload), bool(message.retain))
        except Exception:  # a received payload must not end the thread
            self.log_internal_error(f"a message on {message.topic} could not be processed; it is ignored")

    def _log_end(self, end: DisconnectReason, reason: Reason | None) -> Reason | None:
        """Logs why the connection was lost; later attempts only for another rejection. None: it was not logged."""
        if end is DisconnectReason.ASKED or reason is None or reason == self._reported:
            return None
        first, self._reported = self._reported is None, reason
        if end is DisconnectReason.UNREACHABLE and not first:
            return None
        log.warning("%s: broker %s:%d: %s; polling continues", self.name, self.settings.host, self.settings.port,
                    reason)  # fmt: skip
        return reason

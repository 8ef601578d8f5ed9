"""A separate MQTT 3.1.1 connection, in a separate thread, for a dialect that needs its own will or subscriptions.

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
from typing import Any, Protocol

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.config.model import Mqtt
from agent.delivery.mqtt import tls
from agent.delivery.mqtt.backoff import Backoff, DisconnectReason
from agent.delivery.reasons import (
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
TURN_S = 0.5
PART_S = 2.0
TRACEBACKS_MAX = 3


class MqttHandler(Protocol):
    """The dialect of a link. All methods are called in the thread of the link."""

    def configure(self, client: paho.Client) -> None:
        """Sets the will of a new client before it connects."""

    def stands(self, client: paho.Client) -> None:
        """The broker accepted the connection."""

    def turn(self, now_s: float) -> float:
        """Sends what is due; returns the longest time until the next call, seconds."""
        ...

    def heard(self, topic: str, payload: bytes) -> None:
        """A message was received."""

    def confirmed(self, mid: int) -> None:
        """The broker confirmed a publication (QoS 1) or a subscription."""

    def part(self, client: paho.Client) -> bool:
        """The link is stopping: sends the last messages; true when all are sent."""
        ...

    def gone(self) -> None:
        """The connection has ended."""


class MqttConnection:
    """The connection, made again whenever it is lost.

    name: of the thread, and in log lines.
    `talk`: the dialect.
    connects: number of connections so far. standing: whether a connection exists now.
    """

    def __init__(self, name: str, settings: Mqtt, client_id: str, talk: MqttHandler) -> None:
        self.name, self.connects, self.standing = name, 0, False
        self._settings, self._client_id, self._talk = settings, client_id, talk
        self.chance = random.Random(client_id)
        self._ending = threading.Event()
        self._wake_out, self._wake_in = os.pipe()
        for end in (self._wake_out, self._wake_in):
            os.set_blocking(end, False)
        self._pipe, self._open = threading.Lock(), True
        self._end: tuple[DisconnectReason, Reason | None] | None = None
        self._moved = False
        self._reported: Reason | None = None  # why the connection is lost, as logged
        self._bugs = 0
        self._thread = threading.Thread(target=self._keep_connected, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self.wake()
        self._thread.join(CONNECT_S + CONNACK_S + 2 * PART_S)
        with self._pipe:
            if self._open and not self._thread.is_alive():
                self._open = False
                os.close(self._wake_in)
                os.close(self._wake_out)

    def wake(self) -> None:
        """There is something to send. From any thread."""
        with self._pipe, contextlib.suppress(BlockingIOError):  # full: it is awake
            if self._open:
                os.write(self._wake_in, b"1")

    def move(self, settings: Mqtt) -> None:
        """Connects to another broker, or with another login. From any thread."""
        if settings != self._settings:
            self._settings, self._moved = settings, True
            self.wake()

    def close(self, reason: Reason) -> None:
        """Ends this connection; another one follows. Call in the thread of the link."""
        self._end = self._end or (DisconnectReason.LOST, reason)

    def mistaken(self, what: str) -> None:
        """Logs an internal error; the traceback only for the first ones. Call while the exception is handled."""
        self._bugs += 1
        if self._bugs <= TRACEBACKS_MAX:
            log.exception("%s: %s", self.name, what)

    def _keep_connected(self) -> None:
        retry = Backoff(self.chance)
        while not self._ending.is_set():
            self._end, self._moved, stood_s = None, False, 0.0
            try:
                stood_s = self._connect_once()
            except (OSError, ValueError) as error:
                self._end = self._end or (
                    DisconnectReason.UNREACHABLE,
                    CONNECT_FAILED(error=str(error) or type(error).__name__),
                )
            except Exception as error:
                self.mistaken("the connection failed (internal error)")
                self._end = (DisconnectReason.UNREACHABLE, SINK_INTERNAL_ERROR(error=repr(error)))
            end, reason = self._end or (DisconnectReason.ASKED, None)
            self._report(end, reason)
            self._ending.wait(0 if end is DisconnectReason.ASKED else retry.after(end, stood_s))

    def _connect_once(self) -> float:
        """Duration of the connection, seconds."""
        client = self._new_client()
        self._talk.configure(client)
        host, port = self._settings.host, self._settings.port
        try:
            client.connect(host, port, keepalive=round(self._settings.keepalive_s * self.chance.uniform(0.9, 1.1)))
            return self._turns(client)
        finally:
            self.standing = False
            self._end = self._end or (DisconnectReason.ASKED, None)  # from here on this client closes the connection
            client.disconnect()
            if (sock := client.socket()) is not None:
                sock.close()
            self._talk.gone()

    def _new_client(self) -> paho.Client:
        settings = self._settings
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=self._client_id, clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311, reconnect_on_failure=False,
        )  # fmt: skip
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(0)
        if settings.user:
            client.username_pw_set(settings.user, tls.password(settings))
        if settings.tls:
            client.tls_set_context(tls.context(settings))
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = lambda _client, _data, mid, *_: self._talk.confirmed(mid)
        client.on_subscribe = lambda _client, _data, mid, *_: self._talk.confirmed(mid)
        return client

    def _turns(self, client: paho.Client) -> float:
        sock: Any = client.socket()
        poll = select.poll()
        poll.register(self._wake_out, select.POLLIN)
        poll.register(sock, select.POLLIN)
        started_s, misc_s, stood_from_s, wait_s = time.monotonic(), 0.0, 0.0, TURN_S
        while self._end is None:
            now_s = time.monotonic()
            if self.standing:
                stood_from_s = stood_from_s or now_s
                if self._ending.is_set() or self._moved:
                    self._talk.turn(now_s)  # live rows are sent before the last messages
                    self._part(client, sock)
                    break
                wait_s = min(TURN_S, max(0.0, self._talk.turn(now_s)))
                if self._end is not None:
                    break
            elif self._ending.is_set():
                break
            elif now_s - started_s > CONNACK_S:
                self._end = (DisconnectReason.UNREACHABLE, CONNACK_TIMEOUT(timeout_s=CONNACK_S))
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
        if self._end is not None:  # earlier messages are still sent
            self._flush(client, sock)
        return time.monotonic() - stood_from_s if stood_from_s else 0.0

    def _part(self, client: paho.Client, sock: Any) -> None:
        until_s = time.monotonic() + PART_S
        while not self._talk.part(client) and self._end is None and time.monotonic() < until_s:
            select.select([sock], [], [], 0.05)
            client.loop_read()
            self._flush(client, sock)
        self._flush(client, sock)

    @staticmethod
    def _flush(client: paho.Client, sock: Any) -> None:
        until_s = time.monotonic() + PART_S
        while client.want_write() and time.monotonic() < until_s and client.socket() is not None:
            select.select([], [sock], [], 0.1)
            client.loop_write()

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code.is_failure:
            self._end = (DisconnectReason.REFUSED, CONNECT_REJECTED(error=str(code)))
            return
        self.connects += 1
        self.standing = True
        if self._reported:
            log.info("%s: connected again", self.name)
            self._reported = None
        self._talk.stands(client)

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if self._end is None and self.standing:
            self._end = (DisconnectReason.LOST, CONNECTION_LOST(error=str(code)))
        elif self._end is None:
            self._end = (DisconnectReason.UNREACHABLE, CLOSED_BEFORE_CONNACK(error=str(code)))

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            self._talk.heard(message.topic, bytes(message.payload))
        except Exception:  # a received payload must not end the thread
            self.mistaken(f"a message on {message.topic} could not be processed; it is ignored")

    def _report(self, end: DisconnectReason, reason: Reason | None) -> None:
        """Logs the reason once when the connection is lost, and again only when the reason changes."""
        if end is not DisconnectReason.ASKED and reason and reason != self._reported:
            host, port = self._settings.host, self._settings.port
            log.warning("%s: broker %s:%d: %s; polling continues", self.name, host, port, reason)
            self._reported = reason

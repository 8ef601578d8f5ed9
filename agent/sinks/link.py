"""An MQTT 3.1.1 connection for a dialect with a will or a subscription of its own, in a thread of its own.

Everything happens in that thread, paho's callbacks too: no lock is held around publish(). Trouble never ends it.
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

from agent.config import Mqtt
from agent.sinks import tls
from agent.sinks.retry import End, Retry

log = logging.getLogger(__name__)

CONNECT_S, CONNACK_S = 5.0, 5.0
TURN_S = 0.5
PART_S = 2.0
MISTAKES_SHOWN = 3


class Talk(Protocol):
    """What is said over a link. All of it is called in the link's thread."""

    def configure(self, client: paho.Client) -> None:
        """A new client, before it connects: its will."""

    def stands(self, client: paho.Client) -> None:
        """The broker let us in."""

    def turn(self, now_s: float) -> float:
        """Says what is due; seconds until it wants to be called again at the latest."""
        ...

    def heard(self, topic: str, payload: bytes) -> None: ...

    def confirmed(self, mid: int) -> None:
        """The broker confirmed a publication (QoS 1) or a subscription."""

    def part(self, client: paho.Client) -> bool:
        """Asked to stop: last words; true when all is said."""
        ...

    def gone(self) -> None:
        """The connection has ended."""


class Link:
    """`start` once. `wake`: there is something to do. `close`: ends this connection, and connects anew later."""

    def __init__(self, name: str, settings: Mqtt, client_id: str, talk: Talk) -> None:
        self.name, self.connects, self.standing = name, 0, False
        self._settings, self._client_id, self._talk = settings, client_id, talk
        self.chance = random.Random(client_id)
        self._ending = threading.Event()
        self._wake_out, self._wake_in = os.pipe()
        for end in (self._wake_out, self._wake_in):
            os.set_blocking(end, False)
        self._pipe, self._open = threading.Lock(), True
        self._end: tuple[End, str] | None = None
        self._moved = False
        self._said = ""
        self._mistakes = 0
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
        with self._pipe, contextlib.suppress(BlockingIOError):  # full: it is awake
            if self._open:
                os.write(self._wake_in, b"1")

    def move(self, settings: Mqtt) -> None:
        """Goes on with another broker, or other words to it. From any thread."""
        if settings != self._settings:
            self._settings, self._moved = settings, True
            self.wake()

    def close(self, text: str) -> None:
        """Call in the link's own thread."""
        self._end = self._end or (End.LOST, text)

    def mistaken(self, what: str) -> None:
        """A mistake of ours: its trace once or twice, so that no log is flooded. Call while it is handled."""
        self._mistakes += 1
        if self._mistakes <= MISTAKES_SHOWN:
            log.exception("%s: %s", self.name, what)

    def _keep_connected(self) -> None:
        retry = Retry(self.chance)
        while not self._ending.is_set():
            self._end, self._moved, stood_s = None, False, 0.0
            try:
                stood_s = self._connect_once()
            except (OSError, ValueError) as error:
                self._end = self._end or (End.UNREACHABLE, str(error) or type(error).__name__)
            except Exception:
                self.mistaken("the connection failed by a mistake of ours")
                self._end = (End.UNREACHABLE, "a mistake of ours")
            end, text = self._end or (End.ASKED, "")
            self._say(end, text)
            self._ending.wait(0 if end is End.ASKED else retry.after(end, stood_s))

    def _connect_once(self) -> float:
        """Seconds that the connection stood."""
        client = self._new_client()
        self._talk.configure(client)
        host, port = self._settings.host, self._settings.port
        try:
            client.connect(host, port, keepalive=round(self._settings.keepalive_s * self.chance.uniform(0.9, 1.1)))
            return self._turns(client)
        finally:
            self.standing = False
            self._end = self._end or (End.ASKED, "")  # what follows is our own doing
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
                    self._talk.turn(now_s)  # what is fresh goes before the farewell
                    self._part(client, sock)
                    break
                wait_s = min(TURN_S, max(0.0, self._talk.turn(now_s)))
                if self._end is not None:
                    break
            elif self._ending.is_set():
                break
            elif now_s - started_s > CONNACK_S:
                self._end = (End.UNREACHABLE, f"no answer to the connection request in {CONNACK_S:g} s")
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
        if self._end is not None:  # what was said before it goes out first
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

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._end = (End.REFUSED, f"refused: {reason}")
            return
        self.connects += 1
        self.standing = True
        if self._said:
            log.info("%s: connected again", self.name)
            self._said = ""
        self._talk.stands(client)

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if self._end is None:
            lost = (End.LOST, f"connection lost ({reason})")
            self._end = lost if self.standing else (End.UNREACHABLE, f"closed before it stood ({reason})")

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            self._talk.heard(message.topic, bytes(message.payload))
        except Exception:  # whatever somebody sends us
            self.mistaken(f"a message on {message.topic} could not be understood; it is left out")

    def _say(self, end: End, text: str) -> None:
        """Once when it breaks, and again only when it is something else."""
        if end is not End.ASKED and text and text != self._said:
            host, port = self._settings.host, self._settings.port
            log.warning("%s: broker %s:%d: %s; polling goes on", self.name, host, port, text)
            self._said = text

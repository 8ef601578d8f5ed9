"""MQTT: a durable sink with one connection in a thread of its own, MQTT 5 first, 3.1.1 where a broker is silent or
refuses that. While the broker is away nothing waits but the rows, in the spool.
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

from agent.config import Mqtt
from agent.sinks import Texts, tls
from agent.sinks.births import BirthPace
from agent.sinks.mqtt_session import CONNACK_S, STOP_S, Ended, Session
from agent.sinks.pace import Pacer
from agent.sinks.retry import End, Retry
from agent.store import Drain

log = logging.getLogger(__name__)

KEEPALIVE_JITTER = 0.1
CONNECT_S = 5.0
CERTIFICATE_DAYS = 30
POISON_BYTES, POISON_ENDS = 8192, 3  # a row of that size that ended so many connections is not sent again


class MqttSink:
    """greet: everything retained, asked after each connection. tell_event(kind, text): what operators should know."""

    name = "mqtt"

    def __init__(
        self, settings: Mqtt, client_id: str, root: str, greet: Texts, tell_event: Callable[[str, str], None]
    ) -> None:
        self.settings = settings
        self.connects = 0
        self._certificate_end: datetime | None = None  # of the first of broker's and our own to end; None: no TLS
        self._client_id, self._root, self._greet, self._tell_event = client_id, root, greet, tell_event
        self._version = MQTTProtocolVersion.MQTTv311 if settings.version == "3.1.1" else MQTTProtocolVersion.MQTTv5
        self._chance = random.Random(client_id)
        self._pacer, self._births = Pacer(self._chance, settings.backfill_rate), BirthPace()
        self._texts: dict[str, bytes] = {}
        self._published, self._session = 0, None  # type: int, Session | None
        self._standing = False
        self._ending = threading.Event()
        self._wake_out, self._wake_in = os.pipe()
        for end in (self._wake_out, self._wake_in):
            os.set_blocking(end, False)
        self._pipe, self._open = threading.Lock(), True
        self._thread = threading.Thread(target=self._keep_connected, name="mqtt", daemon=True)
        self._said = ""
        self._told_older = False
        self._suspect: tuple[int, int] = (0, 0)  # row, connections that ended on it
        self._drain: Drain | None = None

    @property
    def connected(self) -> bool:
        return self._standing

    @property
    def published(self) -> int:
        """Rows that the broker confirmed."""
        session = self._session
        return self._published + (session.published if session else 0)

    def start(self, drain: Drain) -> None:
        self._drain = drain
        drain.wake = self._wake
        self._thread.start()

    def tell(self, topic: str, payload: bytes) -> None:
        if self._standing:  # a new connection sends everything anyway
            self._texts[topic] = payload
            self._wake()

    def numbers(self) -> Mapping[str, float | int]:
        found: dict[str, float | int] = {"rows_published": self.published, "mqtt_connects": self.connects}
        if self._certificate_end is not None:
            found["certificate_days"] = _days_until(self._certificate_end)
        return found

    def stop(self) -> None:
        """Sends what is fresh, says offline, and disconnects; the rest stays in the spool."""
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
        retry = Retry(self._chance)
        assert self._drain is not None
        while not self._ending.is_set():
            ended = self._connect_once(self._drain)
            if ended.end is End.ASKED:
                return
            ended = self._other_version(ended)
            older = self._version == MQTTProtocolVersion.MQTTv311
            if older and retry.looks_taken_over(ended.end, ended.stood_s):
                ended = Ended(End.TAKEN_OVER, "connections end at once: does another client use this site and gateway?",
                              ended.stood_s)  # fmt: skip
            self._suspect_row(ended, self._drain)
            self._say(ended)
            self._ending.wait(retry.after(ended.end, ended.stood_s))

    def _connect_once(self, drain: Drain) -> Ended:
        try:
            client = self._new_client()
        except (OSError, ValueError) as error:
            return Ended(End.UNREACHABLE, str(error) or type(error).__name__, 0.0)
        keepalive_s = self.settings.keepalive_s * self._chance.uniform(1 - KEEPALIVE_JITTER, 1 + KEEPALIVE_JITTER)
        session = self._session = Session(
            client, drain, self._pacer, self._births, root=self._root, will_topic=f"{self._root}/status",
            texts=self._texts, greet=self._greet, wake=self._wake_out, ending=self._ending.is_set,
            connected=self._on_connected,
        )  # fmt: skip
        try:
            return session.run(self.settings.host, self.settings.port, keepalive_s)
        except Exception as error:  # a mistake of ours must not end the delivery
            log.exception("the connection to the broker failed by a mistake of ours")
            return Ended(End.UNREACHABLE, repr(error), 0.0)
        finally:
            self._standing = False
            drain.give_back()
            self._published, self._session = self._published + session.published, None

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
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(0)  # the session keeps the window
        client.will_set(f"{self._root}/status", b"offline", qos=1, retain=True)
        if settings.user:
            client.username_pw_set(settings.user, tls.password(settings))
        if settings.tls:
            client.tls_set_context(tls.context(settings))
        return client

    def _on_connected(self, client: paho.Client) -> None:
        self.connects += 1
        self._standing = True
        if self._said:
            log.info("broker %s:%d: connected again", self.settings.host, self.settings.port)
            self._said = ""
        if self.settings.tls:
            self._look_at_certificates(client)

    def _look_at_certificates(self, client: paho.Client) -> None:
        found: dict[str, datetime] = {}
        sock: Any = client.socket()
        with contextlib.suppress(OSError, ValueError, AttributeError):
            found["the broker's certificate"] = tls.ends(sock.getpeercert(True))
        if self.settings.cert is not None:
            with contextlib.suppress(OSError, ValueError):
                found["our certificate"] = tls.file_ends(self.settings.cert)
        self._certificate_end = min(found.values(), default=None)
        for whose, end in found.items():
            days = _days_until(end)
            if days < CERTIFICATE_DAYS:
                text = f"{whose} ends on {end:%Y-%m-%d}, in {days:.0f} days"
                log.warning("%s", text)
                self._tell_event("certificate_expiring", text)

    def _other_version(self, ended: Ended) -> Ended:
        """Where the broker did not understand: MQTT 3.1.1 at once; when that does not help either, both again later."""
        if ended.end is not End.OTHER_VERSION:
            return ended
        five = self._version == MQTTProtocolVersion.MQTTv5
        if self.settings.version == "auto":
            self._version = MQTTProtocolVersion.MQTTv311 if five else MQTTProtocolVersion.MQTTv5
            if five:
                if not self._told_older:
                    log.info("broker does not answer MQTT 5; trying 3.1.1")
                    self._told_older = True
                return Ended(End.OTHER_VERSION, "", 0.0)
        return Ended(End.UNREACHABLE, ended.text, 0.0)

    def _suspect_row(self, ended: Ended, drain: Drain) -> None:
        """Brokers of MQTT 3.1.1 close the connection at a packet that is too large for them, without a word."""
        if ended.end is not End.LOST or not ended.stuck:
            return
        first = ended.stuck[0]
        if len(first.payload) < POISON_BYTES or len(first.payload) < max(len(row.payload) for row in ended.stuck):
            return
        count = self._suspect[1] + 1 if self._suspect[0] == first.n else 1
        self._suspect = (first.n, count)
        if count >= POISON_ENDS:
            drain.refuse(first.n, "the connection ended each time it was sent")
            log.error("a row of %d bytes ended the connection %d times; it is set aside", len(first.payload), count)

    def _say(self, ended: Ended) -> None:
        """Once when it breaks, and again only when it is something else."""
        if not ended.text or ended.text == self._said:
            return
        if ended.end is End.LOST or not self._said or ended.end in (End.REFUSED, End.TAKEN_OVER):
            log.warning("broker %s:%d: %s; polling goes on", self.settings.host, self.settings.port, ended.text)
        if ended.end is End.TAKEN_OVER:
            self._tell_event("client_id_conflict", ended.text)
        self._said = ended.text


def _days_until(end: datetime) -> float:
    return (end - datetime.now(UTC)).total_seconds() / 86400


def _nothing() -> None:
    """Nobody waits for rows any more."""

"""A session at a broker that outlasts connections: the broker keeps what was not acknowledged, and sends it again.

paho connects, subscribes and ends the session. Between these the messages are read from its socket, not one by one.
"""

from __future__ import annotations

import logging
import random
import select
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.config.model import Mqtt
from agent.delivery.mqtt import tls
from agent.delivery.mqtt.backoff import Backoff, DisconnectReason
from agent.delivery.mqtt.connect_problem import connect_problem
from agent.fleet.ingest.packets import FAILURE, PINGREQ, SUBACK, acknowledgements, split
from drivers.reading import Clock

log = logging.getLogger(__name__)

SESSION_S = 14 * 86_400  # how long the broker keeps the messages of a stopped worker
UNCONFIRMED = 10_000  # messages
CHUNK = 1 << 18  # bytes
WAIT_S = 0.1
COLLECT_S, STEP_S = 0.05, 0.005  # for more messages before a write to the disk, while some arrive in each step
ENOUGH = 1000  # messages that are worth one
CONNACK_S = 10.0
KEEPALIVE_S = 60
SILENCE_S = 1.5 * KEEPALIVE_S
FLUSH_S = 1.0
_WOULD_BLOCK = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class IngestSession:
    """connections: their number. subscribed: whether the broker sends messages. rejected: the subscription was."""

    def __init__(
        self, broker: Mqtt, client_id: str, topics: list[str], keep: Callable[[bytes, bytes], None], clock: Clock
    ) -> None:  # fmt: skip
        """keep: called with topic and payload of each message; they are acknowledged by `acknowledge`."""
        self._broker, self._id, self._topics, self._keep, self._clock = broker, client_id, topics, keep, clock
        self.connections, self.subscribed, self.rejected = 0, False, False
        self._accepted = False  # the connection
        self._client: paho.Client | None = None
        self._unconfirmed, self._pending = list[int](), 0  # messages since the last acknowledgement
        self._rest, self._out = b"", bytearray()
        self._connected_s = self._connect_due_s = self._heard_s = self._spoke_s = 0.0
        self._retry = Backoff(random.Random(client_id))

    @property
    def connected(self) -> bool:
        return self._client is not None

    def connect_if_due(self) -> None:
        """Starts a connection; waits a little if it is not yet time for the next attempt."""
        if (now_s := self._now_s()) < self._connect_due_s:
            select.select([], [], [], min(WAIT_S, self._connect_due_s - now_s))
            return
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=self._id, protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False, manual_ack=True,
        )  # fmt: skip
        client.connect_timeout = 5.0
        client.on_connect = self._on_connect
        session: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval, session.ReceiveMaximum = SESSION_S, UNCONFIRMED
        self._connected_s = self._heard_s = self._spoke_s = self._now_s()
        self.subscribed = self.rejected = self._accepted = False
        self._discard()
        try:
            tls.authenticate(client, self._broker)
            client.connect(
                self._broker.host, self._broker.port, KEEPALIVE_S, clean_start=False, properties=session
            )  # fmt: skip
            self._client = client
        except (OSError, ValueError) as error:
            self.disconnect(DisconnectReason.UNREACHABLE, str(connect_problem(self._broker, error)))

    def receive(self) -> bool:
        """Waits for messages and passes those that have arrived to `keep`; whether there is a connection."""
        client = self._client
        assert client is not None
        if (sock := client.socket()) is None:
            return False
        wants_write = client.want_write() or bool(self._out)
        select.select([sock], [sock] if wants_write else [], [], WAIT_S)
        if not self._accepted:
            return self._introduce(client)
        try:
            self._read(sock)
            self._collect(sock)
            self._write(sock)
        except (OSError, ValueError):
            return False
        if self.rejected or not (self.subscribed or self._now_s() - self._connected_s < CONNACK_S):
            return False
        return self._now_s() - self._heard_s < SILENCE_S

    def acknowledge(self) -> None:
        """Acknowledges all messages that were passed to `keep`."""
        self._out += acknowledgements(self._unconfirmed)
        self._unconfirmed.clear()
        self._pending = 0
        if self._out and self._client is not None and (sock := self._client.socket()) is not None:
            with suppress(OSError):  # `receive` finds it
                self._write(sock)

    def leave(self, quiet_s: float, store: Callable[[], None]) -> None:
        """Ends the session: receives what is there, until nothing more arrives for quiet_s.

        store: keeps what was received and acknowledges it.
        """
        client = self._client
        if client is None or not self._flush(client):
            return
        client.unsubscribe(self._topics)
        quiet_since_s = self._now_s()
        while self._now_s() - quiet_since_s < quiet_s and self.receive():
            if self._pending:
                quiet_since_s = self._now_s()
            store()
        if not self._flush(client):
            return
        ended: Any = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
        ended.SessionExpiryInterval = 0
        client.disconnect(properties=ended)
        client.loop_write()
        self._client = None

    def disconnect(self, reason: DisconnectReason | None, why: str = "") -> None:
        """Discards what was not acknowledged: the broker sends it again. reason: None: this worker ends."""
        if self._client is not None and self._client.socket() is not None and self._flush(self._client):
            self._client.disconnect()
            self._client.loop_write()
        self._client = None
        self._discard()
        if reason is not None:
            lasted_s = self._now_s() - self._connected_s if self.subscribed else 0.0
            wait_s = self._retry.delay_s(reason, lasted_s)
            log.warning("%s:%d: %s; next attempt in %.1f s", self._broker.host, self._broker.port,
                        why or "the connection was lost", wait_s)  # fmt: skip
            self._connect_due_s = self._now_s() + wait_s

    def _introduce(self, client: paho.Client) -> bool:
        """Reads the CONNACK, if it is there: paho reads no further than one packet."""
        if client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS or client.socket() is None:
            return False
        if client.want_write():
            client.loop_write()
        return self._now_s() - self._connected_s < CONNACK_S

    def _collect(self, sock: Any) -> None:
        """A write to the disk costs as much as a hundred messages. A broker that waits for it sends nothing more."""
        before, end_s = 0, self._now_s() + COLLECT_S
        while before < self._pending < ENOUGH and self._now_s() < end_s:
            before = self._pending
            select.select([], [], [], STEP_S)
            self._read(sock)

    def _read(self, sock: Any) -> None:
        """Raises OSError if the connection has ended, ValueError if the broker does not send MQTT."""
        while self._pending < UNCONFIRMED:
            try:
                data = sock.recv(CHUNK)
            except _WOULD_BLOCK:
                return
            if not data:
                raise ConnectionError
            self._heard_s = self._now_s()
            data = self._rest + data
            messages, others, length = split(data)
            self._rest = data[length:]
            for topic, payload, identifier in messages:
                self._pending += 1
                if identifier:
                    self._unconfirmed.append(identifier)
                self._keep(topic, payload)
            if not self.subscribed:
                self._read_subscription(others)

    def _read_subscription(self, packets: list[bytes]) -> None:
        for packet in packets:
            if packet[0] == SUBACK:  # ends with a reason code for each topic
                self.rejected = max(packet[-len(self._topics) :]) >= FAILURE
                self.subscribed = not self.rejected
                log.info("%s:%d: receiving", self._broker.host, self._broker.port)

    def _write(self, sock: Any) -> None:
        """Sends what is to be sent as far as the connection takes it. Raises OSError."""
        if not self._out and self._now_s() - self._spoke_s > KEEPALIVE_S / 2:
            self._out += PINGREQ
        while self._out:
            try:
                del self._out[: sock.send(self._out)]
            except _WOULD_BLOCK:
                return
            self._spoke_s = self._now_s()

    def _flush(self, client: paho.Client) -> bool:
        """Sends everything, before paho sends a packet itself; whether it was possible within a second."""
        sock, end_s = client.socket(), self._now_s() + FLUSH_S
        if sock is None:
            return False
        try:
            while self._out and self._now_s() < end_s:
                select.select([], [sock], [], WAIT_S)
                self._write(sock)
        except (OSError, ValueError):
            return False
        return not self._out

    def _discard(self) -> None:
        self._unconfirmed.clear()
        self._out.clear()
        self._rest, self._pending = b"", 0

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            log.warning("%s:%d: %s", self._broker.host, self._broker.port, reason)
            return
        self.connections += 1
        self._accepted = True
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        client.subscribe([(topic, options) for topic in self._topics])

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9

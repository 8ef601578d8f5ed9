"""One MQTT connection from CONNECT to its end. One thread does everything, paho's callbacks included, so no lock that a
callback could need is held around publish().
"""

from __future__ import annotations

import os
import select
import ssl
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho

from agent.core.stable_hash import share
from agent.delivery.mqtt.backfill_rate import BackfillRateLimiter
from agent.delivery.mqtt.backoff import DisconnectReason
from agent.delivery.reasons import (
    CLIENT_ID_CONFLICT,
    CLOSED_BEFORE_CONNACK,
    CONFIRMATION_TIMEOUT,
    CONNACK_TIMEOUT,
    CONNECT_FAILED,
    CONNECT_REJECTED,
    CONNECTION_LOST,
    MQTT_TOPIC_INVALID,
    PUBLISH_FORBIDDEN,
    QOS_1_UNSUPPORTED,
    ROW_REJECTED,
    ROW_TOO_LARGE,
)
from agent.delivery.sparkplug.birth_rate import BirthRateLimiter
from agent.delivery.store import SinkCursor, StoredRow
from drivers.reasons import Reason

CONNACK_S = 2.0
WINDOW = 100  # unconfirmed rows; more of them make paho slower
BACKLOG_WINDOW = 50  # unconfirmed backlog rows, so that a live row can always be sent
TURN_S = 0.25
STOP_S = 3.0
HOLD_S = 30.0  # after "quota exceeded"
AT_ONE_TICK, SPREAD_S = ("pq10m", "savings"), 30.0  # due on all gateways at one moment: each has its own delay
RETAINED = ("savings",)  # message types that are published as retained messages
HEAD_BYTES = 16  # of a PUBLISH packet, without topic and payload, rounded up
TAKEN_OVER, QUOTA, NOT_AUTHORIZED = 0x8E, 0x97, 0x87  # MQTT 5.0, 2.4
BAD_TOPIC, BAD_PAYLOAD = 0x90, 0x99
UNSUPPORTED_PROTOCOL = (1, 0x84)


@dataclass(slots=True)
class _Sent:
    row: StoredRow
    at_s: float
    backlog: bool


@dataclass(frozen=True, slots=True)
class Disconnected:
    """End of a connection.

    end: its kind, which decides the delay before the next connection.
    reason: why it ended; None: nothing to report.
    stood_s: duration of the connection, seconds; 0: none was established.
    stuck: rows that were sent and not confirmed, in order.
    """

    end: DisconnectReason
    reason: Reason | None
    stood_s: float
    stuck: tuple[StoredRow, ...] = ()


class MqttSession:
    """One connection.

    client: configured, not yet connected.
    client_id: its client identifier, for messages.
    root, will_topic: topic of the gateway and of its status.
    texts: changed retained messages, topic → payload; the session removes what it sends.
    greet: returns all retained messages.
    wake: reading end of a pipe that receives a byte when there is something to do.
    ending: whether the session should end.
    connected: called when the broker accepted the connection.
    """

    def __init__(
        self,
        client: paho.Client,
        drain: SinkCursor,
        pacer: BackfillRateLimiter,
        births: BirthRateLimiter,
        *,
        client_id: str,
        root: str,
        will_topic: str,
        texts: dict[str, bytes],
        greet: Callable[[], list[tuple[str, bytes]]],
        wake: int,
        ending: Callable[[], bool],
        connected: Callable[[paho.Client], None],
    ) -> None:
        self.published = 0
        self._client, self._drain, self._pacer, self._births = client, drain, pacer, births
        self._client_id, self._root, self._will_topic = client_id, root, will_topic
        self._texts, self._greet = texts, greet
        self._wake, self._ending, self._connected = wake, ending, connected
        self._sent: dict[int, _Sent] = {}  # by packet identifier, oldest first
        self._text_mids: set[int] = set()  # of retained messages
        self._backlog_out = 0
        self._acks: list[tuple[int, int]] = []
        self._standing_s: float | None = None
        self._confirmed_s = 0.0  # time of the last confirmation
        self._window, self._size_max, self._retain = WINDOW, 0, True
        self._end: tuple[DisconnectReason, Reason | None] | None = None
        self._again = False  # the broker rejected some rows for now
        self._later: deque[tuple[float, StoredRow]] = deque()  # time to send, row
        self._spread_s = SPREAD_S * share(root)
        client.on_connect, client.on_disconnect, client.on_publish = self._on_connect, self._on_disconnect, self._on_ack

    def run(self, host: str, port: int, keepalive_s: float) -> Disconnected:
        """Blocks until the connection ended, or `ending` is true and everything was sent. I/O errors do not raise."""
        self._keepalive_s = keepalive_s
        started_s = time.monotonic()
        try:
            self._client.connect(host, port, keepalive=round(keepalive_s))
        except (OSError, ValueError) as error:
            return Disconnected(
                DisconnectReason.UNREACHABLE, CONNECT_FAILED(error=str(error) or type(error).__name__), 0.0
            )
        try:
            self._turns(started_s)
        finally:
            self._end = self._end or (DisconnectReason.ASKED, None)
            self._client.disconnect()
            if (sock := self._client.socket()) is not None:  # DISCONNECT could not be sent
                sock.close()
        end, why = self._end
        stood_s = time.monotonic() - self._standing_s if self._standing_s else 0.0
        return Disconnected(end, why, stood_s, tuple(sent.row for sent in self._sent.values()))

    def _turns(self, started_s: float) -> None:
        sock: Any = self._client.socket()
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        writing = False
        poll.register(sock, select.POLLIN)
        misc_s = 0.0
        stopping_s: float | None = None
        while self._end is None:
            now_s = time.monotonic()
            if self._standing_s is None:
                if now_s - started_s > CONNACK_S:
                    self._end = (DisconnectReason.OTHER_VERSION, CONNACK_TIMEOUT(timeout_s=CONNACK_S))
                    return
                if self._ending():
                    return
            else:
                if stopping_s is None and self._ending():
                    stopping_s = now_s
                self._send(now_s, stopping_s is not None)
                if stopping_s is not None and (not self._sent or now_s - stopping_s > STOP_S):
                    self._publish_offline()
                    return
            if self._client.want_write() != writing and self._end is None:
                writing = not writing
                poll.modify(sock, select.POLLIN | (select.POLLOUT if writing else 0))
            pending = isinstance(sock, ssl.SSLSocket) and sock.pending()
            ready = dict(poll.poll(0 if pending else 1000 * self._wait_s(now_s)))
            if ready.pop(self._wake, 0):
                with suppress(BlockingIOError):
                    os.read(self._wake, 4096)
            events = next(iter(ready.values()), 0)
            if pending or events & ~select.POLLOUT:
                self._client.loop_read()
            if events & select.POLLOUT:
                self._client.loop_write()
            self._take_acks()
            if now_s - misc_s > 1:
                misc_s = now_s
                self._check_connection(now_s)

    def _wait_s(self, now_s: float) -> float:
        if self._standing_s is not None and self._drain.behind and self._backlog_out < self._backlog_window:
            return min(TURN_S, max(0.002, self._pacer.wait_s(now_s)))
        return TURN_S

    @property
    def _free(self) -> int:
        return self._window - len(self._sent) - len(self._text_mids)

    @property
    def _backlog_window(self) -> int:
        return min(BACKLOG_WINDOW, max(1, self._window // 2))

    def _send(self, now_s: float, stopping: bool) -> None:
        while self._texts and self._free > 0 and self._births.wait_s(now_s) == 0:
            topic, payload = self._texts.popitem()
            self._births.spend(now_s, len(topic) + len(payload))
            self._text_mids.add(self._client.publish(topic, payload, qos=1, retain=self._retain).mid)
        if self._again:
            if self._sent:
                return
            self._drain.give_back()
            self._later.clear()
            self._again = False
        live = self._drain.take_live(self._free)
        if live:
            self._pacer.live(now_s, len(live))
            for row in live:
                if row.kind in AT_ONE_TICK:
                    self._later.append((now_s + self._spread_s, row))
                else:
                    self._publish(row, now_s, backlog=False)
        while self._later and self._free > 0 and (stopping or self._later[0][0] <= now_s):
            self._publish(self._later.popleft()[1], now_s, backlog=False)
        if stopping or not self._drain.behind:
            return
        room = min(self._free, self._backlog_window - self._backlog_out)
        for row in self._drain.take_backlog(self._pacer.grant(now_s, room) if room > 0 else 0):
            self._publish(row, now_s, backlog=True)

    def _publish(self, row: StoredRow, now_s: float, backlog: bool) -> None:
        topic = row.topic(self._root, backlog)
        size = len(topic) + len(row.payload) + HEAD_BYTES
        if self._size_max and size > self._size_max:
            self._drain.reject(row.n, ROW_TOO_LARGE(limit_bytes=self._size_max))
            return
        try:
            retain = self._retain and row.kind in RETAINED and not backlog
            info = self._client.publish(topic, row.payload, qos=1, retain=retain)
        except ValueError as error:  # an invalid topic
            self._drain.reject(row.n, MQTT_TOPIC_INVALID(error=str(error)))
            return
        self._sent[info.mid] = _Sent(row, now_s, backlog)
        self._backlog_out += backlog

    def _take_acks(self) -> None:
        if not self._acks:
            return
        acks, self._acks = self._acks, []
        now_s = self._confirmed_s = time.monotonic()
        numbers = []
        for mid, code in acks:
            sent = self._sent.pop(mid, None)
            if sent is None:
                self._text_mids.discard(mid)
                continue
            self._backlog_out -= sent.backlog
            if code >= 0x80:
                self._on_rejected(sent, code, now_s)
                continue
            numbers.append(sent.row.n)
            self._pacer.confirmed(now_s - sent.at_s)
        if numbers:
            self.published += len(numbers)
            self._drain.confirm(numbers)

    def _on_rejected(self, sent: _Sent, code: int, now_s: float) -> None:
        if code in (BAD_TOPIC, BAD_PAYLOAD) or (code == NOT_AUTHORIZED and self.published):
            self._drain.reject(sent.row.n, ROW_REJECTED(reason_code=code))
        elif code == NOT_AUTHORIZED:
            self._end = self._end or (DisconnectReason.REFUSED, PUBLISH_FORBIDDEN(topic=self._root))
        else:
            self._pacer.hold(now_s, HOLD_S if code == QUOTA else 1.0)
            self._again = True

    def _check_connection(self, now_s: float) -> None:
        self._client.loop_misc()
        if self._sent:
            oldest_s = next(iter(self._sent.values())).at_s
            self._pacer.waiting(now_s - oldest_s)
            silent_s = now_s - max(oldest_s, self._confirmed_s)
            if silent_s > self._keepalive_s:
                self._end = self._end or (DisconnectReason.LOST, CONFIRMATION_TIMEOUT(timeout_s=self._keepalive_s))

    def _publish_offline(self) -> None:
        info = self._client.publish(self._will_topic, b"offline", qos=1, retain=self._retain)
        until_s = time.monotonic() + STOP_S
        while self._end is None and time.monotonic() < until_s:
            sock: Any = self._client.socket()
            select.select([sock], [], [], 0.1)
            self._client.loop_read()
            self._client.loop_write()
            if any(mid == info.mid for mid, _ in self._acks):
                break
        self._take_acks()

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, code: Any, properties: Any) -> None:
        if code.is_failure:
            unsupported = code.value in UNSUPPORTED_PROTOCOL
            self._end = (
                DisconnectReason.OTHER_VERSION if unsupported else DisconnectReason.REFUSED,
                CONNECT_REJECTED(error=str(code)),
            )
            return
        self._window = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        self._size_max = getattr(properties, "MaximumPacketSize", 0)
        self._retain = bool(getattr(properties, "RetainAvailable", 1))
        if getattr(properties, "MaximumQoS", 1) < 1:
            self._end = (DisconnectReason.REFUSED, QOS_1_UNSUPPORTED())
            return
        self._standing_s = self._confirmed_s = time.monotonic()
        self._texts.clear()
        self._connected(client)  # from here on `texts` receives changes, which are newer than the following
        for topic, payload in reversed(self._greet()):
            self._texts.setdefault(topic, payload)
        self._texts[self._will_topic] = b"online"  # the last one added is sent first

    def _on_ack(self, _client: paho.Client, _data: Any, mid: int, code: Any, _properties: Any) -> None:
        self._acks.append((mid, code.value))

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if self._end is not None:
            return
        if code.value == TAKEN_OVER:
            self._end = (DisconnectReason.TAKEN_OVER, CLIENT_ID_CONFLICT(client_id=self._client_id))
        elif self._standing_s is None:
            self._end = (DisconnectReason.UNREACHABLE, CLOSED_BEFORE_CONNACK(error=str(code)))
        else:
            self._end = (DisconnectReason.LOST, CONNECTION_LOST(error=str(code)))

"""The rows and retained messages of one MQTT connection, in the thread of its link."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from agent.core.stable_hash import share
from agent.delivery.mqtt.backoff import DisconnectReason
from agent.delivery.mqtt.connection import MqttConnection
from agent.delivery.mqtt.rate_limit import BackfillRateLimiter, BirthRateLimiter
from agent.delivery.mqtt.suspects import Key, Suspects
from agent.delivery.reasons import (
    CONFIRMATION_TIMEOUT,
    MQTT_TOPIC_INVALID,
    PUBLISH_FORBIDDEN,
    ROW_REJECTED,
    ROW_TOO_LARGE,
)
from agent.delivery.store import SinkCursor, StoredRow
from drivers.reasons import Reason

WINDOW = 100  # unconfirmed rows; more of them make paho slower
BACKLOG_WINDOW = 50  # unconfirmed backlog rows, so that a live row can always be sent
TURN_S = 0.25
ALONE_S = 3.0  # longest time without other messages while a suspect is unconfirmed
ROWS_S = 3.0  # for the last rows; then follows `offline`
PAUSE_S = 30.0  # after "quota exceeded"
SYNCHRONOUS = ("pq10m", "savings")  # message types that are due on all gateways at the same time
SYNCHRONOUS_DELAY_S = 30.0  # the largest; each gateway has its own delay
RETAINED = ("savings",)  # message types that are published as retained messages
HEAD_BYTES = 16  # of a PUBLISH packet, without topic and payload, rounded up
QUOTA, NOT_AUTHORIZED, BAD_TOPIC, BAD_PAYLOAD = 0x97, 0x87, 0x90, 0x99  # MQTT 5.0, 2.4


class _Sent(Struct):
    """An unconfirmed message. row: None for a retained message."""

    topic: str
    row: StoredRow | None
    at_s: float
    backlog: bool

    @property
    def key(self) -> Key:
        return self.topic if self.row is None else self.row.n


class SinkState(Struct, frozen=True):
    """What a sink remembers between its connections.

    rejected: topics of retained messages that ended connections.
    """

    backfill_limiter: BackfillRateLimiter
    birth_limiter: BirthRateLimiter
    suspects: Suspects = field(default_factory=Suspects)
    rejected: set[str] = field(default_factory=set)


class MqttSession:
    """What one connection sends.

    properties: of the CONNACK packet, with the limits of the broker; None with MQTT 3.1.1.
    root: topic of the gateway.
    state: of the sink; it outlives the connection.
    retained_dropped: called for each retained message that cannot be delivered, with its topic and the reason.

    retained: changed retained messages, topic → payload; what is sent is removed. From any thread.
    published: rows that the broker confirmed.
    """

    def __init__(
        self, link: MqttConnection, properties: Any, cursor: SinkCursor, root: str, state: SinkState,
        retained_dropped: Callable[[str, Reason], None],
    ) -> None:  # fmt: skip
        self.retained: dict[str, bytes] = {}
        self.status_topic = f"{root}/status"
        self.published = 0
        self._link, self._cursor, self._root = link, cursor, root
        self._backfill_limiter, self._birth_limiter = state.backfill_limiter, state.birth_limiter
        self._suspects, self._rejected = state.suspects, state.rejected
        self._retained_dropped = retained_dropped
        self._window = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        self._backlog_window = min(BACKLOG_WINDOW, max(1, self._window // 2))
        self._size_max = getattr(properties, "MaximumPacketSize", 0)
        self._retain = bool(getattr(properties, "RetainAvailable", 1))
        self._sent: dict[int, _Sent] = {}  # by packet identifier, oldest first
        self._backlog_out = 0
        self._confirmations: list[tuple[int, int]] = []  # packet identifier, reason code
        self._confirmed_s = time.monotonic()  # time of the last confirmation
        self._send_again = False  # the broker rejected some rows for now
        self._delayed: deque[tuple[float, StoredRow]] = deque()  # time to send, row
        self._backlog: deque[StoredRow] = deque()  # fetched, not yet sent
        self._suspect_retained: dict[str, bytes] = {}
        self._alone_until_s = 0.0  # until then, nothing is sent while messages are unconfirmed
        self._suspect_next = False  # when all messages are confirmed, a suspect is sent alone
        self._delay_s = SYNCHRONOUS_DELAY_S * share(root)
        self._rows_until_s: float | None = None
        self._offline_mid: int | None = None

    @property
    def unconfirmed(self) -> dict[Key, float]:
        """Messages that were sent and not confirmed, with the time at which they were sent, in order."""
        return {sent.key: sent.at_s for sent in self._sent.values()}

    @property
    def _has_unconfirmed_rows(self) -> bool:
        return any(sent.row is not None for sent in self._sent.values())

    def on_confirmed(self, mid: int, code: int) -> None:
        self._confirmations.append((mid, code))  # processed together: a turn of the store costs as much as a row

    def send_due(self, now_s: float) -> float:
        """Sends what is due; returns the longest time until the next call, seconds."""
        self._send(now_s, stopping=False)
        if self._sent and now_s < self._alone_until_s:
            return TURN_S  # a confirmation ends it
        if self._cursor.has_backlog and self._backlog_out < self._backlog_window:
            return min(TURN_S, max(0.002, self._backfill_limiter.wait_s(now_s)))
        return TURN_S

    def send_last(self) -> bool:
        """Sends the live rows and then `offline`; true when all are confirmed."""
        now_s = time.monotonic()
        self._send(now_s, stopping=True)
        self._rows_until_s = self._rows_until_s or now_s + ROWS_S
        if self._offline_mid is None and (not self._has_unconfirmed_rows or now_s > self._rows_until_s):
            self._offline_mid = self._publish(self.status_topic, b"offline", now_s)
        return self._offline_mid is not None and self._offline_mid not in self._sent

    def process_confirmations(self) -> None:
        if not self._confirmations:
            return
        confirmations, self._confirmations = self._confirmations, []
        now_s = self._confirmed_s = time.monotonic()
        numbers = []
        for mid, code in confirmations:
            if (sent := self._sent.pop(mid, None)) is None:
                continue
            self._backlog_out -= sent.backlog
            if self._suspects:
                self._suspects.acquit(sent.key)
            if code >= 0x80:
                self._on_rejected(sent, code, now_s)
            elif sent.row is not None:
                numbers.append(sent.row.n)
                self._backfill_limiter.on_confirmed(now_s - sent.at_s)
        if numbers:
            self.published += len(numbers)
            self._cursor.confirm(numbers)

    def _on_rejected(self, sent: _Sent, code: int, now_s: float) -> None:
        if sent.row is None or code in (BAD_TOPIC, BAD_PAYLOAD) or (code == NOT_AUTHORIZED and self.published):
            self._drop(sent.topic, sent.row, ROW_REJECTED(reason_code=code))
        elif code == NOT_AUTHORIZED:
            self._link.close(PUBLISH_FORBIDDEN(topic=self._root), DisconnectReason.REFUSED)
        else:
            self._backfill_limiter.pause(now_s, PAUSE_S if code == QUOTA else 1.0)
            self._send_again = True

    def _drop(self, topic: str, row: StoredRow | None, reason: Reason) -> None:
        if row is None:
            self._retained_dropped(topic, reason)
        else:
            self._cursor.reject(row.n, reason)

    @property
    def _free(self) -> int:
        return self._window - len(self._sent)

    def _send(self, now_s: float, stopping: bool) -> None:
        self.process_confirmations()
        self._check_timeout(now_s)
        if self._sent and now_s < self._alone_until_s:
            return
        suspect_next, self._suspect_next, self._alone_until_s = self._suspect_next, False, 0.0
        if suspect_next and self._send_suspect(now_s):
            return
        while self.retained and self._free > 0 and self._birth_limiter.wait_s(now_s) == 0:
            topic, payload = self.retained.popitem()
            if topic in self._suspects:
                self._suspect_retained[topic] = payload
            elif topic not in self._rejected and self._publish(topic, payload, now_s):
                self._birth_limiter.spend(now_s, len(topic) + len(payload))
        if self._send_again:
            if self._has_unconfirmed_rows:
                return
            self._cursor.return_unconfirmed()
            self._delayed.clear()
            self._backlog.clear()
            self._send_again = False
        if live := self._cursor.fetch_live(self._free):
            self._backfill_limiter.on_live_rows(now_s, len(live))
        for row in live:
            if row.kind in SYNCHRONOUS:
                self._delayed.append((now_s + self._delay_s, row))
            else:
                self._publish_row(row, now_s, backlog=False)
        while self._delayed and self._free > 0 and (stopping or self._delayed[0][0] <= now_s):
            self._publish_row(self._delayed.popleft()[1], now_s, backlog=False)
        if not stopping:
            self._send_backlog(now_s)

    def _send_backlog(self, now_s: float) -> None:
        """Sends rows of the backlog in order, up to a suspect, which is sent when all other messages are confirmed."""
        room = min(self._free, self._backlog_window - self._backlog_out)
        if not self._backlog and self._cursor.has_backlog and room > 0:
            self._backlog.extend(self._cursor.fetch_backlog(self._backfill_limiter.grant(now_s, room)))
        while self._backlog and room > 0 and not self._is_suspect_due:
            self._publish_row(self._backlog.popleft(), now_s, backlog=True)
            room -= 1
        if self._is_suspect_due and not self._send_suspect(now_s):
            self._suspect_next, self._alone_until_s = True, now_s + ALONE_S

    @property
    def _is_suspect_due(self) -> bool:
        return bool(self._suspect_retained) or bool(self._backlog and self._backlog[0].n in self._suspects)

    def _send_suspect(self, now_s: float) -> bool:
        """Sends a suspect alone, if all other messages are confirmed; whether it was sent."""
        if self._sent:
            return False
        if self._suspect_retained:
            topic, payload = self._suspect_retained.popitem()
            self._birth_limiter.spend(now_s, len(topic) + len(payload))
            self._publish(topic, payload, now_s)
        elif self._is_suspect_due:
            self._publish_row(self._backlog.popleft(), now_s, backlog=True)
        self._alone_until_s = now_s + ALONE_S
        return bool(self._sent)

    def _check_timeout(self, now_s: float) -> None:
        if not self._sent:
            return
        oldest_s = next(iter(self._sent.values())).at_s
        self._backfill_limiter.on_waiting(now_s - oldest_s)
        limit_s = self._link.settings.keepalive_s
        if now_s - max(oldest_s, self._confirmed_s) > limit_s:
            self._link.close(CONFIRMATION_TIMEOUT(timeout_s=limit_s))

    def _publish_row(self, row: StoredRow, now_s: float, backlog: bool) -> None:
        retain = row.kind in RETAINED and not backlog
        self._publish(row.topic(self._root, backlog), row.payload, now_s, retain, row, backlog)

    def _publish(
        self, topic: str, payload: bytes, now_s: float, retain: bool = True, row: StoredRow | None = None,
        backlog: bool = False,
    ) -> int:  # fmt: skip
        """Publishes a row, or a retained message; returns the packet identifier, 0 if it cannot be delivered."""
        if self._size_max and len(topic) + len(payload) + HEAD_BYTES > self._size_max:
            self._drop(topic, row, ROW_TOO_LARGE(limit_bytes=self._size_max))
            return 0
        try:
            mid = self._link.publish(topic, payload, retain=retain and self._retain)
        except ValueError as error:  # an invalid topic
            self._drop(topic, row, MQTT_TOPIC_INVALID(error=str(error)))
            return 0
        self._sent[mid] = _Sent(topic, row, now_s, backlog)
        self._backlog_out += backlog
        return mid

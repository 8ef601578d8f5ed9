"""Receives the messages of a shared subscription: a message is acknowledged when it is on the disk.

A worker that is killed, and a broker that restarts, send again what was not acknowledged. Several workers of one group
share the messages; each has a name, under which the broker keeps its session.
"""

from __future__ import annotations

import fcntl
import logging
import random
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
from msgspec import Struct
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.config.model import Mqtt
from agent.delivery.files.lake.rows import day_of
from agent.delivery.files.line_file import LineFile
from agent.delivery.mqtt import tls
from agent.delivery.mqtt.backoff import Backoff, DisconnectReason
from agent.delivery.mqtt.connect_problem import connect_problem
from agent.fleet.ingest.segment import SegmentReport
from agent.fleet.ingest.topics import FILTERS, place_of
from agent.fleet.lake import LakeError
from agent.fleet.reasons import INGEST_NAME_USED, INGEST_REJECTED
from drivers.reading import Clock

log = logging.getLogger(__name__)

FOLDER = "ingest"  # in the lake: a folder for each worker
OPEN = "current.ndjson"
SESSION_S = 14 * 86_400  # how long the broker keeps the messages of a stopped worker
UNCONFIRMED = 10_000  # messages
WAIT_S = 0.1
LEAVE_S = 2.0  # without a message
CONNACK_S = 10.0
KEEPALIVE_S = 60
MISC_S = 5.0


class IngestSettings(Struct, frozen=True):
    """lake: its directory. name: of the worker. group: of the shared subscription.

    segment_bytes, segment_s: size and age at which received messages are converted.
    leaves: whether the session ends with the worker, after what waited for it was received.
    """

    lake: Path
    name: str
    group: str = "magwatt"
    segment_bytes: int = 200_000_000
    segment_s: float = 300.0
    leaves: bool = False


class IngestWorker:
    """received: messages on the disk. skipped: others that are not stored. connections: their number.

    subscribed: whether the broker sends messages.
    report: sums of the converted segments.
    """

    def __init__(self, broker: Mqtt, settings: IngestSettings, clock: Clock) -> None:
        """Raises OSError, LakeError if another process uses the name."""
        self._broker, self._settings, self._clock = broker, settings, clock
        self.received = self.skipped = self.connections = 0
        self.report = SegmentReport()
        self._folder = settings.lake / FOLDER / settings.name
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self._folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise LakeError(INGEST_NAME_USED, path=str(self._folder)) from None
        self._file = LineFile(self._folder / OPEN)
        self._since_s = self._now_s()
        self._lines, self._unconfirmed, self._pending = list[bytes](), list[int](), 0
        self._topics = [f"$share/{settings.group}/{topic}" for topic in FILTERS]
        self._client: paho.Client | None = None
        self.subscribed, self._rejected = False, False
        self._connected_s = self._maintained_s = self._connect_due_s = 0.0
        self._retry = Backoff(random.Random(settings.name))
        self._conversion: subprocess.Popen[bytes] | None = None

    def run(self, ending: Callable[[], bool]) -> None:
        """Receives until `ending`, then converts what was received. Raises OSError of the disk, LakeError."""
        try:
            self._receive_until(ending)
            self._close_segment()
            while self._convert_closed():
                self._clock_wait(WAIT_S)
        finally:
            self._file.close()
            self._lock.close()

    def _receive_until(self, ending: Callable[[], bool]) -> None:
        try:
            while not ending():
                if self._client is None:
                    self._connect(ending)
                elif self._receive():
                    self._store()
                else:
                    self._disconnect(DisconnectReason.LOST)
                self._convert_closed()
                if self._is_due():
                    self._close_segment()
            if self._settings.leaves and self._client is not None:
                self._leave(self._client)
        finally:
            self._disconnect(None)

    def _leave(self, client: paho.Client) -> None:
        """Ends the session: the broker would keep a part of the messages for a worker that does not come back."""
        client.unsubscribe(self._topics)
        quiet_since_s, before = self._now_s(), self.received + self.skipped
        while self._now_s() - quiet_since_s < LEAVE_S and self._receive():
            self._store()
            if before != (before := self.received + self.skipped):
                quiet_since_s = self._now_s()
        ended: Any = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
        ended.SessionExpiryInterval = 0
        client.disconnect(properties=ended)
        client.loop_write()
        self._client = None

    def _receive(self) -> bool:
        """Reads what has arrived; whether there is a connection."""
        client = self._client
        assert client is not None
        if (sock := client.socket()) is None:
            return False
        select.select([sock], [sock] if client.want_write() else [], [], WAIT_S)
        before = -1
        while before < self._pending < UNCONFIRMED:
            before = self._pending
            if client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
        if client.want_write():
            client.loop_write()
        if self._now_s() - self._maintained_s > MISC_S:
            self._maintained_s = self._now_s()
            client.loop_misc()
        if self._rejected:
            raise LakeError(INGEST_REJECTED, host=self._broker.host, port=self._broker.port, group=self._settings.group)
        waited_s = self._now_s() - self._connected_s
        return client.socket() is not None and (self.subscribed or waited_s < CONNACK_S)

    def _store(self) -> None:
        """Writes what was received to the disk, then acknowledges it."""
        if self._lines:
            self._file.append(b"".join(self._lines))
            self.received += len(self._lines)
        client = self._client
        assert client is not None
        for mid in self._unconfirmed:
            client.ack(mid, 1)
        self._discard()

    def _discard(self) -> None:
        self._lines.clear()
        self._unconfirmed.clear()
        self._pending = 0

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self._pending += 1
        if message.qos:
            self._unconfirmed.append(message.mid)
        payload = message.payload
        if place_of(message.topic) is None:
            self.skipped += 1
        elif payload[:1] == b"{" and payload[-1:] == b"}" and b"\n" not in payload:
            self._lines.append(b'{"topic":' + msgspec.json.encode(message.topic) + b"," + payload[1:] + b"\n")
        else:
            text = {"topic": message.topic, "payload": payload[:10_000].decode(errors="replace")}
            self._lines.append(msgspec.json.encode(text) + b"\n")  # is rejected with its topic

    def _connect(self, ending: Callable[[], bool]) -> None:
        """Waits for the time of the next attempt, and starts a connection."""
        while self._now_s() < self._connect_due_s:
            if ending():
                return
            self._clock_wait(WAIT_S)
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"magwatt-ingest-{self._settings.name}",
            protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False, manual_ack=True,
        )  # fmt: skip
        client.connect_timeout = 5.0
        client.on_connect, client.on_message = self._on_connect, self._on_message
        client.on_subscribe = self._on_subscribe
        session: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval, session.ReceiveMaximum = SESSION_S, UNCONFIRMED
        self._connected_s = self._maintained_s = self._now_s()
        self.subscribed = self._rejected = False
        try:
            tls.authenticate(client, self._broker)
            client.connect(
                self._broker.host, self._broker.port, KEEPALIVE_S, clean_start=False, properties=session
            )  # fmt: skip
            self._client = client
        except (OSError, ValueError) as error:
            self._disconnect(DisconnectReason.UNREACHABLE, str(connect_problem(self._broker, error)))

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            log.warning("%s:%d: %s", self._broker.host, self._broker.port, reason)
            return
        self.connections += 1
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        client.subscribe([(topic, options) for topic in self._topics])

    def _on_subscribe(self, _client: paho.Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        self._rejected = any(reason.is_failure for reason in reasons)
        self.subscribed = not self._rejected
        log.info("%s:%d: receiving", self._broker.host, self._broker.port)

    def _disconnect(self, reason: DisconnectReason | None, why: str = "") -> None:
        """Discards what was not acknowledged: the broker sends it again. reason: None: this worker ends."""
        if self._client is not None and self._client.socket() is not None:
            self._client.disconnect()
            self._client.loop_write()
        self._client = None
        self._discard()
        if reason is not None:
            lasted_s = self._now_s() - self._connected_s if self.subscribed else 0.0
            wait_s = self._retry.delay_s(reason, lasted_s)
            log.warning("%s:%d: %s; next attempt in %.0f s", self._broker.host, self._broker.port,
                        why or "the connection was lost", wait_s)  # fmt: skip
            self._connect_due_s = self._now_s() + wait_s

    def _is_due(self) -> bool:
        age_s = self._now_s() - self._since_s
        return self._file.size >= self._settings.segment_bytes or age_s >= self._settings.segment_s

    def _close_segment(self) -> None:
        if self._file.size:
            self._file.close()
            number = max([0, *(int(path.stem.removeprefix("segment-")) for path in self._closed())]) + 1
            (self._folder / OPEN).rename(self._folder / f"segment-{number:08d}.ndjson")
            self._file = LineFile(self._folder / OPEN)
        self._since_s = self._now_s()

    def _closed(self) -> list[Path]:
        return sorted(self._folder.glob("segment-*.ndjson"))

    def _convert_closed(self) -> bool:
        """Converts closed segments, one at a time, in a separate process; whether one is still to be converted."""
        if self._conversion is not None:
            if self._conversion.poll() is None:
                return True
            self._read_report(self._conversion)
        if not (closed := self._closed()):
            return False
        today = day_of(self._clock.utc_ns() // 1_000_000)
        command = [sys.executable, "-P", "-m", "agent.fleet.ingest.segment", str(closed[0]), str(self._settings.lake)]
        self._conversion = subprocess.Popen([*command, today], stdout=subprocess.PIPE)
        return True

    def _read_report(self, conversion: subprocess.Popen[bytes]) -> None:
        self._conversion = None
        output = conversion.communicate()[0]
        if conversion.returncode:
            raise OSError(0, "a segment was not converted; it stays in the folder of the worker", str(self._folder))
        found = msgspec.json.decode(output, type=SegmentReport)
        for name in SegmentReport.__struct_fields__:
            setattr(self.report, name, getattr(self.report, name) + getattr(found, name))

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9

    def _clock_wait(self, seconds: float) -> None:
        select.select([], [], [], seconds)

"""Stores the messages of a fleet: a message is acknowledged when it is on the disk.

A worker that is killed, and a broker that restarts, send again what was not acknowledged. Each worker has a name, under
which the broker keeps its session. Several workers receive everything and store the messages of different gateways.
"""

from __future__ import annotations

import fcntl
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from agent.config.model import Mqtt
from agent.core.stable_hash import share
from agent.delivery.files.lake.rows import day_of
from agent.delivery.files.line_file import LineFile
from agent.delivery.mqtt.backoff import DisconnectReason
from agent.fleet.ingest.segment import REJECTED, SegmentReport
from agent.fleet.ingest.session import IngestSession
from agent.fleet.ingest.topics import DEFAULT, TopicPlace, TopicRoot
from agent.fleet.lake import LakeError
from agent.fleet.reasons import INGEST_NAME_USED, INGEST_REJECTED, INGEST_VERSION_UNKNOWN
from drivers.reading import Clock
from drivers.reasons import Reason

log = logging.getLogger(__name__)

FOLDER = "ingest"  # in the lake: a folder for each worker
OPEN = "current.ndjson"
LEAVE_S = 2.0  # without a message
TOPICS_KNOWN = 200_000


class IngestSettings(Struct, frozen=True):
    """lake: its directory. name: of the worker. roots: topics of the gateways.

    part, parts: number of this worker, from 1, and of all workers that share the gateways.
    group: of a shared subscription; None: this worker receives everything.
    segment_bytes, segment_s: size and age at which received messages are converted.
    leaves: whether the session ends with the worker, after what waited for it was received.
    """

    lake: Path
    name: str
    roots: tuple[TopicRoot, ...] = (DEFAULT,)
    part: int = 1
    parts: int = 1
    group: str | None = None
    segment_bytes: int = 200_000_000
    segment_s: float = 300.0
    leaves: bool = False

    @property
    def topics(self) -> list[str]:
        shared = f"$share/{self.group}/" if self.group else ""
        return [f"{shared}{topic}" for root in self.roots for topic in root.filters]

    def place_of(self, topic: str) -> TopicPlace | None:
        """None: not stored by this worker."""
        place = next(filter(None, (root.place_of(topic) for root in self.roots)), None)
        return place if place and int(share(place.site, place.gateway) * self.parts) == self.part - 1 else None


class IngestWorker:
    """received: messages on the disk. skipped: others that this worker does not store. session: at the broker.

    report: sums of the converted segments.
    """

    def __init__(self, broker: Mqtt, settings: IngestSettings, clock: Clock) -> None:
        """Raises OSError, LakeError if another process uses the name."""
        self._broker, self._settings, self._clock = broker, settings, clock
        self.received = self.skipped = 0
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
        self._since_s = self._now_s() - settings.segment_s * (settings.part - 1) / settings.parts  # not all at one time
        self._lines, self._begins = list[bytes](), dict[bytes, bytes]()  # topic → begin of its lines; empty: none
        self.session = IngestSession(broker, f"magwatt-ingest-{settings.name}", settings.topics, self._keep, clock)
        self._conversion: subprocess.Popen[bytes] | None = None
        self._has_closed = True  # perhaps, from before

    def run(self, ending: Callable[[], bool]) -> None:
        """Receives until `ending`, then converts what was received. Raises OSError of the disk, LakeError."""
        try:
            self._receive_until(ending)
            self._close_segment()
            while self._convert_closed():
                if self._conversion is not None:
                    self._conversion.wait()
        finally:
            self._file.close()
            self._lock.close()

    def _receive_until(self, ending: Callable[[], bool]) -> None:
        session = self.session
        try:
            while not ending():
                if not session.connected:
                    session.connect_if_due()
                elif session.receive():
                    self._store()
                elif session.rejected:
                    raise LakeError(INGEST_REJECTED, host=self._broker.host, port=self._broker.port,
                                    topic=self._settings.topics[0])  # fmt: skip
                else:
                    self._lines.clear()
                    session.disconnect(DisconnectReason.LOST)
                self._convert_closed()
                if self._is_due():
                    self._close_segment()
            if self._settings.leaves and session.connected:
                session.leave(LEAVE_S, self._store)
        finally:
            self._lines.clear()
            session.disconnect(None)

    def _store(self) -> None:
        """Writes what was received to the disk, then acknowledges it."""
        if self._lines:
            self._file.append(b"".join(self._lines))
            self.received += len(self._lines)
            self._lines.clear()
        self.session.acknowledge()

    def _keep(self, topic: bytes, payload: bytes) -> None:
        begin = self._begins.get(topic)
        if begin is None:
            begin = self._begin_of(topic)
        if not begin:
            self.skipped += 1
        elif payload[:1] == b"{" and payload[-1:] == b"}" and b"\n" not in payload:
            self._lines.append(begin + payload[1:] + b"\n")
        else:
            text = {"topic": topic.decode(), "payload": payload[:10_000].decode(errors="replace")}
            self._lines.append(msgspec.json.encode(text) + b"\n")  # is rejected with its topic

    def _begin_of(self, topic: bytes) -> bytes:
        if len(self._begins) >= TOPICS_KNOWN:
            self._begins.clear()
        place = self._settings.place_of(topic.decode(errors="replace"))
        begin = self._begins[topic] = b'{"topic":"%b",' % place.topic.encode() if place else b""
        return begin

    def _is_due(self) -> bool:
        age_s = self._now_s() - self._since_s
        return self._file.size >= self._settings.segment_bytes or age_s >= self._settings.segment_s

    def _close_segment(self) -> None:
        if self._file.size:
            self._file.close()
            number = max([0, *(int(path.stem.removeprefix("segment-")) for path in self._closed())]) + 1
            (self._folder / OPEN).rename(self._folder / f"segment-{number:08d}.ndjson")
            self._file, self._has_closed = LineFile(self._folder / OPEN), True
        self._since_s = self._now_s()

    def _closed(self) -> list[Path]:
        return sorted(self._folder.glob("segment-*.ndjson"))

    def _convert_closed(self) -> bool:
        """Converts closed segments, one at a time, in a separate process; whether one is still to be converted."""
        if self._conversion is not None:
            if self._conversion.poll() is None:
                return True
            self._read_report(self._conversion)
        closed = self._closed() if self._has_closed else []
        self._has_closed = bool(closed)
        if not closed:
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
        self.report.add(found)
        if found.rejected:
            lines = found.rows + found.repeated + found.rejected
            log.warning("%d of %d lines are no messages of this version; they are in %s",
                        found.rejected, lines, self._folder / REJECTED)  # fmt: skip

    @property
    def findings(self) -> list[Reason]:
        """Messages of versions that this software cannot read."""
        path = str(self._folder / REJECTED)
        return [INGEST_VERSION_UNKNOWN(n=n, schema=schema, path=path)
                for schema, n in sorted(self.report.versions.items())]  # fmt: skip

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9

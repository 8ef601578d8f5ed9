"""Another master on a simulated segment, and what the agent sends after it became visible."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import time
from dataclasses import dataclass
from random import Random
from typing import Any

from support.bus_servers import opened, read_registers
from support.numbered_slave import NumberedSlave
from support.segment_log import sent_by

from drivers.errors import DriverError
from drivers.modbus_link import BusSettings
from simulators.bus.frames import rtu, rtu_request
from simulators.bus.reactor import Timer
from simulators.bus.segment import Framing, Segment, Transmission

PORT_S = 0.05  # longest time that the kernel needs to pass bytes on between two ends of a pseudo-terminal
OURS, THEIRS, ABSENT = 11, 31, 77  # units: read by the agent, by the other master; without a slave
BLOCK = (OURS, 4, 0, 6)  # what the agent reads
REQUESTS = {
    "another meter, 100 registers": rtu_request(THEIRS, 3, 0x40, 100),
    "coils": rtu(ABSENT, bytes.fromhex("01 0013 0025")),
    "the same meter": rtu_request(OURS, 4, 52, 2),
    "one coil": rtu(ABSENT, bytes.fromhex("05 00AC FF00")),
    "one register": rtu(ABSENT, bytes.fromhex("06 0001 0003")),
    "coils written": rtu(ABSENT, bytes.fromhex("0F 0013 000A 02 CD01")),
    "registers written": rtu(0, bytes.fromhex("10 0001 0002 04 000A 0102")),
    "mask": rtu(ABSENT, bytes.fromhex("16 0004 00F2 0025")),
    "read and write": rtu(ABSENT, bytes.fromhex("17 0003 0006 000E 0003 06 00FF 00FF 00FF")),
    "server id": rtu(ABSENT, bytes.fromhex("11")),
    "device identification": rtu(ABSENT, bytes.fromhex("2B 0E 01 00")),
}
SAME_BLOCK = rtu_request(*BLOCK)  # the agent may take the first ones for echoes of its own requests


class OtherMaster:
    """A master that sends one request again and again, whatever else is on the line."""

    def __init__(self, segment: Segment, request: bytes, every_s: float) -> None:
        self._segment, self._request, self._every_s = segment, request, every_s
        self._next = Timer(self._ask)
        self._send = segment.attach("other", Framing(segment, lambda frame: None).on_bytes)

    def start(self, after_s: float) -> None:
        """Send the first request after this time. From any thread; the segment must run."""
        begin_s = time.monotonic() + after_s
        self._segment.ask(lambda: self._segment.at(begin_s, self._ask))

    def halt(self) -> None:
        self._segment.ask(lambda: self._next.cancel())

    def _ask(self) -> None:
        self._next = self._segment.at(self._segment.now() + self._every_s, self._ask)
        self._send(self._request)


class WatchedSegment(Segment):
    """delivered_s: monotonic time at which the first complete request of the other master was in the agent's port."""

    delivered_s = math.inf

    def _deliver_chunk(self, transmission: Transmission, at: int, end: int) -> None:
        super()._deliver_chunk(transmission, at, end)
        if transmission.station == "other" and end == len(transmission.data) and not transmission.collided:
            self.delivered_s = min(self.delivered_s, self.now())


class WatchedPorts:
    """The `os` of the driver. It records, for each request, when the agent had last looked at the port before it.

    What it sends after that look is right or wrong by what the port contained then, however late the threads of a
    loaded machine run between reading, sending, and the arrival on the line.
    """

    def __init__(self) -> None:
        self._looked_s: dict[int, float] = {}  # by file descriptor
        self._read_s: dict[str, list[float]] = {}  # by port

    def read(self, fd: int, size: int) -> bytes:
        self._looked_s[fd] = time.monotonic()
        return os.read(fd, size)

    def write(self, fd: int, data: bytes) -> int:
        self._read_s.setdefault(os.ttyname(fd), []).append(self._looked_s[fd])
        return os.write(fd, data)

    def read_s(self, port: str) -> list[float]:
        """Monotonic time of the last look before each request to this port; they are discarded."""
        return self._read_s.pop(os.path.realpath(port), [])

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


@dataclass(frozen=True, slots=True)
class Encounter:
    """The agent and another master on one line.

    request: of the other master. every_s: its period. phase_s: time of its first request. seconds: duration.
    listen_s: listening time of the agent. turnaround_s: response time of the slaves.
    """

    request: bytes
    every_s: float
    phase_s: float
    seconds: float
    listen_s: float = 0.0
    turnaround_s: float = 0.003


@dataclass(frozen=True, slots=True)
class Sent:
    """Number of requests.

    before, after: of the agent, until and after the first complete one of the other master could be read. others: of
    the other master. others_after: of the other master, after the last one of the agent.
    """

    before: int
    after: int
    others: int
    others_after: int


async def met(meeting: Encounter, chance: Random, ports: WatchedPorts) -> Sent:
    """The agent polls with pauses of up to 0.1 s; ports: its `os`."""
    segment = WatchedSegment(baud=19200)
    port = segment.port("agent")
    for unit in (OURS, THEIRS):
        NumberedSlave(segment, unit, turnaround_s=meeting.turnaround_s)
    other = OtherMaster(segment, meeting.request, meeting.every_s)
    segment.start()
    try:
        async with opened(BusSettings("s", serial_port=port, listen_s=meeting.listen_s)) as link:
            other.start(meeting.phase_s)
            until_s = time.monotonic() + meeting.seconds
            while time.monotonic() < until_s:
                with contextlib.suppress(DriverError):
                    await read_registers(link, *BLOCK, 0.1, tries=2)
                await asyncio.sleep(chance.uniform(0.0, 0.1))
        looks_s = ports.read_s(port)
        after = sum(read_s > segment.delivered_s + PORT_S for read_s in looks_s)
        ours, others = sent_by(segment, "agent"), sent_by(segment, "other")
        last_s = ours[-1].end_s if ours else 0.0
        return Sent(len(looks_s) - after, after, len(others), sum(item.start_s > last_s for item in others))
    finally:
        segment.stop()

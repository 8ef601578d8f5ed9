"""Another master on a simulated segment, and what the agent sends after it became visible."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from random import Random

from support.bus_servers import opened, read_registers
from support.numbered_slave import NumberedSlave
from support.segment_log import sent_by

from drivers.errors import DriverError
from drivers.modbus_link import BusSettings
from simulators.bus.frames import rtu, rtu_request
from simulators.bus.reactor import Timer
from simulators.bus.segment import Framing, Segment, Transmission

LAG_STEP_S = 0.005
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


def first_seen(segment: Segment) -> Transmission | None:
    """The first complete transmission of the other master."""
    return next((item for item in sent_by(segment, "other") if not item.collided), None)


class LagWatch:
    """When the thread of a segment was delayed: bytes are delivered, and those of the agent dated, that late."""

    def __init__(self, segment: Segment) -> None:
        self._lags: list[tuple[float, float]] = []  # due and actual time
        self._segment = segment
        segment.ask(lambda: self._wait(segment.now()))

    def delivered_s(self, end_s: float, latency_s: float) -> float:
        """When a transmission that ended at end_s was delivered, at the latest."""
        for due_s, now_s in self._lags:
            if due_s <= end_s + latency_s:
                end_s = max(end_s, now_s)
        return end_s

    def _wait(self, from_s: float) -> None:
        due_s = from_s + LAG_STEP_S
        self._segment.at(due_s, lambda: self._look(due_s))

    def _look(self, due_s: float) -> None:
        now_s = self._segment.now()
        if now_s > due_s + LAG_STEP_S:
            self._lags.append((due_s, now_s))
        self._wait(now_s)


def sent_after(segment: Segment, latency_s: float, lags: LagWatch) -> list[Transmission]:
    """What the agent sent later than latency_s after the first complete request of the other master was delivered.

    Nothing if all of them collided.
    """
    first = first_seen(segment)
    if first is None:
        return []
    known_s = lags.delivered_s(first.end_s, latency_s) + latency_s
    return [item for item in sent_by(segment, "agent") if item.start_s > known_s]


@dataclass(frozen=True, slots=True)
class Encounter:
    """The agent and another master on one line.

    request: of the other master. every_s: its period. phase_s: time of its first request. seconds: duration.
    listen_s: listening time of the agent. turnaround_s: response time of the slaves.
    latency_s: longest time between the line and the agent, on a loaded machine.
    """

    request: bytes
    every_s: float
    phase_s: float
    seconds: float
    listen_s: float = 0.0
    turnaround_s: float = 0.003
    latency_s: float = 0.25


@dataclass(frozen=True, slots=True)
class Sent:
    """Number of requests.

    before, after: of the agent, until and after the first complete one of the other master. others: of the other
    master. others_after: of the other master, after the last one of the agent.
    """

    before: int
    after: int
    others: int
    others_after: int


async def met(meeting: Encounter, chance: Random) -> Sent:
    """The agent polls with pauses of up to 0.1 s."""
    segment = Segment(baud=19200)
    port = segment.port("agent")
    for unit in (OURS, THEIRS):
        NumberedSlave(segment, unit, turnaround_s=meeting.turnaround_s)
    other = OtherMaster(segment, meeting.request, meeting.every_s)
    segment.start()
    lags = LagWatch(segment)
    try:
        async with opened(BusSettings("s", serial_port=port, listen_s=meeting.listen_s)) as link:
            other.start(meeting.phase_s)
            until_s = time.monotonic() + meeting.seconds
            while time.monotonic() < until_s:
                with contextlib.suppress(DriverError):
                    await read_registers(link, *BLOCK, 0.1, tries=2)
                await asyncio.sleep(chance.uniform(0.0, 0.1))
        ours, others, after = (
            sent_by(segment, "agent"),
            sent_by(segment, "other"),
            len(sent_after(segment, meeting.latency_s, lags)),
        )
        last_s = ours[-1].end_s if ours else 0.0
        return Sent(len(ours) - after, after, len(others), sum(item.start_s > last_s for item in others))
    finally:
        segment.stop()

"""Requests of another master at all positions next to those of the agent, in all pieces, on virtual time."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from support.basics import HandClock
from support.second_master import ABSENT, BLOCK, OURS, REQUESTS, THEIRS
from support.timed_line import TimedLine, finished

from drivers.errors import DriverError, ForeignMasterActive
from drivers.foreign_master import RESPONSE_S, ForeignMasterDetector
from drivers.framing import Request
from drivers.rtu_framing import rtu_matcher, rtu_request
from simulators.bus import frames
from simulators.bus.frames import rtu

SHORT = {f"function {n}": rtu(ABSENT, bytes((n,))) for n in (7, 11, 12)} | {"fifo": rtu(ABSENT, b"\x18\0\1")}
LIKE_A_RESPONSE = frames.rtu_request(OURS, 4, 0x300, 2)  # its third byte is the byte count of its length
ALL = REQUESTS | SHORT | {"like a response": LIKE_A_RESPONSE}
PLAIN = {name: frame for name, frame in ALL.items() if frame[1] in (6, 7, 11, 12, 17, 22, 24)}
FEW_LEFT = bytes.fromhex("17 5C 5A 5B 5A 59 CC 5D")  # of the request "one register" after a collision
CHARACTER_S = 10 / 19200
OWN = Request(*BLOCK)
BEGIN_S = 0.1  # of the first request of the agent


def slaves(request: bytes) -> bytes:
    """Two slaves with registers for functions 3 and 4."""
    unit, function = request[:2]
    if unit not in (OURS, THEIRS) or len(request) != 8 or function not in (3, 4):
        return b""
    (count,) = struct.unpack(">H", request[4:6])
    return rtu(unit, bytes((function, 2 * count)) + bytes(37 * n + 11 & 0xFF for n in range(2 * count)))


def poll(line: TimedLine, period_s: float, until_s: float) -> int:
    """Reads BLOCK from BEGIN_S on. Returns the number of requests after the first complete one of the other master."""
    with line.link() as link:
        link.begin(None, listened=True)
        line.sleep(BEGIN_S)
        while line.monotonic() < until_s:
            with suppress(DriverError):
                finished(link.read_block(OWN, 0.1, tries=2))
            line.sleep(period_s)
    return sum(sending.begin_s > line.complete_s for sending in line.sent)


@pytest.mark.parametrize(("chunk", "turnaround_s", "adapter_s"), [(1, 0.003, 0.0), (16, 0.03, 0.0), (4, 0.03, 0.016)])
def test_a_request_at_any_position_beside_ours_stops_the_polls(
    chunk: int, turnaround_s: float, adapter_s: float
) -> None:
    """Before, during and after a request of the agent and its response."""
    for name, request in ALL.items():
        complete = 0
        for position in range(-12, 90, 5):
            line = TimedLine(slaves, chunk=chunk, turnaround_s=turnaround_s, adapter_s=adapter_s)
            line.at(BEGIN_S + position * CHARACTER_S, request)
            assert poll(line, 0.1, 0.6) == 0, (name, position)
            complete += line.complete_s < 1.0
        assert complete > 3, name


def test_a_request_stops_the_polls_although_an_earlier_one_collided() -> None:
    """The agent waits for a late response: it receives the second one after the bytes that the first one left."""
    for name, request in ALL.items():
        collided = 0
        for position in range(-6, 24, 3):
            line = TimedLine(slaves, chunk=4)
            first_s = BEGIN_S + position * CHARACTER_S
            line.at(first_s, request)
            line.at(first_s + 3.0, request)
            assert poll(line, 0.4, 6.0) == 0, (name, position)
            collided += first_s + 3.0 < line.complete_s < 4.0
        assert collided >= 3, name


def test_a_line_is_not_called_busy_because_the_agent_was_delayed() -> None:
    """Noise of 1 ms every 0.3 s; each sleep ends 0.4 s too late, so that bytes are read after each."""
    line = TimedLine(slaves, delay_s=0.4)
    for n in range(6):
        line.at(0.05 + 0.3 * n, FEW_LEFT[:2], foreign=False)
    with line.link() as link:
        link.begin(None, listened=True)
        line.sleep(BEGIN_S)
        assert len(finished(link.read_block(OWN, 2.0))) == 2 * OWN.registers


# --- the received bytes ----------------------------------------------------------------------------------------------


class Received:
    """What the agent received after its request, in pieces, and whether it stops."""

    def __init__(self, own: Request = OWN) -> None:
        self.pending = rtu_matcher()
        self._detector = ForeignMasterDetector("s", HandClock())
        self._detector.before_request(self.pending, rtu_request(own))
        self.pending.open[own.shape] = own

    def add(self, *pieces: bytes, paused: bool) -> Received:
        """paused: the line was silent before each piece."""
        for piece in pieces:
            self.pending.feed(piece, paused)
        return self

    def is_proof(self, silent_s: float = RESPONSE_S) -> bool:
        try:
            self._detector.examine(self.pending, silent_s)
        except ForeignMasterActive:
            return True
        return False


@pytest.mark.parametrize("name", ALL)
def test_a_request_in_two_pieces_after_other_bytes_is_a_proof(name: str) -> None:
    """With or without a pause between the pieces; what precedes and follows ends with a pause."""
    request = ALL[name]
    for at in range(len(request)):
        for before in (b"", FEW_LEFT, FEW_LEFT[:1]):
            for after in (b"", FEW_LEFT):
                for paused in (False, True):
                    received = Received().add(before, paused=True).add(request[:at], paused=True)
                    received.add(request[at:], paused=paused or not at).add(after, paused=True)
                    assert received.is_proof() == (request != LIKE_A_RESPONSE), (at, before, after, paused)


@pytest.mark.parametrize("name", PLAIN)
def test_a_short_request_is_no_proof_among_other_bytes(name: str) -> None:
    """Noise looks like it with a probability of 2^-24 per byte; therefore a silence or a frame must delimit it."""
    request, first_or_last = PLAIN[name], PLAIN[name][1] in (6, 17, 22)
    noise = FEW_LEFT
    assert not Received().add(noise + request + noise, paused=True).is_proof()
    assert not Received().add(noise + request, paused=True).is_proof(0.0), "more may follow"
    assert Received().add(noise + request, paused=True).is_proof() == first_or_last
    assert Received().add(request + noise, paused=True).is_proof() == first_or_last
    assert Received().add(request, paused=True).is_proof(), "alone"
    assert Received().add(noise + request + noise + request + noise, paused=True).is_proof(), "twice"


@pytest.mark.parametrize("name", PLAIN)
def test_a_short_request_before_our_response_is_a_proof(name: str) -> None:
    """The response ends the bytes before it; it may follow after an echo of our request."""
    response = slaves(frames.rtu_request(*BLOCK))
    for echo in (b"", frames.rtu_request(*BLOCK)):
        received = Received().add(echo + PLAIN[name] + response, paused=True)
        assert not received.pending.open, "the response was found"
        assert received.is_proof(0.0)


def test_a_request_like_a_private_response_is_a_proof_with_its_response() -> None:
    response = slaves(LIKE_A_RESPONSE)
    assert not Received().add(LIKE_A_RESPONSE, paused=True).is_proof()
    assert Received().add(LIKE_A_RESPONSE, response, paused=False).is_proof()
    assert Received(Request(THEIRS, 3, 0, 6)).add(LIKE_A_RESPONSE, paused=True).is_proof(), "to another unit"


def test_echoes_with_pauses_are_no_proof() -> None:
    """The echo of our request in any two pieces, alone, before other bytes, and before the response."""
    echo, response = frames.rtu_request(*BLOCK), slaves(frames.rtu_request(*BLOCK))
    for at in range(1, len(echo)):
        for after in (b"", FEW_LEFT, response):
            received = Received().add(FEW_LEFT, echo[:at], echo[at:], after, paused=True)
            assert not received.is_proof(), (at, after)

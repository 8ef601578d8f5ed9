"""Exchanges of another master on disturbed lines: no value of another request, and nearly all of an undisturbed device.

The contents of each response identify its request (tests/support/overheard_line.py).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from support.overheard_line import LineFaults, OverheardLine

from drivers.framing import Request
from drivers.overheard import Exchange, RtuExchanges
from simulators.bus.frames import ReadBlock, answers, content, rtu, rtu_request

ONE_EACH = (ReadBlock(1, 3, 0, 20), ReadBlock(2, 4, 0, 20), ReadBlock(3, 3, 0x40, 10), ReadBlock(4, 3, 8449, 8))
SAME_SHAPE = (ReadBlock(1, 3, 0, 10), ReadBlock(1, 3, 0x1400, 10), ReadBlock(2, 4, 0, 12), ReadBlock(1, 3, 0x80, 10))
SECOND = (ReadBlock(1, 3, 200, 10), ReadBlock(2, 4, 0x100, 12))
USUAL = LineFaults(damaged=0.01, truncated=0.005, late=0.005, lost=0.0, unheard=0.002, deaf=0.002)
POOR = LineFaults(damaged=0.01, truncated=0.005, late=0.01, lost=0.01, unheard=0.02, deaf=0.01, stall=0.01)
BAUD = 19200
CHARACTER_S = 10 / BAUD


def judge(line: OverheardLine, cycles: int) -> tuple[int, int]:
    """Number of right and of wrong responses."""
    finder, right, wrong, last_s = RtuExchanges(line.character_s), 0, 0, 0.0
    finder.lost(0.0)
    for data, empty_s, read_s in line.heard(cycles):
        found = finder.end() if empty_s - last_s > 0.1 else []
        last_s = read_s
        for exchange in [*found, *finder.feed(data, empty_s, read_s)]:
            good = is_right(exchange)
            right, wrong = right + good, wrong + (not good)
    return right, wrong


def is_right(exchange: Exchange) -> bool:
    unit, function, address, registers = exchange.request
    words = struct.unpack(f">{len(exchange.data) // 2}H", exchange.data)
    return len(words) == registers and answers(words, unit, function, address) is not None


def test_nearly_all_responses_beside_a_plc_at_5_hz_are_decoded() -> None:
    """The goal: 99 % of the intact responses that the PLC waited for, to requests that were received intact."""
    line = OverheardLine(1, [ONE_EACH], USUAL)
    right, wrong = judge(line, 500)
    assert wrong == 0
    assert right >= 0.99 * line.intact > 1900


def test_no_value_of_another_request_if_requests_have_the_same_shape() -> None:
    """Devices that queue requests, late responses, requests that were not received, and a second master."""
    for seed, masters in ((3, [SAME_SHAPE]), (4, [SAME_SHAPE, SECOND])):
        line = OverheardLine(seed, masters, POOR, queues=True, cycle_s=0.6)
        right, wrong = judge(line, 150)
        assert wrong == 0
        assert right > 50


@pytest.mark.soak
@pytest.mark.parametrize(
    ("masters", "faults", "queues", "share"),
    [
        ([ONE_EACH], USUAL, False, 0.99), ([ONE_EACH], POOR, True, 0.97), ([SAME_SHAPE], USUAL, False, 0.9),
        ([SAME_SHAPE], POOR, True, 0.4), ([SAME_SHAPE, SECOND], POOR, True, 0.03),
    ],
)  # fmt: skip
def test_100_000_exchanges(
    masters: Sequence[Sequence[ReadBlock]], faults: LineFaults, queues: bool, share: float
) -> None:
    """docs/how-to/listening.md has the figures. share: of the intact responses that must at least be decoded."""
    right = wrong = intact = 0
    for seed in range(20):
        line = OverheardLine(seed, masters, faults, queues=queues, cycle_s=0.3)
        good, bad = judge(line, 5000 // len(masters[0]))
        right, wrong, intact = right + good, wrong + bad, intact + line.intact
    print(f"{right} right, {wrong} wrong of {intact}")
    assert wrong == 0
    assert right >= share * intact


class Line:
    """Frames one after the other, each read at its end; a silence follows the last one."""

    def __init__(self) -> None:
        self.finder, self.now_s = RtuExchanges(CHARACTER_S), 10.0
        self.finder.lost(0.0)

    def hear(self, *frames: bytes, pause_s: float = 0.004, chunk: int = 300) -> list[Exchange]:
        found: list[Exchange] = []
        for frame in frames:
            for at in range(0, len(frame), chunk):
                part, empty_s = frame[at : at + chunk], self.now_s
                self.now_s += len(part) * CHARACTER_S
                found += self.finder.feed(part, empty_s, self.now_s)
            self.now_s += pause_s
        return found + self.finder.end()

    def silence(self, seconds: float) -> list[Exchange]:
        self.now_s += seconds
        return self.finder.end()


def response(block: ReadBlock, number: int = 1) -> bytes:
    data = b"".join(word.to_bytes(2, "big") for word in content(*block, number))
    return rtu(block.unit, bytes((block.function, len(data))) + data)


def request(block: ReadBlock) -> bytes:
    return rtu_request(*block)


A, B = ReadBlock(1, 3, 0, 10), ReadBlock(1, 3, 0x1400, 10)  # the address of B looks like the byte count of A
OTHER = ReadBlock(1, 3, 0, 4)
PRESET = rtu(1, b"\x06\x20\x00\x04\x7f")  # write a register; the response is equal
PRESETS = rtu(1, b"\x10\x20\x00\x00\x02\x04\x00\x01\x04\x7f"), rtu(1, b"\x10\x20\x00\x00\x02")
READ_WRITE = rtu(1, b"\x17\x00\x00\x00\x0a\x20\x00\x00\x01\x02\x04\x7f"), rtu(1, b"\x17\x14" + bytes(20))
IDENTITY = rtu(1, b"\x2b\x0e\x01\x00"), rtu(1, b"\x2b\x0e\x01\x01\x00\x00\x01\x00\x04ABCD")


@pytest.mark.parametrize("chunk", [1, 3, 300])
def test_request_and_response_are_paired_in_any_pieces(chunk: int) -> None:
    line = Line()
    found = line.hear(request(A), response(A), request(B), response(B), chunk=chunk)
    assert [exchange.request for exchange in found] == [Request(*A), Request(*B)]
    assert all(map(is_right, found))


def test_the_time_is_that_of_the_response() -> None:
    line = Line()
    line.hear(request(A), pause_s=0.02)
    (found,) = line.hear(response(A))
    assert found.heard_s == pytest.approx(line.now_s - 0.004)
    assert line.silence(60.0) == []


def test_a_response_without_its_request_is_not_decoded() -> None:
    line = Line()
    assert line.hear(response(A)) == []
    assert len(line.hear(request(A), response(A), response(A))) == 1
    assert line.hear(request(ReadBlock(2, 3, 0, 10)), response(A)) == []
    assert line.finder.counts.unpaired == 3


def test_a_response_after_an_unanswered_request_of_the_same_shape_is_not_decoded() -> None:
    """It may be the late response to the first one. With another number of registers it is its own."""
    line = Line()
    line.hear(request(A), response(A), request(B), response(B), request(OTHER), response(OTHER))
    line.hear(request(A), pause_s=0.3)
    assert line.hear(request(B), response(B)) == []
    assert [exchange.request for exchange in line.hear(request(OTHER), response(OTHER))] == [Request(*OTHER)]
    assert len(line.hear(request(B), response(B))) == 1, "the device has responded to a later request"


def test_a_request_with_wrong_bytes_hides_no_late_response() -> None:
    """The device receives the first request, responds late, and the other master has sent the next one."""
    line = Line()
    line.hear(request(A), response(A), request(B), response(B))
    wrong = bytearray(request(A))
    wrong[5] ^= 0x11
    line.hear(bytes(wrong), pause_s=0.3)
    assert line.hear(request(B), response(A)) == []


def test_a_late_request_after_an_unanswered_one_may_be_hidden_in_noise() -> None:
    line = Line()
    for _ in range(5):
        line.hear(request(A), response(A))
    line.hear(request(A), pause_s=0.3)
    assert line.hear(bytes.fromhex("01 03 14 00 ff 0a c1 2d"), response(B)) == []


def test_noise_before_a_response_costs_nothing() -> None:
    line = Line()
    line.hear(request(A), response(A), request(A), response(A))
    for noise in (b"\0", b"\xff\xff", response(A)[:7], b"\x01\x03\x14"):
        assert len(line.hear(request(A), noise + response(A))) == 1, noise


def test_after_a_damaged_response_the_next_one_is_decoded() -> None:
    line = Line()
    line.hear(request(A), response(A), request(B), response(B))
    damaged = bytearray(response(A))
    damaged[6] ^= 0x10
    assert line.hear(request(A), bytes(damaged)) == []
    assert [exchange.request for exchange in line.hear(request(B), response(B))] == [Request(*B)]


def test_the_end_of_a_truncated_response_does_not_delay_what_follows() -> None:
    line = Line()
    line.hear(request(A), response(A)[:-3])
    line.silence(0.2)
    assert len(line.hear(request(A), response(A))) == 1


def test_a_response_that_begins_as_a_request_is_not_decoded() -> None:
    """Its first eight bytes are a request with a valid checksum: which of both it is cannot be decided."""
    head = rtu(1, b"\x03\x14\x00\x00\x02")
    whole = rtu(1, head[1:] + bytes(23 - len(head)))
    line = Line()
    assert line.hear(request(A), whole) == []
    assert line.finder.counts.ambiguous == 1


def test_exceptions_are_recognised() -> None:
    (found,) = (line := Line()).hear(request(A), rtu(1, b"\x83\x02"))
    assert (found.request, found.exception, found.data) == (Request(*A), 2, b"")
    assert line.finder.counts.exceptions == 1


@pytest.mark.parametrize("frames", [(PRESET, PRESET), PRESETS, READ_WRITE, IDENTITY], ids=("6", "16", "23", "43"))
def test_other_functions_are_seen_and_ignored(frames: tuple[bytes, bytes]) -> None:
    line = Line()
    assert line.hear(*frames) == []
    assert len(line.hear(request(A), response(A))) == 1
    counts, function = line.finder.counts, frames[0][1]
    assert (counts.others if function == 43 else counts.writes) == {(1, function): 1 + (function == 6)}


def test_a_response_after_two_seconds_is_not_decoded() -> None:
    line = Line()
    line.hear(request(A), pause_s=2.5)
    assert line.hear(response(A)) == []
    assert line.finder.counts.late == 1


def test_a_response_to_the_first_of_two_masters_is_not_that_of_the_second() -> None:
    line = Line()
    line.hear(request(A), response(A), request(B), response(B))
    assert line.hear(request(A), request(B), response(A), response(B)) == []

"""What is accepted as a response of RTU, and what is never accepted. The frames are assembled here."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.framing import Request, Response
from drivers.response_matcher import ResponseMatcher
from drivers.rtu_framing import crc16, rtu_matcher, rtu_request

ASKED = Request(unit=2, function=3, address=100, registers=4)


def crc(data: bytes) -> bytes:
    """CRC from its definition, bit by bit."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


def rtu(unit: int = 2, function: int = 3, words: tuple[int, ...] = (1, 2, 3, 4)) -> bytes:
    body = struct.pack(f">BBB{len(words)}H", unit, function, 2 * len(words), *words)
    return body + crc(body)


def refusal(unit: int = 2, function: int = 3, code: int = 2) -> bytes:
    body = bytes([unit, function | 0x80, code])
    return body + crc(body)


def want_rtu(*late: Request) -> ResponseMatcher:
    return rtu_matcher({ASKED.shape: ASKED}, {request.shape: request for request in late})


GOOD = Response(ASKED, struct.pack(">4H", 1, 2, 3, 4))


def test_the_crc_is_that_of_the_standard() -> None:
    """The example of Modbus over Serial Line V1.02, appendix B: 02 07 gives 41 12 in transmission order."""
    assert crc16(b"\x02\x07") == 0x1241
    assert rtu_request(ASKED) == bytes.fromhex("020300640004") + crc(bytes.fromhex("020300640004"))


@given(st.binary(max_size=200))
def test_the_table_agrees_with_the_definition(data: bytes) -> None:
    assert crc16(data).to_bytes(2, "little") == crc(data)


@pytest.mark.parametrize("noise", range(9))
def test_noise_before_and_after_is_skipped(noise: int) -> None:
    chance = random.Random(noise)
    stray = bytes(chance.randrange(256) for _ in range(noise))
    assert want_rtu().feed(stray + rtu() + stray) == GOOD


def test_unit_ids_equal_to_function_codes_are_accepted() -> None:
    for unit in range(1, 248):
        asked = Request(unit, 3, 0, 2)
        want = rtu_matcher({asked.shape: asked})
        answer = want.feed(b"\x00" + rtu(unit, 3, (7, 8)))
        assert answer == Response(asked, struct.pack(">2H", 7, 8)), unit


@pytest.mark.parametrize(
    "wrong",
    [
        rtu(unit=3),
        rtu(function=4),
        rtu(words=(1, 2)),
        rtu(words=(1, 2, 3, 4, 5)),
        rtu()[:-1] + bytes([rtu()[-1] ^ 1]),
        rtu()[:-3],
        rtu_request(ASKED),
        b"",
    ],
    ids=["unit", "function", "short", "long", "checksum", "cut", "echo", "nothing"],
)
def test_never_accepted(wrong: bytes) -> None:
    want = want_rtu()
    assert want.feed(wrong) is None
    if len(wrong) not in (len(rtu()), len(rtu()) - 3):
        assert want.feed(rtu()) == GOOD, "and the right one behind it is found"


def test_an_exception_response_is_recognised_after_noise() -> None:
    answer = want_rtu().feed(b"\xff\x02\x03" + refusal(code=6))
    assert answer is not None
    assert answer.exception == 6


def test_missing_is_the_number_of_bytes_to_wait_for() -> None:
    want = want_rtu()
    assert want.feed(rtu()[:5]) is None
    assert want.missing == len(rtu()) - 5
    assert want.feed(rtu()[5:]) == GOOD


def test_a_late_response_is_matched_to_its_request_and_discarded() -> None:
    older = Request(2, 3, 200, 6)
    want = want_rtu(older)
    late = rtu(words=(9, 9, 9, 9, 9, 9))
    assert want.feed(late + rtu()) == GOOD
    assert want.late == {}


def test_an_ambiguous_exception_response_gives_no_value_and_discards_no_pending_request() -> None:
    older = Request(2, 3, 200, 6)
    want = want_rtu(older)
    answer = want.feed(refusal())
    assert answer is not None
    assert answer.exception == 2
    assert want.open
    assert want.late


@given(st.lists(st.binary(max_size=20), max_size=6), st.integers(0, 5))
def test_any_noise_in_any_pieces(pieces: list[bytes], where: int) -> None:
    """Noise never becomes a value: an accepted response equals a sent response byte for byte."""
    want = want_rtu()
    for number, piece in enumerate(pieces):
        data = piece + rtu() if number == where else piece
        answer = want.feed(data)
        if answer is not None:
            assert answer == GOOD or answer.exception

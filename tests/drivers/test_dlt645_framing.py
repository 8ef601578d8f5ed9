"""Responses in received bytes: which one belongs to a request, whatever precedes it or is missing."""

from __future__ import annotations

from random import Random

import pytest

from drivers.dlt645_framing import encoded, meter_matcher
from drivers.framing import Request, Response
from simulators.devices.meter_frames import meter_frame

ADDRESS, DI = "000000000161", 0x02030000
ASKED = Request(161, 0x11, DI, 0)
VALUE = bytes.fromhex("452381")
ANSWER = meter_frame(ADDRESS, 0x91, DI.to_bytes(4, "little") + VALUE)


def received(data: bytes, asked: Request = ASKED) -> Response | None:
    """The response to a request after which these bytes arrived."""
    pending = meter_matcher()
    pending.begin(encoded(asked))
    pending.open[asked] = asked
    return pending.feed(data)


@pytest.mark.parametrize("preamble", [0, 1, 4, 12])
def test_any_number_of_preamble_bytes_may_precede_the_response(preamble: int) -> None:
    response = received(meter_frame(ADDRESS, 0x91, DI.to_bytes(4, "little") + VALUE, preamble))
    assert response == Response(ASKED, b"\x91" + DI.to_bytes(4, "little") + VALUE)


def test_the_preamble_is_no_interference() -> None:
    pending = meter_matcher()
    pending.open[ASKED] = ASKED
    assert pending.feed(b"\x00\x01" + ANSWER) is not None
    assert pending.unmatched_count == 2


@pytest.mark.parametrize(
    "before",
    [encoded(ASKED), ANSWER[:-1], ANSWER[4:9], b"\x68" * 12, meter_frame("000000000099", 0x91, bytes(7)),
     meter_frame(ADDRESS, 0x91, bytes(7)), b"\x68\x61\x01\x00\x00\x00\x00\x68\x91\xc8"],
    ids=["echo", "truncated response", "start of a response", "starts", "other meter", "other data", "false length"],
)  # fmt: skip
def test_bytes_before_the_response_do_not_hide_it(before: bytes) -> None:
    response = received(before + ANSWER)
    assert response is not None
    assert response.data[-3:] == VALUE


@pytest.mark.parametrize(
    ("address", "control", "data"),
    [("000000000162", 0x91, DI.to_bytes(4, "little") + VALUE), (ADDRESS, 0x92, DI.to_bytes(4, "little") + VALUE),
     (ADDRESS, 0x91, (DI + 1).to_bytes(4, "little") + VALUE), (ADDRESS, 0x11, DI.to_bytes(4, "little") + VALUE),
     (ADDRESS, 0x91, DI.to_bytes(4, "little")), (ADDRESS, 0x93, bytes(6))],
    ids=["other address", "other function", "other data identifier", "a request", "no value", "an address"],
)  # fmt: skip
def test_a_valid_frame_of_another_request_is_no_response(address: str, control: int, data: bytes) -> None:
    assert received(meter_frame(address, control, data)) is None


def test_a_refusal_does_not_repeat_the_identifier_and_needs_a_single_pending_request() -> None:
    rejection = meter_frame(ADDRESS, 0xD1, b"\x02")
    assert received(rejection) == Response(ASKED, b"\xd1\x02")
    pending = meter_matcher()
    other = Request(161, 0x11, 0x02010100, 0)
    pending.late[other] = other
    pending.open[ASKED] = ASKED
    assert pending.feed(rejection) is None, "it may be the response to the late request"


def test_a_late_response_is_discarded_before_the_expected_one() -> None:
    pending = meter_matcher()
    late = Request(161, 0x11, 0x02010100, 0)
    pending.late[late] = late
    pending.open[ASKED] = ASKED
    response = pending.feed(meter_frame(ADDRESS, 0x91, late.address.to_bytes(4, "little") + b"\x01\x23") + ANSWER)
    assert response is not None
    assert (response.request, pending.late) == (ASKED, {})


def test_a_following_frame_is_matched_by_its_number() -> None:
    second = Request(161, 0x12, DI, 2)
    assert received(meter_frame(ADDRESS, 0x92, DI.to_bytes(4, "little") + VALUE + b"\x01"), second) is None
    assert received(meter_frame(ADDRESS, 0x92, DI.to_bytes(4, "little") + VALUE + b"\x02"), second) is not None


def test_a_single_wrong_byte_never_gives_a_wrong_value() -> None:
    """Exhaustive: each byte of the frame with each wrong value. The checksum is a sum: one wrong byte always shows."""
    frame = ANSWER[4:]
    for at in range(len(frame)):
        for value in set(range(256)) - {frame[at]}:
            response = received(frame[:at] + bytes((value,)) + frame[at + 1 :])
            assert response is None, (at, value)


def test_a_truncated_frame_with_anything_after_it_never_gives_a_wrong_value() -> None:
    chance, frame = Random(7), ANSWER[4:]
    for _ in range(4000):
        end = chance.randrange(1, len(frame))
        response = received(frame[:end] + chance.randbytes(chance.randrange(6)) + frame)
        assert response is None or response.data[-3:] == VALUE

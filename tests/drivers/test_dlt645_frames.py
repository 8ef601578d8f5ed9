"""Frames of DL/T 645-2007: published ones, and what can be sent at all."""

from __future__ import annotations

from random import Random

import pytest

from drivers import dlt645_frames
from drivers.dlt645_frames import (
    CONTROLS,
    PREAMBLE,
    WILDCARD,
    MeterFrame,
    address_bytes,
    address_text,
    frame_at,
    frames_in,
    is_addressed,
    meter_request,
    unit_of,
    wildcard,
)
from drivers.dlt645_framing import encoded
from drivers.framing import Request

# address, control code, data without the offset of 33H → frame; from field logs and the tests of libDLT645 (MIT)
PUBLISHED = [
    (161, 0x11, "00000100", "68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16"),
    (161, 0x91, "00000100 78563412", "68 61 01 00 00 00 00 68 91 08 33 33 34 33 AB 89 67 45 78 16"),
    (161, 0x11, "00ff0102", "68 61 01 00 00 00 00 68 11 04 33 32 34 35 15 16"),
    (161, 0x91, "00ff0102 0123 9822 1023", "68 61 01 00 00 00 00 68 91 0A 33 32 34 35 34 56 CB 55 43 56 DE 16"),
    (161, 0x11, "00000302", "68 61 01 00 00 00 00 68 11 04 33 33 36 35 18 16"),
    (161, 0x91, "00000302 452381", "68 61 01 00 00 00 00 68 91 07 33 33 36 35 78 56 B4 1D 16"),
    (161, 0xD1, "02", "68 61 01 00 00 00 00 68 D1 01 35 39 16"),
    (161, 0xB1, "00ff0302 452301 00 3412 00 674523 010000",
     "68 61 01 00 00 00 00 68 B1 10 33 32 36 35 78 56 34 33 67 45 33 9A 78 56 34 33 A6 16"),
    (161, 0x12, "00ff0302 01", "68 61 01 00 00 00 00 68 12 05 33 32 36 35 34 4D 16"),
    (161, 0x11, "02008002", "68 61 01 00 00 00 00 68 11 04 35 33 B3 35 97 16"),
    (161, 0x91, "02008002 9849", "68 61 01 00 00 00 00 68 91 06 35 33 B3 35 CB 7C 60 16"),
    (6605518, 0x11, "01010004", "68 18 55 60 06 00 00 68 11 04 34 34 33 37 8A 16"),
    (6605518, 0x91, "01010004 06291218", "68 18 55 60 06 00 00 68 91 08 34 34 33 37 39 5C 45 4B 33 16"),
    (6605518, 0x11, "02010004", "68 18 55 60 06 00 00 68 11 04 35 34 33 37 8B 16"),
    (6605518, 0x91, "02010004 325318", "68 18 55 60 06 00 00 68 91 07 35 34 33 37 65 86 4B 44 16"),
    (WILDCARD, 0x13, "", "68 AA AA AA AA AA AA 68 13 00 DF 16"),
    (161, 0x93, "610100000000", "68 61 01 00 00 00 00 68 93 06 94 34 33 33 33 33 5F 16"),
    (123456789012, 0x11, "00000100", "68 12 90 78 56 34 12 68 11 04 33 33 34 33 68 16"),
    (123456789012, 0x91, "00000100 78563412", "68 12 90 78 56 34 12 68 91 08 33 33 34 33 AB 89 67 45 CC 16"),
]  # fmt: skip
ADDRESS, CONTROL = slice(5, 11), 12  # in a request with its preamble


@pytest.mark.parametrize(("unit", "control", "data", "frame"), PUBLISHED)
def test_a_published_frame_is_decoded(unit: int, control: int, data: str, frame: str) -> None:
    raw = bytes.fromhex(frame)
    if control == 0xB1:  # its data are those of the log; only length and checksum are published
        assert frames_in(raw)[0][1][:3] == (len(raw), unit, control)
    else:
        assert frames_in(raw) == [(0, MeterFrame(len(raw), unit, control, bytes.fromhex(data)))]


@pytest.mark.parametrize(("unit", "control", "data", "frame"), [row for row in PUBLISHED if row[1] in CONTROLS])
def test_a_published_request_is_encoded(unit: int, control: int, data: str, frame: str) -> None:
    assert meter_request(unit, control, bytes.fromhex(data)) == PREAMBLE + bytes.fromhex(frame)


def test_no_other_control_code_can_leave() -> None:
    for control in set(range(256)) - {0x11, 0x12, 0x13}:
        with pytest.raises(ValueError, match="does not read"):
            meter_request(161, control, b"\0\0\0\0")
        with pytest.raises(ValueError, match="does not read"):
            encoded(Request(161, control, 0x00010000, 0))


def test_sent_bytes_have_the_three_control_codes_that_read() -> None:
    chance = Random(1)
    requests = [
        Request(chance.randrange(10**12), control, chance.randrange(1 << 32), chance.randrange(256))
        for control in CONTROLS for _ in range(300)
    ]  # fmt: skip
    assert {encoded(request)[CONTROL] for request in requests} == {0x11, 0x12, 0x13}
    assert all(encoded(request)[ADDRESS] == bytes.fromhex(f"{request.unit:012d}")[::-1] for request in requests)


def test_the_drivers_know_no_other_control_code() -> None:
    """Names of control codes of the standard that write, switch or reset are nowhere in the module."""
    assert {value for name, value in vars(dlt645_frames).items() if name.startswith("READ_")} == {0x11, 0x12, 0x13}


def test_a_start_byte_within_data_hides_no_frame() -> None:
    """The checksum 68H of a published request precedes its end: a parser that starts there waits for more bytes."""
    request, response = (bytes.fromhex(row[3]) for row in PUBLISHED[-2:])
    assert [frame.control for _, frame in frames_in(request + response)] == [0x11, 0x91]
    assert [frame.control for _, frame in frames_in(b"\x68" * 9 + response)] == [0x91]
    assert [frame.control for _, frame in frames_in(request[:-1] + response)] == [0x91]


@pytest.mark.parametrize("length", range(20))
def test_an_incomplete_frame_names_the_missing_bytes(length: int) -> None:
    response = bytes.fromhex(PUBLISHED[1][3])
    missing = frame_at(response[:length], 0) if length else 12
    assert missing == (len(response) - length if length >= 10 else 12 - length)


@pytest.mark.parametrize(
    ("low", "sent", "text"),
    [("", "aaaaaaaaaaaa", "AAAAAAAAAAAA"), ("61", "61aaaaaaaaaa", "AAAAAAAAAA61"),
     ("0161", "6101aaaaaaaa", "AAAAAAAA0161"), ("0000000061", "6100000000aa", "AA0000000061")],
)  # fmt: skip
def test_a_wildcard_keeps_the_last_digits(low: str, sent: str, text: str) -> None:
    """The lowest byte first; AA for the others (DL/T 645-2007, 5.2.4)."""
    by = wildcard(low)
    assert (address_bytes(by).hex(), unit_of(bytes.fromhex(sent)), address_text(by)) == (sent, by, text)
    assert is_addressed(161, by) == "000000000161".endswith(low)
    assert not is_addressed(162, by) or not low


def test_bytes_that_are_no_address_address_nobody() -> None:
    for sent in ("aa6100000000", "6a0000000000", "61aa01aaaaaa"):
        assert unit_of(bytes.fromhex(sent)) == -2
        assert not is_addressed(161, -2)

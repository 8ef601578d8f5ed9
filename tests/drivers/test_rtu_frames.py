"""Requests and responses in received bytes: the examples of the standard, and what noise can look like."""

from __future__ import annotations

from random import Random

import pytest

from drivers.rtu_frames import PLAIN, frames_in, request_at, response_length
from simulators.bus.frames import crc16, rtu

# Modbus application protocol V1.1b3, clause 6: the example of each function, without unit identifier and checksum.
EXAMPLES = {
    1: ("01 0013 0013", "01 03 CD6B05"),
    2: ("02 00C4 0016", "02 03 ACDB35"),
    3: ("03 006B 0003", "03 06 022B 0000 0064"),
    4: ("04 0008 0001", "04 02 000A"),
    5: ("05 00AC FF00", "05 00AC FF00"),
    6: ("06 0001 0003", "06 0001 0003"),
    7: ("07", "07 6D"),
    8: ("08 0000 A537", "08 0000 A537"),
    11: ("0B", "0B FFFF 0108"),
    12: ("0C", "0C 08 0000 0108 0121 2000"),
    15: ("0F 0013 000A 02 CD01", "0F 0013 000A"),
    16: ("10 0001 0002 04 000A 0102", "10 0001 0002"),
    17: ("11", "11 02 0AFF"),
    20: ("14 0E 06 0004 0001 0002 06 0003 0009 0002", "14 0C 05 06 0DFE 0020 05 06 33CD 0040"),
    21: ("15 0D 06 0004 0007 0003 06AF 04BE 100D", "15 0D 06 0004 0007 0003 06AF 04BE 100D"),
    22: ("16 0004 00F2 0025", "16 0004 00F2 0025"),
    23: ("17 0003 0006 000E 0003 06 00FF 00FF 00FF", "17 0C 00FE 0ACD 0001 0003 000D 00FF"),
    24: ("18 04DE", ""),
    43: ("2B 0E 01 00", ""),
}


@pytest.mark.parametrize("function", EXAMPLES)
def test_the_examples_of_the_standard_are_found_behind_other_bytes(function: int) -> None:
    request, response = (rtu(17, bytes.fromhex(text)) if text else b"" for text in EXAMPLES[function])
    noise = b"\x00\xff\x11"
    found = request_at(noise + request + response, len(noise))
    assert found is not None
    assert (found.length, found.unit, found.function) == (len(request), 17, function)
    if function in (1, 2, 3, 4, 5, 6, 15, 16, 22, 23, 24):
        assert found.address == int.from_bytes(request[2:4], "big")
    for cut in range(1, len(request)):
        assert request_at(request[:-cut], 0) is None, "not complete yet"
    assert response_length(noise + response, len(noise)) == len(response)
    assert frames_in(noise + request + response) == [frame for frame in (request, response) if frame]


@pytest.mark.parametrize(
    "pdu",
    ["03 006B 0000", "03 006B 007E", "03 FFFF 0002", "01 0000 07D1", "05 00AC FF01", "08 0005 0000", "2B 0D 01 00",
     "2B 0E 05 00", "0F 0013 000A 03 CD0101", "10 0001 0002 03 000A01", "17 0003 0000 000E 0001 02 00FF",
     "14 06 06 0004 000102", "14 07 05 0004 0001 0002", "41 0001 0002", "00 0001 0002"],
)  # fmt: skip
def test_frames_with_implausible_fields_are_no_requests(pdu: str) -> None:
    assert request_at(rtu(17, bytes.fromhex(pdu)), 0) is None


def test_random_bytes_with_a_valid_checksum_are_rarely_requests() -> None:
    """Without the checksum, of which one in 65,536 is valid by chance, at most one in 2,000 offsets would be a request,
    apart from functions without redundant fields; so noise becomes a request at most once in 1e8 bytes."""
    chance, found, tried = Random(3), 0, 20_000
    for _ in range(tried):
        data = chance.randbytes(2 + chance.randrange(12))
        request = request_at(data + crc16(data).to_bytes(2, "little"), 0)
        found += request is not None and request.function not in PLAIN
    assert found <= tried / 2000

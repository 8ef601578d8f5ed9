"""Frames of Modbus TCP, from the documents of the Modbus organisation."""

from __future__ import annotations

import pytest

from agent.northbound.modbus.responses import NotModbus, first_request, response_to

ANSWERED = bytes.fromhex("000a")  # MODBUS Application Protocol V1.1b3, 6.4: input register 9 contains 10


def response(pdu: str, unit: int = 0xFF) -> str:
    """The PDU of the response to a request, after its header was checked."""
    body = bytes.fromhex(pdu)
    request = b"\x15\x01\0\0" + (len(body) + 1).to_bytes(2, "big") + bytes([unit]) + body
    assert first_request(request) == len(request)
    given = response_to(request, lambda unit, address, count: ANSWERED if (address, count) == (8, 1) else 2)
    assert given[:4] == b"\x15\x01\0\0"
    assert int.from_bytes(given[4:6], "big") == len(given) - 6
    assert given[6] == unit
    return given[7:].hex()


def test_the_example_of_the_specification() -> None:
    assert response("0400080001") == "0402000a"


def test_every_other_function_is_answered_with_exception_1() -> None:
    for function in {*range(256)} - {4}:
        assert response(f"{function:02x}0000000100") == f"{function | 0x80:02x}01"


@pytest.mark.parametrize(
    ("pdu", "code"),
    [("0400080000", 3), ("040008007e", 3), ("0400090001", 2), ("04000800", 3), ("040008000100", 3), ("04", 3)],
)
def test_a_request_that_cannot_be_served_has_its_exception(pdu: str, code: int) -> None:
    assert response(pdu) == f"84{code:02x}"


def test_a_request_is_complete_when_its_length_has_arrived() -> None:
    request = bytes.fromhex("150100000006ff0400080001")
    assert [first_request(request[:size]) for size in range(12)] == [0] * 12
    assert first_request(request + request[:5]) == 12


@pytest.mark.parametrize("data", ["474554202f2048", "00010000000101", "0001000000ff01", "00010001000601"])
def test_other_bytes_are_not_modbus(data: str) -> None:
    """HTTP; a length of 1; one beyond 254; another protocol."""
    with pytest.raises(NotModbus):
        first_request(bytes.fromhex(data))

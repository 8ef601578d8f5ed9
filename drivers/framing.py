"""Requests and responses of Modbus, whatever frames them. Pure functions.

The frames are in drivers/rtu_framing.py and drivers/tcp_framing.py; which response is accepted, in
drivers/response_matcher.py.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

READ_FUNCTIONS = (3, 4)
IDENTITY_FUNCTIONS = (REPORT_SERVER_ID, READ_DEVICE_ID) = (0x11, 0x2B)  # see drivers/identity.py
SUPPORTED_FUNCTIONS = READ_FUNCTIONS + IDENTITY_FUNCTIONS
FRAME_MAX = 256


class Request(NamedTuple):
    """A read request.

    unit: unit identifier.
    function: function code.
    address: first register, as in the PDU (from 0); for 0x2B: 256 · read code + object.
    registers: number of registers; 0: an identity request.
    """

    unit: int
    function: int
    address: int
    registers: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """The part of the request that an RTU response repeats."""
        return self.unit, self.function, self.registers

    @property
    def end(self) -> int:
        """The address after the last register."""
        return self.address + self.registers


class Response(NamedTuple):
    """A response.

    request: the request it belongs to.
    data: register bytes, big endian; for an identity request the bytes after the function code; empty for an exception.
    exception: exception code; 0: none.
    """

    request: Request
    data: bytes
    exception: int = 0


def exchange_characters(registers: int, of_meter: bool = False) -> int:
    """Number of characters of request and response of a register request.

    of_meter: DL/T 645: two frames of 16 characters with data identifier and preamble of 4. A value of three bytes, two
    registers, is one character shorter.
    """
    return (40 if of_meter else 13) + 2 * registers


def rtu_length(request: Request) -> int:
    """Number of bytes of the RTU frame of the response; for an identity request the minimum."""
    return 5 + 2 * request.registers


def request_body(request: Request) -> bytes:
    """Unit identifier and PDU."""
    unit, function, address, registers = request
    if registers:
        return struct.pack(">BBHH", *request)
    head = bytes((unit, function))
    return head if function == REPORT_SERVER_ID else head + struct.pack(">BH", 14, address)


def identity_end(request: Request, frame: bytes | bytearray, at: int) -> tuple[int, bool]:
    """End of the response whose unit identifier is at `at`, without checksum, and whether this end is final.

    The end is -1 if the bytes cannot be the response. Source: Modbus application protocol V1.1b3, 6.13 and 6.21.
    """
    end = at + (3 if request.function == REPORT_SERVER_ID else 8)
    if len(frame) < end:
        return end, False
    if request.function == REPORT_SERVER_ID:
        return end + frame[at + 2], True
    if frame[at + 2 : at + 4] != bytes((14, request.address >> 8)):
        return -1, True
    for _ in range(frame[at + 7]):
        end += 2
        if len(frame) < end:
            return end, False
        end += frame[end - 1]
    return (end, True) if end - at <= FRAME_MAX - 2 else (-1, True)

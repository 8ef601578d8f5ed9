"""Modbus frames, and register contents that identify their request. Independent of the code of the driver."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Ask:
    """A read request as received by a server.

    number: number of the request, from 1.
    at_s: monotonic time at which it started.
    unit, function, address, count: unit identifier, function code, first register, number of registers.
    transaction: transaction identifier; None for RTU.
    raw: the received frame.
    registers: registers of the correct response. None: numbered ones, which identify the request.
    """

    number: int
    at_s: float
    unit: int
    function: int
    address: int
    count: int
    transaction: int | None
    raw: bytes
    registers: tuple[int, ...] | None = None

    @property
    def words(self) -> Sequence[int]:
        """The registers of the correct response."""
        if self.registers is not None:
            return self.registers
        return content(self.unit, self.function, self.address, self.count, self.number)

    def frame(self, words: Sequence[int] | None = None) -> bytes:
        """The frame of the response, with the correct registers or with `words`."""
        values = self.words if words is None else words
        return self.wrap(struct.pack(f">BB{len(values)}H", self.function, 2 * len(values) & 0xFF, *values))

    def exception_frame(self, code: int) -> bytes:
        """The frame of an exception response."""
        return self.wrap(bytes((self.function | 0x80, code)))

    def wrap(self, pdu: bytes) -> bytes:
        """The frame with this PDU."""
        return rtu(self.unit, pdu) if self.transaction is None else mbap(self.transaction, self.unit, pdu)


class ReadBlock(NamedTuple):
    """A contiguous range of registers.

    unit: unit identifier. function: function code. address: first register. words: number of registers.
    """

    unit: int
    function: int
    address: int
    words: int


def content(unit: int, function: int, address: int, count: int, number: int) -> list[int]:
    """The registers of a response: the number of the request, then values that depend on the other arguments."""
    rest = (zlib.crc32(struct.pack(">BBHI", unit, function, address + k, number)) & 0xFFFF for k in range(1, count))
    return [number & 0xFFFF, *rest]


def answers(words: Sequence[int], unit: int, function: int, address: int) -> int | None:
    """Number of the request to which these registers are the response; None: not the response to such a request."""
    if not words:
        return None
    number = words[0]
    return number if list(words) == content(unit, function, address, len(words), number) else None


def rtu(unit: int, pdu: bytes) -> bytes:
    """An RTU frame."""
    body = bytes((unit,)) + pdu
    return body + crc16(body).to_bytes(2, "little")


def mbap(transaction: int, unit: int, pdu: bytes) -> bytes:
    """A Modbus TCP frame."""
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def rtu_request(unit: int, function: int, address: int, count: int) -> bytes:
    """The RTU frame of a read request."""
    return rtu(unit, struct.pack(">BHH", function, address, count))


def crc_valid(frame: bytes) -> bool:
    """Whether the checksum at the end of the frame is valid."""
    return len(frame) >= 4 and crc16(frame[:-2]) == int.from_bytes(frame[-2:], "little")


def _remainder(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ 0xA001 if byte & 1 else byte >> 1
    return byte


_TABLE = tuple(map(_remainder, range(256)))


def crc16(data: bytes | bytearray | memoryview) -> int:
    """CRC of Modbus RTU: polynomial 0xA001 reflected, initial value 0xFFFF, low byte first on the line.

    Source: Modbus over Serial Line 1.02, 6.2.2.
    """
    crc, table = 0xFFFF, _TABLE
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc


def superposed(first: bytes, second: bytes) -> bytes:
    """Two simultaneous frames on a line where 1 is dominant."""
    length = max(len(first), len(second))
    return bytes(a | b for a, b in zip(first.ljust(length, b"\0"), second.ljust(length, b"\0"), strict=True))

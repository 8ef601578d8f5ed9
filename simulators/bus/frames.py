"""Frames put together by hand; register contents that prove which request they answer. No code of the driver."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from simulators.bus.rtu import crc16 as crc16_by_bits


@dataclass(frozen=True, slots=True)
class Ask:
    """A read request as a slave saw it. number: the how many-th it was, from 1. transaction: None on RTU."""

    number: int
    at_s: float
    unit: int
    function: int
    address: int
    count: int
    transaction: int | None
    raw: bytes

    @property
    def words(self) -> list[int]:
        return content(self.unit, self.function, self.address, self.count, self.number)

    def frame(self, words: Sequence[int] | None = None) -> bytes:
        """The answer, or one with other words. That to another request: of `replace(ask, unit=…)`."""
        values = self.words if words is None else words
        return self.wrap(struct.pack(f">BB{len(values)}H", self.function, 2 * len(values) & 0xFF, *values))

    def refusal(self, code: int) -> bytes:
        return self.wrap(bytes((self.function | 0x80, code)))

    def wrap(self, pdu: bytes) -> bytes:
        return rtu(self.unit, pdu) if self.transaction is None else mbap(self.transaction, self.unit, pdu)


class Block(NamedTuple):
    """What is read: one poll of one block."""

    unit: int
    function: int
    address: int
    words: int


def content(unit: int, function: int, address: int, count: int, number: int) -> list[int]:
    """The registers of one answer: the number of the request, then what depends on all of it but its length."""
    rest = (zlib.crc32(struct.pack(">BBHI", unit, function, address + k, number)) & 0xFFFF for k in range(1, count))
    return [number & 0xFFFF, *rest]


def answers(words: Sequence[int], unit: int, function: int, address: int) -> int | None:
    """The number of the request that these registers answer; None if they answer no request for that block."""
    if not words:
        return None
    number = words[0]
    return number if list(words) == content(unit, function, address, len(words), number) else None


def rtu(unit: int, pdu: bytes) -> bytes:
    body = bytes((unit,)) + pdu
    return body + crc16(body).to_bytes(2, "little")


def mbap(transaction: int, unit: int, pdu: bytes) -> bytes:
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def rtu_request(unit: int, function: int, address: int, count: int) -> bytes:
    return rtu(unit, struct.pack(">BHH", function, address, count))


def crc_fits(frame: bytes) -> bool:
    return len(frame) >= 4 and crc16(frame[:-2]) == int.from_bytes(frame[-2:], "little")


def _step(byte: int) -> int:
    return crc16_by_bits(bytes((byte,))) ^ crc16_by_bits(b"\0")


# CRC is linear: the remainder of each byte value alone, from the definition bit by bit.
_TABLE = tuple(_step(byte) for byte in range(256))


def crc16(data: bytes | bytearray | memoryview) -> int:
    crc, table = 0xFFFF, _TABLE
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc


def or_ed(first: bytes, second: bytes) -> bytes:
    """Two talkers at once on a wire where a one wins."""
    length = max(len(first), len(second))
    return bytes(a | b for a, b in zip(first.ljust(length, b"\0"), second.ljust(length, b"\0"), strict=True))

"""Requests and responses of Modbus TCP, as far as a server of input registers needs them.

Source: MODBUS Application Protocol V1.1b3, 6.4 and 7; MODBUS Messaging on TCP/IP V1.0b, 3.1.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

READ_INPUT_REGISTERS = 4
REGISTERS_MAX = 125
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, NO_UNIT = 1, 2, 3, 11
HEADER = struct.Struct(">HHHB")  # transaction, protocol (0), bytes that follow, unit
ADU_BYTES_MAX = 260
_SPAN = struct.Struct(">HH")
_Read = Callable[[int, int, int], bytes | int]


class NotModbus(ValueError):
    """The bytes are no Modbus TCP: where the next request begins is not known."""


def first_request(data: bytes | bytearray) -> int:
    """Bytes of the first request; 0: it is not complete. Raises NotModbus."""
    if len(data) < HEADER.size:
        return 0
    _transaction, protocol, follow, _unit = HEADER.unpack_from(data)
    if protocol != 0 or not 2 <= follow <= ADU_BYTES_MAX - HEADER.size + 1:
        raise NotModbus
    size: int = HEADER.size - 1 + follow
    return size if len(data) >= size else 0


def response_to(request: bytes, read: _Read) -> bytes:
    """The response to a complete request. read: unit, address, count → bytes of the registers, or an exception code."""
    transaction, _protocol, _follow, unit = HEADER.unpack_from(request)
    function, data = request[HEADER.size], request[HEADER.size + 1 :]
    found = _outcome(function, data, unit, read)
    body = bytes((function | 0x80, found)) if isinstance(found, int) else bytes((function, len(found))) + found
    return HEADER.pack(transaction, 0, 1 + len(body), unit) + body


def _outcome(function: int, data: bytes, unit: int, read: _Read) -> bytes | int:
    if function != READ_INPUT_REGISTERS:
        return ILLEGAL_FUNCTION
    if len(data) != _SPAN.size:
        return ILLEGAL_VALUE
    address, count = _SPAN.unpack(data)
    return read(unit, address, count) if 1 <= count <= REGISTERS_MAX else ILLEGAL_VALUE

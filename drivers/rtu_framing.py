"""Frames of Modbus RTU: encodes requests and finds their responses. Pure functions.

RTU has no transaction identifier. Responses differ only in their shape: unit identifier, function and number of
registers. Therefore no request is sent while a response of the same shape may still arrive (drivers/modbus_link.py).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from drivers.framing import READ_FUNCTIONS, SUPPORTED_FUNCTIONS, Request, Response, identity_end, request_body
from drivers.response_matcher import ResponseMatcher


def rtu_matcher(
    pending: Mapping[Hashable, Request] | None = None, late: Mapping[Hashable, Request] | None = None
) -> ResponseMatcher:
    """pending, late: open and earlier requests by their shape."""
    return ResponseMatcher(rtu_scan, dict(pending or {}), dict(late or {}), keeps_strays=True)


def rtu_request(request: Request) -> bytes:
    """The RTU frame of a request, with checksum."""
    body = request_body(request)
    return body + crc16(body).to_bytes(2, "little")


def rtu_scan(pending: ResponseMatcher) -> Response | None:
    """The first complete response in the buffer, None if there is none; sets `missing` and `damaged`."""
    buffer = pending.buffer
    pending.missing, pending.damaged = 1 << 16, False
    at = 0
    while at + 2 <= len(buffer):
        unit, function = buffer[at], buffer[at + 1]
        if len(buffer) - at > 2 and pending.sent and buffer.startswith(pending.sent[: len(buffer) - at], at):
            # The echo of the request, or its first part. Its third byte, an address, may look like a byte count.
            if at + len(pending.sent) > len(buffer):
                pending.missing = min(pending.missing, at + len(pending.sent) - len(buffer))
            at += len(pending.sent)
            continue
        if function & 0x7F in SUPPORTED_FUNCTIONS:
            found = _rtu_at(pending, at, unit, function)
            if isinstance(found, Response):
                return found
            if found:  # a late response was removed, with the bytes before it
                at = 0
                continue
        at += 1
    if pending.missing == 1 << 16:
        pending.missing = 1
    return None


def _rtu_at(pending: ResponseMatcher, at: int, unit: int, function: int) -> Response | bool:
    """The response at this offset; True if a late response was removed; False if there is none or it is incomplete."""
    buffer = pending.buffer
    if function & 0x80:
        if not pending.expects(unit, function & 0x7F):
            return False
        if at + 5 > len(buffer):
            pending.missing = min(pending.missing, at + 5 - len(buffer))
            return False
        if not _crc_matches(buffer, at, at + 5):
            return False
        code = buffer[at + 2]
        pending.remove(at + 5, at)
        request = _request_of_exception(pending, unit, function & 0x7F)
        pending.drop_echoes(request is not None)
        return Response(request, b"", code) if request is not None else True
    if at + 3 > len(buffer):
        if pending.expects(unit, function):
            pending.missing = min(pending.missing, 3)
        return False
    key = (unit, function, buffer[at + 2] >> 1 if function in READ_FUNCTIONS else 0)
    request = pending.open.get(key) or pending.late.get(key)
    if request is None:
        return False
    begin, end = at + 3, at + 5 + buffer[at + 2]
    if not request.registers:
        begin, end = at + 2, identity_end(request, buffer, at)[0] + 2
        if end < begin:
            return False
    elif buffer[at + 2] & 1:
        return False
    pending.begun = pending.begun or key in pending.open
    if end > len(buffer):
        pending.missing = min(pending.missing, end - len(buffer))
        return False
    if not _crc_matches(buffer, at, end):
        pending.damaged = pending.damaged or key in pending.open
        return False
    data = bytes(buffer[begin : end - 2])
    pending.remove(end, at)
    matched = pending.pop(key)
    pending.drop_echoes(matched is not None)
    return Response(matched, data) if matched is not None else True


def _request_of_exception(pending: ResponseMatcher, unit: int, function: int) -> Request | None:
    """The open request to which an exception response belongs; None if it belongs to a late request.

    The exception response does not identify its request. If several requests of this unit identifier and function are
    pending, the last open one gets the exception and all stay pending.
    """
    fitting = [key for key, request in pending.open.items() if request[:2] == (unit, function)]
    late = [key for key, request in pending.late.items() if request[:2] == (unit, function)]
    if fitting:
        return pending.open.pop(fitting[0]) if len(fitting) + len(late) == 1 else pending.open[fitting[-1]]
    if len(late) == 1:
        pending.pop(late[0])
    return None


def _crc_matches(buffer: bytearray, start: int, end: int) -> bool:
    return crc16(buffer[start : end - 2]) == buffer[end - 2] | buffer[end - 1] << 8


def _crc_of_byte(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return value


_TABLE = tuple(map(_crc_of_byte, range(256)))


def crc16(data: bytes | bytearray) -> int:
    """CRC-16 of a frame: reflected polynomial 0xA001, initial value 0xFFFF; sent low byte first.

    Source: Modbus over serial line V1.02, 6.2.2.
    """
    crc, table = 0xFFFF, _TABLE
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc

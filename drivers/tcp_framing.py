"""Frames of Modbus TCP: encodes requests and finds their responses by transaction identifier. Pure functions."""

from __future__ import annotations

import struct
from collections.abc import Hashable, Iterator

from drivers.framing import READ_FUNCTIONS, Request, Response, identity_end, request_body
from drivers.response_matcher import ResponseMatcher

_TCP_HEAD = struct.Struct(">HHH")
_TCP_READ = struct.Struct(">HHHBBHH")
_TCP_RESPONSE = struct.Struct(">HHHBBB")


def tcp_request(request: Request, transaction: Hashable) -> bytes:
    """The Modbus TCP frame of a request."""
    if request.registers:
        return _TCP_READ.pack(transaction, 0, 6, *request)
    body = request_body(request)
    return _TCP_HEAD.pack(transaction, 0, len(body)) + body


def tcp_response_head(request: Request, transaction: Hashable) -> bytes:
    """The first nine bytes of the response to a register request; empty for an identity request."""
    size = 2 * request.registers
    if not size:
        return b""
    return _TCP_RESPONSE.pack(transaction, 0, 3 + size, request.unit, request.function, size)


def tcp_scan(pending: ResponseMatcher) -> Response | None:
    """The first complete response to an open request, None if there is none; sets `missing` and `damaged`."""
    buffer = pending.buffer
    while len(buffer) >= 9:
        transaction, protocol, length = _TCP_HEAD.unpack_from(buffer)
        if protocol or not 3 <= length <= 254:
            if not _resynchronise(pending):
                return None
            continue
        end = 6 + length
        if end > len(buffer):
            if not _resynchronise(pending, after_first=True):
                pending.missing = end - len(buffer)
                return None
            continue
        frame = bytes(buffer[:end])
        pending.remove(end)
        response = _tcp_response(pending, transaction, frame)
        if response is not None:
            return response
    pending.missing = 9 - len(buffer) if buffer else 1
    return None


def _tcp_response(pending: ResponseMatcher, transaction: Hashable, frame: bytes) -> Response | None:
    if transaction == 0 and pending.zero_ids is not False:
        transaction = _by_shape(pending, frame)
    request = pending.open.get(transaction)
    if request is None:
        pending.pop(transaction)
        return None
    unit, function = frame[6], frame[7]
    if unit != request.unit:
        return None
    if function == request.function | 0x80 and len(frame) == 9:
        pending.pop(transaction)
        return Response(request, b"", frame[8])
    if function == request.function and request.registers:
        if frame[8] == 2 * request.registers and len(frame) == 9 + frame[8]:
            del pending.open[transaction]
            return Response(request, frame[9:])
    elif function == request.function and identity_end(request, frame, 6) == (len(frame), True):
        del pending.open[transaction]
        return Response(request, frame[8:])
    pending.damaged = True
    return None


def _by_shape(pending: ResponseMatcher, frame: bytes) -> Hashable:
    """Key of the only request that matches a frame with transaction identifier 0; -1 if none or several match.

    No request has transaction identifier 0. Until the peer is known to return identifiers, all pending requests differ
    in shape.
    """
    known = (*pending.open.items(), *pending.late.items())
    if frame[7] & 0x80:
        fits = [key for key, request in known if request[:2] == (frame[6], frame[7] & 0x7F)]
    else:
        registers = frame[8] >> 1 if frame[7] in READ_FUNCTIONS else 0
        fits = [key for key, request in known if request.shape == (frame[6], frame[7], registers)]
    if len(fits) != 1:
        return -1
    pending.zero_ids = True
    return fits[0]


def _resynchronise(pending: ResponseMatcher, after_first: bool = False) -> bool:
    """Removes the bytes before the start of a response to an open request. Returns whether one was found.

    after_first: search after offset 0 only, and keep the buffer if nothing is found.
    """
    buffer, start = pending.buffer, 1 if after_first else 0
    positions = [at for begin in _response_starts(pending) if (at := buffer.find(begin, start)) >= 0]
    if positions and min(positions) > 0:
        pending.remove(min(positions), min(positions))
        return True
    if not positions and not after_first:
        end = max(0, len(buffer) - 8)  # the last bytes may be the start of a response
        pending.remove(end, end)
    return False


def _response_starts(pending: ResponseMatcher) -> Iterator[bytes]:
    """The first bytes of every possible response to an open request.

    The length of an identity response is not known in advance, so that only its exception response is included.
    """
    for key, request in pending.open.items():
        for transaction in (key,) if pending.zero_ids is False else (key, 0):
            yield _TCP_HEAD.pack(transaction, 0, 3) + bytes((request.unit, request.function | 0x80))
            if request.registers:
                yield tcp_response_head(request, transaction)

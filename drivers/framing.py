"""Frames of Modbus RTU and Modbus TCP: encodes requests and finds their responses in received bytes. Pure functions.

A response is accepted only if unit identifier, function, byte count and checksum (or transaction identifier) match an
open request. All other bytes are skipped: noise, frames of other masters, echoes, late responses to earlier requests.

RTU has no transaction identifier. There, responses differ only in their shape: unit identifier, function and number of
registers. Therefore no request is sent while a response of the same shape may still arrive (drivers/modbus_link.py).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Hashable, Iterator
from typing import NamedTuple

from msgspec import Struct, field

from drivers.error_reasons import NO_RESPONSE, NO_VALID_RESPONSE, RESPONSE_CORRUPT
from drivers.errors import FrameError, LinkTimeout

READ_FUNCTIONS = (3, 4)
IDENTITY_FUNCTIONS = (REPORT_SERVER_ID, READ_DEVICE_ID) = (0x11, 0x2B)  # see drivers/identity.py
SUPPORTED_FUNCTIONS = READ_FUNCTIONS + IDENTITY_FUNCTIONS
FRAME_MAX = 256
BUFFER_MAX = 1024  # received bytes that are kept; a frame has at most 260
PAUSE_S = 0.02  # silence on the line that separates frames: an adapter may deliver the rest of a frame that late


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


class Stray(NamedTuple):
    """RTU: received bytes that belong to no response. pauses: offsets before which the line was silent for PAUSE_S."""

    data: bytes
    pauses: tuple[int, ...] = ()

    def part(self, begin: int, end: int) -> Stray:
        """The bytes from offset `begin` to `end`."""
        return Stray(self.data[begin:end], tuple(at - begin for at in self.pauses if begin < at < end))


class ResponseMatcher(Struct):
    """Pending requests and received bytes.

    open: requests of this poll, by key (RTU: shape; TCP: transaction identifier).
    late: earlier requests whose responses may still arrive.
    buffer: received bytes that are not assigned yet.
    pauses: RTU: ascending offsets in `buffer` before which the line was silent for PAUSE_S.
    missing: bytes until the most advanced response is complete.
    damaged: a response of the right shape had a wrong checksum.
    begun: RTU: the first bytes of a response to an open request were received.
    received: bytes received since the last request was sent.
    skipped: bytes that belong to no open request.
    sent_s: monotonic time at which the last request was sent.
    awaited: TCP: the first nine bytes of the response to the last request; empty: unknown.
    sent: RTU: the last request, which a transceiver may echo.
    unechoed: RTU: requests sent since the last response whose echo may still arrive: an echo precedes the response.
    strays: RTU: what was received since the last request was sent and belongs to no response, the oldest first.
    zero_ids: TCP: whether the peer responds with transaction identifier 0; None: not known yet.
    """

    scan: Callable[[ResponseMatcher], Response | None]
    open: dict[Hashable, Request] = field(default_factory=dict)
    late: dict[Hashable, Request] = field(default_factory=dict)
    buffer: bytearray = field(default_factory=bytearray)
    pauses: list[int] = field(default_factory=list)
    missing: int = 1
    damaged: bool = False
    begun: bool = False
    received: int = 0
    skipped: int = 0
    sent_s: float = 0.0
    awaited: bytes = b""
    sent: bytes = b""
    unechoed: dict[bytes, None] = field(default_factory=dict)
    strays: list[Stray] = field(default_factory=list)
    zero_ids: bool | None = None

    def feed(self, data: bytes, after_pause: bool = False) -> Response | None:
        """Adds received bytes. Returns the response to an open request once it is complete; discards late responses.

        after_pause: the line was silent for PAUSE_S before them.
        """
        if self.awaited and not self.buffer and data.startswith(self.awaited) and len(data) == 9 + data[8]:
            # Fast path: the complete response in one segment, as in nearly all cases. `scan` returns the same.
            request = self.open.pop(self.awaited[0] << 8 | self.awaited[1], None)
            if request is not None:
                self.received += len(data)
                return Response(request, data[9:])
        if after_pause and self.buffer:
            self.pauses.append(len(self.buffer))
        self.buffer += data
        self.received += len(data)
        response = self.scan(self)
        if len(self.buffer) > BUFFER_MAX:
            self._skip(len(self.buffer) - BUFFER_MAX)
        return response

    @property
    def unassigned(self) -> Stray:
        """RTU: the content of `buffer`."""
        return Stray(bytes(self.buffer), tuple(self.pauses))

    @property
    def unmatched_count(self) -> int:
        """Number of received bytes that are not part of an expected response, as far as known."""
        return self.skipped + len(self.buffer)

    @property
    def incomplete(self) -> bool:
        """Whether a response has begun that is not complete, or is corrupt."""
        return self.received > 0 and (self.missing > 1 or self.damaged)

    def failure(self, sent: Request, timeout_s: float) -> LinkTimeout | FrameError:
        """Why the request `sent` has no response after timeout_s."""
        request = {"unit_id": sent.unit, "address": sent.address}
        if self.incomplete:
            return FrameError(RESPONSE_CORRUPT, **request)
        if self.received:
            return LinkTimeout(NO_VALID_RESPONSE, **request, timeout_s=timeout_s, n_bytes=self.received)
        return LinkTimeout(NO_RESPONSE, **request, timeout_s=timeout_s)

    def clear(self) -> None:
        """Discards received bytes that no longer belong to a response, because the line was silent since."""
        self._skip(len(self.buffer))
        self.missing, self.damaged, self.begun, self.received = 1, False, False, 0

    def begin(self, frame: bytes) -> None:
        """RTU: clears everything received, before the request `frame` is sent."""
        self.clear()
        self.strays.clear()
        self.sent = frame
        self.unechoed[frame] = None

    def remove(self, end: int, begin: int = 0) -> None:
        """Removes the bytes before `end` and counts those before `begin` as skipped."""
        if begin:
            self._skip(begin)
        self._delete(end - begin)

    def discard(self, count: int) -> None:
        """Removes the first bytes: they belong to no response to us."""
        self.skipped += count
        self._delete(count)

    def _delete(self, count: int) -> None:
        del self.buffer[:count]
        if self.pauses:
            self.pauses = [at - count for at in self.pauses if at > count]

    def _skip(self, count: int) -> None:
        """Same as `discard`; for RTU the bytes become strays."""
        if count and self.scan is rtu_scan:
            self.strays.append(self.unassigned.part(0, count))
        self.discard(count)

    def drop_echoes(self, responded: bool) -> None:
        """RTU: removes echoes from the bytes before a response. responded: to an open request, not to a late one."""
        for frame in tuple(self.unechoed) if self.strays else ():
            for n, stray in enumerate(self.strays):
                at = stray.data.find(frame)
                if at >= 0:
                    self.strays[n : n + 1] = [stray.part(0, at), stray.part(at + len(frame), len(stray.data))]
                    del self.unechoed[frame]
                    break
        if responded:
            self.unechoed.clear()

    def expects(self, unit: int, function: int) -> bool:
        """Whether a response of this unit and function is pending."""
        return any(request[:2] == (unit, function) for request in (*self.open.values(), *self.late.values()))

    def may_be_response(self, frame: bytes) -> bool:
        """RTU: whether a frame is a response to a pending request, apart from the number of registers."""
        return frame[2] == len(frame) - 5 and self.expects(frame[0], frame[1])

    def resembles_response(self, begin: bytes, completed: bytes) -> bool:
        """RTU: whether a response is one to a pending request, or to the request `completed`, apart from the unit.

        begin: its first three bytes.
        """
        if completed and begin[1] == completed[1] and begin[2] == 2 * completed[5] & 0xFF:
            return True
        shapes = (request.shape for request in (*self.open.values(), *self.late.values()))
        return any((begin[1], begin[2]) == (function, 2 * registers) for _, function, registers in shapes)

    def pop(self, key: Hashable) -> Request | None:
        """Removes the request with this key. Returns it if it is open; None if it is late or unknown."""
        if key in self.open:
            return self.open.pop(key)
        self.late.pop(key, None)
        return None


# --- RTU ----------------------------------------------------------------------------------------------------------


def rtu_request(request: Request) -> bytes:
    """The RTU frame of a request, with checksum."""
    body = _body(request)
    return body + crc16(body).to_bytes(2, "little")


def exchange_characters(registers: int) -> int:
    """Number of characters of request and response of a register request."""
    return 13 + 2 * registers


def rtu_length(request: Request) -> int:
    """Number of bytes of the response; for an identity request the minimum."""
    return 5 + 2 * request.registers


def _body(request: Request) -> bytes:
    """Unit identifier and PDU."""
    unit, function, address, registers = request
    if registers:
        return struct.pack(">BBHH", *request)
    head = bytes((unit, function))
    return head if function == REPORT_SERVER_ID else head + struct.pack(">BH", 14, address)


def _identity_end(request: Request, frame: bytes | bytearray, at: int) -> tuple[int, bool]:
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
        begin, end = at + 2, _identity_end(request, buffer, at)[0] + 2
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


# --- TCP ----------------------------------------------------------------------------------------------------------


_TCP_HEAD = struct.Struct(">HHH")
_TCP_READ = struct.Struct(">HHHBBHH")
_TCP_RESPONSE = struct.Struct(">HHHBBB")


def tcp_request(request: Request, transaction: Hashable) -> bytes:
    """The Modbus TCP frame of a request."""
    if request.registers:
        return _TCP_READ.pack(transaction, 0, 6, *request)
    body = _body(request)
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
    elif function == request.function and _identity_end(request, frame, 6) == (len(frame), True):
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

"""Frames of Modbus RTU and Modbus TCP: requests to bytes, bytes to the one answer that was asked for. Pure, no waiting.

An answer is accepted only if unit, function, byte count and checksum (or transaction id) agree with a request that is
still open. Everything else is skipped: noise, foreign frames, echoes, late answers to older requests.

RTU has no transaction id. What tells two answers apart there is their shape: unit, function and number of registers. So
no request is sent while another of the same shape may still be answered (drivers/bus.py keeps that rule).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

READ_FUNCTIONS = (3, 4)
IDENTITY_FUNCTIONS = (REPORT_SERVER_ID, READ_DEVICE_ID) = (0x11, 0x2B)  # drivers/identity.py makes and reads them
CARRIED = READ_FUNCTIONS + IDENTITY_FUNCTIONS
FRAME_MAX = 256
KEEP_BYTES = 1024  # of unexplained bytes; a frame has at most 260


class Request(NamedTuple):
    """A read of registers. registers 0: an identity request; of 0x2B the address is the read code, then the object."""

    unit: int
    function: int
    address: int
    registers: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """What an RTU answer tells about its request."""
        return self.unit, self.function, self.registers


class Answer(NamedTuple):
    """data: register bytes, big endian; of an identity request what follows the function; empty for an exception."""

    request: Request
    data: bytes
    exception: int = 0


@dataclass(slots=True)
class Want:
    """What is waited for. `open` are the requests of this poll, `late` older ones whose answers may still come.

    feed() gives the answer to an open request as soon as it is whole; late answers are thrown away and struck off.
    """

    scan: Callable[[Want], Answer | None]
    open: dict[Hashable, Request] = field(default_factory=dict)
    late: dict[Hashable, Request] = field(default_factory=dict)
    buffer: bytearray = field(default_factory=bytearray)
    missing: int = 1  # bytes until the most advanced answer is whole
    damaged: bool = False  # an answer of the right shape came with a wrong checksum
    headed: bool = False  # RTU: the first bytes of an answer to an open request came
    heard: int = 0  # bytes since the last answer
    skipped: int = 0  # bytes that belonged to no open request
    late_seen: int = 0
    sent_s: float = 0.0  # monotonic time at which the newest request was handed to the wire
    awaited: bytes = b""  # TCP: the first nine bytes of the answer to the newest request; empty: not known
    sent: bytes = b""  # RTU: the newest request, which a transceiver that hears itself gives back
    zero_ids: bool | None = None  # TCP: whether this peer answers everything with transaction id 0; None: not known yet

    def feed(self, data: bytes) -> Answer | None:
        if self.awaited and not self.buffer and data.startswith(self.awaited) and len(data) == 9 + data[8]:
            # The very answer in one piece, as nearly all are; the scan would find the same.
            request = self.open.pop(self.awaited[0] << 8 | self.awaited[1], None)
            if request is not None:
                self.heard += len(data)
                return Answer(request, data[9:])
        self.buffer += data
        self.heard += len(data)
        answer = self.scan(self)
        if len(self.buffer) > KEEP_BYTES:
            self.skipped += len(self.buffer) - KEEP_BYTES
            del self.buffer[:-KEEP_BYTES]
        return answer

    def clear(self) -> None:
        """Forgets bytes that cannot belong to an answer any more: the line was silent since."""
        self.skipped += len(self.buffer)
        self.buffer.clear()
        self.missing, self.damaged, self.headed, self.heard = 1, False, False, 0

    def cut(self, end: int, begin: int = 0) -> None:
        self.skipped += begin
        del self.buffer[:end]

    def take(self, key: Hashable) -> Request | None:
        """The open request of that key; a late one is struck off and gives None."""
        if key in self.open:
            return self.open.pop(key)
        if self.late.pop(key, None) is not None:
            self.late_seen += 1
        return None


# --- RTU ----------------------------------------------------------------------------------------------------------


def rtu_request(request: Request) -> bytes:
    body = struct.pack(">BBHH", *request) if request.registers else _identity_request(request)
    return body + crc16(body).to_bytes(2, "little")


def rtu_length(request: Request) -> int:
    """Bytes of the answer; the least there can be for an identity request."""
    return 5 + 2 * request.registers


def _identity_request(request: Request) -> bytes:
    unit, function, address, _ = request
    return (
        bytes((unit, function)) if function == REPORT_SERVER_ID else struct.pack(">BBBH", unit, function, 14, address)
    )


def _identity_end(request: Request, frame: bytes | bytearray, at: int) -> tuple[int, bool]:
    """Where the answer ends whose unit number stands at `at`, checksum apart, and whether that is known for certain.

    -1 when it cannot be the answer. Modbus application protocol V1.1b3, 6.13 and 6.21.
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


def rtu_scan(want: Want) -> Answer | None:
    """The first whole answer in the buffer; sets `missing` and `damaged`."""
    buffer = want.buffer
    want.missing, want.damaged = 1 << 16, False
    at = 0
    while at + 2 <= len(buffer):
        unit, function = buffer[at], buffer[at + 1]
        if len(buffer) - at > 2 and want.sent and buffer.startswith(want.sent[: len(buffer) - at], at):
            # Our own echo, or its beginning. Its third byte, an address, may look like an answer's length.
            if at + len(want.sent) > len(buffer):
                want.missing = min(want.missing, at + len(want.sent) - len(buffer))
            at += len(want.sent)
            continue
        if function & 0x7F in CARRIED:
            found = _rtu_at(want, at, unit, function)
            if isinstance(found, Answer):
                return found
            if found:  # a late answer was cut out together with what stood before it
                at = 0
                continue
        at += 1
    if want.missing == 1 << 16:
        want.missing = 1
    return None


def _rtu_at(want: Want, at: int, unit: int, function: int) -> Answer | bool:
    """An answer at this offset, True when a late one was cut out, False when nothing is (or is not whole yet)."""
    buffer = want.buffer
    if function & 0x80:
        if not _known(want, unit, function & 0x7F):
            return False
        if at + 5 > len(buffer):
            want.missing = min(want.missing, at + 5 - len(buffer))
            return False
        if not _crc_fits(buffer, at, at + 5):
            return False
        code = buffer[at + 2]
        want.cut(at + 5, at)
        request = _refused(want, unit, function & 0x7F)
        return Answer(request, b"", code) if request is not None else True
    if at + 3 > len(buffer):
        if _known(want, unit, function):
            want.missing = min(want.missing, 3)
        return False
    key = (unit, function, buffer[at + 2] >> 1 if function in READ_FUNCTIONS else 0)
    request = want.open.get(key) or want.late.get(key)
    if request is None:
        return False
    begin, end = at + 3, at + 5 + buffer[at + 2]
    if not request.registers:
        begin, end = at + 2, _identity_end(request, buffer, at)[0] + 2
        if end < begin:
            return False
    elif buffer[at + 2] & 1:
        return False
    want.headed = want.headed or key in want.open
    if end > len(buffer):
        want.missing = min(want.missing, end - len(buffer))
        return False
    if not _crc_fits(buffer, at, end):
        want.damaged = want.damaged or key in want.open
        return False
    data = bytes(buffer[begin : end - 2])
    want.cut(end, at)
    taken = want.take(key)
    return Answer(taken, data) if taken is not None else True


def _refused(want: Want, unit: int, function: int) -> Request | None:
    """The open request that an exception is for. An exception does not tell which: while another request of that unit
    and function is about, this poll gets the error and all of them stay watched for."""
    asked = [key for key, request in want.open.items() if request[:2] == (unit, function)]
    late = [key for key, request in want.late.items() if request[:2] == (unit, function)]
    if asked:
        return want.open.pop(asked[0]) if len(asked) + len(late) == 1 else want.open[asked[-1]]
    if len(late) == 1:
        want.take(late[0])
    return None


def _known(want: Want, unit: int, function: int) -> bool:
    wanted = (unit, function)
    return any(request[:2] == wanted for request in want.open.values()) or any(
        request[:2] == wanted for request in want.late.values()
    )


def _crc_fits(buffer: bytearray, start: int, end: int) -> bool:
    return crc16(buffer[start : end - 2]) == buffer[end - 2] | buffer[end - 1] << 8


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


_TABLE = _crc_table()


def crc16(data: bytes | bytearray) -> int:
    """CRC of Modbus over serial line V1.02, 6.2.2 (polynomial 0xA001 reflected, start 0xFFFF); sent low byte first."""
    crc, table = 0xFFFF, _TABLE
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc


# --- TCP ----------------------------------------------------------------------------------------------------------


_TCP_REQUEST = struct.Struct(">HHHBBHH")
_TCP_HEAD = struct.Struct(">HHH")
_TCP_ANSWER = struct.Struct(">HHHBBB")


def tcp_request(request: Request, transaction: int) -> bytes:
    if not request.registers:
        body = _identity_request(request)
        return _TCP_HEAD.pack(transaction, 0, len(body)) + body
    return _TCP_REQUEST.pack(transaction, 0, 6, *request)


def tcp_answer_head(request: Request, transaction: Hashable) -> bytes:
    """What the answer with the registers begins with; empty where its length is not known beforehand."""
    size = 2 * request.registers
    if not size:
        return b""
    return _TCP_ANSWER.pack(transaction, 0, 3 + size, request.unit, request.function, size)


def tcp_scan(want: Want) -> Answer | None:
    """The answer to an open transaction; keys of open and late are transaction ids."""
    buffer = want.buffer
    while len(buffer) >= 9:
        transaction, protocol, length = _TCP_HEAD.unpack_from(buffer)
        if protocol or not 3 <= length <= 254:
            if not _resynchronise(want):
                return None
            continue
        end = 6 + length
        if end > len(buffer):
            if not _resynchronise(want, behind=True):
                want.missing = end - len(buffer)
                return None
            continue
        frame = bytes(buffer[:end])
        want.cut(end)
        answer = _tcp_answer(want, transaction, frame)
        if answer is not None:
            return answer
    want.missing = 9 - len(buffer) if buffer else 1
    return None


def _tcp_answer(want: Want, transaction: Hashable, frame: bytes) -> Answer | None:
    if transaction == 0 and want.zero_ids is not False:
        transaction = _by_shape(want, frame)
    request = want.open.get(transaction)
    if request is None:
        want.take(transaction)
        return None
    unit, function = frame[6], frame[7]
    if unit != request.unit:
        return None
    if function == request.function | 0x80 and len(frame) == 9:
        want.take(transaction)
        return Answer(request, b"", frame[8])
    if function == request.function and request.registers:
        if frame[8] == 2 * request.registers and len(frame) == 9 + frame[8]:
            del want.open[transaction]
            return Answer(request, frame[9:])
    elif function == request.function and _identity_end(request, frame, 6) == (len(frame), True):
        del want.open[transaction]
        return Answer(request, frame[8:])
    want.damaged = True
    return None


def _by_shape(want: Want, frame: bytes) -> Hashable:
    """The key of the only request that a frame with transaction id 0 can answer, -1 when there is none or a doubt.

    No request of ours has id 0. Unless it is known that the peer copies ids, all requests about differ in shape.
    """
    known = (*want.open.items(), *want.late.items())
    if frame[7] & 0x80:
        fits = [key for key, request in known if request[:2] == (frame[6], frame[7] & 0x7F)]
    else:
        registers = frame[8] >> 1 if frame[7] in READ_FUNCTIONS else 0
        fits = [key for key, request in known if request.shape == (frame[6], frame[7], registers)]
    if len(fits) != 1:
        return -1
    want.zero_ids = True
    return fits[0]


def _resynchronise(want: Want, behind: bool = False) -> bool:
    """Cuts to where an answer to an open request begins: nine bytes known beforehand. behind: not at offset 0."""
    buffer = want.buffer
    best = -1
    for key, request in want.open.items():
        ids = [key] if isinstance(key, int) else []
        if want.zero_ids is not False:
            ids.append(0)
        for transaction in ids:
            whole = _TCP_HEAD.pack(transaction, 0, 3 + 2 * request.registers) + bytes(
                (request.unit, request.function, 2 * request.registers & 0xFF)
            )
            refusal = _TCP_HEAD.pack(transaction, 0, 3) + bytes((request.unit, request.function | 0x80))
            for pattern in (
                (whole, refusal) if request.registers else (refusal,)
            ):  # an identity has no length beforehand
                at = buffer.find(pattern, 1 if behind else 0)
                if at >= 0 and (best < 0 or at < best):
                    best = at
    if best > 0:
        want.cut(best, best)
        return True
    if best < 0 and not behind:
        keep = min(len(buffer), 8)  # the beginning of an answer may be among the last bytes
        want.cut(len(buffer) - keep, len(buffer) - keep)
    return False

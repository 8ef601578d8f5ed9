"""Finds the responses to pending requests in received bytes.

A response is accepted only if unit identifier, function, byte count and checksum (or transaction identifier) match an
open request. All other bytes are skipped: noise, frames of other masters, echoes, late responses to earlier requests.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple

from msgspec import Struct, field

from drivers.error_reasons import NO_RESPONSE, NO_VALID_RESPONSE, RESPONSE_CORRUPT
from drivers.errors import FrameError, LinkTimeout
from drivers.framing import Request, Response, rtu_length

BUFFER_MAX = 1024  # received bytes that are kept; a frame has at most 260
PAUSES_MAX = 4  # long pauses in one response
PAUSE_S = 0.02  # silence on the line that separates frames: an adapter may deliver the rest of a frame that late


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
    keeps_strays: RTU: bytes of no response are evidence of another master.
    length: number of bytes of the response to a request, as far as known; for a serial line.
    pause_max_s: longest pause between two bytes of a response; 0: none is permitted.
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
    keeps_strays: bool = False
    length: Callable[[Request], int] = rtu_length
    pause_max_s: float = 0.0

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

    def give_up_s(self, timeout_at_s: float, last_s: float, stall_s: float) -> float:
        """Time until which the rest of a response is awaited. last_s: of the last byte. stall_s: longest usual pause.

        A frame in which pauses are permitted ends by its length, also after the time-out.
        """
        if not self.incomplete:
            return timeout_at_s
        if self.pause_max_s and not self.damaged:
            return min(timeout_at_s + PAUSES_MAX * self.pause_max_s, last_s + self.pause_max_s)
        return min(timeout_at_s, last_s + stall_s)

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
        if count and self.keeps_strays:
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

"""Exchanges between another master and its devices, found in what is received on the line. Pure: no port, no clock.

A response of Modbus RTU does not contain the address of its registers. It is decoded only with the request that
precedes it, and only if it cannot belong to another request (drivers/unanswered_requests.py); otherwise it is counted
and discarded. A value may be missing, but it is never that of another request.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import NamedTuple, Protocol

from msgspec import Struct, field

from drivers.framing import READ_FUNCTIONS, Request
from drivers.response_time import ResponseTimeEstimator
from drivers.rtu_frames import OverheardRequest, frame_length_max, request_at, response_length
from drivers.rtu_framing import crc16
from drivers.unanswered_requests import UnansweredRequests

RESPONSE_MAX_S = 2.0  # longest time from a request to the end of its response
NOISE_MAX = 8  # bytes between request and response that may be interference: more may be a request with wrong bytes
HIDDEN_MIN = 4  # bytes before a request that may be another request with wrong bytes
DAMAGED_MIN = 10  # bytes of a damaged response, more than those of a request
SEVERAL_S = 3600.0  # time without a sign of a second other master after which there is none
WINDOW_MAX_S = 0.1  # time between two reads above which a response teaches nothing about the usual time
EXCEPTION_MAX = 11  # largest exception code of Modbus
LOOK_AHEAD = 300  # bytes, longer than the longest frame
WRITE_FUNCTIONS = (5, 6, 15, 16, 22, 23)
SMALLEST_FRAME = 4


class Exchange(NamedTuple):
    """A request and its response.

    request: as the other master sent it; of DL/T 645: function: control code; address: data identifier; registers: 0.
    data: register bytes; of DL/T 645 those of the value as received; empty for an exception.
    exception: exception code; 0: none.
    heard_s: monotonic time at which the response was complete.
    """

    request: Request
    data: bytes
    exception: int
    heard_s: float


class TrafficCounts(Struct):
    """What was received since the start.

    n_bytes: all bytes. noise: bytes that belong to no frame. requests: read requests. decoded: responses with their
    request. exceptions: exception responses with their request. unpaired: responses without a request before them.
    ambiguous: responses that may belong to another request. late: responses after RESPONSE_MAX_S.
    writes: (unit, function) → number of requests that write. others: other requests, by unit and function.
    """

    n_bytes: int = 0
    noise: int = 0
    requests: int = 0
    decoded: int = 0
    exceptions: int = 0
    unpaired: int = 0
    ambiguous: int = 0
    late: int = 0
    writes: Counter[tuple[int, int]] = field(default_factory=Counter)
    others: Counter[tuple[int, int]] = field(default_factory=Counter)

    @property
    def frames(self) -> int:
        """Number of complete frames."""
        others = self.writes.total() + self.others.total()
        return self.requests + self.decoded + self.exceptions + self.unpaired + self.ambiguous + self.late + others


class ExchangeFinder(Protocol):
    """Finds exchanges in received bytes."""

    counts: TrafficCounts

    def feed(self, data: bytes, empty_s: float, read_s: float) -> list[Exchange]:
        """The exchanges that `data` completes.

        empty_s: monotonic time at which everything received before `data` had been read. read_s: when it was read.
        """
        ...

    def end(self) -> list[Exchange]:
        """The same after a silence: what is incomplete now remains so."""
        ...

    def lost(self, now_s: float) -> None:
        """Nothing was received until now, or bytes are missing: requests may have been sent that were not received."""
        ...


class ReceivedBytes:
    """Bytes that are not assigned yet, and when each arrived: between two times."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._end = 0  # bytes received so far
        self._chunks: deque[tuple[int, float, float]] = deque()  # end, empty_s, read_s

    def add(self, data: bytes, empty_s: float, read_s: float) -> None:
        self.data += data
        self._end += len(data)
        self._chunks.append((self._end, empty_s, read_s))

    def arrival(self, length: int) -> tuple[float, float]:
        """Times between which the byte before this offset arrived."""
        at = self._end - len(self.data) + length
        return next((empty_s, read_s) for end, empty_s, read_s in self._chunks if end >= at)

    def remove(self, length: int) -> None:
        del self.data[:length]
        begin = self._end - len(self.data)
        while self._chunks and self._chunks[0][0] <= begin:
            self._chunks.popleft()


class _Pending(Struct):
    """The last read request, while its response may follow.

    sent_s: earliest time at which its last byte was sent; window_s: latest time, less that. began: the first bytes of
    its response have arrived, without the complete response.
    """

    request: Request
    sent_s: float
    window_s: float
    began: bool = False

    @property
    def response_length(self) -> int:
        return 5 + 2 * self.request.registers


class RtuExchanges:
    """The exchanges of Modbus RTU. character_s: transmission time of one character."""

    def __init__(self, character_s: float) -> None:
        self.counts = TrafficCounts()
        self._character_s = character_s
        self._received = ReceivedBytes()
        self._pending: _Pending | None = None
        self._noise = 0  # bytes without a frame since the last frame
        self._unanswered = UnansweredRequests()
        self._response_time: dict[int, ResponseTimeEstimator] = {}  # by unit identifier
        self._several_s = float("-inf")  # last sign of a second other master

    def feed(self, data: bytes, empty_s: float, read_s: float) -> list[Exchange]:
        self._received.add(data, empty_s, read_s)
        self.counts.n_bytes += len(data)
        return self._take(ended=False)

    def end(self) -> list[Exchange]:
        return self._take(ended=True)

    def lost(self, now_s: float) -> None:
        self._end_pending(now_s)
        self._unanswered.add_unknown(now_s, began=True)
        self._received.remove(len(self._received.data))
        self._noise = 0

    def _take(self, ended: bool) -> list[Exchange]:
        found: list[Exchange] = []
        data = self._received.data
        while len(data) >= SMALLEST_FRAME:
            length, exchange = self._first(bytes(data[:LOOK_AHEAD]), ended)
            if not length:
                break
            self._received.remove(length)
            if exchange is not None:
                found.append(exchange)
        if ended and data:
            self._skip(len(data))
            self._received.remove(len(data))
        return found

    def _first(self, data: bytes, ended: bool) -> tuple[int, Exchange | None]:
        """Length of what the first bytes are, and the exchange that they complete. 0: more bytes are needed."""
        request, expected = request_at(data, 0), self._expected_length(data)
        if expected > len(data) and not ended:
            return 0, None
        if expected and expected <= len(data) and not crc16(data[:expected]):
            return expected, self._on_response(data[:expected], request)
        if request is not None:
            self._on_request(request, data)
            return request.length, None
        if self._pending is not None and expected:
            self._pending.began = True
        if length := response_length(data, 0):
            self._on_other_response(data, length)
            return length, None
        if not ended and frame_length_max(data, 0) > len(data):
            return 0, None
        self._skip(1)
        return 1, None

    def _expected_length(self, data: bytes) -> int:
        """Length of the response to the pending request, if these bytes may be its beginning; otherwise 0."""
        pending = self._pending
        if pending is None or data[0] != pending.request.unit:
            return 0
        if data[1] == pending.request.function | 0x80:
            return 5 if 1 <= data[2] <= EXCEPTION_MAX else 0
        is_response = data[1] == pending.request.function and data[2] == 2 * pending.request.registers
        return pending.response_length if is_response else 0

    # --- frames ---

    def _on_request(self, request: OverheardRequest, data: bytes) -> None:
        sent_s, read_s = self._received.arrival(request.length)
        before = self._pending
        if before is not None and not self._noise and read_s - before.sent_s < self._mean_s(before.request.unit):
            self._several_s = read_s  # one master alone waits longer before it gives up
        if not self._end_pending(read_s) and self._noise >= HIDDEN_MIN:
            self._unanswered.add_unknown(read_s)
        self._noise = 0
        unit, function = request.unit, request.function
        if function in READ_FUNCTIONS and request.address is not None:
            count = int.from_bytes(data[4:6], "big")
            self._pending = _Pending(Request(unit, function, request.address, count), sent_s, read_s - sent_s)
            self._unanswered.on_request(self._pending.request, sent_s, self._usual_s(unit))
            self.counts.requests += 1
        else:
            (self.counts.writes if function in WRITE_FUNCTIONS else self.counts.others)[unit, function] += 1

    def _on_response(self, frame: bytes, as_request: OverheardRequest | None) -> Exchange | None:
        """The exchange; None if the response may belong to another request. as_request: the same bytes as a request."""
        pending, noise, self._pending, self._noise = self._pending, self._noise, None, 0
        assert pending is not None
        request = pending.request
        empty_s, heard_s = self._received.arrival(len(frame))
        took_s, transmission_s = heard_s - pending.sent_s, (len(frame) + noise) * self._character_s
        is_other = self._unanswered.on_response(request, bool(frame[1] & 0x80), heard_s)
        if noise and self._may_be_request(noise, took_s - transmission_s, request.unit, heard_s):
            self._unanswered.add(request, pending.sent_s)
            self._unanswered.on_late_response(request.unit, request.function, request.registers, heard_s)
            is_other = True
        elif not noise and max(heard_s - empty_s, pending.window_s) < WINDOW_MAX_S:
            estimator = self._response_time.setdefault(request.unit, ResponseTimeEstimator(RESPONSE_MAX_S))
            estimator.add(max(0.0, took_s - transmission_s))
        if is_other or as_request is not None:
            self.counts.ambiguous += 1
            return None
        if took_s > RESPONSE_MAX_S + transmission_s:
            self.counts.late += 1
            return None
        if frame[1] & 0x80:
            self.counts.exceptions += 1
            return Exchange(request, b"", frame[2], heard_s)
        self.counts.decoded += 1
        return Exchange(request, frame[3:-2], 0, heard_s)

    def _may_be_request(self, noise: int, took_s: float, unit: int, heard_s: float) -> bool:
        """Whether bytes between request and response may be another request with wrong bytes.

        A master sends one only after its time-out for the first one, which is longer than the usual time of a response.
        A second master sends one at any time.
        """
        return noise > NOISE_MAX or took_s > self._usual_s(unit) or heard_s - self._several_s < SEVERAL_S

    def _usual_s(self, unit: int) -> float:
        """Time that responses of this unit usually take, without their transmission; 0: not known."""
        estimator = self._response_time.get(unit)
        return estimator.retry_after_s(0.0) if estimator is not None else 0.0

    def _mean_s(self, unit: int) -> float:
        estimator = self._response_time.get(unit)
        return estimator.mean_s if estimator is not None else 0.0

    def _on_other_response(self, data: bytes, length: int) -> None:
        """A response that does not belong to the pending request."""
        self.counts.unpaired += 1
        _, heard_s = self._received.arrival(length)
        known = data[1] in READ_FUNCTIONS and self._unanswered.on_late_response(data[0], data[1], data[2] // 2, heard_s)
        if not known:  # its request was not received, so that the pending one is not the last one
            self._end_pending(heard_s)
            self._noise = 0

    def _end_pending(self, now_s: float) -> bool:
        """The response to the pending request is no longer expected. Returns whether it came, with wrong bytes."""
        pending, self._pending = self._pending, None
        if pending is None:
            return False
        length = pending.response_length
        is_response = pending.began and max(DAMAGED_MIN, length // 2) <= self._noise < length + HIDDEN_MIN
        if is_response and now_s - self._several_s >= SEVERAL_S:
            return True
        self._unanswered.add(pending.request, pending.sent_s)
        return False

    def _skip(self, length: int) -> None:
        self.counts.noise += length
        self._noise += length

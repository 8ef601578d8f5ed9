"""The Modbus master of one bus. A value may be missing, but it is never the value of another request.

This package has its own request loop and framing because every Modbus client that was tested returned the registers of
an earlier request as valid data after a single late response (docs/decisions/0005).

The rule: a response is matched to its request by the transaction identifier (TCP) or by its shape (RTU, and gateways
that respond with transaction identifier 0). The shape is unit identifier, function and number of registers. No request
is sent whose response could be confused with a response that may still arrive. A retry of a block therefore reads one
more register if the profile allows it. If not, the shape is quarantined until its late response has arrived or
QUARANTINE_S have passed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable

from drivers import error_reasons as codes
from drivers.bus_settings import BusSettings
from drivers.errors import (
    ConnectFailed,
    ForeignMasterActive,
    FrameError,
    LinkClosed,
    LinkError,
    LinkTimeout,
    ModbusExceptionResponse,
    ResponseQuarantined,
)
from drivers.foreign_master import ForeignMasterDetector, ForeignTraffic
from drivers.framing import Request, ResponseMatcher, rtu_request, rtu_scan, tcp_request, tcp_scan
from drivers.reading import Clock
from drivers.reasons import Reason
from drivers.serial_line import SerialLine
from drivers.tcp_stream import TcpStream

__all__ = ["QUARANTINE_S", "BusSettings", "ModbusLink"]

log = logging.getLogger(__name__)

QUARANTINE_S = 5.0  # no response is expected later than this after its request
STALE_S = 0.3  # what is received that soon after the first opening may come from the buffer of a converter
STALE_LISTEN_S = 30.0  # minimum listening time if that was a request: the period of a slow master is 20 s
UNKNOWN_BYTES = 6  # bytes without a frame during the listening time that are more than interference
LISTENED_S = 60.0  # a port that was closed for longer is listened to again
RECONNECT_S = (0.5, 10.0)  # delay after a failed connection attempt: first, maximum
HALF_OPEN_AFTER = 3  # consecutive time-outs without any byte after which a TCP connection counts as half open


class ModbusLink:
    """The only connection to a bus. Use from one task only.

    late: responses discarded because they arrived too late. damaged: responses discarded as corrupt.
    response_s: response time of the last request in seconds, from sending to the complete response.
    no_overread: (unit, function, address) of blocks after which no further register may be read.

    While another master is known (`foreign`), each request raises ForeignMasterActive and nothing is sent.
    """

    def __init__(self, wire: BusSettings, clock: Clock) -> None:
        self.wire = wire
        self.late = self.damaged = 0
        self.response_s = 0.0
        self.no_overread: set[tuple[int, int, int]] = set()
        self._clock = clock
        self._rtu = wire.is_rtu
        self._stream: SerialLine | TcpStream | None = None
        self._pending = ResponseMatcher(rtu_scan if wire.is_rtu else tcp_scan)
        self._quarantine_s: dict[Hashable, float] = {}  # key → end of its quarantine, monotonic time
        self._transaction = 0
        self._silence_s = wire.silence_s
        self._ids_known = wire.is_rtu
        self._detector = ForeignMasterDetector(wire.where, clock)
        self._listened = False
        self._closed_s = 0.0  # monotonic time at which the last connection was closed; 0: none was open
        self._reconnect_at_s = 0.0
        self._reconnect_delay_s = RECONNECT_S[0]
        self._timeouts = 0
        self._down: Reason | None = None  # why the last connection attempt failed

    @property
    def unmatched_count(self) -> int:
        """Bytes received so far that belong to no response: noise, echoes, frames of other masters."""
        return self._pending.unmatched_count

    @property
    def foreign(self) -> ForeignTraffic | None:
        """What another master sent; None: no other master is known."""
        return self._detector.traffic

    @property
    def listened(self) -> bool:
        """Whether requests may be sent without listening."""
        return self._listened

    def begin(self, foreign: ForeignTraffic | None, listened: bool) -> None:
        """Continues an earlier connection to this bus; call before the first request.

        foreign: what another master sent. listened: whether no other master was active until shortly before.
        """
        self._detector.traffic, self._listened = foreign, listened
        self._closed_s = time.monotonic()  # the port may not open for a long time

    def resume(self) -> None:
        """An operator has confirmed that the other master was removed: after listening, requests are sent again."""
        self._detector.traffic, self._listened = None, False

    @property
    def received(self) -> int:
        """Bytes received since the last request was sent."""
        return self._pending.received

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, *,
        overread_registers: int = 0, tries: int = 1, silence_tries: int | None = None,
    ) -> bytes:  # fmt: skip
        """The register bytes of one block, 2 · request.registers, big endian.

        For an identity request (registers = 0): the bytes after the function code.
        timeout_s: longest time that one attempt waits.
        inter_request_delay_s: silence before the request is sent; on RTU at least 3.5 characters.
        overread_registers: number of registers after the block that may be read as well, so that each retry has its own
            shape.
        tries: number of attempts, at least 1.
        silence_tries: number of attempts that may end without a response; None: `tries`.
        Raises ForeignMasterActive, LinkClosed, LinkTimeout, FrameError, ModbusExceptionResponse.
        """
        delay_s = max(inter_request_delay_s, self._silence_s)
        pending, silences = self._pending, 0
        failure: Exception | None = None
        try:
            for _ in range(tries):
                stream = await self._connected()
                if self._rtu:
                    await self._listen(stream)
                try:
                    if pending.zero_ids is False:
                        key: Hashable = self._next_transaction()
                        sent = request
                    else:
                        key, sent = await self._unambiguous(stream, request, overread_registers, timeout_s)
                    frame = rtu_request(sent) if self._rtu else tcp_request(sent, key)
                    response = await stream.exchange(frame, key, sent, pending, timeout_s, delay_s)
                except FrameError as error:
                    failure = error
                    self.damaged += 1
                    if pending.begun and not pending.late and list(pending.open) == [key]:
                        # No other response is pending, so this was the response: the shape is free again.
                        del pending.open[key]
                    self._timeouts = 0
                    self._drop_incomplete(stream)
                    continue
                except LinkTimeout as error:
                    if isinstance(error, ResponseQuarantined):
                        failure = failure or error  # the failure of an earlier attempt is more informative
                    else:
                        failure = error
                        self._count_silence(stream)
                    silences += 1
                    if silences == silence_tries:
                        break
                    continue
                self._timeouts = 0
                self.response_s = time.monotonic() - pending.sent_s
                if not self._ids_known:
                    self._learn_transaction_ids()
                if not response.exception:
                    return response.data[: 2 * request.registers] if request.registers else response.data
                if response.exception != 2 or sent.registers == request.registers:
                    raise ModbusExceptionResponse(response.exception, request.unit, request.address)
                # The device rejects the registers after the block. This is no fault: they are never read again.
                self.no_overread.add(request[:3])
                failure = FrameError(codes.OVERREAD_REJECTED, unit_id=request.unit, address=request.address)
            raise failure or ValueError(f"tries must be at least 1, got {tries}")
        except LinkClosed:
            self._drop()
            raise
        finally:
            if pending.open or pending.late_seen or self._quarantine_s:
                self._expect_late()

    @property
    def unmatched(self) -> bytes:
        """Bytes received since the last request that belong to no expected response (RTU)."""
        return bytes(self._pending.buffer)

    async def close(self) -> None:
        """Closes the port. A cancelled request that is still running ends first; the event loop is not blocked."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.end()
        self._drop()

    # --- one attempt ---

    async def _unambiguous(
        self, stream: SerialLine | TcpStream, request: Request, overread_registers: int, wait_s: float
    ) -> tuple[Hashable, Request]:
        """Key and request whose response cannot be confused with a pending one.

        Waits up to wait_s for late responses. Raises ResponseQuarantined if no such request exists.
        """
        pending = self._pending
        if request[:3] in self.no_overread:
            overread_registers = 0
        self._expire()
        for attempt in range(2):
            pending_shapes = {other.shape for other in (*pending.open.values(), *pending.late.values())}
            for extra in range(min(overread_registers, 125 - request.registers) + 1):
                sent = request._replace(registers=request.registers + extra)
                if sent.shape not in pending_shapes:
                    return sent.shape if self._rtu else self._next_transaction(), sent
            if attempt == 0:
                await stream.wait_late(pending, wait_s)
                self._expire()
                if self._rtu:
                    self._detector.examine(pending)
        raise ResponseQuarantined(codes.LATE_RESPONSE_PENDING, unit_id=request.unit, address=request.address)

    def _next_transaction(self) -> int:
        self._transaction = self._transaction % 0xFFFF + 1
        return self._transaction

    def _expect_late(self) -> None:
        """Moves the open requests of this poll to the late ones and quarantines their shapes."""
        pending = self._pending
        for key, sent in pending.open.items():
            pending.late[key] = sent
            self._quarantine_s[key] = time.monotonic() + QUARANTINE_S
        pending.open.clear()
        self._expire()
        self._quarantine_s = {key: until_s for key, until_s in self._quarantine_s.items() if key in pending.late}

    def _expire(self) -> None:
        """Releases shapes whose quarantine has ended.

        A late response restarts the quarantine of the others: a device that queues requests has a growing delay.
        """
        now_s = time.monotonic()
        if self._pending.late_seen:
            self.late += self._pending.late_seen
            self._pending.late_seen = 0
            self._quarantine_s |= dict.fromkeys(self._pending.late, now_s + QUARANTINE_S)
        for key in [key for key, until_s in self._quarantine_s.items() if until_s < now_s]:
            del self._quarantine_s[key]
            self._pending.late.pop(key, None)

    # --- the connection ---

    async def _connected(self) -> SerialLine | TcpStream:
        stream = self._stream
        if stream is not None and stream.connected:
            return stream
        self._drop()
        now_s = time.monotonic()
        if self._down is not None and now_s < self._reconnect_at_s:
            raise ConnectFailed(self._down)
        stream = (SerialLine if self.wire.is_serial else TcpStream)(self.wire, self._detector)
        try:
            await stream.open()
        except BaseException as error:
            await stream.end()  # the port is also released if opening was cancelled
            if isinstance(error, LinkError):
                self._down = error.reason
                self._reconnect_at_s = time.monotonic() + self._reconnect_delay_s
                self._reconnect_delay_s = min(2 * self._reconnect_delay_s, RECONNECT_S[1])
            raise
        self._reconnect_delay_s = RECONNECT_S[0]
        self._stream = stream
        self._detector.restart_quiet_time()
        self._listened = self._listened and (not self._closed_s or now_s - self._closed_s < LISTENED_S)
        return stream

    async def _listen(self, stream: SerialLine | TcpStream) -> None:
        """Listens before the first byte is sent, and while another master is known. Raises ForeignMasterActive."""
        wire, pending, detector = self.wire, self._pending, self._detector
        if detector.traffic is not None:
            await stream.receive(pending)
            detector.listen_while_stopped(pending, wire.quiet_s)
            log.info("%s: no frame of another master for %g s; polling resumes", wire.name, wire.quiet_s)
            self._listened = True
        if self._listened:
            return
        if wire.listen_s <= 0:
            await stream.receive(pending)
            self._listened = True
            return
        seconds = wire.listen_s
        log.info("%s: listening on %s for %g s before the first request", wire.name, wire.where, seconds)
        until_s = time.monotonic() + STALE_S
        while (rest_s := until_s - time.monotonic()) > 0:
            try:
                await stream.listen(pending, rest_s)
            except ForeignMasterActive:
                seconds = max(wire.listen_s, STALE_LISTEN_S)
                detector.traffic = None
        if seconds > wire.listen_s:
            log.info("%s: received a request, possibly from a buffer; listening for %g s", wire.name, seconds)
        before = pending.unmatched_count
        await stream.listen(pending, seconds)
        n_bytes = pending.unmatched_count - before
        if n_bytes >= UNKNOWN_BYTES:
            raise ForeignMasterActive(
                codes.BYTES_BEFORE_FIRST_REQUEST, target=wire.where, n_bytes=n_bytes, seconds=seconds
            )
        self._listened = True

    def _learn_transaction_ids(self) -> None:
        """Records after the first response whether the peer returns transaction identifiers."""
        self._pending.zero_ids = bool(self._pending.zero_ids)
        self._ids_known = True
        if self._pending.zero_ids:
            log.info("%s: responses have transaction identifier 0; they are matched by length", self.wire.name)

    def _count_silence(self, stream: SerialLine | TcpStream) -> None:
        self._timeouts += 1
        if isinstance(stream, TcpStream) and self._timeouts >= HALF_OPEN_AFTER and not self._pending.received:
            self._drop()
        else:
            self._drop_incomplete(stream)

    def _drop_incomplete(self, stream: SerialLine | TcpStream) -> None:
        """Closes a TCP connection with an incomplete frame: without a checksum, the next response would complete it."""
        if isinstance(stream, TcpStream) and not self._rtu and self._pending.buffer:
            self._drop()

    def _drop(self) -> None:
        """Closes the connection. Late responses stay expected: a gateway may send them on the next connection."""
        if self._stream is not None:
            self._stream.close()
            self._closed_s = time.monotonic()
        self._stream = None
        self._timeouts = 0
        self._pending.clear()

"""The Modbus master of one bus. A value may be missing, but it is never the value of another request.

This package has its own request loop and framing because every Modbus client that was tested returned the registers of
an earlier request as valid data after a single late response (docs/decisions/0005).

The rule: a response is matched to its request by the transaction identifier (TCP) or by its shape (RTU, and gateways
that respond with transaction identifier 0). The shape is unit identifier, function and number of registers. No request
is sent whose response could be confused with a response that may still arrive. A retry of a block therefore reads more
registers, if the profile allows it, or the block in two parts. Without a free shape, the block cannot be read until one
is free again (drivers/late_responses.py).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable, Sequence

from drivers import error_reasons as codes
from drivers.bus_master import BusMaster
from drivers.bus_settings import BusSettings
from drivers.errors import (
    FrameError,
    LinkClosed,
    LinkTimeout,
    ModbusExceptionResponse,
    ResponseQuarantined,
)
from drivers.foreign_master import ForeignMasterDetector
from drivers.framing import Request
from drivers.late_responses import LateResponses
from drivers.reading import Clock
from drivers.request_shapes import extended, free_shape
from drivers.response_matcher import ResponseMatcher
from drivers.rtu_framing import rtu_matcher, rtu_request
from drivers.serial_line import SerialLine
from drivers.tcp_framing import tcp_request, tcp_scan
from drivers.tcp_stream import TcpStream

__all__ = ["BusSettings", "ModbusLink"]

log = logging.getLogger(__name__)

ADDRESS_EXCEPTIONS = (2, 3)  # exception codes for an illegal address or number of registers
HALF_OPEN_AFTER = 3  # consecutive time-outs without any byte after which a TCP connection counts as half open


class ModbusLink(BusMaster):
    """The Modbus master of a bus."""

    def __init__(self, wire: BusSettings, clock: Clock) -> None:
        pending = rtu_matcher() if wire.is_rtu else ResponseMatcher(tcp_scan)
        super().__init__(wire, clock, pending, ForeignMasterDetector(wire.where, clock))
        self._late = LateResponses(pending, wire.is_serial)
        self._whole: set[Request] = set()  # blocks that the device does not let read in parts
        self._transaction = 0
        self._ids_known = wire.is_rtu

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, *, edges: Sequence[int] = (),
        tries: int = 1, silence_tries: int | None = None, retry_after_s: float | None = None,
    ) -> bytes:  # fmt: skip
        """The register bytes of one block, 2 · request.registers, big endian.

        For an identity request (registers = 0): the bytes after the function code.
        timeout_s: longest time that the last attempt waits.
        inter_request_delay_s: silence before the request is sent; on RTU at least 3.5 characters.
        edges: ascending offsets from the start of the block at which a request may begin or end, so that each retry has
            its own shape; those before 0 and after request.registers belong to registers around the block.
        tries: number of attempts that may fail, at least 1.
        silence_tries: number of attempts that may end without a response; None: `tries`.
        retry_after_s: time after which an attempt without response is repeated; None: timeout_s. Its response is still
            accepted if it arrives during the next attempt.
        Raises ForeignMasterActive, LinkClosed, LinkTimeout, FrameError, ModbusExceptionResponse.
        """
        if self._serial and not (self._thread and self._thread.is_current):
            return await self.run(self.read_block(
                request, timeout_s, inter_request_delay_s, edges=edges, tries=tries, silence_tries=silence_tries,
                retry_after_s=retry_after_s,
            ))  # fmt: skip
        delay_s = max(inter_request_delay_s, self._silence_s)
        silences_max = tries if silence_tries is None else min(tries, silence_tries)
        pending, silences, failures, data = self._pending, 0, 0, b""
        failure: Exception | None = None
        try:
            while failures < tries and silences < silences_max:
                stream = self._stream
                if stream is None or not stream.connected:
                    stream = await self._connect()
                if self._rtu and (self._detector.traffic is not None or not self._listened):
                    await self._listen(stream)
                last = silences + 1 == silences_max or failures + 1 == tries
                wait_s = timeout_s if last or retry_after_s is None else retry_after_s
                failures += 1
                try:
                    key: Hashable
                    if pending.zero_ids is False:
                        key, sent, own = self._next_transaction(), request, True
                    else:
                        key, sent, own = await self._unambiguous(
                            stream, request, len(data) // 2, edges, retry_after_s or wait_s
                        )
                    frame = rtu_request(sent) if self._rtu else tcp_request(sent, key)
                    response = await stream.exchange(frame, key, sent, pending, wait_s, delay_s)
                except ResponseQuarantined as error:
                    failure = failure or error  # the failure of an earlier attempt is more informative
                    break
                except FrameError as error:
                    failure = error
                    self.damaged += 1
                    self.failed += 1
                    self._late.unanswered(sent)
                    if pending.begun and not pending.late and list(pending.open) == [key]:
                        # No other response is pending, so this was the response: the shape is free again.
                        del pending.open[key]
                    self._timeouts = 0
                    self._drop_incomplete(stream)
                    continue
                except LinkTimeout as error:
                    failure = error
                    self.failed += 1
                    self._late.unanswered(sent)
                    self._count_silence(stream)
                    silences += 1
                    continue
                self._timeouts = 0
                if not self._ids_known:
                    self._learn_transaction_ids()
                if response.exception:
                    self.response_s = time.monotonic() - pending.sent_s
                    failure = self._refused(request, sent, response.exception) if own else failure
                    continue
                failures -= 1
                self.response_s = time.monotonic() - self._late.answered(response.request, sent)
                if response.request == request:
                    return response.data
                data = extended(data, request, response)
                if len(data) == 2 * request.registers:
                    return data
                self._late.expect(request.address + len(data) // 2)  # they would add nothing to `data`
            raise failure or ValueError(f"tries must be at least 1, got {tries}")
        except LinkClosed:
            self._drop()
            raise
        finally:
            if pending.open or self._late:
                self._late.expect()
                self.late = self._late.count

    # --- one attempt ---

    async def _unambiguous(
        self, stream: SerialLine | TcpStream, request: Request, begin: int, edges: Sequence[int], wait_s: float
    ) -> tuple[Hashable, Request, bool]:
        """Key and request for registers from offset `begin` on, whose response cannot be confused with a pending one.

        Without such a request: one to overtake the pending ones, and False; if there is none, waits up to wait_s for a
        late response. Raises ResponseQuarantined.
        """
        sent = self._of_free_shape(request, begin, edges)
        own = sent is not None
        if sent is None and (sent := self._late.to_overtake(request)) is None:
            await stream.wait_late(self._pending, min(wait_s, self._late.wait_s(request.unit)))
            if self._rtu:
                self._detector.examine(self._pending, stream.silent_s)
            sent = self._of_free_shape(request, begin, edges)
            own = True
        if sent is None:
            raise ResponseQuarantined(codes.LATE_RESPONSE_PENDING, unit_id=request.unit, address=request.address)
        return (sent.shape if self._rtu else self._next_transaction()), sent, own

    def _of_free_shape(self, request: Request, begin: int, edges: Sequence[int]) -> Request | None:
        """A request for registers from offset `begin` on in a shape of no pending response; None: there is none."""
        overread, divide = request[:3] not in self.no_overread, request not in self._whole
        taken = self._late.taken(request.unit, request.function)
        return free_shape(request, begin, edges, taken, overread=overread, divide=divide)

    def _refused(self, request: Request, sent: Request, exception: int) -> FrameError:
        """Records which parts or surroundings of a block the device rejects; they are never requested again.

        Raises ModbusExceptionResponse if it rejects the block.
        """
        if exception not in ADDRESS_EXCEPTIONS or sent == request:
            raise ModbusExceptionResponse(exception, request.unit, request.address)
        inside = sent.address >= request.address and sent.end <= request.end
        if inside:
            self._whole.add(request)
        else:
            self.no_overread.add(request[:3])
        code = codes.PART_REJECTED if inside else codes.OVERREAD_REJECTED
        return FrameError(code, unit_id=request.unit, address=request.address)

    def _next_transaction(self) -> int:
        self._transaction = self._transaction % 0xFFFF + 1
        return self._transaction

    # --- the connection ---

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

"""One wire, one owner. Never a wrong value, at worst a missing one.

Our own request loop and framing, because every Modbus client tried returned the registers of an earlier request as good
data after one late answer (docs/decisions/0005).

The rule that makes it so: an answer is told from others by its transaction id (TCP) or its shape (RTU, and gateways
that answer with id 0), and nothing is sent whose answer could be mistaken for one that may still come. A retry of a
block therefore asks for one register more where the profile allows it; where it does not, the shape rests until its
late answer was seen or QUARANTINE_S have passed.
"""

from __future__ import annotations

import logging
import struct
import time
from collections.abc import Hashable

from drivers.errors import DeviceRefused, FrameError, LinkBusy, LinkClosed, LinkError, LinkTimeout
from drivers.framing import (
    Answer,
    Request,
    Want,
    rtu_length,
    rtu_request,
    rtu_scan,
    shape_scan,
    tcp_request,
    tcp_scan,
)
from drivers.reading import Clock
from drivers.serial_line import SerialLine, port_parity
from drivers.tcp_stream import TcpStream
from drivers.wire import Wire

__all__ = ["QUARANTINE_S", "ModbusLink", "Wire", "port_parity"]

log = logging.getLogger(__name__)

QUARANTINE_S = 5.0  # an answer that comes later than this after its request is taken to be impossible
RECONNECT_S = (0.5, 10.0)  # pause after a failed connection: first, longest
DEAF_AFTER = 3  # time-outs in a row without any byte, after which a TCP connection is taken for half open


class ModbusLink:
    """The one connection of a wire. Use from one task only."""

    def __init__(self, wire: Wire, clock: Clock) -> None:
        self.wire = wire
        self.late = self.damaged = 0  # answers thrown away because they came too late, or broken
        self.answered_s = 0.0  # how long the last answer took, from sending
        self._tight: set[tuple[int, int, int]] = set()  # blocks behind which nothing may be read
        self._clock = clock
        self._stream: SerialLine | TcpStream | None = None
        self._want = Want(rtu_scan if wire.is_rtu else tcp_scan)
        self._sent_s: dict[Hashable, float] = {}  # late request → when it was sent
        self._transaction = 0
        self._listened = False
        self._retry_s = 0.0
        self._pause_s = RECONNECT_S[0]
        self._deaf = 0
        self._error = ""

    async def read_registers(
        self, unit: int, function: int, address: int, count: int, timeout_s: float, gap_s: float = 0.0, *,
        spare: int = 0, tries: int = 1, patience_s: float | None = None,
    ) -> list[int]:  # fmt: skip
        """`count` register words; see `read_block`."""
        data = await self.read_block(
            Request(unit, function, address, count), timeout_s, gap_s, spare=spare, tries=tries, patience_s=patience_s
        )
        return list(struct.unpack(f">{count}H", data))

    async def read_block(
        self, request: Request, timeout_s: float, gap_s: float = 0.0, *,
        spare: int = 0, tries: int = 1, patience_s: float | None = None, silence_tries: int | None = None,
    ) -> bytes:  # fmt: skip
        """Register bytes of one block, 2·count of them.

        timeout_s: after that an answer is overdue. patience_s: how long an attempt waits at most (default timeout_s).
        gap_s: silence before sending, at least 3.5 characters on RTU. spare: registers behind the block that may be
        read too, which gives each retry a shape of its own. tries: attempts, of which silence_tries may end in silence
        (default: all). Raises LinkBusy, LinkClosed, LinkTimeout, FrameError,
        DeviceRefused.
        """
        stream = await self._connected()
        gap_s = max(gap_s, self.wire.silence_s)
        failure: Exception = LinkTimeout("not tried")
        want, block, silences = self._want, request[:3], 0
        try:
            for _ in range(tries):
                try:
                    extra = 0 if block in self._tight else spare
                    key, sent = await self._free(stream, request, extra, patience_s or timeout_s)
                    want.open[key] = sent
                    self._sent_s[key] = time.monotonic()
                    answer = await stream.exchange(
                        self._frame(sent, key), rtu_length(sent), want, timeout_s, patience_s or timeout_s, gap_s
                    )
                except FrameError as error:
                    failure = error
                    self.damaged += 1
                    self._deaf = 0
                    continue
                except LinkTimeout as error:
                    failure = LinkTimeout(f"unit {request.unit} address {request.address}: {error}")
                    silences += 1
                    self._note_silence(stream)
                    if self._stream is None or silences == silence_tries:
                        break
                    continue
                self._deaf = 0
                self.answered_s = time.monotonic() - want.sent_s
                self._settle_ids()
                if answer.exception == 2 and sent.registers > request.registers:
                    self._tight.add(
                        block
                    )  # the device refuses what lies behind the block: not its fault, not tried again
                    failure = DeviceRefused(2, f"unit {request.unit} address {request.address}")
                    continue
                return self._data(request, answer)
            raise failure
        except LinkClosed:
            self._drop()
            raise
        finally:
            self._retire()

    async def close(self) -> None:
        if self._stream is not None:
            self._stream.shut_down()
        self._drop()

    # --- one attempt ---

    async def _free(
        self, stream: SerialLine | TcpStream, request: Request, spare: int, wait_s: float
    ) -> tuple[Hashable, Request]:
        """A key that no answer still on its way could carry, and the request that has it."""
        want = self._want
        if want.zero_ids is False and not self.wire.is_rtu:
            return self._next_transaction(), request
        self._expire()
        for attempt in range(2):
            taken = {other.shape for other in (*want.open.values(), *want.late.values())}
            for extra in range(min(spare, 125 - request.registers) + 1):
                sent = request._replace(registers=request.registers + extra)
                if sent.shape not in taken:
                    return sent.shape if self._by_shape else self._next_transaction(), sent
            if attempt == 0:
                await stream.wait_late(want, wait_s)
                self._expire()
        if not self._by_shape:
            self._drop()  # a new connection: what may still come dies with the old one
        raise LinkTimeout("an older answer of the same shape may still come; not asked again yet")

    def _frame(self, request: Request, key: Hashable) -> bytes:
        if self.wire.is_rtu:
            return rtu_request(request)
        if isinstance(key, int):
            return tcp_request(request, key)
        return tcp_request(request, self._next_transaction())

    def _next_transaction(self) -> int:
        self._transaction = self._transaction % 0xFFFF + 1
        return self._transaction

    def _data(self, request: Request, answer: Answer) -> bytes:
        if answer.exception:
            raise DeviceRefused(answer.exception, f"unit {request.unit} address {request.address}")
        return answer.data[: 2 * request.registers]

    @property
    def _by_shape(self) -> bool:
        return self.wire.is_rtu or self._want.zero_ids is True

    def _retire(self) -> None:
        """What this poll leaves open may be answered late: it is watched for, and its shape rests."""
        want = self._want
        for key, sent in want.open.items():
            want.late[key] = sent
        want.open.clear()
        if want.late_seen:
            self.late += want.late_seen
            want.late_seen = 0
        if len(self._sent_s) > len(want.late):
            self._sent_s = {key: at for key, at in self._sent_s.items() if key in want.late}

    def _expire(self) -> None:
        limit_s = time.monotonic() - QUARANTINE_S
        for key in [key for key in self._want.late if self._sent_s.get(key, 0.0) < limit_s]:
            del self._want.late[key]

    # --- the connection ---

    async def _connected(self) -> SerialLine | TcpStream:
        stream = self._stream
        if stream is not None and stream.connected:
            return stream
        self._drop()
        now_s = time.monotonic()
        if now_s < self._retry_s:
            raise LinkClosed(f"{self._error}; next try in {self._retry_s - now_s:.1f} s")
        stream = SerialLine(self.wire) if self.wire.is_serial else TcpStream(self.wire)
        try:
            await stream.open()
            if isinstance(stream, SerialLine):
                await self._listen(stream)
        except LinkError as error:
            stream.shut_down()
            self._error = str(error)
            self._retry_s = time.monotonic() + self._pause_s
            self._pause_s = min(2 * self._pause_s, RECONNECT_S[1])
            raise
        self._pause_s = RECONNECT_S[0]
        self._stream = stream
        return stream

    async def _listen(self, line: SerialLine) -> None:
        """Hears whether another master talks before the first byte is sent."""
        wire = self.wire
        if self._listened or wire.listen_s <= 0:
            return
        log.info("%s: listening %g s on %s before the first byte is sent", wire.name, wire.listen_s, wire.serial_port)
        heard = await line.listen(wire.listen_s)
        if heard:
            raise LinkBusy(
                f"{wire.name}: {heard} bytes heard in {wire.listen_s:g} s: another master talks; nothing is sent"
            )
        self._listened = True

    def _settle_ids(self) -> None:
        """After the first answer it is known whether the peer copies transaction ids."""
        want = self._want
        if self.wire.is_rtu or want.scan is shape_scan:
            return
        if want.zero_ids:
            log.info("%s: answers carry transaction id 0; they are told apart by their length", self.wire.name)
            want.scan = shape_scan
            for requests in (want.open, want.late):
                renamed: dict[Hashable, Request] = {sent.shape: sent for sent in requests.values()}
                requests.clear()
                requests.update(renamed)
            self._sent_s = dict.fromkeys((*want.open, *want.late), time.monotonic())
        want.zero_ids = bool(want.zero_ids)

    def _note_silence(self, stream: SerialLine | TcpStream) -> None:
        self._deaf += 1
        if isinstance(stream, TcpStream) and self._deaf >= DEAF_AFTER and not self._want.heard:
            self._drop()

    def _drop(self) -> None:
        """Closes the connection. Over TCP late answers die with it; on a serial line they may still come."""
        if self._stream is not None:
            self._stream.shut_down() if isinstance(self._stream, SerialLine) else self._stream.close()
            self._stream = None
        self._deaf = 0
        self._want.clear()
        if not self.wire.is_serial:
            self._want.late.clear()
            self._want.open.clear()
            self._sent_s.clear()
            if not self.wire.rtu_framing:
                self._want.zero_ids, self._want.scan = None, tcp_scan

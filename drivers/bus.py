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

from drivers.errors import (
    DeviceRefused,
    FrameError,
    LinkBusy,
    LinkClosed,
    LinkDown,
    LinkError,
    LinkResting,
    LinkTimeout,
)
from drivers.framing import (
    Request,
    Want,
    rtu_request,
    rtu_scan,
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
BUSY_LISTEN_S = 5.0  # a line on which another master was heard is listened to at least that long
RECONNECT_S = (0.5, 10.0)  # pause after a failed connection: first, longest
DEAF_AFTER = 3  # time-outs in a row without any byte, after which a TCP connection is taken for half open


class ModbusLink:
    """The one connection of a wire. Use from one task only."""

    def __init__(self, wire: Wire, clock: Clock) -> None:
        self.wire = wire
        self.late = self.damaged = 0  # answers thrown away because they came too late, or broken
        self.answered_s = 0.0  # how long the last answer took, from sending
        self.tight: set[tuple[int, int, int]] = set()  # (unit, function, address): nothing behind it may be read
        self._clock = clock
        self._rtu = wire.is_rtu
        self._stream: SerialLine | TcpStream | None = None
        self._want = Want(rtu_scan if wire.is_rtu else tcp_scan)
        self._rest_s: dict[Hashable, float] = {}  # unanswered request → until when its shape rests
        self._transaction = 0
        self._silence_s = wire.silence_s
        self._ids_known = wire.is_rtu
        self._copies_ids = False  # a TCP peer that answers with the id of the request, as it should
        self._listened = self._busy = False
        self._retry_s = 0.0
        self._pause_s = RECONNECT_S[0]
        self._deaf = 0
        self._error = ""

    @property
    def skipped(self) -> int:
        """Bytes so far that belonged to no answer: noise, echoes, foreign frames."""
        return self._want.skipped + len(self._want.buffer)

    @property
    def heard(self) -> int:
        """Bytes that came since the last request was sent."""
        return self._want.heard

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
        """Register bytes of one block, 2·count of them; what follows the function in the answer to an identity request.

        timeout_s: after that an answer is overdue. patience_s: how long an attempt waits at most (default timeout_s).
        gap_s: silence before sending, at least 3.5 characters on RTU. spare: registers behind the block that may be
        read too, which gives each retry a shape of its own. tries: attempts, of which silence_tries may end in silence
        (default: all). Raises LinkBusy, LinkClosed, LinkTimeout, FrameError,
        DeviceRefused.
        """
        if gap_s < self._silence_s:
            gap_s = self._silence_s
        if patience_s is None:
            patience_s = timeout_s
        want, silences = self._want, 0
        failure: Exception | None = None
        try:
            for _ in range(tries):
                stream = self._stream
                if stream is None or not stream.connected:
                    stream = await self._connected()
                try:
                    if self._copies_ids:
                        key: Hashable = self._next_transaction()
                        sent = request
                    else:
                        key, sent = await self._free(stream, request, spare, patience_s)
                    answer = await stream.exchange(self._frame(sent, key), key, sent, want, patience_s, gap_s)
                except FrameError as error:
                    failure = error
                    self.damaged += 1
                    if want.headed and not want.late and list(want.open) == [key]:
                        # Nothing else could come: this was its answer, and no other one will. Its shape is free.
                        del want.open[key]
                    self._deaf = 0
                    self._distrust(stream)
                    continue
                except LinkResting as error:
                    if failure is None:  # else what the attempt before saw says more
                        failure = LinkResting(f"unit {request.unit} address {request.address}: {error}")
                    silences += 1
                    if silences == silence_tries:
                        break
                    continue
                except LinkTimeout as error:
                    failure = LinkTimeout(f"unit {request.unit} address {request.address}: {error}")
                    silences += 1
                    self._note_silence(stream)
                    if silences == silence_tries:
                        break
                    continue
                self._deaf = 0
                self.answered_s = time.monotonic() - want.sent_s
                if not self._ids_known:
                    self._settle_ids()
                if not answer.exception:
                    return answer.data[: 2 * request.registers] if request.registers else answer.data
                if answer.exception != 2 or sent.registers == request.registers:
                    raise DeviceRefused(answer.exception, f"unit {request.unit} address {request.address}")
                # It refuses what lies behind the block, which is no fault: never tried again.
                self.tight.add(request[:3])
                failure = FrameError(f"unit {request.unit} address {request.address}: only the length differed")
            raise failure or LinkTimeout("not tried")
        except (LinkClosed, LinkBusy) as error:
            self._drop()
            if isinstance(error, LinkBusy):
                self._listened, self._busy = False, True  # heard again before the next byte is sent
            raise
        finally:
            if want.open or want.late_seen or self._rest_s:
                self._retire()

    @property
    def unexplained(self) -> bytes:
        """What came since the last request and belongs to no answer that was waited for (RTU)."""
        return bytes(self._want.buffer)

    async def close(self) -> None:
        """Frees the port. A request that was cancelled is carried out first, without holding up anybody else."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.end()
        self._drop()

    # --- one attempt ---

    async def _free(
        self, stream: SerialLine | TcpStream, request: Request, spare: int, wait_s: float
    ) -> tuple[Hashable, Request]:
        """A key that no answer still on its way could carry, and the request that has it."""
        want = self._want
        if request[:3] in self.tight:
            spare = 0
        self._expire()
        for attempt in range(2):
            taken = {other.shape for other in (*want.open.values(), *want.late.values())}
            for extra in range(min(spare, 125 - request.registers) + 1):
                sent = request._replace(registers=request.registers + extra)
                if sent.shape not in taken:
                    return sent.shape if self._rtu else self._next_transaction(), sent
            if attempt == 0:
                await stream.wait_late(want, wait_s)
                self._expire()
        raise LinkResting("held back for some seconds: a late answer to an earlier question might be taken for its own")

    def _frame(self, request: Request, key: Hashable) -> bytes:
        if self._rtu:
            return rtu_request(request)
        assert isinstance(key, int)
        return tcp_request(request, key)

    def _next_transaction(self) -> int:
        self._transaction = self._transaction % 0xFFFF + 1
        return self._transaction

    def _retire(self) -> None:
        """What this poll leaves open may be answered late: it is watched for, and its shape rests."""
        want = self._want
        for key, sent in want.open.items():
            want.late[key] = sent
            self._rest_s[key] = time.monotonic() + QUARANTINE_S
        want.open.clear()
        self._expire()
        self._rest_s = {key: until_s for key, until_s in self._rest_s.items() if key in want.late}

    def _quiet(self) -> None:
        """A late answer came: the others' rest begins anew. A device that queues requests falls ever further behind."""
        self.late += self._want.late_seen
        self._want.late_seen = 0
        until_s = time.monotonic() + QUARANTINE_S
        for key in self._want.late:
            self._rest_s[key] = until_s

    def _expire(self) -> None:
        """Shapes whose rest is over are free again."""
        if self._want.late_seen:
            self._quiet()
        now_s = time.monotonic()
        for key in [key for key, until_s in self._rest_s.items() if until_s < now_s]:
            del self._rest_s[key]
            self._want.late.pop(key, None)

    # --- the connection ---

    async def _connected(self) -> SerialLine | TcpStream:
        stream = self._stream
        if stream is not None and stream.connected:
            return stream
        self._drop()
        now_s = time.monotonic()
        if now_s < self._retry_s:
            raise LinkDown(self._error)
        stream = SerialLine(self.wire) if self.wire.is_serial else TcpStream(self.wire)
        try:
            await stream.open()
            if self._rtu:
                await self._listen(stream)
        except BaseException as error:
            await stream.end()  # after a cancelled listening, too, the port is free for others
            if isinstance(error, LinkError):
                self._error = str(error)
                self._retry_s = time.monotonic() + self._pause_s
                self._pause_s = min(2 * self._pause_s, RECONNECT_S[1])
            raise
        self._pause_s = RECONNECT_S[0]
        self._stream = stream
        return stream

    async def _listen(self, line: SerialLine | TcpStream) -> None:
        """Hears whether another master talks before the first byte is sent."""
        wire = self.wire
        if self._listened or (wire.listen_s <= 0 and not self._busy):
            return
        log.info("%s: listening %g s on %s before the first byte is sent", wire.name, wire.listen_s, wire.where)
        seconds = max(wire.listen_s, BUSY_LISTEN_S if self._busy else 0.0)
        heard = await line.listen(seconds)
        if heard:
            raise LinkBusy(f"{wire.name}: {heard} bytes heard in {seconds:g} s: another master talks; nothing is sent")
        self._listened, self._busy = True, False

    def _settle_ids(self) -> None:
        """After the first answer it is known whether the peer copies transaction ids."""
        self._want.zero_ids = bool(self._want.zero_ids)
        self._copies_ids, self._ids_known = not self._want.zero_ids, True
        if self._want.zero_ids:
            log.info("%s: answers carry transaction id 0; they are told apart by their length", self.wire.name)

    def _note_silence(self, stream: SerialLine | TcpStream) -> None:
        self._deaf += 1
        if isinstance(stream, TcpStream) and self._deaf >= DEAF_AFTER and not self._want.heard:
            self._drop()
        else:
            self._distrust(stream)

    def _distrust(self, stream: SerialLine | TcpStream) -> None:
        """Half a frame on a TCP connection would take its other half from the next answer: there is no checksum."""
        if isinstance(stream, TcpStream) and not self._rtu and self._want.buffer:
            self._drop()

    def _drop(self) -> None:
        """Closes the connection. What may still be answered stays watched for: a gateway's line outlives it."""
        if self._stream is not None:
            self._stream.shut_down()
        self._stream = None
        self._deaf = 0
        self._want.clear()

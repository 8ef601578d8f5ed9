"""One TCP connection to a device or gateway: sends a frame, waits for the answer that fits. Every poll passes here."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Hashable
from typing import TYPE_CHECKING

from drivers.errors import FrameError, LinkClosed, LinkDown, LinkTimeout
from drivers.foreign import Foreign
from drivers.framing import Answer, Request, Want, tcp_answer_head

if TYPE_CHECKING:
    from drivers.wire import Wire

CONNECT_S = 3.0
CHUNK = 4096  # bytes taken from the socket at once
STALL_S = 0.2  # an answer that began and pauses that long will not go on


class TcpStream(asyncio.BufferedProtocol):
    """Use from one task only."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._rtu = wire.is_rtu
        self._transport: asyncio.Transport | None = None
        self._want: Want | None = None
        self._future: asyncio.Future[Answer] | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._give_up_s = 0.0  # loop time
        self._patience_s = 0.0
        self._chunk = bytearray(CHUNK)
        self._foreign = Foreign(wire.name)
        self._answered = False  # anything, since it was opened
        self._skipped = 0  # of `want`, after the last exchange
        self._unasked = 0  # bytes that came before the first request
        self.last_s = 0.0  # loop time of the last byte either way

    @property
    def connected(self) -> bool:
        return self._transport is not None

    async def open(self) -> None:
        wire = self._wire
        try:
            await asyncio.wait_for(self._loop.create_connection(lambda: self, wire.host, wire.port_number), CONNECT_S)
        except TimeoutError:
            raise LinkDown(f"{wire.name}: {wire.where} does not answer in {CONNECT_S:g} s") from None
        except OSError as error:
            raise LinkDown(f"{wire.name}: {wire.where}: {_why_not_connected(error)}") from None

    async def exchange(
        self, data: bytes, key: Hashable, sent: Request, want: Want, patience_s: float, gap_s: float
    ) -> Answer:
        """As SerialLine.exchange."""
        if gap_s:
            await self._settle(gap_s)
        if self._rtu:
            self._foreign.note(want.skipped + len(want.buffer) - self._skipped)
        transport = self._transport
        if transport is None:
            raise LinkClosed(f"{self._wire.name}: connection lost")
        if self._rtu:
            want.clear()  # the line was silent: what is in the buffer can be no part of an answer
            want.sent = data
        want.open[key] = sent  # not before: what came until now cannot be its answer
        want.heard, want.damaged = 0, False
        self._want = want
        want.awaited = b"" if self._rtu else tcp_answer_head(sent, key)
        future = self._future = self._loop.create_future()
        transport.write(data)
        self.last_s = want.sent_s = now_s = self._loop.time()
        self._patience_s, self._give_up_s = patience_s, now_s + patience_s
        if self._timer is None or self._timer.when() > self._give_up_s:
            self._arm()
        try:
            answer: Answer = await future
            return answer
        finally:
            self._future = None
            self._skipped = want.skipped + len(want.buffer)

    async def listen(self, seconds: float) -> int:
        """Bytes heard while nothing is sent: a transparent converter hands on what others say on its line."""
        self._unasked = 0
        await asyncio.sleep(seconds)
        return self._unasked

    async def wait_late(self, want: Want, seconds: float) -> None:
        self._want = want
        until_s = self._loop.time() + seconds
        before = want.skipped + len(want.buffer)
        while want.late and (rest_s := until_s - self._loop.time()) > 0:  # noqa: ASYNC110 (rare; no event to keep)
            await asyncio.sleep(min(rest_s, 0.01))
        if self._rtu:
            self._foreign.note(want.skipped + len(want.buffer) - before)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def shut_down(self) -> None:
        self.close()

    async def end(self) -> None:
        self.close()

    async def _settle(self, gap_s: float) -> None:
        while (rest_s := self.last_s + gap_s - self._loop.time()) > 0:  # noqa: ASYNC110 (bytes may come meanwhile)
            await asyncio.sleep(rest_s)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._give_up_s, self._time_is_up)

    def _time_is_up(self) -> None:
        """One timer serves all requests: it goes off once per patience, not once per request."""
        self._timer = None
        if self._future is None or self._future.done():
            return
        if self._loop.time() < self._give_up_s:  # of an older request
            self._arm()
            return
        want = self._want
        if want is not None and want.heard and (want.damaged or want.missing > 1):
            self._future.set_exception(FrameError(f"{self._wire.name}: a damaged answer came and was thrown away"))
        else:
            self._future.set_exception(LinkTimeout(f"no answer in {self._patience_s:.2g} s"))

    # --- called by asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.last_s = self._loop.time()

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._chunk

    def buffer_updated(self, nbytes: int) -> None:
        self.last_s = self._loop.time()
        want = self._want
        if want is None:
            self._unasked += nbytes
            return
        answer = want.feed(bytes(self._chunk[:nbytes]))
        future = self._future
        if future is None or future.done():
            return
        if answer is not None:
            self._answered = True
            future.set_result(answer)
        elif want.damaged or (want.missing > 1 and want.heard):
            self._loop.call_later(STALL_S, self._stalled, self.last_s, future)

    def _stalled(self, since_s: float, future: asyncio.Future[Answer]) -> None:
        """Nothing came since an answer began, or since a damaged one ended."""
        if self._future is future and not future.done() and self.last_s == since_s:
            future.set_exception(FrameError(f"{self._wire.name}: a damaged answer came and was thrown away"))

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        hint = "" if self._answered or error else ": it may take one client only"
        if self._future is not None and not self._future.done():
            self._future.set_exception(
                LinkClosed(f"{self._wire.name}: connection lost ({error or 'closed by the peer'}{hint})")
            )


def _why_not_connected(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "no such host"
    if error.errno == errno.ECONNREFUSED:
        return "the machine is there, but nobody listens at this port"
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT):
        return "no way there: a wrong address, or the network is down"
    return f"cannot connect ({error.strerror or error})"

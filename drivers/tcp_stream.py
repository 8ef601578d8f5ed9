"""TCP connection to a device or gateway: sends one request frame and waits for its response."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Hashable
from functools import partial
from typing import TYPE_CHECKING

from drivers import error_reasons as codes
from drivers.errors import ConnectFailed, LinkClosed
from drivers.foreign_master import ForeignMasterDetector
from drivers.framing import Request, Response, ResponseMatcher, tcp_response_head
from drivers.reasons import Reason, cause_of

if TYPE_CHECKING:
    from drivers.bus_settings import BusSettings

CONNECT_S = 3.0
LISTEN_S = 0.1  # interval for examining what was received while listening
CHUNK = 4096  # bytes per read from the socket
STALL_S = 0.2  # a response with a pause that long is incomplete


class TcpStream(asyncio.BufferedProtocol):
    """A TCP connection. Use from one task only.

    foreign: RTU: examines everything that is no response, before each request.
    last_s: time of the event loop at which the last byte was sent or received.
    """

    def __init__(self, settings: BusSettings, foreign: ForeignMasterDetector) -> None:
        self._settings = settings
        self._rtu = settings.is_rtu
        self._transport: asyncio.Transport | None = None
        self._pending: ResponseMatcher | None = None
        self._failure: Callable[[], Exception]  # why the present exchange has no response
        self._future: asyncio.Future[Response] | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._give_up_s = 0.0  # loop time
        self._chunk = bytearray(CHUNK)
        self._foreign = foreign
        self._responded = False  # whether a response was received on this connection
        self.last_s = 0.0

    @property
    def connected(self) -> bool:
        """Whether the connection is open."""
        return self._transport is not None

    async def open(self) -> None:
        """Opens the connection. Raises ConnectFailed."""
        settings = self._settings
        connection = self._loop.create_connection(lambda: self, settings.host, settings.port_number)
        try:
            await asyncio.wait_for(connection, CONNECT_S)
        except TimeoutError:
            raise ConnectFailed(codes.CONNECTION_TIMEOUT, peer=settings.where, timeout_s=CONNECT_S) from None
        except OSError as error:
            raise ConnectFailed(_not_connected(settings.where, error)) from None

    async def exchange(
        self, data: bytes, key: Hashable, sent: Request, pending: ResponseMatcher, timeout_s: float, delay_s: float
    ) -> Response:
        """Same as SerialLine.exchange; raises LinkTimeout, FrameError, ForeignMasterActive, LinkClosed."""
        if delay_s:
            await self._wait_for_silence(pending, delay_s)
        transport = self._transport
        if transport is None:
            raise LinkClosed(codes.NOT_CONNECTED, peer=self._settings.where)
        if self._rtu:
            self._foreign.before_request(pending, data)  # the line was silent: the buffer has no part of a response
        pending.open[key] = sent  # not earlier: bytes received before sending cannot be its response
        pending.received, pending.damaged = 0, False
        self._pending, self._failure = pending, partial(pending.failure, sent, timeout_s)
        pending.awaited = b"" if self._rtu else tcp_response_head(sent, key)
        future = self._future = self._loop.create_future()
        transport.write(data)
        self.last_s = pending.sent_s = now_s = self._loop.time()
        self._give_up_s = now_s + timeout_s
        if self._timer is None or self._timer.when() > self._give_up_s:
            self._start_timer()
        try:
            response: Response = await future
            return response
        finally:
            self._future = None

    async def receive(self, pending: ResponseMatcher) -> None:
        """Assigns what is received from now on to `pending`."""
        self._pending = pending

    async def listen(self, pending: ResponseMatcher, seconds: float) -> None:
        """RTU: same as SerialLine.listen. A transparent converter forwards the traffic of other masters on its line."""
        self._pending = pending
        until_s = self._loop.time() + seconds
        self._foreign.examine(pending)
        while (rest_s := until_s - self._loop.time()) > 0:
            await asyncio.sleep(min(rest_s, LISTEN_S))
            self._foreign.examine(pending)

    async def wait_late(self, pending: ResponseMatcher, seconds: float) -> None:
        """Receives until a late response has arrived, at most for `seconds`."""
        self._pending = pending
        until_s = self._loop.time() + seconds
        n_late = len(pending.late)
        while len(pending.late) == n_late and (rest_s := until_s - self._loop.time()) > 0:  # noqa: ASYNC110 (rare; not worth an event)
            await asyncio.sleep(min(rest_s, 0.01))

    def close(self) -> None:
        """Closes the connection without waiting."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def end(self) -> None:
        """Same as close()."""
        self.close()

    async def _wait_for_silence(self, pending: ResponseMatcher, delay_s: float) -> None:
        """Same as SerialLine._wait_for_silence; received bytes extend the wait."""
        began_s = self._loop.time()
        while True:
            now_s = self._loop.time()
            silent_s, waited_s = now_s - self.last_s, now_s - began_s
            rest_s = self._foreign.rest_s(pending, delay_s, silent_s, waited_s) if self._rtu else delay_s - silent_s
            if rest_s <= 0:
                break
            await asyncio.sleep(rest_s)

    def _start_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._give_up_s, self._on_timeout)

    def _on_timeout(self) -> None:
        """Handles the timer that all requests share: it fires once per time-out, not once per request."""
        self._timer = None
        if self._future is None or self._future.done():
            return
        if self._loop.time() < self._give_up_s:  # set for an earlier request
            self._start_timer()
            return
        self._future.set_exception(self._failure())

    # --- called by asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.last_s = self._loop.time()

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._chunk

    def buffer_updated(self, nbytes: int) -> None:
        self.last_s = self._loop.time()
        pending = self._pending
        if pending is None:  # before the first request
            return
        response = pending.feed(bytes(self._chunk[:nbytes]))
        future = self._future
        if future is None or future.done():
            return
        if response is not None:
            self._responded = True
            future.set_result(response)
        elif pending.incomplete:
            self._loop.call_later(STALL_S, self._on_stall, self.last_s, future)

    def _on_stall(self, since_s: float, future: asyncio.Future[Response]) -> None:
        """Fails the exchange if no byte arrived since an incomplete or corrupt response."""
        if self._future is future and not future.done() and self.last_s == since_s:
            future.set_exception(self._failure())

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._future is None or self._future.done():
            return
        peer = self._settings.where
        if error:
            reason = codes.CONNECTION_ABORTED(peer=peer, error=cause_of(error))
        else:
            reason = (codes.CONNECTION_CLOSED if self._responded else codes.CONNECTION_CLOSED_EARLY)(peer=peer)
        self._future.set_exception(LinkClosed(reason))


def _not_connected(peer: str, error: OSError) -> Reason:
    if isinstance(error, socket.gaierror):
        return codes.HOST_UNKNOWN(peer=peer)
    if error.errno == errno.ECONNREFUSED:
        return codes.CONNECTION_REFUSED(peer=peer)
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT):
        return codes.HOST_UNREACHABLE(peer=peer)
    return codes.CONNECTION_FAILED(peer=peer, error=cause_of(error))

"""TCP connection to a device or gateway: sends one request frame and waits for its response."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Hashable
from typing import TYPE_CHECKING

from drivers import error_reasons as codes
from drivers.direct_future import DirectFuture, sleep
from drivers.errors import ConnectFailed, LinkClosed
from drivers.foreign_master import ForeignMasterDetector
from drivers.framing import Request, Response
from drivers.reasons import Reason, cause_of
from drivers.response_matcher import PAUSE_S, ResponseMatcher
from drivers.tcp_framing import tcp_response_head

if TYPE_CHECKING:
    from drivers.bus_settings import BusSettings

CONNECT_S = 3.0
LISTEN_S = 0.1  # interval for examining what was received while listening
CHUNK = 4096  # bytes per read from the socket
STALL_S = 0.2  # a response with a pause that long is incomplete


class TcpStream:
    """A TCP connection. Use from one task only.

    A socket, not an asyncio transport: a transport needs more processor time, and if its buffer is full, it would send
    a request when the response is no longer expected.

    foreign: RTU: examines everything that is no response, before each request.
    """

    def __init__(self, settings: BusSettings, foreign: ForeignMasterDetector) -> None:
        self._settings = settings
        self._rtu = settings.is_rtu
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        self._pending: ResponseMatcher | None = None
        self._future: DirectFuture[Response] | None = None  # the response of the present exchange
        self._sent: Request  # in the present exchange
        self._timeout_s = self._give_up_s = 0.0  # of the present exchange
        self._timer: asyncio.TimerHandle | None = None
        self._foreign = foreign
        self._responded = False  # whether a response was received on this connection
        self._last_s = 0.0  # monotonic time of the last byte sent or received

    @property
    def connected(self) -> bool:
        """Whether the connection is open."""
        return self._socket is not None

    @property
    def silent_s(self) -> float:
        """Time since the last byte was sent or received, in seconds."""
        return time.monotonic() - self._last_s

    async def open(self) -> None:
        """Opens the connection. Raises ConnectFailed."""
        peer = self._settings.where
        try:
            async with asyncio.timeout(CONNECT_S):
                self._socket = await self._connect()
        except TimeoutError:
            raise ConnectFailed(codes.CONNECTION_TIMEOUT, peer=peer, timeout_s=CONNECT_S) from None
        except OSError as error:
            raise ConnectFailed(not_connected(peer, error)) from None
        self._last_s = time.monotonic()
        self._loop.add_reader(self._socket, self._on_readable)

    async def exchange(
        self, data: bytes, key: Hashable, sent: Request, pending: ResponseMatcher, timeout_s: float, delay_s: float
    ) -> Response:
        """Same as SerialLine.exchange; raises LinkTimeout, FrameError, ForeignMasterActive, LinkClosed."""
        if delay_s:
            await self._wait_for_silence(pending, delay_s)
        if self._socket is None:
            raise LinkClosed(codes.NOT_CONNECTED, peer=self._settings.where)
        if self._rtu:
            self._foreign.before_request(pending, data)  # the line was silent: the buffer has no part of a response
        pending.open[key] = sent  # not earlier: bytes received before sending cannot be its response
        pending.received, pending.damaged = 0, False
        pending.awaited = b"" if self._rtu else tcp_response_head(sent, key)
        self._pending, self._sent, self._timeout_s = pending, sent, timeout_s
        self._send(data)
        self._last_s = pending.sent_s = now_s = time.monotonic()
        self._give_up_s = now_s + timeout_s
        if self._timer is None or self._timer.when() > self._give_up_s:
            self._start_timer()
        self._future = DirectFuture(self._loop)
        try:
            return await self._future
        finally:
            self._future = None

    async def receive(self, pending: ResponseMatcher) -> None:
        """Assigns what is received from now on to `pending`."""
        self._pending = pending

    async def listen(self, pending: ResponseMatcher, seconds: float) -> None:
        """RTU: same as SerialLine.listen. A transparent converter forwards the traffic of other masters on its line."""
        self._pending = pending
        until_s = time.monotonic() + seconds
        self._foreign.examine(pending, self.silent_s)
        while (rest_s := until_s - time.monotonic()) > 0:
            await asyncio.sleep(min(rest_s, LISTEN_S))
            self._foreign.examine(pending, self.silent_s)

    async def wait_late(self, pending: ResponseMatcher, seconds: float) -> None:
        """Receives until a late response has arrived, at most for `seconds`."""
        self._pending = pending
        until_s = time.monotonic() + seconds
        n_late = len(pending.late)
        while len(pending.late) == n_late and (rest_s := until_s - time.monotonic()) > 0:  # noqa: ASYNC110 (rare; not worth an event)
            await asyncio.sleep(min(rest_s, 0.01))

    def close(self) -> None:
        """Closes the connection without waiting."""
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _connect(self) -> socket.socket:
        """A socket connected to the first address of the host that accepts a connection. Raises OSError."""
        host, port = self._settings.host, self._settings.port_number
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except socket.gaierror:  # a name
            found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        failure = OSError(errno.EHOSTUNREACH, "no address")
        for family, kind, protocol, _, address in found:
            sock = socket.socket(family, kind, protocol)
            try:
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await self._loop.sock_connect(sock, address)
            except BaseException as error:
                sock.close()
                if not isinstance(error, OSError):
                    raise
                failure = error
            else:
                return sock
        raise failure

    async def _wait_for_silence(self, pending: ResponseMatcher, delay_s: float) -> None:
        """Same as SerialLine._wait_for_silence; received bytes extend the wait."""
        waited_s = 0.0  # without delays of this process, which would make a silent line look busy
        while True:
            silent_s = self.silent_s
            rest_s = self._foreign.rest_s(pending, delay_s, silent_s, waited_s) if self._rtu else delay_s - silent_s
            if rest_s <= 0:
                break
            await sleep(rest_s)
            waited_s += rest_s

    def _send(self, data: bytes) -> None:
        """Sends a request. A full buffer means that the peer has received none of many requests."""
        assert self._socket is not None
        try:
            complete = self._socket.send(data) == len(data)
        except BlockingIOError:
            complete = False
        except OSError as error:
            raise self._lost(error) from None
        if not complete:
            raise self._lost()

    def _start_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._give_up_s, self._on_timeout)

    def _fail(self) -> None:
        """Ends the present exchange without a response."""
        assert self._future is not None
        assert self._pending is not None
        self._future.set_exception(self._pending.failure(self._sent, self._timeout_s))

    # --- called by the event loop ---

    def _on_timeout(self) -> None:
        """Handles the timer that all requests share: it fires once per time-out, not once per request."""
        self._timer = None
        if self._future is None:
            return
        assert self._pending is not None
        now_s, stall_s = time.monotonic(), self._pending.pause_max_s
        if now_s < self._give_up_s:  # set for an earlier request
            self._start_timer()
        elif stall_s and (until_s := self._pending.give_up_s(self._give_up_s, self._last_s, stall_s)) > now_s:
            self._timer = self._loop.call_at(until_s, self._on_timeout)
        else:
            self._fail()

    def _on_readable(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._on_lost(self._lost(error))
            return
        if not data:
            self._on_lost(self._lost())
            return
        before_s, self._last_s = self._last_s, time.monotonic()
        pending, future = self._pending, self._future
        if pending is None:  # before the first request
            return
        response = pending.feed(data, self._last_s - before_s >= PAUSE_S)
        if future is None:
            return
        if response is not None:
            self._responded = True
            future.set_result(response)
        elif pending.incomplete:
            self._loop.call_later(max(STALL_S, pending.pause_max_s), self._on_stall, self._last_s, future)

    def _on_stall(self, since_s: float, future: DirectFuture[Response]) -> None:
        """Fails the exchange if no byte arrived since an incomplete or corrupt response."""
        if self._future is future and self._last_s == since_s:
            self._fail()

    def _on_lost(self, error: LinkClosed) -> None:
        if self._future is not None:
            self._future.set_exception(error)

    def _lost(self, error: OSError | None = None) -> LinkClosed:
        """Closes the connection. error: why it was lost; None: the peer has closed it."""
        self.close()
        peer = self._settings.where
        if error is not None:
            return LinkClosed(codes.CONNECTION_ABORTED, peer=peer, error=cause_of(error))
        return LinkClosed(codes.CONNECTION_CLOSED if self._responded else codes.CONNECTION_CLOSED_EARLY, peer=peer)


def not_connected(peer: str, error: OSError) -> Reason:
    if isinstance(error, socket.gaierror):
        return codes.HOST_UNKNOWN(peer=peer)
    if error.errno == errno.ECONNREFUSED:
        return codes.CONNECTION_REFUSED(peer=peer)
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT):
        return codes.HOST_UNREACHABLE(peer=peer)
    return codes.CONNECTION_FAILED(peer=peer, error=cause_of(error))

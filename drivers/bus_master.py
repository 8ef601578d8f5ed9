"""The only connection to a bus: opening, listening before the first request, the thread of a serial line, closing.

What is sent, and which response is accepted, is in the subclasses: drivers/modbus_link.py and drivers/dlt645_link.py.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

from drivers import error_reasons as codes
from drivers.bus_settings import BusSettings
from drivers.errors import ConnectFailed, ForeignMasterActive, LinkClosed, LinkError
from drivers.foreign_master import ForeignMasterDetector, ForeignTraffic
from drivers.reading import Clock
from drivers.reasons import Reason
from drivers.response_matcher import ResponseMatcher
from drivers.serial_line import SerialLine
from drivers.tcp_stream import TcpStream
from drivers.thread_executor import ThreadExecutor

log = logging.getLogger(__name__)

T = TypeVar("T")

STALE_S = 0.3  # what is received that soon after the first opening may come from the buffer of a converter
STALE_LISTEN_S = 30.0  # minimum listening time if that was a request: the period of a slow master is 20 s
UNKNOWN_BYTES = 6  # bytes without a frame during the listening time that are more than interference
LISTENED_S = 60.0  # a port that was closed for longer is listened to again
RECONNECT_S = (0.5, 10.0)  # delay after a failed connection attempt: first, maximum


class BusMaster:
    """The only connection to a bus. Use from one task only.

    A serial line has its own thread; it receives each request, or all requests of one `run`, as one call.

    late: responses discarded because they arrived too late. damaged: responses discarded as corrupt.
    failed: requests without a valid response.
    response_s: response time of the last response in seconds, from sending its request to the complete response.
    no_overread: (unit, function, address) of blocks around which no further register may be read.

    While another master is known (`foreign`), each request raises ForeignMasterActive and nothing is sent.
    """

    def __init__(
        self, wire: BusSettings, clock: Clock, pending: ResponseMatcher, detector: ForeignMasterDetector
    ) -> None:
        self.wire = wire
        self.late = self.damaged = self.failed = 0
        self.response_s = 0.0
        self.no_overread: set[tuple[int, int, int]] = set()
        self._clock = clock
        self._serial, self._rtu = wire.is_serial, wire.is_rtu
        self._stream: SerialLine | TcpStream | None = None
        self._pending, self._detector = pending, detector
        self._silence_s = wire.silence_s
        self._listened = False
        self._closed_s = 0.0  # monotonic time at which the last connection was closed; 0: none was open
        self._reconnect_at_s = 0.0
        self._reconnect_delay_s = RECONNECT_S[0]
        self._timeouts = 0
        self._down: Reason | None = None  # why the last connection attempt failed
        self._thread: ThreadExecutor | None = None  # of a serial line, from the first request on
        self._ending = threading.Event()  # the link is being closed

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

    def run(self, work: Coroutine[Any, Any, T]) -> Awaitable[T]:
        """Runs a coroutine that waits for nothing but this link. On a serial line, the thread of the line runs it.

        A cancelled one ends in the thread, at the latest when it sends the next request after `close` was called.
        """
        if not self._serial:
            return work
        if self._thread is None:
            self._thread = ThreadExecutor(f"line-{self.wire.name}")
        return self._thread.run(work)

    @property
    def unmatched(self) -> bytes:
        """Bytes received since the last request that belong to no expected response (RTU)."""
        return bytes(self._pending.buffer)

    async def close(self) -> None:
        """Closes the port. A cancelled request that is still running ends first; the event loop is not blocked."""
        thread = self._thread
        if thread is None:
            self._drop()
            return
        self._ending.set()
        try:
            await thread.call(self._drop)
        finally:
            thread.stop()
            self._thread = None
            self._ending.clear()

    # --- the connection ---

    async def _connect(self) -> SerialLine | TcpStream:
        self._drop()
        if self._ending.is_set():
            raise LinkClosed(codes.PORT_CLOSED, port=self.wire.where)
        now_s = time.monotonic()
        if self._down is not None and now_s < self._reconnect_at_s:
            raise ConnectFailed(self._down)
        stream: SerialLine | TcpStream
        if self._serial:
            stream = SerialLine(self.wire, self._detector, self._ending)
        else:
            stream = TcpStream(self.wire, self._detector)
        try:
            await stream.open()
        except BaseException as error:
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
            detector.listen_while_stopped(pending, stream.silent_s, wire.quiet_s)
            log.info("%s: no frame of another master for %g s; polling resumes", wire.name, wire.quiet_s)
            self._listened = True
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

    def _drop(self) -> None:
        """Closes the connection. Late responses stay expected: a gateway may send them on the next connection."""
        if self._stream is not None:
            self._stream.close()
            self._closed_s = time.monotonic()
        self._stream = None
        self._timeouts = 0
        self._pending.clear()

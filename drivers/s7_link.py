"""The link to a PLC: its data blocks as registers. The only connection to it, in a separate thread.

Two bytes of a data block are one register, from the first byte of the structure of a device on. Requests are
sent in sequence; after one that failed, the connection is opened again, so that no late response is ever accepted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from drivers import error_reasons as codes
from drivers.bus_master import RECONNECT_S
from drivers.bus_settings import BusSettings
from drivers.errors import ConnectFailed, FrameError, LinkClosed, LinkError, PlcRejection
from drivers.framing import Request
from drivers.reasons import Reason
from drivers.s7_place import Part, place_of, place_text
from drivers.thread_executor import ThreadExecutor

T = TypeVar("T")

AHEAD_S = 0.1  # age up to which a value counts as that of the device that is polled next


class S7Link:
    """The link to the CPU of a bus. Use from one task only. The attributes are those of BusMaster."""

    def __init__(self, wire: BusSettings) -> None:
        from drivers.s7_connection import PlcConnection  # python-snap7 is needed for a PLC only

        self.wire = wire
        self.late = self.damaged = self.failed = 0
        self.received = self.unmatched_count = 0  # there are no other participants
        self.response_s = 0.0
        self.no_overread: set[tuple[int, int, int]] = set()
        self._plc = PlcConnection(wire)
        self._thread: ThreadExecutor | None = None
        self._ending = threading.Event()
        self._reading = False
        self._announced: list[Request] = []
        self._ahead: dict[Request, tuple[bytes | PlcRejection, float]] = {}  # with the time of the response
        self._down: Reason | None = None  # why the last connection attempt failed
        self._reconnect_at_s, self._reconnect_delay_s = 0.0, RECONNECT_S[0]

    def run(self, work: Coroutine[Any, Any, T]) -> Awaitable[T]:
        """Runs a coroutine that waits for nothing but this link, in the thread of the link."""
        if self._thread is None:
            self._thread = ThreadExecutor(f"plc-{self.wire.name}")
        return self._thread.run(work)

    def announce(self, requests: Iterable[Request]) -> None:
        """Requests that follow immediately, so that one request to the PLC may read several of them."""
        self._announced = list(dict.fromkeys(requests))

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, *, edges: Sequence[int] = (),
        tries: int = 1, silence_tries: int | None = None, retry_after_s: float | None = None,
    ) -> bytes:  # fmt: skip
        """The bytes of a data block as the PLC has them, the highest first.

        request: unit: a place of drivers/s7_place.py; address: register from there on; `function` is not used.
        Repeated only after a corrupt response (`tries`): TCP repeats what is lost. `edges`, `silence_tries` and
        `retry_after_s` are not used.
        Raises LinkClosed, LinkTimeout, FrameError, PlcRejection.
        """
        if not (self._thread and self._thread.is_current):
            return await self.run(self.read_block(request, timeout_s, inter_request_delay_s, tries=tries))
        found, at_s = self._ahead.pop(request, (None, 0.0))
        if found is None or time.monotonic() - at_s > AHEAD_S:
            if inter_request_delay_s:
                self._ending.wait(inter_request_delay_s)
            found = self._repeated(request, timeout_s, tries)
        if isinstance(found, PlcRejection):
            raise found
        return found

    async def close(self) -> None:
        """Closes the connection, at the latest when the exchange in progress has ended."""
        if self._thread is None:
            return
        self._ending.set()
        if self._reading:
            self._plc.abort()
        try:
            await self._thread.call(self._plc.close)
        finally:
            self._thread.stop()
            self._thread = None
            self._ending.clear()

    def _repeated(self, request: Request, timeout_s: float, tries: int) -> bytes | PlcRejection:
        for left in reversed(range(tries)):
            self._reading = True
            try:
                return self._read(request, timeout_s)
            except FrameError:
                self.damaged += 1
                self.failed += 1
                if not left:
                    raise
            except LinkError:
                self.failed += 1
                raise
            finally:
                self._reading = False
        raise ValueError(f"tries must be at least 1, got {tries}")

    def _read(self, request: Request, timeout_s: float) -> bytes | PlcRejection:
        """Reads a block, and announced ones that fit into the same request."""
        self._connect()
        parts = self._parts(request)
        batch = [request]
        if len(parts) == 1:
            for other in self._announced:
                more = self._parts(other)
                if other not in batch and len(more) == 1 and self._plc.fits([part.n_bytes for part in parts + more]):
                    batch.append(other)
                    parts += more
        if len(batch) > 1:
            first, *others = self._plc.read(parts, timeout_s)
            self._ahead = {other: (found, time.monotonic()) for other, found in zip(batch[1:], others, strict=True)}
            self._announced = [other for other in self._announced if other not in batch]
        else:
            first = b""
            for part in parts:
                (piece,) = self._plc.read([part], timeout_s)
                if isinstance(piece, PlcRejection):
                    return piece
                first += piece
        self.response_s = self._plc.response_s
        return first

    def _parts(self, request: Request) -> list[Part]:
        """One part, or several if the block is too long for one."""
        block, first_byte = place_of(request.unit)
        end = 2 * (request.address + request.registers)
        return [
            Part(block, first_byte + at, min(self._plc.bytes_max, end - at), place_text(request.unit, at))
            for at in range(2 * request.address, end, self._plc.bytes_max)
        ]

    def _connect(self) -> None:
        """Opens the connection if it is closed, after an increasing delay. Raises ConnectFailed."""
        if self._ending.is_set():
            raise LinkClosed(codes.NOT_CONNECTED, peer=self.wire.where)
        if self._plc.is_open:
            return
        if self._down is not None and time.monotonic() < self._reconnect_at_s:
            raise ConnectFailed(self._down)
        try:
            self._plc.open()
        except ConnectFailed as error:
            self._down = error.reason
            self._reconnect_at_s = time.monotonic() + self._reconnect_delay_s
            self._reconnect_delay_s = min(2 * self._reconnect_delay_s, RECONNECT_S[1])
            raise
        self._down, self._reconnect_delay_s = None, RECONNECT_S[0]

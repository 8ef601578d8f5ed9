"""Listens to a bus that another master polls. Nothing can be sent: the port is opened for receiving only.

A thread receives, finds the exchanges (ExchangeFinder) and keeps the last response of each block of registers.
"""

from __future__ import annotations

import asyncio
import logging
import select
import threading
import time
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from drivers.bus_settings import BusSettings
from drivers.error_reasons import NOT_HEARD
from drivers.errors import LinkClosed, LinkTimeout, NotReadByMaster
from drivers.framing import Request
from drivers.overheard import Exchange, ExchangeFinder, RtuExchanges, TrafficCounts
from drivers.overheard_meters import MeterExchanges
from drivers.profiles.dlt645_register import READ_DATA
from drivers.reading import Clock
from drivers.reasons import Reason
from drivers.receive_port import CHUNK, Receiver, open_receiver

log = logging.getLogger(__name__)

T = TypeVar("T")

GATHER_S = 0.02  # bytes that arrive within this time are read together: one wake-up for each byte would cost more
SLICE_S = 0.025  # longest uncertainty about when a byte arrived after a silence
ENDED_S = 0.1  # silence after which a frame is incomplete; through a converter TCP_ENDED_S
TCP_ENDED_S = 0.5
RECONNECT_S = (0.5, 10.0)  # delay after a failed attempt to open the port: first, maximum
LEARN_S = 10.0  # time after which a block that was not received counts as not read
HEARD_CHECK_S = 0.05
BLOCKS_MAX = 2000  # different blocks that are kept
PERIODS = 3.0  # of a block, without a response, after which it is overdue


class HeardBlock(Struct, frozen=True):
    """The last response to a request of the other master.

    request: as in Exchange. data: as in Exchange, of the last response with values; empty: none so far.
    exception: exception code of the last response; 0: none. heard_s: monotonic time of the last response with values.
    n: number of responses. first_s, last_s: monotonic time of the first and the last response.
    """

    request: Request
    data: bytes
    exception: int
    heard_s: float
    n: int
    first_s: float
    last_s: float

    @property
    def period_s(self) -> float | None:
        """Mean time between two responses; None after the first one."""
        return (self.last_s - self.first_s) / (self.n - 1) if self.n > 1 else None

    def covers(self, request: Request) -> bool:
        """Whether the response contains the registers of a request."""
        unit, function, address, registers = self.request
        if (unit, function) != request[:2] or not self.data:
            return False
        if function == READ_DATA:
            return address == request.address
        return address <= request.address and request.end <= address + registers


class BusListener:
    """What is received on one bus. Has the interface of a link, so that readers of registers can use it.

    late, damaged, failed: as of a link; a response of another master is none of them.
    down: why the port is not open; None: it is, or was not opened yet.
    """

    def __init__(self, wire: BusSettings, clock: Clock) -> None:
        self.wire = wire
        self.late = self.damaged = self.failed = 0
        self.response_s = 0.0
        self.no_overread: set[tuple[int, int, int]] = set()
        self.down: Reason | None = None
        self._clock = clock
        self._finder: ExchangeFinder = MeterExchanges() if wire.dlt645 else RtuExchanges(wire.character_s)
        self._ended_s = ENDED_S if wire.is_serial else TCP_ENDED_S
        self._blocks: dict[Request, HeardBlock] = {}
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._began_s = 0.0

    @property
    def counts(self) -> TrafficCounts:
        return self._finder.counts

    @property
    def seconds(self) -> float:
        """Time since listening began; 0 before."""
        return time.monotonic() - self._began_s if self._began_s else 0.0

    def start(self) -> None:
        """Begins to listen, in a thread."""
        if self._thread is None:
            self._ending.clear()
            self._began_s = time.monotonic()
            self._thread = threading.Thread(target=self._run, name=f"listen-{self.wire.name}", daemon=True)
            self._thread.start()

    def blocks(self, unit: int | None = None) -> list[HeardBlock]:
        """The blocks that were received. unit: of this unit only."""
        with self._lock:
            found = list(self._blocks.values())
        return [block for block in found if unit in (None, block.request.unit)]

    async def close(self) -> None:
        """Ends listening and closes the port."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._ending.set()
            await asyncio.to_thread(thread.join)

    def run(self, work: Coroutine[Any, Any, T]) -> Awaitable[T]:
        return work

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, *, edges: Sequence[int] = (),
        tries: int = 1, silence_tries: int | None = None, retry_after_s: float | None = None,
    ) -> bytes:  # fmt: skip
        """The registers of the next response that contains them. Only `request` is used.

        Raises NotReadByMaster if the other master does not read them together, LinkTimeout if no response is received
        in PERIODS periods, LinkClosed.
        """
        self.start()
        began_s = time.monotonic()
        while True:
            if self.down is not None:
                raise LinkClosed(self.down)
            found = [block for block in self.blocks(request.unit) if block.covers(request)]
            if found:
                newest = max(found, key=lambda block: block.heard_s)
                if newest.heard_s >= began_s:
                    return _part(newest, request)
                period_s = min(block.period_s or LEARN_S for block in found)
                if time.monotonic() - began_s > max(1.0, PERIODS * period_s):
                    raise LinkTimeout(NOT_HEARD, unit_id=request.unit, seconds=time.monotonic() - newest.heard_s)
            elif self.seconds > LEARN_S:
                raise NotReadByMaster(request.unit, request.address)
            await self._clock.sleep(HEARD_CHECK_S)

    # --- the thread ---

    def _run(self) -> None:
        delay_s = RECONNECT_S[0]
        while not self._ending.is_set():
            try:
                port = open_receiver(self.wire)
            except LinkClosed as error:
                if self.down is None:
                    log.warning("%s: %s; retrying", self.wire.name, error)
                self.down = error.reason
                self._ending.wait(delay_s)
                delay_s = min(2 * delay_s, RECONNECT_S[1])
                continue
            if self.down is not None:
                log.info("%s: listening again", self.wire.name)
            self.down, delay_s = None, RECONNECT_S[0]
            try:
                self._listen(port)
            except LinkClosed as error:
                log.warning("%s: %s; retrying", self.wire.name, error)
                self.down = error.reason
                self._ending.wait(delay_s)
            finally:
                port.close()

    def _listen(self, port: Receiver) -> None:
        empty_s = last_s = time.monotonic()
        self._finder.lost(empty_s)
        while not self._ending.is_set():
            if not _readable(port, SLICE_S):
                empty_s = time.monotonic()
                if last_s and empty_s - last_s > self._ended_s:
                    self._add(self._finder.end())
                    last_s = 0.0
                continue
            time.sleep(GATHER_S)
            data = port.receive()
            last_s = time.monotonic()
            self._add(self._finder.feed(data, empty_s, last_s))
            empty_s = last_s
            if len(data) == CHUNK and self.wire.is_serial:  # the kernel keeps no more: bytes may be missing
                self._finder.lost(last_s)

    def _add(self, exchanges: Sequence[Exchange]) -> None:
        with self._lock:
            for request, data, exception, heard_s in exchanges:
                old = self._blocks.get(request)
                if old is None and len(self._blocks) >= BLOCKS_MAX:
                    continue
                self._blocks[request] = HeardBlock(
                    request, data or (old.data if old else b""), exception,
                    heard_s if data else old.heard_s if old else 0.0,
                    old.n + 1 if old else 1, old.first_s if old else heard_s, heard_s,
                )  # fmt: skip


def _part(block: HeardBlock, request: Request) -> bytes:
    """The registers of `request` in the response to a larger one."""
    if request.function == READ_DATA:
        return block.data
    begin = 2 * (request.address - block.request.address)
    return block.data[begin : begin + 2 * request.registers]


def _readable(port: Receiver, seconds: float) -> bool:
    return bool(select.select([port.fileno()], [], [], seconds)[0])

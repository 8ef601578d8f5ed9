"""Common to the bus tests: servers written here or simulated, independent of the driver's code."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import struct
import threading
import time
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Self

from agent.core.clock import SystemClock
from drivers.framing import Request
from drivers.modbus_link import BusSettings, ModbusLink
from drivers.reading import Clock
from simulators.bus.segment import Segment
from simulators.bus.sockets import SocketListener

Answer = Callable[[int, int, int, int], Awaitable[bytes | None]]  # unit, function, address, count → PDU or no response


async def read_registers(
    link: ModbusLink,
    unit: int,
    function: int,
    address: int,
    count: int,
    timeout_s: float,
    *,
    spare: int = 0,
    **how: Any,
) -> list[int]:
    """`count` register values, each 0 to 65535; arguments and errors as in ModbusLink.read_block.

    spare: number of registers after the block that a retry may read.
    """
    how.setdefault("edges", range(count, min(count + spare, 125) + 1))
    data = await link.read_block(Request(unit, function, address, count), timeout_s, **how)
    return list(struct.unpack(f">{count}H", data))


def registers(function: int, values: list[int]) -> bytes:
    return struct.pack(f">BB{len(values)}H", function, 2 * len(values), *values)


async def echo_address(unit: int, function: int, address: int, count: int) -> bytes:
    """Each register contains its own address, so that a value of another request is detected."""
    return registers(function, [(address + n) & 0xFFFF for n in range(count)])


@contextlib.asynccontextmanager
async def tcp_server(answer: Answer, port: int = 0) -> AsyncIterator[int]:
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                header = await reader.readexactly(7)
                transaction, _, length, unit = struct.unpack(">HHHB", header)
                function, address, count = struct.unpack(">BHH", await reader.readexactly(length - 1))
                pdu = await answer(unit, function, address, count)
                if pdu is not None:
                    writer.write(struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu)
                    await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        await asyncio.sleep(0.01)  # the reader tasks end


def link_to(port: int) -> ModbusLink:
    return ModbusLink(BusSettings("w", host="127.0.0.1", port_number=port), SystemClock())


@contextlib.asynccontextmanager
async def opened(wire: BusSettings, clock: Clock | None = None) -> AsyncIterator[ModbusLink]:
    """A link that is closed at the end of the test, also after a failure. clock: None: the real one."""
    link = ModbusLink(wire, clock or SystemClock())
    try:
        yield link
    finally:
        await link.close()


@contextlib.asynccontextmanager
async def passing() -> AsyncIterator[Callable[[], float]]:
    """Elapsed seconds, counted by a thread every 10 ms.

    Time in which the machine executed no process is excluded; time in which another task blocked the event loop is
    included.
    """
    looks, began_s, over = 0, time.monotonic(), threading.Event()

    def look() -> None:
        nonlocal looks
        while not over.wait(0.01):
            looks += 1

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield lambda: min(time.monotonic() - began_s, 0.011 * looks)
    finally:
        over.set()
        looking.join()


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(coroutine, 60))


def crc16(data: bytes) -> bytes:
    """CRC of Modbus over serial line, V1.02, 6.2.2: bit by bit from its definition."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return struct.pack("<H", crc)


class RtuSlave(threading.Thread):
    """One slave at the other end of a pseudo-terminal.

    delays: seconds before each of the first responses. chatter: bytes that are sent every 50 ms.
    """

    def __init__(self, delays: list[float] | None = None, chatter: bytes = b"") -> None:
        super().__init__(daemon=True)
        self.master, slave = pty.openpty()
        tty.setraw(self.master)
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        self._slave, self._delays, self.chatter = slave, delays or [], chatter
        self._ending = threading.Event()
        self.garble = False  # responses as they appear at a wrong baud rate

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def run(self) -> None:
        os.set_blocking(self.master, False)
        waiting = b""
        while not self._ending.wait(0.002):
            if self.chatter:
                with contextlib.suppress(BlockingIOError):
                    os.write(self.master, self.chatter)
                self._ending.wait(0.05)
            with contextlib.suppress(BlockingIOError, OSError):
                waiting += os.read(self.master, 256)
            if len(waiting) >= 8:
                request, waiting = waiting[:8], waiting[8:]
                unit, function, address, count = struct.unpack(">BBHH", request[:6])
                assert crc16(request[:6]) == request[6:]
                if self._delays:
                    self._ending.wait(self._delays.pop(0))
                body = bytes([unit]) + registers(function, [(address + n) & 0xFFFF for n in range(count)])
                answer = body + crc16(body)
                os.write(self.master, bytes(byte ^ 0xA5 for byte in answer) if self.garble else answer)

    def stop(self) -> None:
        self._ending.set()
        if self.is_alive():
            self.join(5)
        os.close(self.master)
        os.close(self._slave)


class Converter:
    """A transparent converter between the serial line and the latest connection; station "agent" on the segment."""

    def __init__(self, segment: Segment) -> None:
        self.listener = SocketListener(segment, lambda data, _: self._say(data))
        self._send = segment.attach("agent", self._hear)

    def _say(self, data: bytes) -> None:
        self._send(data)

    def _hear(self, data: bytes) -> None:
        for connection in self.listener.connections[-1:]:
            connection.write(data)

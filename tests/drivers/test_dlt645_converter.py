"""Meters of DL/T 645 at a transparent converter, in real time: pauses within a response, and a response cut short."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from agent.core.clock import SystemClock
from drivers.bus_settings import BusSettings
from drivers.dlt645_link import Dlt645Link
from drivers.errors import FrameError
from drivers.framing import Request
from simulators.devices.meter_frames import meter_frame

pytestmark = pytest.mark.alone
ADDRESS, DI, VALUE = "000000000161", 0x00010000, bytes.fromhex("78563412")
ANSWER = meter_frame(ADDRESS, 0x91, DI.to_bytes(4, "little") + VALUE)
TIMEOUT_S = 0.3


def read(sent: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> bytes:
    """The value that the link reads from a converter that forwards these bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        await sent(writer)
        await reader.read()  # until the link closes
        writer.close()
        ended.set()

    ended = asyncio.Event()

    async def scene() -> bytes:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        wire = BusSettings(
            "c", host="127.0.0.1", port_number=server.sockets[0].getsockname()[1], baud=9600, dlt645=True
        )
        link = Dlt645Link(wire, SystemClock())
        try:
            return await link.read_block(Request(161, 0x11, DI, 4), TIMEOUT_S)
        finally:
            await link.close()
            await ended.wait()
            server.close()

    return asyncio.run(asyncio.wait_for(scene(), 10))


def test_a_pause_of_400_ms_does_not_end_a_response_also_after_the_timeout() -> None:
    async def with_hole(writer: asyncio.StreamWriter) -> None:
        writer.write(ANSWER[:15])
        await asyncio.sleep(0.4)
        writer.write(ANSWER[15:])

    assert read(with_hole) == VALUE


def test_a_response_without_its_end_is_corrupt() -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.write(ANSWER[:-3])

    with pytest.raises(FrameError):
        read(cut)

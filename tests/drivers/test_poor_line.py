"""Values that arrive from a meter whose every fourth response is lost or late, on a serial line. None of them is wrong.

docs/reference/bus-measured.md has the shares of other devices at their line speed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator

import pytest
from support.answer_check import fault_of
from support.fault_matrix import FaultStep, clean, late, silent
from support.scripted_line import FaultyLine
from support.scripted_slave import UnorderedPty

from agent.core.clock import SystemClock
from drivers.framing import Request
from drivers.modbus_device import DeviceSettings, ModbusDevice
from drivers.modbus_link import BusSettings, ModbusLink
from drivers.profiles import load_profile
from drivers.reading import Quality
from simulators.bus.frames import Ask, ReadBlock

BAUD, POLLS = 115200, 5
LATE_S = 0.4  # later than any attempt waits


class CheckedLink(ModbusLink):
    """Checks the registers of each block against the requests that the slave received."""

    def __init__(self, line: FaultyLine) -> None:
        super().__init__(BusSettings("line", serial_port=line.serial_port, baud=BAUD), SystemClock())
        self._line = line

    async def read_block(self, request: Request, *rest: float, **more: object) -> bytes:  # type: ignore[override]
        since_s = time.monotonic()
        data = await super().read_block(request, *rest, **more)  # type: ignore[arg-type]
        words = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
        assert fault_of(words, ReadBlock(*request), since_s, self._line.asked) == ""
        return data


@contextlib.contextmanager
def opened(line: FaultyLine) -> Iterator[FaultyLine]:
    line.start()
    try:
        yield line
    finally:
        line.stop()


def arrived(line: FaultyLine) -> float:
    """Share of the values that arrived in POLLS polls, one directly after the other."""
    got = due = 0

    async def scene() -> None:
        nonlocal got, due
        settings = DeviceSettings(timeout_s=0.25, inter_request_delay_s=0.0, character_s=10 / BAUD)
        link = CheckedLink(line)
        device = ModbusDevice("m", load_profile("eastron/sdm630"), 1, link, SystemClock(), settings)
        for _ in range(POLLS):
            reading = await device.poll()
            due += len(reading.values)
            if Quality.NO_REPLY not in reading.quality:
                got += sum(Quality.NO_REPLY not in reading.flags.get(name, Quality.GOOD) for name in reading.values)
        await link.close()

    with opened(line):
        asyncio.run(asyncio.wait_for(scene(), 30))
    return got / due


@pytest.mark.parametrize("bad", [silent, late(LATE_S)], ids=["lost", "late"])
def test_nearly_all_values_of_an_sdm630_arrive_on_a_poor_line(bad: Callable[[Ask], list[FaultStep]]) -> None:
    """The first request lost is that of 80 registers, which cannot be extended."""
    assert (
        arrived(UnorderedPty(lambda ask: bad(ask) if ask.number % 4 == 1 else clean(ask), baud=BAUD, chunk=64)) >= 0.95
    )

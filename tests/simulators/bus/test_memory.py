"""The link in memory responds, rejects and stays silent as a real bus does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drivers.errors import LinkTimeout, ModbusExceptionResponse
from drivers.profiles import load_profile
from drivers.reading import RegisterLink
from simulators.bus.memory import MemoryLink
from simulators.devices.device import SimulatedDevice


def test_responds_rejects_and_times_out(virtual_clock: Any) -> None:
    clock = virtual_clock()
    device = SimulatedDevice(31, load_profile("yaskawa/ga800"), lambda: {"output_frequency": 81.2}, rating_kw=55.0)
    link: RegisterLink = MemoryLink([device], clock)

    async def exchange() -> None:
        assert await link.read_registers(31, 3, 0x41, 1, 1.0) == [8120]
        with pytest.raises(ModbusExceptionResponse) as refused:
            await link.read_registers(31, 3, 0x1000, 1, 1.0)
        assert refused.value.code == 2
        before = clock.monotonic_ns()
        with pytest.raises(LinkTimeout):
            await link.read_registers(5, 3, 0x41, 1, 1.0)
        assert clock.monotonic_ns() - before == 1_000_000_000
        await link.close()

    async def both() -> None:
        task = asyncio.create_task(exchange())
        await clock.run_until(1_010_000_000)
        await task

    asyncio.run(both())

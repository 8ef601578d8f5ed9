"""Rejected requests are not repeated after a restart."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from support.basics import HandClock

from agent.acquisition.scheduler import BusPoller, PolledDevice
from agent.acquisition.unsupported_registers import UnsupportedRegisterStore
from agent.config.model import Bus
from agent.delivery.store import Store
from drivers.bus_settings import BusSettings
from drivers.errors import ModbusExceptionResponse
from drivers.framing import Request
from drivers.modbus_device import ModbusDevice
from drivers.profiles import load_profile

BUS = Bus("b", None, (19200, 8, "N", 1), ("127.0.0.1", 502), "tcp", 1.0, 0.0, None, None)
LACKING = 3109  # frequency


class Refusing:
    """A connection to a meter that rejects every read of one address."""

    def __init__(self, port: int) -> None:
        self.wire = BusSettings("b", host="127.0.0.1", port_number=port)
        self.no_overread: set[tuple[int, int, int]] = set()
        self.response_s = 0.01
        self.refused = 0

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, **how: object
    ) -> bytes:
        if request.address <= LACKING < request.address + request.registers:
            self.refused += 1
            raise ModbusExceptionResponse(2, request.unit, request.address)
        self.no_overread.add((request.unit, request.function, request.address))
        return bytes(2 * request.registers)

    async def close(self) -> None: ...


def scene(clock: HandClock, port: int = 502) -> tuple[BusPoller, Refusing]:
    link = Refusing(port)
    device = ModbusDevice("m", load_profile("schneider/pm5000"), 1, link, clock)
    return BusPoller(BUS, [PolledDevice(device, 1.0, {})], link, clock, lambda _: None, random.Random(1)), link  # type: ignore[arg-type]


def polls(poller: BusPoller, link: Refusing) -> int:
    """Rejected requests in five polls."""
    for _ in range(5):
        asyncio.run(poller.devices[0].device.poll())
    return link.refused


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Store:
    return Store(tmp_path, clock)


def test_an_unsupported_register_is_stored_for_the_next_run(store: Store, clock: HandClock) -> None:
    poller, link = scene(clock)
    refusals = UnsupportedRegisterStore(store, [poller])
    assert polls(poller, link) > 0
    refusals.save()

    again, link = scene(clock)
    UnsupportedRegisterStore(store, [again])
    assert polls(again, link) == 0
    assert again.devices[0].device.unsupported == poller.devices[0].device.unsupported
    assert again.link.no_overread == poller.link.no_overread


def test_it_is_requested_again_on_another_bus_or_after_a_month(store: Store, clock: HandClock) -> None:
    poller, link = scene(clock)
    refusals = UnsupportedRegisterStore(store, [poller])
    polls(poller, link)
    refusals.save()

    elsewhere, link = scene(clock, port=1502)
    UnsupportedRegisterStore(store, [elsewhere])
    assert polls(elsewhere, link) > 0

    clock.move(31 * 86400)
    later, link = scene(clock)
    UnsupportedRegisterStore(store, [later])
    assert polls(later, link) > 0

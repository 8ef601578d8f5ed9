"""Several devices in one request to a PLC: fewer requests, the same values, and none that is older than its poll."""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Awaitable, Callable

import pytest
from support.s7_plc import Plc

from agent.acquisition.scheduler import BusPoller, PolledDevice
from agent.config.model import Bus
from agent.core.clock import SystemClock
from drivers import error_reasons as codes
from drivers.bus_settings import BusSettings
from drivers.errors import FrameError
from drivers.framing import Request
from drivers.modbus_device import ModbusDevice
from drivers.profiles import load_profile
from drivers.reading import Reading
from drivers.s7_link import S7Link
from drivers.s7_place import unit_of

N = 30
BLOCKS = {1: b"".join(struct.pack(">HH8f", 7, 0, 1000 + n, n, n, n, 690, 50, 930, 70) for n in range(N))}
ASKED = [Request(unit_of(1, 36 * n), 4, 2, 4) for n in range(3)]  # speed and current of the first three drives


def polled(plc: Plc, n_devices: int, rounds: int = 2) -> list[Reading]:
    """The readings of the last round, all devices due at the same time."""

    async def scene() -> list[Reading]:
        async with plc:
            link, clock = S7Link(BusSettings("plc", "127.0.0.1", plc.port, rack_slot=(0, 1))), SystemClock()
            profile = load_profile("siemens/s7-drive")
            devices = [
                PolledDevice(ModbusDevice(f"d{n}", profile, unit_of(1, 36 * n), link, clock), 60.0, {})
                for n in range(n_devices)
            ]
            bus = Bus("plc", None, (19200, 8, "N", 1), ("127.0.0.1", plc.port), "s7", 60.0, 0.0, None, None)
            poller = BusPoller(bus, devices, link, clock, lambda _: None, random.Random(1))
            for _ in range(rounds):
                plc.received.clear()
                for item in devices:
                    item.due_ns = 0
                found = [await poller.poll_once(item) for item in devices]
            await link.close()
            return found

    return asyncio.run(scene())


def linked(scene: Callable[[Plc, S7Link], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Plc(BLOCKS) as plc:
            link = S7Link(BusSettings("plc", "127.0.0.1", plc.port, rack_slot=(0, 1)))
            await scene(plc, link)
            await link.close()

    asyncio.run(run())


@pytest.fixture(autouse=True)
def _no_age(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy computer may need more than 0.1 s for the polls of a test."""
    monkeypatch.setattr("drivers.s7_link.AHEAD_S", 60.0)


def test_thirty_drives_need_four_requests() -> None:
    """The fast values of a drive are 20 bytes and a head of 4; of 240 bytes 14 are used: 9 drives. 30 / 9 = 3.3."""
    plc = Plc(BLOCKS)
    found = polled(plc, N)
    assert [reading.values["motor_speed"] for reading in found] == [1000 + n for n in range(N)]
    assert all(reading.error is None and not reading.flags for reading in found)
    assert [len(frame.items) for frame in plc.sent if frame.function == 4] == [9, 9, 9, 3]


def test_a_rejection_concerns_its_device_only() -> None:
    """The block ends after the second of three drives: the third has no values, and is named."""
    found = polled(Plc({1: BLOCKS[1][:72]}), 3, rounds=1)
    assert [reading.values["motor_speed"] for reading in found] == [1000, 1001, None]
    assert found[2].error is not None
    assert found[2].error == codes.PLC_REJECTIONS[0x05](place="DB1.DBB72", error="05H")


def test_a_value_that_was_read_ahead_is_used_once_and_only_while_it_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(plc: Plc, link: S7Link) -> None:
        async def speed(n: int) -> float:
            return float(struct.unpack(">2f", await link.read_block(ASKED[n], 1.0))[0])

        link.announce(ASKED)
        assert await speed(0) == 1000
        plc.blocks[1] = BLOCKS[1].replace(struct.pack(">f", 1001), struct.pack(">f", 1501)).replace(
            struct.pack(">f", 1002), struct.pack(">f", 1502)
        )  # fmt: skip
        assert await speed(1) == 1001, "of the response to the first request"
        assert await speed(1) == 1501, "requested again"
        monkeypatch.setattr("drivers.s7_link.AHEAD_S", 0.0)
        assert await speed(2) == 1502, "what was read ahead is too old"
        assert [len(frame.items) for frame in plc.sent if frame.function == 4] == [3, 1, 1]

    linked(scene)


def test_nothing_of_a_damaged_response_is_kept() -> None:
    """A byte is missing in the last item: none of the three is accepted."""

    async def scene(plc: Plc, link: S7Link) -> None:
        def shortened(frame: bytes) -> bytes:
            size, n_data = len(frame) - 1, int.from_bytes(frame[15:17], "big") - 1
            return frame[:2] + struct.pack(">H", size) + frame[4:15] + struct.pack(">H", n_data) + frame[17:-1]

        plc.changed = shortened
        link.announce(ASKED)
        try:
            await link.read_block(ASKED[0], 1.0)
        except FrameError:
            plc.changed = lambda frame: frame
        assert struct.unpack(">2f", await link.read_block(ASKED[1], 1.0)) == (1001, 1)
        assert len([frame for frame in plc.sent if frame.function == 4]) == 2

    linked(scene)


def test_a_long_block_is_not_combined() -> None:
    async def scene(plc: Plc, link: S7Link) -> None:
        long = Request(unit_of(1), 4, 0, 150)
        link.announce([long, *ASKED])
        assert await link.read_block(long, 1.0) == BLOCKS[1][:300]
        await link.read_block(ASKED[0], 1.0)
        assert [len(frame.items) for frame in plc.sent if frame.function == 4] == [1, 1, 3]

    linked(scene)

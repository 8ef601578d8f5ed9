"""A device in a data block of a PLC, polled as any other: stopped CPU, missing block, block that is too short."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable

from support.s7_plc import Plc

from drivers import error_reasons as codes
from drivers.bus_settings import BusSettings
from drivers.modbus_device import ModbusDevice
from drivers.profiles import load_profile
from drivers.reading import Quality
from drivers.s7_link import S7Link
from drivers.s7_place import unit_of

RUNNING = struct.pack(">HH8f", 7, 0, 1480.5, 210.25, 640.0, 99.2, 690.0, 49.6, 930.0, 71.0)
STANDING = struct.pack(">HH8f", 1, 0, 0, 0, 0, 0, 0, 0, 930.0, 40.0)


class StepClock:
    """Time that a test advances."""

    now_s = 1000.0

    def utc_ns(self) -> int:
        return int(self.now_s * 1e9)

    monotonic_ns = utc_ns

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def polled(content: dict[int, bytes], scene: Callable[[Plc, ModbusDevice, StepClock], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Plc(content) as plc:
            link, clock = S7Link(BusSettings("plc", "127.0.0.1", plc.port, rack_slot=(0, 1))), StepClock()
            await scene(
                plc, ModbusDevice("stand-1", load_profile("siemens/s7-drive"), unit_of(100), link, clock), clock
            )
            await link.close()

    asyncio.run(run())


def test_a_poll_is_one_request() -> None:
    async def scene(plc: Plc, device: ModbusDevice, clock: StepClock) -> None:
        reading = await device.poll()
        assert (reading.values["motor_speed"], reading.values["motor_power"]) == (1480.5, struct.unpack(
            ">f", struct.pack(">f", 99.2))[0])  # fmt: skip
        assert (reading.values["tripped"], reading.quality, reading.flags, reading.error) == (0, 0, {}, None)
        assert [frame.items[0][3] for frame in plc.sent if frame.function == 4] == [36]

    polled({100: RUNNING}, scene)


def test_a_plc_in_stop_keeps_its_values_which_become_stale_under_load() -> None:
    """The CPU still responds. A drive under load that shows the same values for 2 min and 60 polls does not measure."""

    async def scene(plc: Plc, device: ModbusDevice, clock: StepClock) -> None:
        stale = []
        for _ in range(130):
            reading = await device.poll(frozenset({"fast"}))
            stale.append(all(Quality.STALE in reading.flags.get(name, Quality.GOOD) for name in reading.values))
            clock.now_s += 1.0
        assert stale.index(True) == 120
        plc.blocks[100] = RUNNING.replace(struct.pack(">f", 1480.5), struct.pack(">f", 1481.0))
        assert not (await device.poll(frozenset({"fast"}))).flags

    polled({100: RUNNING}, scene)


def test_a_drive_that_stands_still_is_not_stale() -> None:
    async def scene(plc: Plc, device: ModbusDevice, clock: StepClock) -> None:
        for _ in range(130):
            assert not (await device.poll(frozenset({"fast"}))).flags
            clock.now_s += 1.0

    polled({100: STANDING}, scene)


def test_a_missing_block_is_requested_as_a_whole_and_named() -> None:
    """Single values would be rejected, too: nothing is divided, and the block is read as soon as it exists."""

    async def scene(plc: Plc, device: ModbusDevice, clock: StepClock) -> None:
        for _ in range(3):
            reading = await device.poll()
            assert reading.error is not None
            assert reading.error.code == codes.PLC_REJECTIONS[0x0A]
            assert reading.values["motor_speed"] is None
            assert reading.flags["motor_speed"] == Quality.NO_REPLY
        assert not device.unsupported.registers
        assert len([frame for frame in plc.sent if frame.function == 4]) == 3
        plc.blocks[100] = RUNNING
        assert (await device.poll()).values["motor_speed"] == 1480.5

    polled({}, scene)


def test_of_a_block_that_is_too_short_what_exists_is_read() -> None:
    async def scene(plc: Plc, device: ModbusDevice, clock: StepClock) -> None:
        for _ in range(6):
            reading = await device.poll()
        assert {name for name, value in reading.values.items() if value is not None} == {
            "status_word", "fault_code", "motor_speed", "motor_current", "tripped"
        }  # fmt: skip
        assert "motor_power" in device.unsupported.registers

    polled({100: RUNNING[:12]}, scene)

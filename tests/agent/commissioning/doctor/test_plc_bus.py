"""The examination of a PLC: one finding for what is wrong, with what to do in TIA Portal."""

from __future__ import annotations

import asyncio
import struct
from random import Random

from support.s7_plc import Plc

from agent.acquisition.scheduler import BusPoller, PolledDevice
from agent.commissioning.doctor import reasons as codes
from agent.commissioning.doctor.bus import bus_findings, examine_bus
from agent.commissioning.doctor.finding import DoctorFinding, Level
from agent.config.model import Bus
from agent.core.clock import SystemClock
from drivers import error_reasons
from drivers.bus_settings import BusSettings
from drivers.modbus_device import ModbusDevice
from drivers.profiles import load_profile
from drivers.s7_link import S7Link
from drivers.s7_place import unit_of

DRIVE = struct.pack(">HH8f", 7, 0, 1480.5, 210.25, 640.0, 99.2, 690.0, 49.6, 930.0, 71.0)


def findings(plc: Plc, slot: int = 1) -> list[DoctorFinding]:
    async def scene() -> list[DoctorFinding]:
        async with plc:
            link = S7Link(BusSettings("plc", "127.0.0.1", plc.port, rack_slot=(0, slot)))
            device = ModbusDevice("stand-1", load_profile("siemens/s7-drive"), unit_of(100), link, SystemClock())
            bus = Bus("plc", None, (19200, 8, "N", 1), ("127.0.0.1", plc.port), "s7", 1.0, 0.0, None, None)
            polled = [PolledDevice(device, 1.0, {})]
            poller = BusPoller(bus, polled, link, SystemClock(), lambda _: None, Random(1))
            return bus_findings(await examine_bus(poller, 2))

    return asyncio.run(scene())


def test_a_plc_that_responds_is_fine() -> None:
    (found,) = findings(Plc({100: DRIVE}))
    assert found.level == Level.FINE
    assert "DB100.DBB0" in str(found.reason)


def test_a_rejected_block_is_one_finding_with_its_reason() -> None:
    plc = Plc({100: DRIVE})
    plc.rejection = 0x03
    (found,) = findings(plc)
    assert found.reason == codes.PLC_REJECTS(
        device="stand-1", n=2, total=2, first=error_reasons.PLC_REJECTIONS[3](place="DB100.DBB0", error="03H")
    )


def test_a_wrong_slot_is_the_finding() -> None:
    (found,) = findings(Plc({}), slot=2)
    assert found.reason.code == error_reasons.PLC_CONNECTION_REJECTED

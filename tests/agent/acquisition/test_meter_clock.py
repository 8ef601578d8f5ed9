"""The clock of a meter on a polled bus: its offset is published and due as rarely as it is read."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from random import Random

from support.basics import HandClock
from support.meter_line import MetersOnLine

from agent.acquisition.scheduler import BusPoller, PolledDevice
from agent.config.model import Bus
from drivers.modbus_device import DeviceSettings, ModbusDevice
from drivers.profiles import load_profile
from simulators.bus.meter_station import MeterLine
from simulators.devices.energy_meter import EnergyMeter


def test_the_offset_of_a_polled_meter_is_published() -> None:
    clock = HandClock()
    ahead = datetime.fromtimestamp(clock.utc_ns() / 1e9, UTC) + timedelta(hours=8, seconds=90)
    meter = EnergyMeter("000000000161", lambda: {"voltage_l1n": 230.0}, phases=1, clock=lambda: ahead)
    line = MetersOnLine([MeterLine(meter, Random(1))])
    bus = Bus("b", "x", (2400, 8, "E", 1), None, "dlt645", 5.0, 0.0, None, None)
    with line.link() as link:
        settings = DeviceSettings(character_s=link.wire.character_s)
        device = ModbusDevice("m", load_profile("generic/dlt645-single-phase"), 161, link, clock, settings)
        polled = PolledDevice(device, 5.0, {}, "Asia/Shanghai")
        poller = BusPoller(bus, [polled], link, clock, lambda _: None, random.Random(1))
        reading = asyncio.run(poller.poll_once(polled))
    assert "clock_time" not in reading.values
    assert reading.values["clock_offset"] == 90.5  # the hand clock stands still: only the resolution is left
    assert polled.due_s()["clock_offset"] == 50.0
    assert "clock_date" not in polled.due_s()

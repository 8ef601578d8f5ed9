"""The examination of a line with meters of DL/T 645, in real time."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from agent.acquisition.scheduler import BusPoller, PolledDevice
from agent.commissioning.doctor import reasons as codes
from agent.commissioning.doctor.bus import BusObservation, bus_findings, examine_bus
from agent.commissioning.doctor.finding import Level
from agent.config.model import Bus
from agent.core.clock import SystemClock
from drivers.bus_settings import BusSettings
from drivers.dlt645_link import Dlt645Link
from drivers.modbus_device import DeviceSettings, ModbusDevice
from drivers.profiles import load_profile
from drivers.reasons import Reason
from simulators.bus.meter_station import MeterLine, MeterNoise, MeterStation
from simulators.bus.segment import Segment
from simulators.devices.energy_meter import EnergyMeter

pytestmark = pytest.mark.alone
BAUD = 115200  # none of DL/T 645: a test need not take the time of a slow line
VALUES = {
    "voltage_l1n": 230.0,
    "current_l1": 1.0,
    "active_power": 200.0,
    "active_power_l1": 200.0,
    "energy_import": 5.0,
}
BUS = Bus("b", "x", (BAUD, 8, "E", 1), None, "dlt645", 1.0, 0.0, None, None)


def seen_on(noise: MeterNoise | None, asked: int = 161, off_s: float = 0.0) -> BusObservation:
    segment = Segment(BAUD, 11)
    meter = EnergyMeter(
        "000000000161", lambda: VALUES, phases=1, clock=lambda: datetime.now(UTC) + timedelta(seconds=off_s)
    )
    MeterStation(segment, MeterLine(meter, Random(1), noise, (0.002, 0.004)))
    port = segment.port("agent")
    segment.start()

    async def scene() -> BusObservation:
        wire = BusSettings("b", serial_port=port, baud=BAUD, parity="E", dlt645=True)
        link, settings = Dlt645Link(wire, SystemClock()), DeviceSettings(timeout_s=0.1, character_s=wire.character_s)
        device = ModbusDevice("m", load_profile("generic/dlt645-single-phase"), asked, link, SystemClock(), settings)
        poller = BusPoller(BUS, [PolledDevice(device, 1.0, {})], link, SystemClock(), lambda _: None, random.Random(1))
        return await examine_bus(poller, 1)

    try:
        return asyncio.run(asyncio.wait_for(scene(), 30))
    finally:
        segment.stop()


def of_level(seen: BusObservation, level: Level) -> list[Reason]:
    return [item.reason for item in bus_findings(seen) if item.level is level]


def test_a_faultless_line_has_no_findings() -> None:
    seen = seen_on(None)
    assert of_level(seen, Level.FINDING) == []
    (meter,) = seen.devices
    assert meter.valid == meter.requests > 10
    assert seen.noise_bytes == 0, "the preamble is no interference"


def test_a_clock_that_is_minutes_wrong_is_a_finding() -> None:
    """At midnight nothing is concluded: then this test waits for its end."""
    time.sleep(max(0.0, 40.0 - (time.time() + 210.0) % 86400))
    (wrong,) = of_level(seen_on(None, off_s=210.0), Level.FINDING)
    assert wrong.code == codes.METER_CLOCK_WRONG
    assert wrong.data["offset_s"] == pytest.approx(210.0, abs=wrong.data["u_s"])


def test_an_echo_is_noted_and_noise_is_a_finding() -> None:
    seen = seen_on(MeterNoise(echoed=1.0))
    assert [reason.code for reason in of_level(seen, Level.NOTE)] == [codes.ADAPTER_ECHO]
    noisy = seen_on(MeterNoise(noise=1.0))
    assert codes.STRAY_BYTES in [reason.code for reason in of_level(noisy, Level.FINDING)]


def test_another_address_on_the_label_is_a_meter_without_response() -> None:
    assert codes.BUS_WITHOUT_RESPONSE in [reason.code for reason in of_level(seen_on(None, 162), Level.FINDING)]

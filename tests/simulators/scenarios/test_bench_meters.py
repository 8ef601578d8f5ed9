"""Virtual meters of DL/T 645 for `magwatt simulate --device`: valid configuration, values of the motor."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest
from support.basics import HandClock

from agent.config.loader import load_config
from drivers.modbus_device import ModbusDevice
from drivers.profiles import load_profile
from drivers.reasons import InvalidValue
from simulators import reasons as codes
from simulators.bus.memory import MemoryLink
from simulators.endpoints import Endpoints
from simulators.scenarios import bench

PROFILES = ("generic/dlt645-three-phase", "generic/dlt645-three-wire", "generic/dlt645-single-phase")
LINE = "2400 8E1"


def test_the_configuration_of_virtual_meters_is_valid(tmp_path: Path) -> None:
    devices = bench.parse_devices(PROFILES)
    scenario = bench.scenario(devices, 1, line=LINE, every_s=20.0)
    file = tmp_path / "plant.toml"
    file.write_text(scenario.config_toml(Endpoints(rtu_port="/dev/ttyS7"), "mqtt://h", "state"), encoding="utf-8")
    config, report = load_config(file)
    assert not report.findings
    assert [meter.unit_id for meter in config.meters.values()] == [1, 2, 3]
    assert config.buses["bench"].framing == "dlt645"


@pytest.mark.parametrize("profile", PROFILES)
def test_the_values_of_a_virtual_meter_arrive(tmp_path: Path, profile: str) -> None:
    """Within the last digit of the format, over a link in memory, as an accelerated run uses it."""
    plant = bench.DeviceBench(bench.parse_devices([profile]), Random(4), line=LINE)
    (device,) = plant.devices
    clock = HandClock()
    link = MemoryLink(plant.lines["rtu_port"].devices, clock)
    meter = ModbusDevice("m", load_profile(profile), device.unit, link, clock)
    reading = asyncio.run(meter.poll())
    compared = 0
    for row in meter.profile.registers:
        true = device.values.get(row.name)
        of_wattmeters = row.name.startswith("active_power_l") and profile.endswith("three-wire")
        if isinstance(true, int | float) and row.unit and not of_wattmeters:
            assert reading.values[row.name] == pytest.approx(abs(true) if row.encoding == "magnitude" else true,
                                                             abs=row.scale), row.name  # fmt: skip
            compared += 1
    assert compared >= 10
    if profile.endswith("three-wire"):
        powers = [reading.values[f"active_power{phase}"] for phase in ("_l1", "_l3", "")]
        assert powers[0] + powers[1] == pytest.approx(powers[2], abs=0.3)  # type: ignore[operator]


def test_meters_need_a_line_of_their_own() -> None:
    devices = bench.parse_devices([PROFILES[0], "eastron/sdm630"])
    with pytest.raises(InvalidValue) as caught:
        bench.DeviceBench(devices, Random(1), line=LINE)
    assert caught.value.reason == codes.PROTOCOLS_MIXED()
    with pytest.raises(InvalidValue) as caught:
        bench.DeviceBench(devices[:1], Random(1))
    assert caught.value.reason == codes.METERS_NEED_A_LINE()

"""A plant whose drive, meter and transmitter are data blocks of a PLC, polled by the product with its configuration."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from agent.acquisition.pollers import pollers
from agent.config.loader import load_config
from agent.core.clock import SystemClock
from drivers.reading import Quality, Reading
from drivers.reasons import InvalidValue
from simulators import reasons as codes
from simulators.devices.device_faults import DeviceFault
from simulators.endpoints import Endpoints
from simulators.scenarios import load
from simulators.scenarios.plant import ScenarioPlant

SCENARIO = """
name = "stand"
about = "a pump behind a PLC"
step_s = 1
every_s = 1
hours = 1

[[line]]
name = "plc"
s7 = true

[[train]]
name = "pump"
kind = "driven"
motor = { kw = 55, rpm = 1500, poles = 8, efficiency = 0.963 }
load = { kind = "flow", kw = 50, speed_rpm = 1478, shape = [0.45, 0.55, 0], system = [0, 1], profile = [[1, 0.8]] }
meter = { unit = 12, profile = "siemens/s7-meter", line = "plc" }
drive = { unit = 100, profile = "siemens/s7-drive", line = "plc" }

[[signal]]
name = "flow"
of = "pump"
unit = 7
line = "plc"
full = 400
"""


def polled(folder: Path) -> tuple[ScenarioPlant, list[Reading]]:
    """The readings of all devices, twice: the second time a minute after the drive has fallen silent."""
    (folder / "stand.toml").write_text(SCENARIO, encoding="utf-8")
    scenario = load(str(folder / "stand.toml"))
    plant = scenario.build(Random(5))
    assert isinstance(plant, ScenarioPlant)

    async def scene() -> list[Reading]:
        ((name, outlet),) = plant.outlets.items()
        where = await outlet.start()
        for _ in range(60):
            plant.step(1.0)
        text = scenario.config_toml(Endpoints.of({name: where}), "mqtt://127.0.0.1:1883", "state")
        (folder / "plant.toml").write_text(text, encoding="utf-8")
        config, report = load_config(folder / "plant.toml")
        assert not report.findings
        (poller,) = pollers(config, SystemClock(), lambda _: None)
        found = [await poller.poll_once(item) for item in poller.devices]
        plant.instruments.add_fault("vfd-pump", DeviceFault("silent", 0.0, 1e9))
        plant.step(60.0)
        found += [await poller.poll_once(item) for item in poller.devices]
        await poller.link.close()
        await outlet.stop()
        return found

    return plant, asyncio.run(scene())


def test_a_scenario_can_have_a_plc(tmp_path: Path) -> None:
    """The plant continues after the first poll; its values are those of the second one. REAL: 24 bits."""
    plant, readings = polled(tmp_path)
    first = {reading.device: reading for reading in readings[:3]}
    last = {reading.device: reading for reading in readings[3:]}
    assert set(first) == {"mcc-pump", "vfd-pump", "signals-plc-db7-dbb0"}
    assert all(not reading.quality & Quality.NO_REPLY and reading.error is None for reading in readings)
    shown = {item.name: item.state.values for item in plant.instruments.installed}
    assert last["mcc-pump"].values["active_power"] == pytest.approx(shown["mcc-pump"]["active_power"], rel=1e-7)
    flow = last["signals-plc-db7-dbb0"].values["signal_flow_m3_h"]
    assert flow == pytest.approx(shown["flow"]["flow"], rel=1e-7)
    power_kw = first["vfd-pump"].values["motor_power"]
    assert isinstance(power_kw, float)
    assert 20 < power_kw < 55
    fast = ("motor_speed", "motor_current", "motor_torque_nm", "motor_power")
    assert [last["vfd-pump"].values[name] for name in fast] == [first["vfd-pump"].values[name] for name in fast]


def test_modbus_devices_are_not_on_a_plc(tmp_path: Path) -> None:
    (tmp_path / "stand.toml").write_text(SCENARIO.replace("siemens/s7-meter", "eastron/sdm630"), encoding="utf-8")
    with pytest.raises(InvalidValue) as error:
        load(str(tmp_path / "stand.toml")).build(Random(5))
    cause = error.value.reason.data["cause"].data["cause"]
    assert cause == codes.DEVICE_OF_PLC(profile="eastron/sdm630")

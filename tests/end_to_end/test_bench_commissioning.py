"""From an unknown device to good values: identified, configured, commissioned, read; on virtual time.

Each device is served with the nameplate of a usual motor. The configuration is that of `init` from what an operator
reads from the labels. A device has passed if the record has no open point and every register of its map is
read, has a value and no flag.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from support.plant_clock import PlantClock, link_to

from agent.acquisition.pollers import pollers
from agent.acquisition.selfcheck_results import REGISTERS_DISABLED, disabled_registers
from agent.commissioning.discovery.identify import identify
from agent.commissioning.init.answers import read_answers
from agent.commissioning.init.configuration import configuration
from agent.commissioning.init.steps import Surroundings
from agent.commissioning.init.unattended import complete
from agent.commissioning.wizard.answers import Answer
from agent.commissioning.wizard.wizard import Dialogue, Wizard
from agent.config.loader import load_config
from agent.config.model import Config
from agent.delivery.store import Store
from drivers.modbus_device import ModbusDevice
from drivers.profiles import load_profile
from simulators.bus.memory import MemoryLink
from simulators.devices.nameplate import Nameplate, machine_of
from simulators.devices.ratios import Ratios, usual_ct
from simulators.scenarios.bench import DeviceBench, parse_devices
from simulators.scenarios.bench_motor import BenchMotor


class Case(NamedTuple):
    """A model with a motor that it can feed or measure.

    secondary: the meter displays secondary values; the agent applies the ratio.
    """

    profile: str
    plate: Nameplate
    secondary: bool = False


DRIVES = [
    Case("abb/acs550", Nameplate(7.5, 1460)),
    Case("abb/acs580", Nameplate(45, 2960)),
    Case("abb/acs880", Nameplate(90, 1490)),
    Case("danfoss/fc302", Nameplate(160, 990, 690)),
    Case("delta/c2000", Nameplate(37, 1480, 380, amps=70.4, cos_phi=0.86)),
    Case("inovance/md500", Nameplate(22, 1475, 380, amps=43.2, cos_phi=0.85)),
    Case("mitsubishi/fr-a800", Nameplate(55, 1780, 460, hz=60)),
    Case("rockwell/powerflex525", Nameplate(11, 1765, 460, hz=60)),
    Case("schneider/atv630", Nameplate(132, 1500, 380, kind="pm")),
    Case("siemens/g120", Nameplate(15, 1465)),
    Case("vacon/vacon-100", Nameplate(30, 3000, 340, kind="pm", pole_pairs=3)),
    Case("yaskawa/ga800", Nameplate(55, 1500, 372, amps=99.6, kind="pm")),
]
METERS = [
    Case("abb/b23", Nameplate(22, 1475)),
    Case("accuenergy/acuvim-ii", Nameplate(315, 1490, 690)),
    Case("carlo-gavazzi/em530", Nameplate(90, 1490)),
    Case("chint/dtsu666", Nameplate(55, 1475), secondary=True),
    Case("eastron/sdm630", Nameplate(90, 1490)),
    Case("janitza/umg96rm", Nameplate(132, 990)),
    Case("lovato/dmg610", Nameplate(45, 2960)),
    Case("phoenix-contact/eem-ma370", Nameplate(75, 1480)),
    Case("schneider/iem3000", Nameplate(30, 1470)),
    Case("schneider/pm5000", Nameplate(160, 1490, 400)),
    Case("siemens/pac3200", Nameplate(200, 1488, 690)),
    Case("socomec/diris-a", Nameplate(110, 1785, 460, hz=60)),
]
QUICK = ("abb/acs880", "danfoss/fc302", "vacon/vacon-100", "chint/dtsu666", "schneider/pm5000")


@pytest.mark.parametrize("case", [item for item in DRIVES + METERS if item.profile in QUICK], ids=lambda item: item[0])
def test_a_device_on_the_bench_ends_with_good_values(tmp_path: Path, case: Case) -> None:
    assert asyncio.run(remaining(tmp_path, case)) == []


@pytest.mark.soak
@pytest.mark.parametrize("case", DRIVES + METERS, ids=lambda item: item[0])
def test_each_of_12_drives_and_12_meters_ends_with_good_values(tmp_path: Path, case: Case) -> None:
    assert asyncio.run(remaining(tmp_path, case)) == []


async def remaining(folder: Path, case: Case) -> list[str]:
    """What is not good after identification, configuration and commissioning of a device."""
    machine = machine_of(case.plate)
    ratios = Ratios(usual_ct(machine.amps) or ((100.0, 5.0) if case.secondary else None), None, not case.secondary)
    bench = DeviceBench(parse_devices([case.profile]), Random(1), motor=BenchMotor(machine, ratios))
    clock = PlantClock(bench)
    link_of = link_to([device.served for device in bench.devices], clock)
    config = await configured(folder, case, MemoryLink([bench.devices[0].served], clock), ratios)
    assert config.state_dir is not None
    store = Store(config.state_dir, clock)
    try:
        dialogue = Dialogue(lambda line: None, lambda question: Answer("yes"))
        (record,) = await Wizard(config, store, folder / "records", "Li Wei", dialogue, clock, link_of).run([], 10)
        points = [str(point) for point in record.open_points]
        (bus,) = pollers(config, clock, lambda reading: None, link_of=link_of)
        return points + await _not_good(bus.devices[0].device) + list(map(str, disabled_registers(config).values()))
    finally:
        store.close()


def answers_text(case: Case, ratios: Ratios) -> str:
    """What an operator reads from the labels, as the file of --answers."""
    machine, drive = machine_of(case.plate), load_profile(case.profile).kind == "vfd"
    name = "drive-1" if drive else "meter-1"
    if drive:
        device = f'[drive.drive-1]\nkw = {case.plate.kw}\ncomm_loss = "not used"'
    else:
        device = '[meter.meter-1]\nmeasuring_point = "motor"\nclass = "0.5"\nwiring = "3P4W"\nvt = ""'
        device += f'\nct = "{ratios.ct[0]:g}/{ratios.ct[1]:g}"\nct_class = "0.5"' if ratios.ct else '\nct = ""'
        device += f'\nratio_applied_by = "{"agent" if case.secondary else "meter"}"' if ratios.ct else ""
    return f"""\
[site]
id = "bench"
gateway = "gw-01"
timezone = "UTC"
[store]
state_dir = "state"
[mqtt]
url = ""
[bus.gateway]
tcp = "127.0.0.1"
{device}
bus = "gateway"
unit_id = 1
profile = "{case.profile}"
[motor.m]
kind = "{"induction" if machine.induction else "pm"}"
kw = {machine.kw}
rpm = {machine.rpm}
hz = {machine.hertz:g}
poles = {machine.poles}
volts = {machine.volts}
amps = {machine.amps:.1f}
cos_phi = {machine.cos_phi:.2f}
class = ""
efficiency = ""
fed_by = "{name}"
"""


async def configured(folder: Path, case: Case, link: MemoryLink, ratios: Ratios) -> Config:
    """The configuration that `magwatt init` writes from the labels of device and motor, once it is identified."""
    known = await identify(link, 1, fc03=True)
    assert case.profile in [match.profile.id for match in known.matches]
    (folder / "plant.answers.toml").write_text(answers_text(case, ratios), encoding="utf-8")
    stated, report = read_answers(folder / "plant.answers.toml")
    stated = complete(stated, Surroundings(), report)
    assert not report.problems
    file = folder / "plant.toml"
    file.write_text(configuration(stated), encoding="utf-8")
    config, report = load_config(file)
    assert report.findings == []
    expected = any(row.confidence == "from_memory" for row in load_profile(case.profile).registers)
    disabled = disabled_registers(config)
    assert [reason.code for reason in disabled.values()] == [REGISTERS_DISABLED] * expected
    return config


async def _not_good(device: ModbusDevice) -> list[str]:
    """Registers of the map that are not read, have no value or have a flag."""
    reading = await device.poll()
    names = {row.name for row in device.profile.registers if not row.latched and not row.feeds_watchdog}
    unread = [f"{name}: not read" for name in names - reading.values.keys()]
    empty = [f"{name}: no value" for name, value in reading.values.items() if value is None]
    return [*unread, *empty, *(f"{name}: {flag.names()}" for name, flag in reading.flags.items() if flag)]

"""The announced duration of a scan is the time that it takes."""

from __future__ import annotations

from random import Random

import pytest
from support.announced import Announced
from support.identification import SERVED, served
from support.virtual_line import VirtualLine, listening, on_virtual_time

from agent.commissioning.discovery.scan import Scan
from agent.commissioning.discovery.scan_result import Expected, ScanOptions, ScanResult, Target
from drivers.profiles import load_profile
from drivers.reading import Clock
from drivers.serial_sniffer import SerialSetting
from simulators.devices.device import SimulatedDevice
from simulators.devices.identity import identification


def ten(random: Random) -> list[SimulatedDevice]:
    """Ten models of the library, at ten units."""
    devices = []
    for unit, name in zip(random.sample(range(1, 248), 10), random.sample(SERVED, 10), strict=True):
        device = served(load_profile(name), random.randrange(4))
        device.unit, device.identification = unit, identification(device.profile)
        devices.append(device)
    return devices


def scanned(
    devices: list[SimulatedDevice], setting: SerialSetting, options: ScanOptions, known: bool, random: Random
) -> tuple[ScanResult, Announced]:
    """A scan on virtual time. The devices respond after 5 ms to 60 ms, as drives and meters do."""
    line = VirtualLine({device: random.uniform(0.005, 0.06) for device in devices}, setting.baud, setting.parity)
    seen: list[Announced] = []

    async def scene(clock: Clock) -> ScanResult:
        seen.append(Announced(clock))
        target = Target(serial="/dev/ttyUSB9", setting=setting if known else None)
        return await Scan(target, options, seen[0], clock, line.link, listening(clock)).run()  # type: ignore[arg-type]

    return on_virtual_time(scene), seen[0]


@pytest.mark.parametrize("baud", [9600, 115200])
def test_ten_devices_take_the_announced_time(baud: int) -> None:
    """The goal is 10 %. At the start the models are not known: a device needs 30 to 120 requests, ten vary by 8 %."""
    random = Random(baud)
    options = ScanOptions(fc03=True, expected=Expected(10))
    result, announced = scanned(ten(random), SerialSetting(baud, 8, "E"), options, True, random)
    assert len(result.found) == 10
    assert all(found.identified for found in result.found)
    taken_s = announced.now_s
    assert result.duration_s == pytest.approx(taken_s)
    assert announced.ends_s[0] == pytest.approx(taken_s, rel=0.15)
    assert announced.ends_s[announced.parts[-1] - 1] == pytest.approx(taken_s, rel=0.10)
    assert announced.ends_s[-1] == pytest.approx(taken_s), "after the last device nothing is left"


def test_with_unknown_settings_the_first_announcement_is_a_maximum() -> None:
    random = Random(1)
    options = ScanOptions(tuple(range(1, 60)), identify=False, expected=Expected(10))
    devices = ten(random)
    for unit, device in enumerate(devices, 21):
        device.unit = unit
    setting = SerialSetting(4800, 8, "E")
    result, announced = scanned(devices, setting, options, False, random)
    assert result.setting == setting
    assert announced.now_s < announced.ends_s[0]
    assert announced.ends_s[announced.parts[-1] - 1] == pytest.approx(announced.now_s, rel=0.10)


def test_without_expectation_each_device_adds_its_identification() -> None:
    random = Random(2)
    options = ScanOptions(tuple(range(1, 248)), fc03=True)
    devices = ten(random)[:2]
    _result, announced = scanned(devices, SerialSetting(38400, 8, "E"), options, True, random)
    first_s, found = announced.ends_s[0], announced.ends_s[announced.parts[-1] - 1]
    assert first_s < found
    assert found == pytest.approx(announced.now_s, rel=0.10)

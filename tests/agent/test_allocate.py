"""A shared meter divided: what is doubtful is not counted, and a meter without a register leaves nothing behind."""

from __future__ import annotations

import tracemalloc

import pytest

from agent.estimate.allocate import Allocation
from agent.topology import Asset, Branch
from drivers.reading import Quality, Reading, Value

HALF = Asset("p", "p", None, None, None, (Branch("p", None, 11.0), Branch("q", None, 11.0)), "rated-power")
BY_DRIVES = Asset("d", "d", None, None, None, (Branch("d", "d", 11.0), Branch("e", "e", 11.0)), "drive-power")


def reading(device: str, values: dict[str, Value], **flags: Quality) -> Reading:
    return Reading(device, 0, 0, values, flags=flags)


def test_a_register_flagged_as_unusable_is_not_counted_and_nothing_is_lost() -> None:
    allocation = Allocation(HALF)
    for kwh, flag in ((100.0, Quality.GOOD), (4e9, Quality.OUT_OF_RANGE), (104.0, Quality.GOOD)):
        allocation.take_meter(reading("m", {"energy_import": kwh}, energy_import=flag))
    assert allocation.energy_kwh == pytest.approx(2.0)


def test_a_drives_power_flagged_as_unusable_divides_nothing() -> None:
    allocation = Allocation(BY_DRIVES)
    allocation.take_drive(reading("d", {"motor_power": 10.0}))
    allocation.take_drive(reading("e", {"motor_power": 6553.5}, motor_power=Quality.OUT_OF_RANGE))
    assert allocation.share() is None
    allocation.take_drive(reading("e", {"motor_power": 30.0}))
    assert allocation.share() == pytest.approx(0.25)


def test_a_year_on_a_meter_without_an_energy_register_takes_no_memory() -> None:
    allocation, row = Allocation(HALF), reading("m", {"active_power": 8000.0})
    allocation.take_meter(row)
    tracemalloc.start()
    for _ in range(20_000):
        allocation.take_meter(row)
    grown_bytes = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert grown_bytes < 20_000, "less than a byte for each reading"

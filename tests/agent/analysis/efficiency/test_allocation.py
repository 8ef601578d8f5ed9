"""Allocation of a shared meter: bad values are not counted, and a meter without a register has no effect."""

from __future__ import annotations

import tracemalloc

import pytest

from agent.analysis.efficiency import allocation as allocate
from agent.analysis.efficiency.allocation import Allocation
from agent.config.topology import Asset, Branch
from drivers.reading import Quality, Reading, Value

HALF = Asset("p", "p", None, None, None, (Branch("p", None, 11.0), Branch("q", None, 11.0)), "rated-power")
BY_DRIVES = Asset("d", "d", None, None, None, (Branch("d", "d", 11.0), Branch("e", "e", 11.0)), "drive-power")


def reading(device: str, values: dict[str, Value], hours: float = 0.0, **flags: Quality) -> Reading:
    return Reading(device, 0, 0, values, flags=flags, monotonic_ns=round(3.6e12 * hours))


def test_an_unusable_counter_reading_is_skipped_and_its_energy_counted_later() -> None:
    allocation = Allocation(HALF)
    steps = (100.0, Quality.GOOD), (4e9, Quality.OUT_OF_RANGE), (104.0, Quality.GOOD)
    for hour, (kwh, flag) in enumerate(steps):
        allocation.on_meter_reading(reading("m", {"energy_import": kwh}, hour, energy_import=flag))
    assert allocation.energy_kwh == pytest.approx(2.0)


def test_a_replaced_meter_adds_no_energy_and_a_reset_meter_does() -> None:
    """22 kW cannot consume 50 MWh in an hour; a register that restarts at 0 has counted its value."""
    allocation, registers = Allocation(HALF), (1000.0, 1010.0, 51_000.0, 51_010.0, 6.0, 16.0)
    for hour, kwh in enumerate(registers):
        allocation.on_meter_reading(reading("m", {"energy_import": kwh}, hour))
    assert allocation.energy_kwh == pytest.approx((10 + 0 + 10 + 6 + 10) / 2)


def test_energy_of_unlisted_consumers_is_counted() -> None:
    allocation = Allocation(HALF)
    for hour in range(3):
        allocation.on_meter_reading(reading("m", {"energy_import": 100.0 * hour, "active_power": 100_000.0}, hour))
    assert allocation.energy_kwh == pytest.approx(100.0)


def test_an_unusable_drive_power_is_not_used_for_allocation() -> None:
    allocation = Allocation(BY_DRIVES)
    allocation.on_drive_reading(reading("d", {"motor_power": 10.0}))
    allocation.on_drive_reading(reading("e", {"motor_power": 6553.5}, motor_power=Quality.OUT_OF_RANGE))
    assert allocation.share() is None
    allocation.on_drive_reading(reading("e", {"motor_power": 30.0}))
    assert allocation.share() == pytest.approx(0.25)


def test_a_year_on_a_meter_without_an_energy_register_takes_no_memory() -> None:
    allocation, row = Allocation(HALF), reading("m", {"active_power": 8000.0})
    allocation.on_meter_reading(row)
    tracemalloc.start(8)
    for _ in range(20_000):
        allocation.on_meter_reading(row)
    snapshot = tracemalloc.take_snapshot()
    tracemalloc.stop()
    below = tracemalloc.Filter(True, allocate.__file__, all_frames=True)  # not what other threads allocate meanwhile
    grown_bytes = sum(trace.size for trace in snapshot.filter_traces([below]).traces)
    assert grown_bytes < 20_000, "less than a byte for each reading"

"""The self-check reads a meter of DL/T 645 as any other map: its values arrive, and what it rejects is absent."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from support.basics import HandClock

from agent.commissioning.discovery.config_snippet import record_of
from agent.commissioning.selfcheck.decoding import number_of
from agent.commissioning.selfcheck.model import Subject
from agent.commissioning.selfcheck.register_reader import RegisterReader
from drivers.profiles import load_profile
from simulators.bus.memory import MemoryLink
from simulators.devices.energy_meter import EnergyMeter

VALUES = {"voltage_l1n": 230.1, "current_l1": 1.234, "active_power": -280.5, "energy_import": 123456.78}
PROFILE = load_profile("generic/dlt645-single-phase")


class WithoutFrequency(EnergyMeter):
    def read(self, identifier: int) -> bytes | None:
        return None if identifier == 0x02800002 else super().read(identifier)


def test_the_values_of_a_meter_arrive_and_rejected_data_are_absent() -> None:
    clock = HandClock()
    meter = WithoutFrequency("000000000161", lambda: VALUES, phases=1, clock=lambda: datetime(2026, 11, 29, tzinfo=UTC))
    subject = Subject(record_of("b", meter.unit, PROFILE), PROFILE, MemoryLink([meter], clock))
    reader = RegisterReader(subject, meter.unit, clock)
    found = asyncio.run(reader.round(adjacent=True))
    assert not found.silent
    assert reader.absent == ["frequency"]
    for name, value in VALUES.items():
        row = PROFILE.register(name)
        assert row is not None
        assert number_of(row, found.memory, None) == pytest.approx(value), name
    frequency = PROFILE.register("frequency")
    assert frequency is not None
    assert number_of(frequency, found.memory, None) is None

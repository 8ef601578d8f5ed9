"""A plant of the scenario motor-faults with faults of a test, and what the registers of its devices show."""

from __future__ import annotations

import struct
from random import Random
from typing import Any

from support.plant import scenario_file

from drivers.register_blocks import plan_blocks, usable
from drivers.registers import BlockDecoder
from simulators.scenarios.checks import check
from simulators.scenarios.plant import ScenarioPlant
from simulators.scenarios.record_parser import scenario_record


def faulty_plant(train: str, *faults: dict[str, Any], **more: Any) -> ScenarioPlant:
    """The plant with only this train. more: tables of the scenario's file, instead of those there."""
    raw = scenario_file("motor-faults")
    raw["train"] = [item for item in raw["train"] if item["name"] == train]
    raw["signal"] = [item for item in raw["signal"] if item["of"] == train]
    raw["fault"] = list(faults)
    record = scenario_record(raw | more)
    check(record)
    return ScenarioPlant(record, Random(2))


def registers(plant: ScenarioPlant, device: str, kw: float = 55.0) -> dict[str, float]:
    """The values that an agent reads from this device now, decoded by its profile. kw: rated power of a drive."""
    installed = next(item for item in plant.instruments.installed if item.name == device)
    profile = installed.device.profile
    if profile.id == "transmitter":
        (value,) = struct.unpack(">f", installed.device.answer(3, 0, 2))
        return {device: value}
    rating_kw = kw if profile.kind == "vfd" else None
    found: dict[str, float] = {}
    for block in plan_blocks(profile, usable(profile)):
        data = installed.device.answer(block.function, block.address, block.count)
        values, _ = BlockDecoder(block, rating_kw).decode(data)
        found |= {name: value for name, value in values.items() if isinstance(value, int | float)}
    return found


def run_to(plant: ScenarioPlant, at_s: float) -> None:
    while plant.now_s < at_s:
        plant.step(1.0)

"""The true values of every scenario are consistent: powers at each instant, energies over time, a meter of several
trains.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from support.plant import scenario_file, scenario_problem

from drivers.reasons import InvalidValue
from simulators.plant.phasors import active_w
from simulators.reasons import TRAIN_WITH_CABLE
from simulators.scenarios import load, names
from simulators.scenarios.checks import check
from simulators.scenarios.plant import ScenarioPlant
from simulators.scenarios.record_parser import scenario_record

STEPS = {"grid-dip": 450}  # through a trip and a restart; others: 150
LOSSES = [f"motor_losses_{name}_w" for name in ("copper", "core", "mechanical", "additional")]


@pytest.mark.parametrize("name", names())
def test_the_input_energy_is_the_output_energy_and_losses(name: str) -> None:
    """Grid = feeder + drive + motor losses + shaft, except for rounding; no loss is negative.

    A coasting motor takes no power, and its friction loss comes from its inertia.
    """
    scenario = load(name)
    plant = scenario.build(Random(3))
    taken: dict[str, float] = {}
    begun = plant.truth()
    for _ in range(STEPS.get(name, 150)):
        plant.step(scenario.step_s)
        rows: dict[str, Any] = {asset: row for asset, row in plant.truth().items() if "motor_losses_w" in row}
        for asset, row in rows.items():
            input_w = row.get("input_power_w", row.get("active_power_w"))
            enough = 1e-9 * max(abs(input_w), abs(row["shaft_power_w"]), 1000.0)
            known_w = row.get("feeder_power_w", 0.0) + row["drive_losses_w"] + row["motor_input_power_w"]
            assert input_w == pytest.approx(known_w, abs=enough), asset
            if "active_power_w" in row:
                assert row["active_power_w"] == pytest.approx(input_w, abs=enough), asset
            assert min(row["drive_losses_w"], *(row[part] for part in LOSSES)) >= 0
            assert sum(row[part] for part in LOSSES) == pytest.approx(row["motor_losses_w"], abs=enough)
            if row["motor_input_power_w"] == 0:
                assert row["shaft_power_w"] == 0
                assert row["motor_losses_w"] == row["motor_losses_mechanical_w"]
            else:
                out_w = row["shaft_power_w"] + row["motor_losses_w"]
                assert row["motor_input_power_w"] == pytest.approx(out_w, abs=enough), asset
            taken[asset] = taken.get(asset, 0.0) + max(input_w, 0.0) * scenario.step_s / 3.6e6
    for asset, row in rows.items():
        counted = "energy_taken_kwh" if "energy_taken_kwh" in row else "energy_import_kwh"
        grown = row[counted] - begun[asset][counted]  # type: ignore[operator]
        assert grown == pytest.approx(taken[asset], rel=1e-8, abs=1e-8), asset


def two_fans(**more: Any) -> ScenarioPlant:
    """Return the trains of fan-retrofit with a common meter."""
    raw = scenario_file("fan-retrofit")
    raw["meter"] = [
        {"name": "main", "unit": 77, "profile": "eastron/sdm630", "line": "fans", "ct": 400,
         "of": [train["name"] for train in raw["train"]]}
    ]  # fmt: skip
    raw["train"][1] |= more
    record = scenario_record(raw)
    check(record)
    return ScenarioPlant(record, Random(1))


def test_a_meter_before_two_trains_shows_the_sum_of_both() -> None:
    """It measures the voltages of the first: 3e-5 for the distortion by the other, which a feeder does not see here."""
    plant = two_fans()
    trains = [unit.name for unit in plant.units.values()]
    for _ in range(20):
        plant.step(60.0)
        seen_w = float(active_w(*plant.phasors_of(trains)).sum())
        assert plant.truth()["main"]["active_power_w"] == pytest.approx(seen_w, rel=5e-5)


def test_a_cable_has_its_own_meter() -> None:
    """The ends of two cables have two voltages, and a meter measures one: with 60 m its truth would be 0.3 % off."""
    with pytest.raises(InvalidValue) as caught:
        two_fans(cable={"length_m": 60, "mm2": 50})
    assert scenario_problem(caught.value.reason) == ("meter.main.of", TRAIN_WITH_CABLE(train="fan-driven"))

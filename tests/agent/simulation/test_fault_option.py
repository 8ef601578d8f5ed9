"""The value of `--fault`: name, times and motor."""

from __future__ import annotations

import pytest

from agent.simulation.reasons import FAULT_MOTOR_UNKNOWN, FAULT_TIME_INVALID, FAULT_WITHOUT_MOTOR
from agent.simulation.serve import FAULT_S, fault_of
from drivers.reasons import InvalidValue, Reason
from simulators.scenarios import PlannedFault, load

PLANT = load("motor-faults")
PUMPS = ("pump", "old-pump")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dry-run", PlannedFault("dry-run", FAULT_S)),
        ("dry-run@30", PlannedFault("dry-run", 30.0)),
        ("dry-run@30-120.5", PlannedFault("dry-run", 30.0, 120.5)),
        ("dry-run@30-120:old-pump", PlannedFault("dry-run", 30.0, 120.0, "old-pump")),
        ("dry-run:old-pump", PlannedFault("dry-run", FAULT_S, None, "old-pump")),
    ],
)
def test_forms(text: str, expected: PlannedFault) -> None:
    assert fault_of(PLANT, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dry-run:fan", FAULT_MOTOR_UNKNOWN(value="dry-run:fan", fault="dry-run", known=PUMPS)),
        ("supply-unbalance:fan", FAULT_WITHOUT_MOTOR(value="supply-unbalance:fan", fault="supply-unbalance")),
        ("dry-run@30-20", FAULT_TIME_INVALID(value="dry-run@30-20", example="dry-run@30-120")),
        ("dry-run@-5", FAULT_TIME_INVALID(value="dry-run@-5", example="dry-run@30-120")),
    ],
)
def test_impossible_ones(text: str, expected: Reason) -> None:
    with pytest.raises(InvalidValue) as caught:
        fault_of(PLANT, text)
    assert caught.value.reason == expected


def test_a_plant_of_a_given_age_gets_it_later() -> None:
    assert PlannedFault("dry-run", 30.0, 120.0, "pump").later(1000.0) == PlannedFault("dry-run", 1030.0, 1120.0, "pump")


def test_each_motor_can_have_what_its_load_and_instruments_allow() -> None:
    assert PLANT.faults["dry-run"] == PLANT.faults["cavitation"] == PUMPS
    assert PLANT.faults["clogged-filter"] == ("fan",)
    assert PLANT.faults["cooling-lost"] == ("pump", "mixer"), "by transmitter and by drive"
    assert PLANT.faults["run-out"] == ("pump", "fan", "mixer")
    assert PLANT.faults["bearing-temperature"] == ("pump",)
    assert PLANT.faults["supply-unbalance"] == ()
    assert "phase-loss" not in load("hoist").faults, "an active front end"

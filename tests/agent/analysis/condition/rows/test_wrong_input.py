"""A sound motor with a wrong nameplate, ratio or channel: the reason, never a finding from it.

Truth: rows of the simulated plant, in which nothing is wrong; powers follow from the currents as in a meter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from random import Random

import msgspec
import pytest
from support.condition.row_cases import Rows, play, running
from support.condition.row_judge import machine_data
from support.condition.row_machine import draw_machine
from support.condition.row_plant import Row, RowPlant
from support.condition.row_sensors import RowSensors
from support.condition.steady_rows import Watched, machine, row

from agent.analysis.condition.answers import ConditionFinding, NotObservable, Severity
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.rows.row_condition import RowCondition

Change = Callable[[Row], Row]


@cache
def recorded(fed: bool) -> tuple[MachineData, list[tuple[float, Row]]]:
    """A mixer of 700 s at half load."""
    rng = Random(f"wrong input {fed}")
    plant = RowPlant(draw_machine(rng, "mixer", fed=fed), rng)
    running(plant, rng)
    rows: Rows = play(plant, RowSensors(rng), 700)
    return machine_data(plant.machine.nameplate()), list(rows)


def scaled(*factors: float) -> Change:
    """Ratios of the three current transformers."""

    def change(values: Row) -> Row:
        names, power = ("i1_a", "i2_a", "i3_a"), values["p_in_kw"]
        currents = {name: None if (amps := values[name]) is None else amps * factor
                    for name, factor in zip(names, factors, strict=True)}  # fmt: skip
        return values | currents | {"p_in_kw": None if power is None else power * sum(factors) / 3}

    return change


def one_phase(values: Row) -> Row:
    return values | dict.fromkeys(("i2_a", "i3_a", "u23_v", "u31_v"), 0.0)


def not_a_number(values: Row) -> Row:
    return dict.fromkeys(values, math.nan) | {"drive_state": values.get("drive_state")}


CHANGES = {
    "ratio 5": scaled(5, 5, 5), "ratio 1/5": scaled(0.2, 0.2, 0.2), "one ratio 2": scaled(1, 2, 1),
    "one ratio 1.1": scaled(1, 1, 1.1), "one ratio 5": scaled(5, 1, 1), "one channel 0": scaled(1, 0, 1),
    "one phase": one_phase, "not a number": not_a_number,
}  # fmt: skip


def faults(data: MachineData, fed: bool, change: Change = dict) -> list[str]:
    condition = RowCondition(data)
    for t_s, values in recorded(fed)[1]:
        condition.on_row(t_s, change(values))
    found = [one for one in condition.answers() if isinstance(one, ConditionFinding)]
    return [one.code for one in found if one.severity is not Severity.NOTE and one.code != "live_terminals"]


@pytest.mark.parametrize("fed", [True, False])
@pytest.mark.parametrize("name", CHANGES)
def test_wrong_ratios_and_channels(name: str, fed: bool) -> None:
    assert faults(recorded(fed)[0], fed, CHANGES[name]) == []


@pytest.mark.parametrize("plate", [
    {"poles": 2}, {"poles": 24}, {"amps": 0.5}, {"amps": 2.0}, {"kw": 0.5}, {"volts": 1.7}, {"rpm": 2.0},
    {"emf_v": 1.73}, {"xq_ohm": 2.0}, {"kind": None}, {"application": None},
])  # fmt: skip
@pytest.mark.parametrize("fed", [True, False])
def test_wrong_nameplates(plate: dict[str, float | None], fed: bool) -> None:
    """Numbers of the nameplate times a factor; poles as they are."""
    data = recorded(fed)[0]
    wrong = {
        key: None if factor is None or (value := getattr(data, key)) is None
        else factor if key == "poles" else factor * value
        for key, factor in plate.items()
    }  # fmt: skip
    assert faults(msgspec.structs.replace(data, **wrong), fed) == []


def test_reasons_are_given() -> None:
    one = Watched().feed(60, i2_a=0.0, i3_a=0.0).answer("phase_loss")
    high = Watched().feed(300, i2_a=14.0).answer("current_unbalance")
    small = Watched(machine(kw=0.5, nm=3.2, amps=1.1)).feed(300, i1_a=0.45, i2_a=0.45, i3_a=0.46)
    assert isinstance(one, NotObservable)
    assert one.reason.code == "condition_row_one_current_only"
    assert isinstance(high, NotObservable)
    assert high.reason.code == "condition_row_current_ratio"
    answer = small.answer("contact_resistance")
    assert isinstance(answer, NotObservable)
    assert answer.reason.code == "condition_row_current_coarse"


def test_a_ratio_does_not_hide_a_contact_that_comes_later() -> None:
    found = Watched().feed(700).feed(300, row, i1_a=9.8, i2_a=7.8, i3_a=9.6).found
    assert "contact_resistance" in found

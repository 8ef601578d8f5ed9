"""Parts of a saving: they sum to the total and match the counterfactuals of the simulated plant; advice on speed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.retrofit_cases import large_retrofit, motor_swap

from agent.savings.accounting.attribution import PartSums, slip_penalty
from agent.savings.baseline.models import ReplacedMotor
from agent.savings.reasons import SPEED_ADVICE
from agent.savings.records.model import Interval

OLD = ReplacedMotor(160e3, 0.938, 1485.0, 1500.0)


@pytest.fixture(scope="module")
def large():  # type: ignore[no-untyped-def]
    return large_retrofit(1)


def test_the_parts_add_up_to_the_saving_within_a_watt_hour(large) -> None:  # type: ignore[no-untyped-def]
    assert sum(part.wh for part in large.saving.parts.values()) == pytest.approx(large.saving.saved_wh, abs=1e-3)


def test_each_part_is_within_its_u_and_a_third_of_a_percent_of_the_truth(large) -> None:  # type: ignore[no-untyped-def]
    """True values: the old motor of the simulated plant with the same drive, at the same speed and torque."""
    control = large.true_wh - large.motor_wh - large.drive_wh
    for name, true in (("motor", large.motor_wh), ("drive", large.drive_wh), ("control", control)):
        part = large.saving.parts[name]
        assert abs(part.wh - true) <= part.u95_wh, name
        if name != "control":
            assert abs(part.wh - true) <= 0.003 * large.true_adjusted_wh, name


def test_the_drive_part_is_negative_and_the_motor_part_positive(large) -> None:  # type: ignore[no-untyped-def]
    assert large.saving.parts["drive"].wh < 0 < large.saving.parts["motor"].wh


def test_a_motor_replaced_direct_on_line_has_a_speed_increase_and_advice() -> None:
    swap = motor_swap(2)
    assert swap.saving.advice is not None
    assert swap.saving.advice.code == SPEED_ADVICE
    assert swap.saving.advice.data["now_rpm"] == pytest.approx(1500, abs=1)
    assert swap.saving.speed_creep_wh is not None
    assert swap.saving.speed_creep_wh > 0
    assert "drive" in swap.saving.parts


def test_a_controlled_speed_is_not_a_speed_increase(large) -> None:  # type: ignore[no-untyped-def]
    assert large.saving.speed_creep_wh is None
    assert large.saving.advice is None


def test_the_slip_penalty_is_that_of_the_case(data: Path) -> None:
    cases = json.loads((data / "efficiency" / "cases.json").read_text())["cases"]
    case = next(case for case in cases if case["kind"] == "slip_speed_penalty")
    given = case["inputs"]
    found = slip_penalty(given["n_old"], given["n_new"], given["power_exponent"])
    assert found == pytest.approx(case["expected"]["power_ratio"], rel=1e-9)


def test_the_advice_names_the_previous_speed() -> None:
    sums = PartSums(OLD)
    for k in range(96):
        shaft_wh = 160e3 / 4
        sums.add(Interval("fan", k, 42e3, shaft_wh=shaft_wh, motor_loss_wh=1e3, drive_loss_wh=1e3, speed_rpm=1500.0))
    assert sums.advice is not None
    assert sums.advice.code == SPEED_ADVICE
    assert sums.advice.data == {"before_rpm": pytest.approx(1485), "now_rpm": pytest.approx(1500)}
    assert sums.creep_wh == pytest.approx(96 * 40e3 * (1 - (1485 / 1500) ** 3))


def test_without_a_known_shaft_there_are_no_parts() -> None:
    sums = PartSums(OLD)
    sums.add(Interval("fan", 0, 42e3))
    assert sums.split(8e3, 1e3, 42e3) == {}

"""Weights of what a device shows: laws of physics, names of makers, codes of types."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from identifykit import SERVED

from agent.discover.fingerprint import READ_ID, SERVER_ID, Evidence, chance, judge_names
from agent.discover.laws import LAWS
from drivers.profiles import load_profile, profile_ids


def test_what_anything_would_show_tells_nothing() -> None:
    """A float that must be a mains frequency tells more than a signed word that may be any torque."""
    frequency = load_profile("eastron/sdm630").register("frequency")
    torque = load_profile("vacon/vacon-100").register("motor_torque")
    assert frequency is not None
    assert torque is not None
    assert chance(frequency) < 0.1 < 0.25 < chance(torque)


SHAFT = "shaft power fits the motor power"
LAW = {law.text: law.deviation for law in LAWS}


@pytest.mark.parametrize(
    ("law", "values", "holds"),
    [
        ("line voltage √3 times the phase voltage", {"voltage_ll_avg": 400.0, "voltage_ln_avg": 231.0}, True),
        ("line voltage √3 times the phase voltage", {"voltage_ll_avg": 231.0, "voltage_ln_avg": 231.0}, False),
        ("S² = P² + Q²", {"apparent_power": 500.0, "active_power": 300.0, "reactive_power": 400.0}, True),
        ("S² = P² + Q²", {"apparent_power": 500.0, "active_power": 3000.0, "reactive_power": 400.0}, False),
        ("PF = P/S", {"apparent_power": 500.0, "active_power": -300.0, "power_factor": 0.6}, True),
        ("DC bus fits the mains", {"dc_bus_voltage": 565.0, "mains_voltage": 400.0}, True),
        ("DC bus fits the mains", {"dc_bus_voltage": 400.0, "mains_voltage": 400.0}, False),
        ("speed fits frequency and pole pairs", {"output_frequency": 50.0, "motor_speed": 1470.0}, True),
        ("speed fits frequency and pole pairs", {"output_frequency": 50.0, "motor_speed": 1200.0}, False),
        (SHAFT, {"motor_torque_nm": 100.0, "motor_speed": 1500.0, "motor_power": 17.0}, True),
        (SHAFT, {"motor_torque_nm": 100.0, "motor_speed": 1500.0, "motor_power": 5.0}, False),
        ("three phase voltages of one size", {f"voltage_l{k}n": 230.0 + k for k in (1, 2, 3)}, True),
        ("three phase voltages of one size", {f"voltage_l{k}n": 100.0 * k for k in (1, 2, 3)}, False),
    ],
)  # fmt: skip
def test_laws_hold_where_physics_does(law: str, values: dict[str, float], holds: bool) -> None:
    off = LAW[law](values)
    assert off is not None
    assert (off <= 1) == holds


def test_laws_are_silent_where_nothing_is_known() -> None:
    for law in LAWS:
        assert law.deviation({}) is None
        assert law.deviation({name: 0.0 for name in ("active_power", "apparent_power", "motor_speed")}) is None


def test_the_score_of_a_map_is_finite() -> None:
    for name in SERVED:
        for row in load_profile(name).registers:
            if row.type != "string":
                assert 0 < chance(row) <= 1
                assert math.isfinite(math.log(chance(row)))
                assert chance(replace(row)) == chance(row), "chance is the same each time"


@pytest.mark.parametrize(
    ("told", "is_maker"),
    [("Pulse Meter Details 12", False), ("LS Electric S100", True), ("LSELECTRIC", True), ("maker=ls;type=1", True)],
)
def test_a_makers_name_is_a_word_not_letters_inside_others(told: str, is_maker: bool) -> None:
    profile = next(load_profile(name) for name in profile_ids() if name.startswith("ls/"))
    evidence = Evidence()
    judge_names(profile, told, evidence, READ_ID)
    assert (evidence.score > 0) == is_maker, (evidence.pro, evidence.contra)


@pytest.mark.parametrize(
    ("told", "says"),
    [("FC-302P75KT5", True), ("VLT FC 301", True), ("VLT AQUA Drive FC 202", False), ("Danfoss", False)],
)
def test_a_type_code_names_the_model(told: str, says: bool) -> None:
    evidence = Evidence()
    judge_names(load_profile("danfoss/fc302"), told, evidence, SERVER_ID)
    assert evidence.named == says

"""Evidence for a model: physical relations, names of manufacturers, type codes."""

from __future__ import annotations

import math

import pytest
from msgspec.structs import replace
from support.identification import SERVED

from agent.commissioning.discovery import reasons as codes
from agent.commissioning.discovery.consistency_rules import consistency
from agent.commissioning.discovery.likelihood import Evidence, add_names, chance
from agent.commissioning.selfcheck.reasons import LINE_TO_PHASE_VOLTAGE, POWER_FACTOR_FROM_S, POWERS_EQUAL
from drivers.framing import READ_DEVICE_ID, REPORT_SERVER_ID
from drivers.profiles import load_profile, profile_ids
from drivers.reasons import Code
from drivers.vocabulary import vocabulary


def test_a_narrow_window_is_stronger_evidence_than_a_wide_one() -> None:
    """A float that must be a mains frequency, compared with a signed word for a torque."""
    frequency = load_profile("eastron/sdm630").register("frequency")
    torque = load_profile("vacon/vacon-100").register("motor_torque")
    assert frequency is not None
    assert torque is not None
    assert chance(frequency) < 0.1 < 0.25 < chance(torque)


@pytest.mark.parametrize(
    ("law", "values", "holds"),
    [
        (LINE_TO_PHASE_VOLTAGE, {"voltage_ll_avg": 400.0, "voltage_ln_avg": 231.0}, True),
        (LINE_TO_PHASE_VOLTAGE, {"voltage_ll_avg": 231.0, "voltage_ln_avg": 231.0}, False),
        (POWERS_EQUAL, {"apparent_power": 500.0, "active_power": 300.0, "reactive_power": 400.0}, True),
        (POWERS_EQUAL, {"apparent_power": 500.0, "active_power": 3000.0, "reactive_power": 400.0}, False),
        (POWER_FACTOR_FROM_S, {"apparent_power": 500.0, "active_power": -300.0, "power_factor": 0.6}, True),
        (codes.MATCH_DC_LINK, {"dc_bus_voltage": 565.0, "mains_voltage": 400.0}, True),
        (codes.MATCH_DC_LINK, {"dc_bus_voltage": 400.0, "mains_voltage": 400.0}, False),
        (codes.MATCH_SPEED, {"output_frequency": 50.0, "motor_speed": 1470.0}, True),
        (codes.MATCH_SPEED, {"output_frequency": 50.0, "motor_speed": 1200.0}, False),
        (codes.MATCH_SHAFT_POWER, {"motor_torque_nm": 100.0, "motor_speed": 1500.0, "motor_power": 17.0}, True),
        (codes.MATCH_SHAFT_POWER, {"motor_torque_nm": 100.0, "motor_speed": 1500.0, "motor_power": 5.0}, False),
        (codes.MATCH_PHASE_VOLTAGES, {f"voltage_l{k}n": 230.0 + k for k in (1, 2, 3)}, True),
        (codes.MATCH_PHASE_VOLTAGES, {f"voltage_l{k}n": 100.0 * k for k in (1, 2, 3)}, False),
    ],
)  # fmt: skip
def test_relations_hold_for_consistent_values(law: Code, values: dict[str, float], holds: bool) -> None:
    assert {applied.code: held for applied, held in consistency(values)} == {law: holds}


def test_relations_without_values_have_no_result() -> None:
    assert not list(consistency({}))
    assert not list(consistency(dict.fromkeys(vocabulary(), 0.0)))


def test_the_score_of_a_map_is_finite() -> None:
    for name in SERVED:
        for row in load_profile(name).registers:
            if row.type != "string":
                assert 0 < chance(row) <= 1
                assert math.isfinite(math.log(chance(row)))
                assert chance(replace(row)) == chance(row), "chance is the same each time"


@pytest.mark.parametrize(
    ("reported", "is_maker"),
    [("Pulse Meter Details 12", False), ("LS Electric S100", True), ("LSELECTRIC", True), ("maker=ls;type=1", True)],
)
def test_a_manufacturers_name_must_start_a_word(reported: str, is_maker: bool) -> None:
    profile = next(load_profile(name) for name in profile_ids() if name.startswith("ls/"))
    evidence = Evidence()
    add_names(profile, reported, evidence, READ_DEVICE_ID)
    assert (evidence.score > 0) == is_maker, (evidence.pro, evidence.contra)
    reason = codes.REPORTED_IDENTIFICATION(text=reported, function=0x2B)
    assert (evidence.pro if is_maker else evidence.contra) == [reason]


@pytest.mark.parametrize(
    ("reported", "named"),
    [("FC-302P75KT5", True), ("VLT FC 301", True), ("VLT AQUA Drive FC 202", False), ("Danfoss", False)],
)
def test_a_type_code_names_the_model(reported: str, named: bool) -> None:
    evidence = Evidence()
    add_names(load_profile("danfoss/fc302"), reported, evidence, REPORT_SERVER_ID)
    assert evidence.named == named

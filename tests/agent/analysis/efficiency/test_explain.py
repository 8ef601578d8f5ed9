"""`magwatt explain`: the same values as the published ones, and parts of U that add up to it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from support.motor_estimator import ON_DRIVE, ON_MAINS, SENSOR, Bench, phases, with_sensor

from agent.analysis.efficiency import reasons
from agent.analysis.efficiency.explain import explanation
from agent.analysis.efficiency.explain_names import METHODS, U_PARTS
from agent.cli import explain_text
from agent.cli.explain_text import as_text
from drivers.reasons import reason_of


@pytest.mark.parametrize("text", [ON_DRIVE, ON_MAINS])
def test_explain_has_the_published_values_and_its_components_add_up_to_u(tmp_path: Path, text: str) -> None:
    bench = Bench(tmp_path, text)
    found = bench.run(15)
    body = explanation(bench.of)
    assert body["efficiency_pct"] == pytest.approx(found.values["motor_efficiency_pct"], abs=0.006)
    assert body["u_pct"] == pytest.approx(found.uncertainties["motor_efficiency_pct"], rel=0.02)
    assert math.hypot(*body["u_parts_pct"].values()) == pytest.approx(body["u_pct"], abs=0.006)
    powers = body["powers"]
    losses = sum(value for name, value in powers.items() if name.endswith("_losses_w"))
    assert powers["input_w"] - losses == pytest.approx(powers["shaft_w"], abs=0.5)
    text = as_text("p", body)
    for value in (f" {body['efficiency_pct']:.1f} %", f"± {body['u_pct']:.1f} %", " 55 ", body["methods"][0]["id"]):
        assert value in text
    assert text.count("  - ") == len(body["improvements"]) > 0
    assert all(len(line) < 130 for line in text.splitlines())


def test_explain_has_the_budget_of_drive_and_motor_together(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ON_DRIVE)
    found = bench.run(15)
    body = explanation(bench.of)
    assert body["system_efficiency_pct"] == pytest.approx(found.values["system_efficiency_pct"], abs=0.006)
    assert body["system_u_pct"] == pytest.approx(found.uncertainties["system_efficiency_pct"], rel=0.02)
    assert math.hypot(*body["system_u_parts_pct"].values()) == pytest.approx(body["system_u_pct"], abs=0.006)
    u_w = [body["input_u_w"], found.uncertainties["drive_losses_w"], found.uncertainties["motor_losses_w"]]
    assert math.hypot(*u_w) == pytest.approx(found.uncertainties["shaft_power_w"], rel=0.01)  # of 10 s that overlap


def test_each_loss_names_its_source(tmp_path: Path) -> None:
    def sources(text: str) -> dict[str, str]:
        bench = Bench(tmp_path, text)
        bench.run(15)
        return {name: item["code"] for name, item in explanation(bench.of)["loss_sources"].items()}

    parts = ("copper", "core", "mechanical", "additional")
    assert sources(ON_MAINS) == dict.fromkeys(parts, "losses_by_nameplate")
    on_drive = {"drive": "losses_by_class"} | dict.fromkeys(parts, "losses_by_nameplate")
    assert sources(ON_DRIVE) == on_drive | {"copper": "losses_by_resistance"}
    assert sources(ON_DRIVE.replace("r1_ohm = 0.0125\n", "")) == on_drive


def test_explain_and_results_have_the_same_minimum_load_with_a_sensor(tmp_path: Path) -> None:
    """At 8 % load a sensor at the shaft gives an efficiency, no model does. Both agree, also where it is withheld."""
    bench = Bench(tmp_path, ON_MAINS.replace("[motor.p]", "power_factor_compensation = true\n[motor.p]") + SENSOR)
    bench.meter = phases(5_500.0, 0.3)
    found = with_sensor(bench, 4_400.0, 1497.0)
    assert found.methods["motor_efficiency_pct"] == "M9"
    assert explanation(bench.of)["efficiency_pct"] == pytest.approx(found.values["motor_efficiency_pct"], abs=0.006)
    below = with_sensor(bench, 2_000.0, 1497.0)
    assert below.reason == reasons.LOAD_TOO_LOW(least=0.05)
    assert reason_of(explanation(bench.of)["reason"]) == below.reason


def test_explain_states_the_reason_for_a_missing_result(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ON_MAINS)
    bench.meter = phases(40_000.0, 0.85, (-1, 1, 1))
    bench.run(12)
    body = explanation(bench.of)
    assert reason_of(body["reason"]) == bench.of.checks.withheld
    assert [fault["data"] for fault in body["meter_wiring_faults"]] == [{"phases": "L1"}]
    assert "correct_wiring" in [item["code"] for item in body["improvements"]]
    text = as_text("p", body)
    assert body["reason"]["text"] in text
    assert body["improvements"][0]["text"] in text


@pytest.mark.text
def test_the_text_has_all_sections(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ON_DRIVE)
    bench.run(15)
    text = as_text("p", explanation(bench.of))
    for heading in ("Inputs", "Motor efficiency", "Methods", "Power from the supply", "Uncertainty budget",
                    "Possible improvements"):  # fmt: skip
        assert f"\n{heading}" in text


@pytest.mark.parametrize("text", [ON_DRIVE, ON_MAINS])
def test_every_key_of_the_body_has_a_name(tmp_path: Path, text: str) -> None:
    bench = Bench(tmp_path, text + SENSOR)
    bench.drive["motor_torque"] = 80.0
    bench.run(15)
    body = explanation(bench.of)
    assert body["nameplate"]["kind"] in explain_text.KINDS
    for key, table in (("inputs", explain_text.INPUTS), ("signals", explain_text.SIGNALS),
                       ("powers", explain_text.POWERS), ("checks", explain_text.CHECKS),
                       ("u_parts_pct", U_PARTS), ("system_u_parts_pct", U_PARTS)):  # fmt: skip
        assert body.get(key, {}).keys() <= table.keys()
    assert {item["id"] for item in body["methods"]} <= METHODS.keys()

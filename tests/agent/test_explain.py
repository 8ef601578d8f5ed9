"""`explain`: the same numbers as the figures, down to the parts of their U."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from estimatekit import ON_DRIVE, ON_MAINS, SENSOR, Bench, phases, with_sensor

from agent.estimate.explain import as_text, explanation
from agent.estimate.reasons import LOAD_TOO_LOW
from drivers.reasons import reason_of


@pytest.mark.parametrize("text", [ON_DRIVE, ON_MAINS])
def test_explain_tells_the_same_numbers_and_its_parts_make_u(tmp_path: Path, text: str) -> None:
    bench = Bench(tmp_path, text)
    found = bench.run(15)
    body = explanation(bench.of)
    assert body["efficiency_pct"] == pytest.approx(found.values["motor_efficiency_pct"], abs=0.006)
    assert body["u_pct"] == pytest.approx(found.uncertainties["motor_efficiency_pct"], rel=0.02)
    assert math.hypot(*body["u_parts_pct"].values()) == pytest.approx(body["u_pct"], abs=0.006)
    powers = body["powers"]
    losses = sum(value for name, value in powers.items() if name.endswith("losses"))
    assert powers["input"] - losses == pytest.approx(powers["shaft"], abs=0.5)
    told = as_text("p", body)
    for part in ("Signals", "Method", "Where the doubt comes from", "What would make it better", "± "):
        assert part in told
    assert all(len(line) < 130 for line in told.splitlines())


def test_explain_follows_a_sensor_to_as_low_a_load_as_the_figures(tmp_path: Path) -> None:
    """At 8 % load a sensor at the shaft measures what no model can say: told or withheld, both say the same."""
    bench = Bench(tmp_path, ON_MAINS.replace("[motor.p]", "power_factor_compensation = true\n[motor.p]") + SENSOR)
    bench.meter = phases(5_500.0, 0.3)
    found = with_sensor(bench, 4_400.0, 1497.0)
    assert found.methods["motor_efficiency_pct"] == "M9"
    assert explanation(bench.of)["efficiency_pct"] == pytest.approx(found.values["motor_efficiency_pct"], abs=0.006)
    below = with_sensor(bench, 2_000.0, 1497.0)
    assert below.reason == LOAD_TOO_LOW(least=0.05)
    assert reason_of(explanation(bench.of)["reason"]) == below.reason


def test_explain_says_why_there_is_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ON_MAINS)
    bench.meter = phases(40_000.0, 0.85, (-1, 1, 1))
    bench.run(12)
    told = as_text("p", explanation(bench.of))
    assert "not available: " in told
    assert "ct_reversed:L1" in told
    assert "put the meter's transformers right" in told

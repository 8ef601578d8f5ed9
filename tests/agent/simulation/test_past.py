"""The past of the demo's plant. Truth: the same plant, stepped here without the agent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from agent.cli import main
from agent.cli.demo_plant import demo_config
from agent.simulation.config_keys import with_key
from agent.simulation.past import past_s, simulate_past
from simulators.scenarios import load
from simulators.scenarios.plant import ScenarioPlant

STEP_S = 60


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        (datetime(2026, 11, 28, 2, 59, tzinfo=UTC), 28 + 59 / 60),
        (datetime(2026, 11, 28, 3, 0, tzinfo=UTC), 5),
        (datetime(2026, 11, 28, 21, 59, 30, tzinfo=UTC), 23 + 59 / 60),
        (datetime(2026, 11, 28, 22, 30, tzinfo=UTC), 24.5),
    ],
)
def test_the_past_begins_in_the_evening_and_contains_a_night(now: datetime, hours: float) -> None:
    assert past_s(now) == pytest.approx(3600 * hours)


def test_a_key_is_changed_at_the_beginning_of_lines_only() -> None:
    text = 'id = "a"\nunit_id = 3\n[x]\nid = "b"\n'
    assert with_key(text, "id", 'q"') == 'id = "q\\""\nunit_id = 3\n[x]\nid = "q\\""\n'


@pytest.mark.soak
def test_the_report_of_the_past_covers_the_true_saving(tmp_path: Path) -> None:
    """Twelve hours from 22:00: each retrofitted motor has a saving whose U95 contains the true one."""
    scenario, start, seconds = load("water-station"), datetime(2026, 11, 27, 22, tzinfo=UTC), 12 * 3600
    simulate_past(scenario, tmp_path, round(start.timestamp()), seconds, demo_config, lambda _now_s: None)
    plant = scenario.build(Random(1))
    assert isinstance(plant, ScenarioPlant)
    true_wh = dict.fromkeys((name for name, unit in plant.units.items() if unit.old), 0.0)
    for _ in range(seconds // STEP_S):
        plant.step(STEP_S)
        for name in true_wh:
            unit = plant.units[name]
            assert unit.before is not None
            true_wh[name] += (unit.before.input_w - unit.train.input_w) * STEP_S / 3600
    report = tmp_path / "report.html"
    done = CliRunner().invoke(
        main, ["report", "--month", "2026-11", "--config", str(tmp_path / "plant.toml"), "--output", str(report)]
    )
    assert done.exit_code == 1, done.output  # the month has not ended
    motors = {motor["motor"]: motor for motor in json.loads(report.with_suffix(".json").read_text())["motors"]}
    assert len(true_wh) == 4
    for name, expected_wh in true_wh.items():
        saving = motors[name]["saving"]
        assert saving["verdict"] == "provisional", name
        assert saving["saved_wh"] == pytest.approx(expected_wh, abs=saving["u95_wh"]), name
        assert saving["u95_wh"] < 0.4 * saving["saved_wh"], name
    assert motors["scale-pit"]["saving"] is None

"""From the simulated plant through the complete agent to the report: energy agrees
with the true energy and the ledger.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli import main
from agent.delivery.store.read_only import open_read_only
from agent.savings.records import repository
from agent.simulation.accelerated import run_accelerated
from simulators.scenarios import load
from simulators.truth import Row

HOUR_S = 3600.0


def played(folder: Path, hours: float) -> dict[str, list[tuple[int, float]]]:
    """Run the pump station, polled every 10 s. Returns motor → (UTC ms, W at the motor's meter)."""
    truth: dict[str, list[tuple[int, float]]] = {}

    def remember(t_ms: int, rows: dict[str, Row]) -> None:
        for motor in ("pump-1", "pump-2"):
            truth.setdefault(motor, []).append((t_ms, float(rows[motor]["active_power_w"])))  # type: ignore[arg-type]

    run_accelerated(load("pump-station"), hours * HOUR_S, lambda *_: None, step_s=10, on_truth=remember, folder=folder,
                    edit=lambda text: re.sub(r'poll_interval = "\d+s"', 'poll_interval = "10s"', text))  # fmt: skip
    return truth


def run(folder: Path, *command: str) -> str:
    found = CliRunner().invoke(main, [*command, "--config", str(folder / "plant.toml")])
    assert found.exit_code in (0, 1), found.output
    return found.output


def check(folder: Path, truth: dict[str, list[tuple[int, float]]]) -> None:
    """The energy is within the meter's class of the true energy over the same quarter hours; the ledger agrees."""
    run(folder, "report", "--month", "2026-09", "--output", str(folder / "r.html"))
    reported = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    db = open_read_only(folder / "state" / "magwatt.sqlite")
    for motor in reported["motors"]:
        items = [item for item in repository.load_intervals(db, motor["motor"], 0, 1 << 60) if item.coverage > 0.99]
        assert len(items) >= 8
        begin, end = items[0].start_ms, items[-1].end_ms
        true_wh = sum(10 / 3600 * w for t_ms, w in truth[motor["motor"]] if begin <= t_ms < end)
        assert sum(item.energy_wh or 0 for item in items) == pytest.approx(true_wh, rel=0.005)
        assert motor["ledger"]["recorded_wh"] == motor["ledger"]["reported_wh"] > 0
        assert motor["ledger"]["ok"]
        assert motor["simulated"]
    assert json.loads(run(folder, "ledger", "verify", "--json"))["ok"]


def test_four_hours_of_the_pump_station(tmp_path: Path) -> None:
    check(tmp_path, played(tmp_path, 4))


@pytest.mark.soak
def test_a_plant_without_savings_is_not_proven(tmp_path: Path) -> None:
    """Six days; the baseline is learned from the first half of the same plant."""
    check(tmp_path, played(tmp_path, 144))
    run(tmp_path, "baseline", "learn", "pump-2", "--to", "2026-09-25T00:00")
    run(tmp_path, "baseline", "freeze", "pump-2", "--by", "the test")
    run(tmp_path, "report", "--month", "2026-09", "--motor", "pump-2", "--output", str(tmp_path / "r.html"))
    [motor] = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["motors"]
    assert motor["saving"]["verdict"] not in ("proven", "provisional")
    assert motor["saving"]["intervals"] > 96
    assert json.loads(run(tmp_path, "ledger", "verify", "--json"))["ok"]

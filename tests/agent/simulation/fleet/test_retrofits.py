"""A simulated fleet: the report of its lake contains the true saving."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command_line import invoke

from agent.simulation.fleet.retrofits import GatewayPast, export, simulate_gateway


@pytest.mark.soak
def test_the_report_of_simulated_gateways_contains_the_true_saving(tmp_path: Path) -> None:
    true_wh = 0.0
    for number in range(1, 3):
        folder = tmp_path / str(number)
        past = GatewayPast("demo", f"gw-{number}", "2026-10", 2, number)
        true_wh += simulate_gateway(past, folder)
        export(past, folder)
        for path in (folder / "lake").rglob("*.parquet"):
            copy = tmp_path / "lake" / path.relative_to(folder / "lake")
            copy.parent.mkdir(parents=True, exist_ok=True)
            path.rename(copy)
    found = json.loads(
        invoke("fleet", "report", "--lake", str(tmp_path / "lake"), "--month", "2026-10", "--verify", "--json").stdout
    )
    total = found["total"]
    assert (total["motors"], total["undecided"], found["attention"]) == (4, 0, [])
    assert abs(total["saved_wh"] - true_wh) <= total["u95_wh"]
    assert total["independent_wh"] < total["u95_wh"] < total["correlated_wh"] < 0.1 * total["saved_wh"]

"""`magwatt explain` with a running agent and by polling; the explanation of each kind of load."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.basics import Mosquitto

from agent.cli import main
from agent.cli.explain_text import as_text
from agent.simulation.accelerated import run_accelerated
from simulators.scenarios import load


def published(scenario: str, seconds: float, motor: str) -> dict[str, Any]:
    last: dict[str, Any] = {}

    def take(topic: str, payload: bytes, _retained: bool) -> None:
        if topic.endswith(f"/{motor}/explain"):
            last.update(json.loads(payload))

    run_accelerated(load(scenario), seconds, take)
    return last


@pytest.mark.parametrize(
    ("scenario", "seconds", "motor", "method", "steady", "improvements", "keys"),
    [
        ("pump-retrofit", 90, "pump-after", "M5", True, {"add_seven_points"}, {"ct_phase_displacement"}),
        ("fan-retrofit", 120, "fan-damper", "M1", True, {"add_no_load_losses"}, {"meter"}),
        ("hoist", 100, "hoist", None, False, set(), {"input_returned_w"}),
        ("roller-table", 130, "roller-stuck", None, False, {"install_meter"}, {"drive_output_power"}),
    ],
)  # fmt: skip
def test_each_kind_of_load_is_explained(
    scenario: str, seconds: float, motor: str, method: str | None, steady: bool, improvements: set[str], keys: set[str]
) -> None:
    body = published(scenario, seconds, motor)
    assert method in (None, body["methods"][0]["id"])
    assert body["interval"]["steady"] == steady
    assert improvements <= {item["code"] for item in body["improvements"]}
    assert keys <= body["u_parts_pct"].keys() | body["powers"].keys()
    powers = body["powers"]
    losses = sum(value for name, value in powers.items() if name.endswith("_losses_w"))
    assert powers["input_w"] - losses == pytest.approx(powers["shaft_w"], abs=1)
    text = as_text(motor, body)
    assert f"{body['efficiency_pct']:.1f} %" in text
    assert all(item["text"] in text for item in body["improvements"])


def test_from_the_broker_and_by_polling(tmp_path: Path, mosquitto: Mosquitto) -> None:
    config = tmp_path / "plant.toml"
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    plant = subprocess.Popen(
        [sys.executable, "-m", "agent.cli", "simulate", "pump-station", "--write-config", str(config), "--broker", url,
         "--seconds", "100"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    agent = None
    try:
        for _ in range(200):
            if config.exists() and config.stat().st_size:
                break
            plant.poll()
            subprocess.run(["sleep", "0.1"], check=True)
        polled = CliRunner().invoke(main, ["explain", "pump-1", "--config", str(config), "--poll", "--seconds", "6"])
        assert polled.exit_code == 0, polled.output
        assert "M1 " in polled.output
        agent = subprocess.Popen(
            [sys.executable, "-m", "agent.cli", "run", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        asked = CliRunner().invoke(main, ["explain", "pump-1", "--config", str(config), "--seconds", "30", "--json"])
        assert asked.exit_code == 0, asked.output
        nameplate = json.loads(asked.output)["nameplate"]
        assert (nameplate["kind"], nameplate["rated_power_w"]) == ("induction", 55_000)
        wrong = CliRunner().invoke(main, ["explain", "pump-9", url, "--seconds", "2"])
        assert wrong.exit_code == 1
        assert "'pump-" in wrong.output
    finally:
        for process in filter(None, (agent, plant)):
            process.terminate()
            process.wait(60)


def test_wrong_usage_is_one_line(tmp_path: Path) -> None:
    poll = CliRunner().invoke(main, ["explain", "p", "--poll", "--config", str(tmp_path / "none.toml")])
    assert poll.exit_code == 2
    assert len(poll.output.splitlines()) <= 2
    unreachable = CliRunner().invoke(main, ["explain", "p", "mqtt://127.0.0.1:1", "--seconds", "1"])
    assert unreachable.exit_code == 1
    assert "127.0.0.1:1:" in unreachable.output

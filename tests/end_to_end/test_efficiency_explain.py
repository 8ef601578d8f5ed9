"""`magwatt explain` against a running agent and by a poll of its own; what it tells of each kind of load."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from testkit import Mosquitto

from agent.accelerated import run_accelerated
from agent.cli import main
from agent.estimate.explain import as_text
from simulators.scenarios import load


def told(scenario: str, seconds: float, motor: str) -> dict[str, Any]:
    last: dict[str, Any] = {}

    def take(topic: str, payload: bytes, _retained: bool) -> None:
        if topic.endswith(f"/{motor}/explain"):
            last.update(json.loads(payload))

    run_accelerated(load(scenario), seconds, take)
    return last


@pytest.mark.parametrize(
    ("scenario", "seconds", "motor", "words"),
    [
        ("pump-retrofit", 90, "pump-after", ("M5", "steady load", "seven points", "CT phase angle")),
        ("fan-retrofit", 120, "fan-damper", ("M1", "no_load_w")),
        ("hoist", 100, "hoist", ("of the input: given back", "changing or reversing", "CDM-class")),
        ("roller-table", 130, "roller-stuck", ("a meter of its own", "drive's own power", "changing or reversing")),
    ],
)
def test_it_makes_sense_for_each_kind_of_load(
    scenario: str, seconds: float, motor: str, words: tuple[str, ...]
) -> None:
    body = told(scenario, seconds, motor)
    text = as_text(motor, body)
    assert "Motor efficiency" in text
    for word in words:
        assert word in text, text
    powers = body["powers"]
    losses = sum(value for name, value in powers.items() if name.endswith("losses"))
    assert powers["input"] - losses == pytest.approx(powers["shaft"], abs=1)


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
        assert "M1 input power and nameplate" in polled.output
        agent = subprocess.Popen(
            [sys.executable, "-m", "agent.cli", "run", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        asked = CliRunner().invoke(main, ["explain", "pump-1", "--config", str(config), "--seconds", "30", "--json"])
        assert asked.exit_code == 0, asked.output
        assert json.loads(asked.output)["plate"].startswith("induction motor, 55 kW")
        wrong = CliRunner().invoke(main, ["explain", "pump-9", url, "--seconds", "2"])
        assert wrong.exit_code == 1
        assert "did you mean 'pump-" in wrong.output
    finally:
        for process in filter(None, (agent, plant)):
            process.terminate()
            process.wait(60)


def test_wrong_usage_is_one_line(tmp_path: Path) -> None:
    poll = CliRunner().invoke(main, ["explain", "p", "--poll", "--config", str(tmp_path / "none.toml")])
    assert poll.exit_code == 2
    assert len(poll.output.splitlines()) <= 2
    nobody = CliRunner().invoke(main, ["explain", "p", "mqtt://127.0.0.1:1", "--seconds", "1"])
    assert nobody.exit_code == 1
    assert "no broker at" in nobody.output

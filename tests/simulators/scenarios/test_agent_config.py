"""The configuration of a scenario has what an integrator knows about the motors."""

from __future__ import annotations

from pathlib import Path

from agent.config.loader import load_config
from agent.config.model import MotorConditionSettings
from simulators.endpoints import Endpoints
from simulators.scenarios import load


def test_applications_and_signals_of_temperatures(tmp_path: Path) -> None:
    text = load("motor-faults").config_toml(Endpoints.of({"hall": "127.0.0.1:1502"}), "mqtt://127.0.0.1:1883", "state")
    file = tmp_path / "plant.toml"
    file.write_text(text, encoding="utf-8")
    config, _ = load_config(file)
    assert {name: motor.condition for name, motor in config.motors.items()} == {
        "pump": MotorConditionSettings(application="pump", bearing_signal="bearing-pump"),
        "old-pump": MotorConditionSettings(application="pump"),
        "fan": MotorConditionSettings(application="fan"),
        "mixer": MotorConditionSettings(application="mixer", ambient_signal="ambient-mixer"),
    }
    measured = {name: row["measures"] for name, row in config.signals.items()}
    assert measured["winding-pump"] == "winding-temperature"
    assert set(measured.values()) == {None, "winding-temperature"}

"""A scenario from its file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from random import Random

from simulators.endpoints import Endpoints
from simulators.scenarios import Scenario
from simulators.scenarios.checks import check
from simulators.scenarios.mill import Mill
from simulators.scenarios.mill_config import config_toml
from simulators.scenarios.records import ScenarioRecord, scenario_record


def scenario_from(path: Path) -> Scenario:
    """Raises ValueError: one line that names the file, the place and what is wrong."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise ValueError(f"{path.name}: not valid TOML: {' '.join(str(error).split())}") from None
    try:
        record = scenario_record(raw)
        check(record)
        drawn = Mill(record, Random(0))  # for nameplates and places, which no chance changes
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    return _scenario(record, drawn)


def _scenario(record: ScenarioRecord, drawn: Mill) -> Scenario:
    def config(endpoints: Endpoints, mqtt_url: str, state_dir: str) -> str:
        return config_toml(drawn, endpoints, mqtt_url, state_dir)

    return Scenario(
        name=record.name,
        about=record.about,
        step_s=record.step_s,
        build=lambda rng: Mill(record, rng),
        config_toml=config,
        drift_ppm=4.0,
        hours=record.hours,
        devices=tuple(
            f"{placed.line} unit {placed.device.unit}: {placed.device.profile.id} {placed.name}"
            for placed in drawn.instruments.placed
        ),
    )

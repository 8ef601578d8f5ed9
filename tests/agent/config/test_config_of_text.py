"""The configuration of another computer, as a lake has it: without the files that are only there."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import metered_retrofit
from support.config_text import site

from agent.config.loader import ConfigError, config_of_text, load_config

ELSEWHERE = """
[mqtt]
url = "mqtts://broker:8883"
user = "gw"
password_file = "secret"
ca = "ca.pem"
outputs = ["sparkplug"]

[sparkplug]
group = "plant"

[file]
dir = "rows"

[signal.tonnes]
topic = "mes/tonnes"
unit_of_measure = "t/h"
motor = "fan"
broker = "mqtts://mes:8883"
user = "gw"
password_file = "mes-secret"
"""


def test_what_savings_depend_on_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "plant.toml").write_text(metered_retrofit.PLANT, encoding="utf-8")
    truth, found = load_config(tmp_path / "plant.toml")[0], config_of_text(metered_retrofit.PLANT)
    for part in ("site", "hash", "buses", "meters", "drives", "motors", "signals", "tariff"):
        assert getattr(found, part) == getattr(truth, part), part


def test_files_of_the_other_computer_are_not_needed() -> None:
    found = config_of_text(metered_retrofit.PLANT + ELSEWHERE)
    assert set(found.signals) == {"fan-flow", "tonnes"}
    assert found.motors["fan"].kw == 132


@pytest.mark.parametrize("text", ["[site", site() + "[motor.a]\nkw = -1\n", site() + "[moto.a]\n[meter.m]\n", ""])
def test_what_cannot_be_used_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config_of_text(text)
    assert raised.value.problems

"""What an auditor asks of a baseline first: was it frozen before, is it the first, was a better model passed over?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import reportkit
from click.testing import CliRunner, Result

from agent.cli import main


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    reportkit.retrofit(tmp_path, days=3)
    return tmp_path


def magwatt(plant: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--config", str(plant / "plant.toml")])


def report(plant: Path) -> str:
    return magwatt(plant, "report", "--month", "2024-10", "--output", str(plant / "r.html")).output


def test_one_that_was_frozen_before_needs_no_word(plant: Path) -> None:
    text = report(plant)
    assert not any(said in text for said in ("was frozen", "foretells better"))
    [motor] = json.loads((plant / "r.json").read_text(encoding="utf-8"))["motors"]
    assert motor["hints"] == []


def test_one_that_was_put_in_its_place_afterwards_is_told(plant: Path) -> None:
    """A constant, put in force two years after the month: it claims more, and the first knew the flow."""
    first = json.loads(magwatt(plant, "baseline", "show", "fan", "--json").stdout)["baseline"]["hash"]
    assert magwatt(plant, "baseline", "learn", "fan", "--model", "constant").exit_code == 0
    assert magwatt(plant, "baseline", "freeze", "fan", "--by", "Eve", "--replace").exit_code == 0
    text = report(plant)
    assert "the baseline was frozen on 20" in text
    assert "after the first quarter hour that it is held against (2024-10-01 00:00)" in text
    assert f"it is not the first: {first[:16]} was frozen on 2024-09-15 08:00 by Li Wei" in text
    assert "another model foretells better: polynomial 1 of signal_fan_flow_m3_h 1.01 %, this one 9.28 %" in text
    page = (plant / "r.html").read_text(encoding="utf-8")
    for said in ("held against", "it is not the first", "another model foretells better"):
        assert said in page
    for said in ("晚于其首个对比时刻", "并非首个基准", "另有模型预测更准"):
        assert said in page

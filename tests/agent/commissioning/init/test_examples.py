"""The starter files in examples/: each passes `check`, and `magwatt init` writes the same for the same cabinet."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from support.basics import ROOT

from agent.acquisition.poll_plan import plan
from agent.commissioning.init.answers import read_answers
from agent.commissioning.init.configuration import configuration
from agent.commissioning.init.steps import Surroundings
from agent.commissioning.init.unattended import complete
from agent.config.loader import load_config
from agent.config.model import Config

EXAMPLES = ROOT / "examples"
NAMES = ("meter", "meter-and-drive", "drive", "shared-meter")


def content(file: Path) -> Config:
    """The configuration without its path and hash; it has no findings and no overloaded bus."""
    config, report = load_config(file)
    assert not report.findings
    assert not [problem for bus in plan(config) for problem in bus.problems]
    return replace(config, path=Path(), hash="")


@pytest.mark.parametrize("name", NAMES)
def test_init_writes_the_example_from_its_answers(tmp_path: Path, name: str) -> None:
    answers, report = read_answers(EXAMPLES / f"{name}.answers.toml")
    answers = complete(answers, Surroundings(), report)
    assert not report.problems
    (tmp_path / "plant.toml").write_text(configuration(answers), encoding="utf-8")
    assert content(tmp_path / "plant.toml") == content(EXAMPLES / f"{name}.toml")


@pytest.mark.parametrize("name", NAMES)
def test_an_example_explains_its_keys(name: str) -> None:
    lines = (EXAMPLES / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    values = [line for line in lines if " = " in line]
    assert sum("#" in line for line in values) > len(values) / 3

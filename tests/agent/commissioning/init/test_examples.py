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


def test_certificates_of_an_answers_file_are_in_the_configuration(tmp_path: Path) -> None:
    """One table, and a list of tables."""
    text = (EXAMPLES / "meter.answers.toml").read_text(encoding="utf-8")
    one = '{ number = "E%d", laboratory = "L", issued = 2026-03-0%d, valid_until = 2032-02-28 }'
    for n, stated in enumerate((one % (1, 1), f"[{one % (1, 1)}, {one % (2, 2)}]"), 1):
        head = next(line for line in text.splitlines() if line.startswith("[meter."))
        file = tmp_path / "answers.toml"
        file.write_text(text.replace(head, f"{head}\ncertificate = {stated}"), encoding="utf-8")
        answers, report = read_answers(file)
        (tmp_path / "plant.toml").write_text(configuration(complete(answers, Surroundings(), report)), encoding="utf-8")
        [meter] = load_config(tmp_path / "plant.toml")[0].meters.values()
        assert [item.number for item in meter.certificates] == ["E1", "E2"][:n]


@pytest.mark.parametrize("name", NAMES)
def test_an_example_explains_its_keys(name: str) -> None:
    lines = (EXAMPLES / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    values = [line for line in lines if " = " in line]
    assert sum("#" in line for line in values) > len(values) / 3


def test_a_meter_of_dlt645_gets_an_interval_that_its_line_can_carry(tmp_path: Path) -> None:
    """At a serial port, where `framing` is no sign of a converter."""
    answers, report = read_answers(EXAMPLES / "meter.answers.toml")
    answers = complete(answers, Surroundings(), report)
    (bus,) = answers["bus"].values()
    (meter,) = answers["meter"].values()
    bus.pop("tcp", None)
    bus.update(serial="/dev/ttyUSB0", framing="dlt645", line="2400 8E1")
    meter.update(unit_id="000000000161", profile="generic/dlt645-three-phase", wiring="3P4W", ratio_applied_by="agent")
    text = configuration(answers)
    (tmp_path / "plant.toml").write_text(text, encoding="utf-8")
    content(tmp_path / "plant.toml")
    (framing,) = (line for line in text.splitlines() if line.startswith("framing"))
    assert "#" not in framing

"""`magwatt commission` without an operator at a terminal: nothing is confirmed, and the exit code is 1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.cli import main

# The drive is not polled, because its watchdog setting is not stated: no bus is needed, and no self-check runs
PLANT = """
[site]
id = "x"
gateway = "gw"
[store]
state_dir = "state"
[bus.b]
tcp = "127.0.0.1:1"
[drive.vfd]
bus = "b"
unit_id = 1
profile = "abb/acs880"
[motor.pump]
kind = "induction"
kw = 90
rpm = 1490
poles = 4
volts = 400
fed_by = "vfd"
"""

TYPED = ["", "\n" * 50, "y\n" * 50]  # closed input, `yes ""`, `yes y`


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    file = tmp_path / "plant.toml"
    file.write_text(PLANT, encoding="utf-8")
    return file


def commission(plant: Path, *options: str, typed: str = "") -> Result:
    return CliRunner().invoke(main, ["commission", str(plant), *options], input=typed)


def record(plant: Path) -> dict[str, Any]:
    (file,) = (plant.parent / "commissioning").glob("*.json")
    body: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return body


@pytest.mark.parametrize("name", ["", "  ", "\u3000", "-"])
@pytest.mark.parametrize("typed", TYPED, ids=range(3))
def test_a_blank_operator_is_rejected_before_anything_is_written(plant: Path, name: str, typed: str) -> None:
    assert commission(plant, "--by", name, typed=typed).exit_code == 2
    assert not (plant.parent / "commissioning").exists()
    assert not (plant.parent / "state").exists()


@pytest.mark.parametrize("typed", [*TYPED, "Li Wei\n" + "y\n" * 50], ids=range(4))
def test_without_a_terminal_the_operator_must_be_named(plant: Path, typed: str) -> None:
    assert commission(plant, typed=typed).exit_code == 2
    assert not (plant.parent / "commissioning").exists()


@pytest.mark.parametrize("typed", TYPED, ids=range(3))
def test_without_a_terminal_nothing_is_confirmed(plant: Path, typed: str) -> None:
    done = commission(plant, "--by", "Li Wei", typed=typed)
    assert done.exit_code == 1
    body = record(plant)
    assert {step["reply"] for step in body["steps"]} == {"not_checked"}
    assert {(step["by"], step["at_ms"]) for step in body["steps"]} == {("", None)}
    unchecked = [point for point in body["open_points"] if point["code"] == "not_checked"]
    assert len(unchecked) == len(body["steps"]) == 2


def test_a_file_of_answers_is_recorded_with_operator_and_time(plant: Path) -> None:
    answers = plant.parent / "answers.toml"
    answers.write_text('by = "Li Wei"\n[pump]\nnameplate_matches = "yes"\n', encoding="utf-8")
    done = commission(plant, "--answers", str(answers), typed="y\n" * 50)
    assert done.exit_code == 1, "one statement is not answered"
    body = record(plant)
    answered, other = body["steps"]
    assert (answered["statement"]["code"], answered["reply"], answered["by"]) == ("nameplate_matches", "yes", "Li Wei")
    assert answered["at_ms"] >= body["at_ms"]
    assert other["reply"] == "not_checked"


def test_a_written_file_of_answers_answers_nothing(plant: Path) -> None:
    answers = plant.parent / "answers.toml"
    assert commission(plant, "--write-answers", str(answers), "--by", "Li Wei").exit_code == 0
    assert commission(plant, "--answers", str(answers)).exit_code == 1
    assert {step["reply"] for step in record(plant)["steps"]} == {"not_checked"}
    assert commission(plant, "--write-answers", str(answers)).exit_code == 2, "an existing file is not replaced"


@pytest.mark.parametrize("text", ["[pump]\nnameplate = 'yes'\n", "[pump]\nnameplate_matches = 1\n", "x"])
def test_a_wrong_file_of_answers_is_refused(plant: Path, text: str) -> None:
    answers = plant.parent / "answers.toml"
    answers.write_text(text, encoding="utf-8")
    done = commission(plant, "--by", "Li Wei", "--answers", str(answers))
    assert done.exit_code == 2
    assert done.output.startswith(str(answers))
    assert not (plant.parent / "commissioning").exists()


def test_a_device_selects_its_motor(plant: Path) -> None:
    commission(plant, "vfd", "--batch")
    assert record(plant)["asset"] == "pump"


def test_a_self_check_without_questions_confirms_nothing(plant: Path) -> None:
    commission(plant, "--batch", typed="y\n" * 50)
    body = record(plant)
    assert body["by"] == ""
    assert {step["reply"] for step in body["steps"]} == {"not_checked"}

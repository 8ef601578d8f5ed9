"""The questions of `magwatt init` are a function of the answers: each missing one is the next question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.basics import ROOT

from agent.commissioning.init import reasons as codes
from agent.commissioning.init.answers import Answers, Key, as_toml, read_answers, value_of, with_value
from agent.commissioning.init.devices import drive_steps
from agent.commissioning.init.question import UNSET, OpenQuestion, ScanStep
from agent.commissioning.init.steps import Surroundings, next_step
from agent.commissioning.init.unattended import complete
from agent.config.schema import ConfigReport
from drivers.file_reasons import DID_YOU_MEAN
from drivers.reasons import InvalidValue

AROUND = Surroundings("gw-1", "Europe/Berlin", "state")
NO_QUESTION = ("fed_by", "bus")  # without them it is another device that needs an answer
EXAMPLES = ("meter", "meter-and-drive", "drive", "shared-meter")


def example(name: str) -> Answers:
    answers, report = read_answers(ROOT / "examples" / f"{name}.answers.toml")
    return complete(answers, AROUND, report)


def keys_of(answers: Answers, key: Key = ()) -> Iterator[Key]:
    for name, value in answers.items():
        yield from keys_of(value, (*key, name)) if isinstance(value, dict) else [(*key, name)]


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_missing_answer_is_the_next_question(name: str) -> None:
    """For each answer of the examples; a ratio that is removed also removes the questions that follow from it."""
    answers = example(name)
    assert next_step(answers, AROUND) is None
    for key in keys_of(answers):
        if key[0] in ("init", "bus") or key[-1] in NO_QUESTION:
            continue
        step = next_step(with_value(answers, key, None), AROUND)
        assert isinstance(step, OpenQuestion)
        assert step.key == key


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_a_label_states_is_never_assumed(name: str) -> None:
    """No default, or an empty text for what a label may lack; without a terminal it must be in the file."""
    answers = example(name)
    for key in keys_of(answers):
        if key[0] in ("meter", "drive", "motor") and key[-1] not in (*NO_QUESTION, "ct_class", "vt_class"):
            step = next_step(with_value(answers, key, None), AROUND)
            assert isinstance(step, OpenQuestion)
            assert step.default in (UNSET, "")
            assert step.assumed is UNSET


@pytest.mark.parametrize("name", EXAMPLES)
def test_without_a_terminal_each_missing_answer_is_named(name: str) -> None:
    answers = example(name)
    needed = [key for key in keys_of(answers) if key[0] in ("meter", "motor") and key[-1] in ("class", "kw", "rpm")]
    assert needed
    for key in needed:
        answers = with_value(answers, key, None)
    report = ConfigReport("plant.answers.toml")
    complete(answers, AROUND, report)
    assert sorted(problem.key for problem in report.problems) == sorted(".".join(key) for key in needed)


def test_answers_survive_the_file(tmp_path: Path) -> None:
    for name in EXAMPLES:
        answers = example(name)
        (tmp_path / "a.toml").write_text(as_toml(answers), encoding="utf-8")
        again, report = read_answers(tmp_path / "a.toml")
        assert again == answers
        assert not report.problems


@pytest.mark.parametrize(
    ("line", "key", "code"),
    [
        ('kw = "90,5"', "motor.pump-1.kw", codes.NUMBER_IN_QUOTES),
        ("kilowatt = 90", "motor.pump-1.kilowatt", None),
        ("klass = 3", "motor.pump-1.klass", DID_YOU_MEAN),
        ('class = "IE9"', "motor.pump-1.class", None),
        ("cos_phi = 86", "motor.pump-1.cos_phi", None),
    ],
)
def test_a_wrong_answer_of_a_file_names_line_and_key(tmp_path: Path, line: str, key: str, code: str | None) -> None:
    (tmp_path / "a.toml").write_text(f"[motor.pump-1]\n{line}\n", encoding="utf-8")
    _answers, report = read_answers(tmp_path / "a.toml")
    (problem,) = report.problems
    assert (problem.line, problem.key) == (2, key)
    assert code is None or problem.reason.code == code


@pytest.mark.parametrize(
    ("typed", "code", "data"),
    [
        ("90,5", codes.DECIMAL_COMMA, {"value": "90.5"}),
        ("90.5 kW", codes.NUMBER_WITH_UNIT, {"value": "90.5"}),
        ("90,5kW", codes.NUMBER_WITH_UNIT, {"value": "90.5"}),
        ("ninety", codes.NOT_A_NUMBER, {}),
        ("", codes.ANSWER_EMPTY, {}),
    ],
)
def test_a_wrong_number_is_rejected_with_the_right_one(typed: str, code: str, data: dict[str, str]) -> None:
    answers = with_value(example("meter"), ("motor", "pump-1", "kw"), None)
    step = next_step(answers, AROUND)
    assert isinstance(step, OpenQuestion)
    with pytest.raises(InvalidValue) as rejected:
        step.value(typed)
    assert rejected.value.reason.code == code
    assert dict(rejected.value.reason.data) == data
    assert step.answered(answers, step.value("90.5"))["motor"]["pump-1"]["kw"] == 90.5


def test_line_settings_are_needed_where_nothing_is_scanned() -> None:
    answers = with_value(example("meter"), ("bus", "line", "line"), "")
    step = next_step(answers, AROUND)
    assert isinstance(step, OpenQuestion)
    assert (step.key, step.default) == (("bus", "line", "line"), UNSET)


def test_a_name_is_used_once() -> None:
    answers = with_value(example("meter"), ("motor", "pump-1"), None)
    step = next_step(answers, AROUND)
    assert isinstance(step, OpenQuestion)
    for typed, code in (("meter-1", codes.NAME_USED), ("a, b", codes.ONE_NAME_EXPECTED), (", ,", codes.NAMES_MISSING),
                        ("Pump 1", codes.MOTOR_NAME_EXPECTED), ("55,0", codes.NAME_WITHOUT_LETTER)):  # fmt: skip
        with pytest.raises(InvalidValue) as rejected:
            step.value(typed)
        assert rejected.value.reason.code == code
    assert value_of(step.answered(answers, step.value("pump-1")), ("motor", "pump-1", "fed_by")) == "meter-1"


def test_nothing_is_scanned_before_the_operator_agrees() -> None:
    """The watchdog and function 03 are questions without default, and both precede the scan."""
    answers = example("meter")
    for key in ("meter", "motor", "init"):
        answers = with_value(answers, (key,), None)
    asked = []
    for typed in ("yes", "no", "2"):
        step = next_step(answers, AROUND)
        assert isinstance(step, OpenQuestion)
        asked.append((step.key[-1], step.default))
        answers = step.answered(answers, step.value(typed))
    assert asked[:2] == [("scan", UNSET), ("fc03", UNSET)]
    assert isinstance(next_step(answers, AROUND), ScanStep)


def test_a_serial_port_may_be_named_without_its_folder() -> None:
    """A port that is not there is not taken for a host."""
    around = Surroundings("gw-1", "Europe/Berlin", "state", has_port=lambda name: name == "/dev/ttyUSB0")
    answers = example("meter")
    for key in ("bus", "meter", "motor", "init"):
        answers = with_value(answers, (key,), None)
    step = next_step(answers, around)
    assert isinstance(step, OpenQuestion)
    assert step.value("ttyUSB0") == ("serial", "/dev/ttyUSB0")
    assert step.value("tty-server") == ("tcp", "tty-server")
    for typed in ("ttyUSB7", "ttyS9", "COM3"):
        with pytest.raises(InvalidValue) as rejected:
            step.value(typed)
        assert rejected.value.reason.code == codes.PORT_UNKNOWN


def test_the_power_of_a_meter_is_compared_with_the_ratios_that_the_agent_applies() -> None:
    """Its registers have values of the secondary side: 1.345 kW at 200/5 and 10000/100 are 5,380 kW."""
    answers = with_value(example("meter-and-drive"), ("drive", "drive-1", "fed_by"), None)
    answers = with_value(answers, ("init", "bus", "gateway", "power_w", "11"), 1345)
    for applied_by, power_w in (("agent", 1345 * 40 * 100), ("meter", 1345)):
        for key, value in (("ct", "200/5"), ("vt", "10000/100"), ("ratio_applied_by", applied_by)):
            answers = with_value(answers, ("meter", "meter-11", key), value)
        (step,) = drive_steps(answers)
        assert step.choices[0].label == codes.POWER_SHOWN(power_w=power_w)

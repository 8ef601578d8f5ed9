"""What people type instead of a ratio or a class, and the previous question of a session that is continued."""

from __future__ import annotations

import pytest
from support.basics import ROOT

from agent.commissioning.init import reasons as codes
from agent.commissioning.init.answers import Answers, Key, read_answers, with_value
from agent.commissioning.init.previous import previous
from agent.commissioning.init.question import OpenQuestion
from agent.commissioning.init.steps import Surroundings, next_step
from agent.commissioning.init.unattended import complete
from agent.config.schema import ConfigReport
from drivers.file_reasons import DID_YOU_MEAN
from drivers.reasons import InvalidValue

AROUND = Surroundings()


def example(name: str) -> Answers:
    return complete(read_answers(ROOT / "examples" / f"{name}.answers.toml")[0], AROUND, ConfigReport(""))


def question(answers: Answers) -> OpenQuestion:
    step = next_step(answers, AROUND)
    assert isinstance(step, OpenQuestion)
    return step


def without(answers: Answers, *keys: Key) -> Answers:
    for key in keys:
        answers = with_value(answers, key, None)
    return answers


@pytest.mark.parametrize("typed", ["150/5", '"150/5"', "150:5 A", "150 A / 5 A", "150A/5A"])
def test_a_ratio_is_recognized(typed: str) -> None:
    ratio = question(without(example("meter"), ("meter", "meter-1", "ct")))
    assert ratio.value(typed) == "150/5"
    assert ratio.value("direct") == ""


def test_a_wrong_ratio_names_both_possible_answers() -> None:
    with pytest.raises(InvalidValue) as rejected:
        question(without(example("meter"), ("meter", "meter-1", "ct"))).value("150")
    assert rejected.value.reason.code == codes.RATIO_OR_DIRECT


def test_a_ratio_is_no_misspelled_class() -> None:
    with pytest.raises(InvalidValue) as rejected:
        question(without(example("meter"), ("meter", "meter-1", "class"))).value("150/5")
    assert rejected.value.reason.code != DID_YOU_MEAN


def test_the_file_says_how_a_contradictory_nameplate_is_confirmed() -> None:
    answers = with_value(example("meter"), ("motor", "pump-1", "amps"), 9.96)
    report = ConfigReport("")
    complete(answers, AROUND, report)
    (problem,) = report.problems
    assert (problem.key, problem.reason.code) == ("motor.pump-1.confirmed", codes.CONFIRMATION_MISSING)


@pytest.mark.parametrize("name", ["meter", "meter-and-drive", "drive", "shared-meter"])
def test_back_passes_each_answer_in_reverse_order(name: str) -> None:
    """From an open last question to the first one; the keys that are passed are those of a session, reversed."""
    answers = full = example(name)
    passed: list[Key] = []
    last = list(full["motor"])[-1]
    answers = without(answers, ("motor", last, "efficiency"))
    while (earlier := previous(answers, AROUND)) is not None:
        answers = earlier
        passed.append(question(answers).key)
    assert passed[-1] == ("site", "id")
    once = [key for key in passed if key != ("bus",)]  # each bus, and that there is no other one
    assert len(set(once)) == len(once)
    assert passed.count(("bus",)) == len(full["bus"]) + 1
    plate = [key[-1] for key in passed if key[:2] == ("motor", last)]
    assert plate[:4] == ["class", "cos_phi", "rpm", "hz"]
    asked = [key for key in passed if key[0] in ("site", "mqtt", "store")]
    assert asked[-3:] == [("site", "timezone"), ("site", "gateway"), ("site", "id")]

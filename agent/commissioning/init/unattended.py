"""Answers from a file only, without a terminal: what is missing or wrong is a problem that names the key."""

from __future__ import annotations

from agent.commissioning.init import reasons as codes
from agent.commissioning.init.answers import Answers, Key, value_of, with_value
from agent.commissioning.init.question import UNSET, OpenQuestion, ScanStep
from agent.commissioning.init.steps import Surroundings, next_step
from agent.config.schema import ConfigReport
from drivers.reasons import Reason


def complete(answers: Answers, around: Surroundings, report: ConfigReport) -> Answers:
    """The answers with the values that are assumed without a terminal; each missing answer is a problem.

    report: of the answers file; its problems are values that are wrong, which are not reported as missing too.
    """
    omitted: set[Key] = set()
    for problem in report.problems:
        key = tuple(problem.key.split("."))
        omitted.add(key)
        if value_of(answers, key) is not None:
            answers = with_value(answers, key, None)
    while step := next_step(answers, around, frozenset(omitted)):
        if isinstance(step, OpenQuestion) and step.assumed is not UNSET:
            answers = step.answered(answers, step.assumed)
            continue
        omitted.add(step.key)
        report.problem(".".join(step.key), _missing(step))
    return answers


def _missing(step: OpenQuestion | ScanStep) -> Reason:
    if isinstance(step, ScanStep):
        return codes.DEVICES_MISSING(bus=step.bus)
    if step.missing is not None:
        return step.missing
    text = step.text
    if step.choices:
        text = codes.CHOICES_ARE(question=text, choices=tuple(choice.typed for choice in step.choices))
    return (codes.ANSWER_OR_EMPTY_MISSING if step.may_be_empty else codes.ANSWER_MISSING)(question=text)

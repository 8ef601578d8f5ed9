"""The condition of a file as JSON lines, and as text: findings first, then what is clear, then what is not seen."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import click

from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, NotObservable, Severity
from agent.analysis.condition.faults import FAULTS, clear_title
from agent.analysis.condition.replay import FileCondition
from agent.cli.condition_words import CONDITIONS, CONFIDENCES, SEVERITIES
from agent.core.text import _, english, text_of

_COLOURS = {Severity.NOTE: "cyan", Severity.WARNING: "yellow", Severity.ALARM: "red"}
_ORDER = (Severity.ALARM, Severity.WARNING, Severity.NOTE)


def json_lines(found: FileCondition) -> list[str]:
    """One object a line: each fault, then the condition. Texts are in English."""
    objects = [_object(answer) for answer in _sorted(found.answers)]
    objects.append({"condition": found.condition.value, "at_s": _number(found.at_s)})
    return [json.dumps(one, ensure_ascii=False) for one in objects]


def text_lines(found: FileCondition, name: str) -> list[str]:
    """Lines of text for an operator, in the language of the process."""
    return [
        _("{file}: {condition}", file=name, condition=_(CONDITIONS[found.condition.value])),
        *(line for one in _sorted(found.answers) if isinstance(one, ConditionFinding) for line in _finding(one)),
        *_clear([one for one in found.answers if isinstance(one, Clear)]),
        *_unseen([one for one in found.answers if isinstance(one, NotObservable)]),
    ]


def _sorted(answers: tuple[Answer, ...]) -> list[Answer]:
    """Findings by severity, then what is clear, then what cannot be seen."""

    def rank(answer: Answer) -> int:
        if isinstance(answer, ConditionFinding):
            return _ORDER.index(answer.severity)
        return len(_ORDER) + isinstance(answer, NotObservable)

    return sorted(answers, key=rank)


def _object(answer: Answer) -> dict[str, Any]:
    if isinstance(answer, NotObservable):
        reason = {"reason": english(answer.reason), "reason_code": str(answer.reason.code)}
        return {"not_observable": {"code": answer.code, **reason}}
    numbers = {"value": answer.value, "unit": answer.unit, "limit": answer.limit, "u95": answer.u95}
    numbers = {key: _number(value) if isinstance(value, float) else value for key, value in numbers.items()}
    if isinstance(answer, Clear):
        return {"clear": {"code": answer.code, **(numbers if answer.value is not None else {})}}
    why = {"why": english(answer.why), "why_code": str(answer.why.code)}
    return {
        "finding": {
            "code": answer.code, "severity": answer.severity.value, "confidence": answer.confidence.value,
            "at_s": _number(answer.at_s), **numbers, **why,
            "evidence": {key: _number(value) for key, value in answer.evidence.items()},
            "advice": " ".join(FAULTS[answer.code].advice),
        }
    }  # fmt: skip


def _number(value: float) -> float | None:
    """A number of JSON, with six digits."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _finding(answer: ConditionFinding) -> Iterator[str]:
    severity = click.style(_(SEVERITIES[answer.severity.value]), fg=_COLOURS[answer.severity], bold=True)
    fault = FAULTS[answer.code]
    yield ""
    yield _(
        "{severity}: {title} ({confidence}, at {at_s:.1f} s)",
        severity=severity, title=_(fault.title), confidence=_(CONFIDENCES[answer.confidence.value]), at_s=answer.at_s,
    )  # fmt: skip
    yield "    " + text_of(answer.why)
    if answer.value is not None:
        yield "    " + _index(answer)
    for number, step in enumerate(fault.advice, 1):
        yield f"    {number}. {_(step)}"


def _index(answer: ConditionFinding) -> str:
    unit = answer.unit or "1"
    if answer.limit is None:
        return _("index {value:.3g} {unit}", value=answer.value, unit=unit)
    if answer.u95 is None:
        return _("index {value:.3g} {unit}, limit {limit:.3g}", value=answer.value, unit=unit, limit=answer.limit)
    return _(
        "index {value:.3g} ± {u95:.2g} {unit}, limit {limit:.3g}",
        value=answer.value, u95=answer.u95, unit=unit, limit=answer.limit,
    )  # fmt: skip


def _clear(answers: list[Clear]) -> list[str]:
    titles = [f"    {clear_title(one.code)}" for one in answers]
    return ["", _("Not found, and it would have been seen"), *titles] if titles else []


def _unseen(answers: list[NotObservable]) -> list[str]:
    """Each reason, with the faults that it hides."""
    titles: dict[str, list[str]] = {}
    for one in answers:
        titles.setdefault(text_of(one.reason), []).append(f"        {_(FAULTS[one.code].title)}")
    lines = [line for reason, faults in titles.items() for line in (f"    {reason}", *faults)]
    return ["", _("Cannot be seen, because"), *lines] if lines else []

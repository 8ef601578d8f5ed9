"""The body of the retained message `condition`, and the verdicts that it or the state file contains."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from agent.analysis.condition.answers import (
    Answer,
    Clear,
    Condition,
    ConditionFinding,
    Confidence,
    NotObservable,
    Severity,
)
from agent.analysis.condition.faults import FAULTS
from agent.core.text import as_object
from drivers.reasons import reason_of

_DIGITS = 5  # significant digits of a published figure


def fault_object(answer: Answer) -> dict[str, Any]:
    """One fault of the message: verdict, index with limit and uncertainty, reason, and what to do."""
    fault = FAULTS[answer.code]
    if isinstance(answer, NotObservable):
        return {"verdict": "not_observable", "title": fault.title, "reason": as_object(answer.reason)}
    figures = _figures(answer)
    found: dict[str, Any] = {"verdict": "clear", "title": fault.title, "index": figures.pop("value"), **figures}
    if isinstance(answer, ConditionFinding):
        found |= {
            "verdict": "finding",
            "severity": answer.severity.value,
            "confidence": answer.confidence.value,
            "why": as_object(answer.why),
            "evidence": {name: _short(value) for name, value in answer.evidence.items()},
            "advice": list(fault.advice),
        }
    return found


def condition_object(
    condition: Condition, answers: Iterable[Answer], times_ms: Mapping[str, tuple[int | None, int | None]],
    baselines: Iterable[Mapping[str, Any]] = (), trends: Mapping[str, float] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The body of the message.

    times_ms: code → since when the finding lasts, and when the fault was last looked for; UTC; None: not known.
    trends: code → change of the index in 30 days, in its unit.
    """
    faults: dict[str, Any] = {}
    for answer in sorted(answers, key=lambda one: _ORDER[one.code]):
        since_ms, seen_ms = times_ms.get(answer.code, (None, None))
        slope = (trends or {}).get(answer.code)
        trend = None if slope is None or isinstance(answer, NotObservable) else {
            "per_30d": _short(slope), "unit": answer.unit,
        }  # fmt: skip
        faults[answer.code] = {**fault_object(answer), "since_ms": since_ms, "seen_ms": seen_ms, "trend": trend}
    return {"condition": condition.value, "faults": faults, "baselines": list(baselines)}


def unseen_by_reason(faults: Mapping[str, Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], list[str]]]:
    """Why faults of a message are not observable: each reason as its object, and the codes that it hides."""
    found: dict[str, tuple[Mapping[str, Any], list[str]]] = {}
    for code, body in faults.items():
        if body.get("verdict") == "not_observable":
            reason = body.get("reason")
            reason = reason if isinstance(reason, dict) else {}
            found.setdefault(json.dumps(reason, sort_keys=True), (reason, []))[1].append(code)
    return list(found.values())


def stored_answer(answer: Answer) -> dict[str, Any]:
    """A verdict for the state file."""
    if isinstance(answer, NotObservable):
        return {"kind": "not_observable", "code": answer.code, "reason": as_object(answer.reason)}
    found = {"kind": "clear", "code": answer.code, **_figures(answer)}
    if isinstance(answer, ConditionFinding):
        found |= {"kind": "finding", "severity": answer.severity.value, "confidence": answer.confidence.value,
                  "at_s": answer.at_s, "why": as_object(answer.why), "evidence": dict(answer.evidence)}  # fmt: skip
    return found


def answer_of(stored: Mapping[str, Any]) -> Answer:
    """The verdict that `stored_answer` has written. Raises ValueError or KeyError for another object."""
    code = stored["code"]
    if code not in FAULTS:
        raise ValueError(f"unknown code {code!r}")
    if stored["kind"] == "not_observable":
        return NotObservable(code, reason_of(stored["reason"]))
    figures = {name: stored[name] for name in ("value", "limit", "u95", "unit")}
    if stored["kind"] == "clear":
        return Clear(code, **figures)
    return ConditionFinding(
        code=code, severity=Severity(stored["severity"]), confidence=Confidence(stored["confidence"]),
        at_s=stored["at_s"], why=reason_of(stored["why"]), evidence=stored["evidence"], **figures,
    )  # fmt: skip


def _figures(answer: ConditionFinding | Clear) -> dict[str, Any]:
    return {"value": _short(answer.value), "unit": answer.unit, "limit": _short(answer.limit),
            "u95": _short(answer.u95)}  # fmt: skip


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")


_ORDER = {code: number for number, code in enumerate(FAULTS)}

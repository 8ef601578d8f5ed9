"""One verdict for each fault from rows and records: what one of them finds, the other cannot deny."""

from __future__ import annotations

from collections.abc import Iterable

from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, Severity

_RANK = {Severity.ALARM: 4, Severity.WARNING: 3, Severity.NOTE: 2}


def combined(*sources: Iterable[Answer]) -> list[Answer]:
    """The worst verdict for each code: a finding, else that it is clear, else that it is not observable.

    Of equal verdicts the one of the first source.
    """
    found: dict[str, Answer] = {}
    for answers in sources:
        for answer in answers:
            known = found.get(answer.code)
            if known is None or _rank(answer) > _rank(known):
                found[answer.code] = answer
    return list(found.values())


def _rank(answer: Answer) -> int:
    if isinstance(answer, ConditionFinding):
        return _RANK[answer.severity]
    return 1 if isinstance(answer, Clear) else 0

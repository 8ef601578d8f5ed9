"""The verdict of a detector on one fault: a finding, not observable with the reason, or clear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from msgspec import Struct, field

from drivers.reasons import Reason


class Severity(StrEnum):
    """note: for information, the condition stays what it is. warning, alarm: the condition is a finding."""

    NOTE = "note"
    WARNING = "warning"
    ALARM = "alarm"


class Confidence(StrEnum):
    """possible: the evidence fits other causes, too."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Condition(StrEnum):
    """unknown: nothing was found, but not all faults that count would have been seen."""

    FINDING = "finding"
    HEALTHY = "healthy"
    UNKNOWN = "unknown"


class ConditionFinding(Struct, frozen=True):
    """A fault, or a circumstance that explains what looks like one.

    code: of the table agent/analysis/condition/faults.py.
    at_s: when it was raised, with its delay; seconds from the start of the file, or monotonic time of the agent.
    why: the evidence in one sentence.
    value, limit, u95: of the index that decided, in `unit`; u95: expanded uncertainty (k = 2). None: there is none.
    evidence: further figures, by name with the unit as suffix.
    """

    code: str
    severity: Severity
    confidence: Confidence
    at_s: float
    why: Reason
    value: float | None = None
    unit: str = ""
    limit: float | None = None
    u95: float | None = None
    evidence: Mapping[str, float] = field(default_factory=dict)


class NotObservable(Struct, frozen=True):
    """The fault cannot be seen, for this reason."""

    code: str
    reason: Reason


class Clear(Struct, frozen=True):
    """The fault was checked for and would have been seen.

    value, limit, u95, unit: as in ConditionFinding.
    """

    code: str
    value: float | None = None
    unit: str = ""
    limit: float | None = None
    u95: float | None = None


Answer = ConditionFinding | NotObservable | Clear


def condition_of(answers: Iterable[Answer], required: Iterable[str]) -> Condition:
    """The condition of a machine.

    required: the codes that must have been observable for the machine to be called healthy (faults.py).
    """
    found = list(answers)
    if any(isinstance(one, ConditionFinding) and one.severity is not Severity.NOTE for one in found):
        return Condition.FINDING
    seen = {one.code for one in found if not isinstance(one, NotObservable)}
    return Condition.HEALTHY if seen.issuperset(required) else Condition.UNKNOWN

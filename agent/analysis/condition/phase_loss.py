"""A lost phase: the limits and the finding that the stream, the recordings and the rows share."""

from __future__ import annotations

from agent.analysis.condition.answers import ConditionFinding, Confidence, Severity
from agent.analysis.condition.common_reasons import PHASE_WITHOUT_CURRENT

CODE = "phase_loss"
LOST = 0.05  # of the mean of the other two: a phase with less carries no current
JUDGED_FROM = 0.2  # of the rated current, in the other two: with less a lost phase looks the same as no load


def lost_phase(phase: int, at_s: float, confidence: Confidence = Confidence.CERTAIN) -> ConditionFinding:
    """phase: 1, 2 or 3."""
    return ConditionFinding(CODE, Severity.ALARM, confidence, at_s, PHASE_WITHOUT_CURRENT(phase=phase))

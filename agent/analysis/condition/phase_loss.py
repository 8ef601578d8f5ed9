"""A lost phase: the limits and the finding that the stream, the recordings and the rows share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.analysis.condition.answers import ConditionFinding, Confidence, Severity
from agent.analysis.condition.common_reasons import PHASE_WITHOUT_CURRENT

CODE = "phase_loss"
LOST = 0.05  # of the mean of the other two: a phase with less carries no current
JUDGED_FROM = 0.2  # of the rated current, in the other two: with less a lost phase looks the same as no load


def phases_without_current(values: Mapping[str, Any]) -> set[int]:
    """The phases, 1 to 3, with less than LOST of the mean of the others; their harmonics are noise.

    values: of a message, with `current_l1_a` to `current_l3_a`. A phase that is missing there is not judged.
    """
    amps = {n: value for n in (1, 2, 3) if (value := values.get(f"current_l{n}_a")) is not None}
    others = {n: [other for m, other in amps.items() if m != n] for n in amps}
    return {n for n, value in amps.items() if others[n] and value < LOST * sum(others[n]) / len(others[n])}


def lost_phase(phase: int, at_s: float, confidence: Confidence = Confidence.CERTAIN) -> ConditionFinding:
    """phase: 1, 2 or 3."""
    return ConditionFinding(CODE, Severity.ALARM, confidence, at_s, PHASE_WITHOUT_CURRENT(phase=phase))

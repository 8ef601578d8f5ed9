"""Non-routine events: how each is treated, and the decision of an engineer. No interval is excluded silently.

Kinds: bypass, maintenance, ct_wiring, ct_ratio, clock_step, data_gap, out_of_range, meter_replaced, load_shift. The
proposed treatment applies until a decision is made. With the decision "adjust", the energy that was entered is
added to the adjusted baseline. Intervals outside the range of the baseline are always excluded; an out_of_range event
only asks whether a new baseline is needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec.structs import replace

from agent.savings import reasons
from agent.savings.records.model import Interval, NonRoutineEvent
from drivers.reasons import InvalidValue

PROPOSALS = {
    "bypass": "keep", "maintenance": "exclude", "ct_wiring": "exclude", "ct_ratio": "exclude",
    "clock_step": "exclude", "data_gap": "exclude", "out_of_range": "keep", "meter_replaced": "keep",
    "load_shift": "keep",
}  # fmt: skip
# Of events that a flag of an interval opens
CAUSES = {
    "bypass": reasons.BYPASS(),
    "maintenance": reasons.MAINTENANCE(),
    "ct_wiring": reasons.CT_WIRING(),
    "clock_step": reasons.CLOCK_STEP(),
    "data_gap": reasons.DATA_GAP(),
    "ct_ratio": reasons.CT_RATIO(),
}
DECISIONS = ("exclude", "keep", "adjust")


def excludes(event: NonRoutineEvent) -> bool:
    """Whether the intervals of an event are not part of the saving."""
    return (event.decision or event.proposal) == "exclude"


def excluding(events: Iterable[NonRoutineEvent], item: Interval) -> NonRoutineEvent | None:
    """The event that excludes this interval; None when there is none."""
    return next(
        (event for event in events
         if excludes(event) and event.from_ms < item.end_ms and item.start_ms < (event.to_ms or math.inf)),
        None,
    )  # fmt: skip


def adjusting(events: Iterable[NonRoutineEvent], span: tuple[int, int]) -> list[NonRoutineEvent]:
    """Events that started in this time and have the decision adjust: the energy counts in the month of the start."""
    return [event for event in events if event.decision == "adjust" and span[0] <= event.from_ms < span[1]]


def adjustments(events: Iterable[NonRoutineEvent], span: tuple[int, int]) -> float:
    """Energy of the decisions adjust of events that started in this time, Wh."""
    return sum(event.adjust_wh for event in adjusting(events, span))


def decided(
    event: NonRoutineEvent, decision: str, by: str, reason: str, now_ms: int, adjust_wh: float = 0.0
) -> NonRoutineEvent:
    """The event with a decision. Raises InvalidValue for an unknown decision, a missing name or reason, or an energy
    that does not belong to the decision.
    """
    if decision not in DECISIONS:
        raise InvalidValue(reasons.UNKNOWN_DECISION, decision=decision)
    if not by.strip() or not reason.strip():
        raise InvalidValue(reasons.DECISION_WITHOUT_REASON)
    if (decision == "adjust") != (adjust_wh != 0) or not math.isfinite(adjust_wh):
        raise InvalidValue(reasons.ADJUSTMENT_ENERGY)
    return replace(event, decision=decision, by=by, reason=reason, decided_ms=now_ms, adjust_wh=adjust_wh)

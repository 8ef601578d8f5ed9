"""Non-routine events: opened automatically, listed, and decided by an engineer. No interval is excluded silently.

Kinds: bypass, maintenance, ct_wiring, ct_ratio, clock_step, data_gap, out_of_range, meter_replaced, load_shift. The
proposed treatment applies until a decision is made. With the decision "adjust", the energy that was entered is
added to the adjusted baseline. Intervals outside the range of the baseline are always excluded; an out_of_range event
only asks whether a new baseline is needed.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from agent.savings import reasons
from agent.savings.accounting.meter_uncertainty import alike
from agent.savings.records.model import Baseline, Interval, NonRoutineEvent
from agent.savings.tracking.drift_detection import DriftDetector, LoadModel, load_of
from drivers.reasons import InvalidValue, Reason

PROPOSALS = {
    "bypass": "keep", "maintenance": "exclude", "ct_wiring": "exclude", "ct_ratio": "exclude",
    "clock_step": "exclude", "data_gap": "exclude", "out_of_range": "keep", "meter_replaced": "keep",
    "load_shift": "keep",
}  # fmt: skip
CAUSES = {
    "bypass": reasons.BYPASS(),
    "maintenance": reasons.MAINTENANCE(),
    "ct_wiring": reasons.CT_WIRING(),
    "clock_step": reasons.CLOCK_STEP(),
    "data_gap": reasons.DATA_GAP(),
    "ct_ratio": reasons.CT_RATIO(),
}  # of events that a flag of an interval opens
DECISIONS = ("exclude", "keep", "adjust")
RANGE_SHARE = 0.10  # share of a day's energy outside the range of the baseline from which an event is opened
DAY = 96  # intervals
JUMP_MS = 86_400_000  # distance of two intervals from which the clock stepped
FLAGGED = ("bypass", "maintenance", "ct_wiring", "clock_step", "data_gap")  # kinds that are flags of intervals


def excluding(events: Sequence[NonRoutineEvent], item: Interval) -> NonRoutineEvent | None:
    """The event that excludes this interval; None when there is none."""
    for event in events:
        if event.asset == item.asset and event.from_ms < item.end_ms and item.start_ms < (event.to_ms or math.inf):
            treatment = event.decision or event.proposal
            if treatment == "exclude" or (event.decision is None and treatment == "adjust"):
                return event
    return None


def adjusting(events: Iterable[NonRoutineEvent], asset: str, span: tuple[int, int]) -> list[NonRoutineEvent]:
    """Events that started in this time and have the decision adjust."""
    return [
        event
        for event in events
        if event.asset == asset and event.decision == "adjust" and span[0] <= event.from_ms < span[1]
    ]


def adjustments(events: Iterable[NonRoutineEvent], asset: str, span: tuple[int, int]) -> float:
    """Energy of the decisions adjust of events that started in this time, Wh."""
    return sum(event.adjust_wh for event in adjusting(events, asset, span))


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


@dataclass(slots=True)
class NonRoutineEventDetector:
    """Detects non-routine events in the intervals of one motor and in flags.

    open: open events by kind.
    All methods return the events that are new (number 0: not stored yet) or changed.
    """

    asset: str
    open: dict[str, NonRoutineEvent] = field(default_factory=dict)
    # (energy, of it outside the range of the baseline), Wh
    _beyond: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=DAY))
    _meter: str = ""
    _last_ms: tuple[int, int] | None = None  # start and end of the previous interval
    _like: DriftDetector = field(default_factory=DriftDetector)
    _followed: LoadModel = field(default_factory=LoadModel)

    def follow(self, drivers: Sequence[str]) -> None:
        """Compares energies at the same value of the first of these drivers; the comparison starts again."""
        self._follow(LoadModel(tuple(drivers[:1])))

    def follow_model(self, baseline: Baseline) -> None:
        """Compares energies at the same values of all drivers of the model."""
        self._follow(load_of(baseline))

    def _follow(self, load: LoadModel) -> None:
        if load.names and load not in (self._followed, self._like.load):
            self._like = DriftDetector(load)
        self._followed = load

    def raised(self, kind: str, at_ms: int, cause: Reason | None = None) -> list[NonRoutineEvent]:
        """Opens an event; empty when one of this kind is open. cause: None: the usual one of this flag."""
        if kind in self.open:
            return []
        self.open[kind] = NonRoutineEvent(0, self.asset, kind, at_ms, None, cause or CAUSES[kind], 0.0, PROPOSALS[kind])
        return [self.open[kind]]

    def take(self, item: Interval, excluded: Reason | None = None) -> list[NonRoutineEvent]:
        """Checks an interval. excluded: why it is not compared with the baseline; None when it is."""
        found: list[NonRoutineEvent] = []
        flags = {flag for flag in item.flags if flag in CAUSES}
        if item.coverage < 0.1 and self._beyond:  # the very first interval can start at any time
            flags.add("data_gap")
        left = self._left(item, flags)
        if not alike(item.meter, self._meter):
            cause = reasons.METER_REPLACED(before=self._meter, after=item.meter)
            found += self.raised("meter_replaced", item.start_ms, cause)
            self._like = self._like.anew()
        self._meter = item.meter or self._meter
        found += self._range(item, excluded)
        ratio, shift = self._like.take(item, comparable=not flags)
        if ratio:
            found += self.raised("ct_ratio", item.start_ms - item.length_s * 1000, ratio)
        if shift:
            self._like = self._like.anew()
            found += self.raised("load_shift", item.start_ms, shift)
        for flag in sorted(flags):
            found += self.raised(flag, item.start_ms)
        for kind in list(self.open):
            event = replace(self.open[kind], energy_wh=self.open[kind].energy_wh + (item.energy_wh or 0.0))
            self.open[kind] = event
            if self._over(kind, flags):
                del self.open[kind]
                ended = item.end_ms if kind in ("meter_replaced", "load_shift") else item.start_ms
                found = [old for old in found if old.kind != kind]
                found.append(replace(event, to_ms=max(ended, event.from_ms + 1000 * item.length_s)))
            else:
                found = [event if old.kind == kind else old for old in found]
        return [*left, *found]

    def _left(self, item: Interval, flags: set[str]) -> list[NonRoutineEvent]:
        """Ends open events with the last interval before a clock step of more than a day: an event from 2026 to 2099
        would exclude everything between.
        """
        last_ms, self._last_ms = self._last_ms, (item.start_ms, item.end_ms)
        if last_ms is None or "clock_step" not in flags | self.open.keys():
            return []
        ahead, back = item.start_ms - last_ms[1] > JUMP_MS, last_ms[0] - item.end_ms > JUMP_MS
        begun_there = [
            event
            for kind, event in self.open.items()
            if kind in FLAGGED
            and ((ahead and event.from_ms < item.start_ms) or (back and event.from_ms >= item.end_ms))
        ]
        for event in begun_there:
            del self.open[event.kind]
        return [replace(event, to_ms=max(last_ms[1], event.from_ms + 1000 * item.length_s)) for event in begun_there]

    def _range(self, item: Interval, excluded: Reason | None) -> list[NonRoutineEvent]:
        wh = item.energy_wh or 0.0
        outside = excluded is not None and excluded.code in reasons.OUT_OF_RANGE
        self._beyond.append((wh, wh if outside else 0.0))
        total_wh, outside_wh = (sum(column) for column in zip(*self._beyond, strict=True))
        if outside and len(self._beyond) >= 4 and outside_wh > RANGE_SHARE * total_wh > 0:
            return self.raised("out_of_range", item.start_ms, reasons.RANGE_LEFT(cause=excluded))
        return []

    def _over(self, kind: str, flags: set[str]) -> bool:
        if kind in ("meter_replaced", "load_shift"):
            return True
        if kind == "ct_ratio":
            return kind not in flags and not self._like.off
        if kind == "out_of_range":
            return sum(beyond for _, beyond in self._beyond) < RANGE_SHARE / 2 * sum(wh for wh, _ in self._beyond)
        return kind not in flags

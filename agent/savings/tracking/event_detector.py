"""Detects non-routine events in the intervals of one motor."""

from __future__ import annotations

from collections import deque

from msgspec import Struct, field
from msgspec.structs import replace

from agent.savings import reasons
from agent.savings.records.meter_identity import same_meter
from agent.savings.records.model import Baseline, Interval, NonRoutineEvent
from agent.savings.records.non_routine_events import CAUSES, PROPOSALS
from agent.savings.tracking.drift_detection import DriftDetector, LoadModel, load_of
from drivers.reasons import Reason

RANGE_SHARE = 0.10  # share of a day's energy outside the range of the baseline from which an event is opened
DAY = 96  # intervals
FLAGGED = ("bypass", "maintenance", "ct_wiring", "clock_step", "data_gap")  # kinds that are flags of intervals


class NonRoutineEventDetector(Struct):
    """Detects non-routine events in the intervals of one motor and in flags.

    open: open events by kind.
    compares_ratio: whether energies are compared with earlier ones for a wrong transformer ratio; with a baseline in
        force the account compares them with it (agent/savings/accounting/ratio_check.py).
    All methods return the events that are new (number 0: not stored yet) or changed.
    """

    asset: str
    open: dict[str, NonRoutineEvent] = field(default_factory=dict)
    compares_ratio: bool = True
    # (energy, of it outside the range of the baseline), Wh
    _outside: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=DAY))
    _meter: str = ""
    _end_ms: int = 0  # of the previous interval
    _drift: DriftDetector = field(default_factory=DriftDetector)
    _model_load: LoadModel = field(default_factory=LoadModel)

    def set_model(self, baseline: Baseline) -> None:
        """Compares energies at the same values of all drivers of the model; other drivers restart the comparison."""
        load = load_of(baseline)
        if load.names and load not in (self._model_load, self._drift.load):
            self._drift = DriftDetector(load)
        self._model_load = load

    def open_event(self, kind: str, at_ms: int, cause: Reason | None = None) -> list[NonRoutineEvent]:
        """Opens an event; empty when one of this kind is open. cause: None: the usual one of this flag."""
        if kind in self.open:
            return []
        self.open[kind] = NonRoutineEvent(0, self.asset, kind, at_ms, None, cause or CAUSES[kind], 0.0, PROPOSALS[kind])
        return [self.open[kind]]

    def on_interval(self, item: Interval, excluded: Reason | None = None) -> list[NonRoutineEvent]:
        """Checks an interval. excluded: why it is not compared with the baseline; None when it is."""
        found: list[NonRoutineEvent] = []
        flags = {flag for flag in item.flags if flag in CAUSES}
        if item.coverage < 0.1 and self._outside:  # the very first interval can start at any time
            flags.add("data_gap")
        before_step = self._ended_by_clock_step(item, flags)
        if not same_meter(item.meter, self._meter):
            cause = reasons.METER_REPLACED(before=self._meter, after=item.meter)
            found += self.open_event("meter_replaced", item.start_ms, cause)
            self._drift = self._drift.restarted()
        self._meter = item.meter or self._meter
        found += self._range(item, excluded)
        ratio, shift = self._drift.compare(item, comparable=not flags)
        if ratio and self.compares_ratio:
            found += self.open_event("ct_ratio", item.start_ms - item.length_s * 1000, ratio)
        if shift:
            self._drift = self._drift.restarted()
            found += self.open_event("load_shift", item.start_ms, shift)
        for flag in sorted(flags):
            found += self.open_event(flag, item.start_ms)
        for kind in list(self.open):
            event = replace(self.open[kind], energy_wh=self.open[kind].energy_wh + (item.energy_wh or 0.0))
            self.open[kind] = event
            if self._has_ended(kind, flags):
                del self.open[kind]
                end_ms = item.end_ms if kind in ("meter_replaced", "load_shift") else item.start_ms
                found = [old for old in found if old.kind != kind]
                found.append(replace(event, to_ms=max(end_ms, event.from_ms + 1000 * item.length_s)))
            else:
                found = [event if old.kind == kind else old for old in found]
        return [*before_step, *found]

    def _ended_by_clock_step(self, item: Interval, flags: set[str]) -> list[NonRoutineEvent]:
        """Ends open events with the last interval before a clock step: an event of both times would exclude everything
        between, or nothing.
        """
        end_ms, self._end_ms = self._end_ms, item.end_ms
        if "clock_step" not in flags | self.open.keys() or item.start_ms == end_ms:
            return []
        ended = [self.open.pop(kind) for kind in FLAGGED if kind in self.open]
        return [replace(event, to_ms=max(end_ms, event.from_ms + 1000 * item.length_s)) for event in ended]

    def _range(self, item: Interval, excluded: Reason | None) -> list[NonRoutineEvent]:
        wh = item.energy_wh or 0.0
        outside = excluded is not None and excluded.code in reasons.OUT_OF_RANGE
        self._outside.append((wh, wh if outside else 0.0))
        total_wh, outside_wh = (sum(column) for column in zip(*self._outside, strict=True))
        if outside and len(self._outside) >= 4 and outside_wh > RANGE_SHARE * total_wh > 0:
            return self.open_event("out_of_range", item.start_ms, reasons.RANGE_LEFT(cause=excluded))
        return []

    def _has_ended(self, kind: str, flags: set[str]) -> bool:
        if kind in ("meter_replaced", "load_shift"):
            return True
        if kind == "ct_ratio":
            return kind not in flags and not (self.compares_ratio and self._drift.ratio_suspected)
        if kind == "out_of_range":
            return sum(outside for _, outside in self._outside) < RANGE_SHARE / 2 * sum(wh for wh, _ in self._outside)
        return kind not in flags

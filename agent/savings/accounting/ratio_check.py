"""Consistency of the measured energy with the frozen baseline: a wrong transformer ratio multiplies all energies.

The ratio R of measured and adjusted energy is that of a saving, 1 − saving, times the error of the transformer ratio,
such as 300/400 or 200/400. The energies alone do not distinguish them. A retrofit that saves 0 to 20 % has R between
0.8 and 1, and nothing that is done to a motor takes much more energy at the same load; so R below LOWEST or above
HIGHEST must be decided by an engineer, unless the energy that the drive measures at its output confirms the meter. An
error that a saving brings back between these limits is not found by R: 300/400 with 4 % more energy, 500/400 with 8 %
less.

The limits are ours. Where few intervals scatter more, by the residuals of the baseline and their autocorrelation, R
must also be outside what a saving of 0 to 20 % explains.

An error of both periods, or one that a saving hides, is only found by the drive: if for a day its output energy is far
from that of the meter, an engineer must decide, too.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from agent.savings.baseline.coverage_factors import spread_of_sum
from agent.savings.reasons import (
    ENERGY_FACTOR,
    EVENT_UNDECIDED,
    RATIO_CONTRADICTED,
    RATIO_NOT_NUMBERED,
    RATIO_UNDECIDED,
)
from agent.savings.records.meter_identity import same_meter
from agent.savings.records.model import Baseline, Interval, NonRoutineEvent
from agent.savings.records.non_routine_events import PROPOSALS
from drivers.reasons import Reason

KIND = "ct_ratio"
LOWEST, HIGHEST = 0.78, 1.15  # of R
LEAST_S, LEAST_WITHOUT_DRIVER_S = 3600.0, 86_400.0  # time of comparable intervals before R is judged
CONTRADICTED_S = 86_400.0  # and before the energy of the drive is
ORDINARY, SIGMAS = (0.80, 1.00), 2.0  # R without an error, and the standard deviations of it that are no question
CHANGE, CHANGE_SIGMAS = 0.15, 3.0  # of ln R at the same load, from which it has changed
LOAD_STEP, DRIVER_STEP = 0.15, 0.1  # width of a class of load: ln of the adjusted energy, share of the driver's range
LOAD_LEAST = 0.2  # of the mean power of the baseline; below it the losses at no load dominate
RUNNING = 0.9  # share of an interval without a driver in which the motor runs
STOPPED = 0.01  # R below which it does not, if its running time is unknown
# Energy at the output of the drive, over the energy at the meter: 0.97 at the loads that are compared, and ±10 % [M]
# for the power that a drive computes. A larger share shows that the meter measures too little, as with 300/400; a
# smaller one that it measures too much, or that the load is small. Far outside it is the drive that is wrong.
DRIVE_SHARES, DRIVE_PLAUSIBLE = (0.85, 1.08), (0.5, 1.5)
# Output energy and losses of the drive over the energy of the meter. Outside is a contradiction: a factor of 1.18 is
# 1.5 times the uncertainty of this comparison, 12 %, as in the live check of the ratio. Ratios of usual transformers
# differ by a fifth at least. At a small load the losses are a large share.
DRIVE_CONTRADICTS = (1 / 1.18, 1.18)
DRIVE_LOSS = 0.03  # share of the energy if the losses are unknown
DRIVE_KNOWN = 0.5  # share of the energy for which the drive must have measured
ENDED_LEAST = 0.01  # share of the adjusted energy from which a difference that ended stays a question
WITHOUT_VALUE = 10.0  # |ln R| of an interval without energy, or with a negative one
COVERED_BY = 3_600_000  # ms by which a decision may end before the last interval with this ratio
UNFIT = frozenset(("bypass", "maintenance", "ct_wiring", "clock_step", "data_gap"))  # flags


Load = tuple[int, int]  # class of load, by the adjusted energy and by the first driver


class RatioSpan(NamedTuple):
    """A time in which R is outside the limits.

    from_ms, to_ms: UTC; to_ms None: until now.
    last_ms: end of the last comparable interval in it.
    measured_wh, adjusted_wh: energies of the comparable intervals.
    contradicted: energy of the drive over that of the meter, if that is the cause.
    """

    from_ms: int
    to_ms: int | None
    last_ms: int
    measured_wh: float
    adjusted_wh: float
    contradicted: float | None = None

    @property
    def factor(self) -> float:
        return self.measured_wh / self.adjusted_wh

    def overlaps(self, event: NonRoutineEvent) -> bool:
        ends_ms = (self.to_ms or math.inf), (event.to_ms or math.inf)
        return event.from_ms < ends_ms[0] and self.from_ms < ends_ms[1]

    def covered_by(self, event: NonRoutineEvent) -> bool:
        """Whether the event applies to this span up to its last interval."""
        return self.overlaps(event) and (event.to_ms is None or event.to_ms > self.last_ms - COVERED_BY)


class _Sample(NamedTuple):
    """A comparable interval. usual: R at this load before.

    n: time in intervals of the baseline.
    drive_wh: energy at the output of the drive; None: unknown.
    drive_loss_wh: its losses.
    load: class of load.
    """

    from_ms: int
    to_ms: int
    seconds: float
    n: float
    measured_wh: float
    adjusted_wh: float
    drive_wh: float | None
    drive_loss_wh: float
    load: Load
    usual: float = 1.0


class _Segment(Struct):
    """Sums over comparable intervals with one ratio. by_load: class of load → seconds, measured and adjusted energy.

    drive_measured_wh: energy at the meter while that of the drive is known.
    """

    from_ms: int = 0
    last_ms: int = 0
    seconds: float = 0.0
    n: float = 0.0
    measured_wh: float = 0.0
    adjusted_wh: float = 0.0
    drive_wh: float = 0.0
    drive_loss_wh: float = 0.0
    drive_measured_wh: float = 0.0
    by_load: dict[Load, tuple[float, float, float]] = field(default_factory=dict)

    def add(self, one: _Sample) -> None:
        self.from_ms = self.from_ms or one.from_ms
        self.last_ms = one.to_ms
        self.seconds += one.seconds
        self.n += one.n
        self.measured_wh += one.measured_wh
        self.adjusted_wh += one.adjusted_wh
        if one.drive_wh is not None:
            self.drive_wh += one.drive_wh
            self.drive_loss_wh += one.drive_loss_wh
            self.drive_measured_wh += one.measured_wh
        seconds, measured_wh, adjusted_wh = self.by_load.get(one.load, (0.0, 0.0, 0.0))
        self.by_load[one.load] = seconds + one.seconds, measured_wh + one.measured_wh, adjusted_wh + one.adjusted_wh

    def usual(self, load: Load, least_s: float) -> float | None:
        """R at this load; None before enough is known."""
        seconds, measured_wh, adjusted_wh = self.by_load.get(load, (0.0, 0.0, 0.0))
        return measured_wh / adjusted_wh if seconds >= least_s and measured_wh > 0 else None

    @property
    def drive_share(self) -> float | None:
        """Energy at the output of the drive over that of the meter; None: unknown, or the drive is wrong."""
        if not self.drive_measured_wh > DRIVE_KNOWN * self.measured_wh > 0:
            return None
        share = self.drive_wh / self.drive_measured_wh
        return share if DRIVE_PLAUSIBLE[0] <= share <= DRIVE_PLAUSIBLE[1] else None

    @property
    def contradicted(self) -> float | None:
        """The share by which the drive contradicts the meter; None: it does not."""
        if self.seconds < CONTRADICTED_S or (share := self.drive_share) is None:
            return None
        low, high = DRIVE_CONTRADICTS
        return None if low <= share + self.drive_loss_wh / self.drive_measured_wh <= high else share

    @property
    def confirmed_by_drive(self) -> bool:
        if (share := self.drive_share) is None:
            return False
        return share <= DRIVE_SHARES[1] if self.measured_wh < self.adjusted_wh else share >= DRIVE_SHARES[0]


class RatioCheck:
    """Compares energies with the baseline; intervals are added in the order of time.

    A segment of intervals with one ratio ends when R at the same load changes, and with another meter or transformer
    ratio. A baseline that was not measured checks nothing.
    """

    def __init__(self, baseline: Baseline) -> None:
        self._baseline = baseline
        stated = bool(baseline.drivers) or any(factor.kind == "load" for factor in baseline.static_factors)
        self._least_s = LEAST_S if stated else LEAST_WITHOUT_DRIVER_S
        self._mean_wh = baseline.energy_wh / baseline.n if baseline.n else math.inf
        self._meter, self._adjusted_wh = "", 0.0
        self._segment = _Segment()
        self._changing: list[_Sample] = []  # the newest intervals, if each differs from the usual ratio
        self._ended: tuple[RatioSpan, ...] = ()
        self._reference: float | None = None  # ln R before it changed; None: it has not changed

    def copy(self) -> RatioCheck:
        """The same state; intervals that are added to the copy do not change this one."""
        found = copy.copy(self)
        found._segment = replace(self._segment, by_load=dict(self._segment.by_load))
        found._changing = list(self._changing)
        return found

    def add(self, item: Interval, adjusted_wh: float | None) -> None:
        """Adds an interval.

        adjusted_wh: None when it cannot be compared with the baseline, and while the motor starts or stops.
        """
        if not same_meter(item.meter, self._meter):
            self._end_segment(item.start_ms)
            self._reference = None
        self._meter = item.meter or self._meter
        if (sample := self._sample(item, adjusted_wh)) is None:
            return
        self._adjusted_wh += sample.adjusted_wh
        usual = self._segment.usual(sample.load, self._least_s)
        if usual is None:
            self._segment.add(sample)
            return
        sample = sample._replace(usual=usual)
        change = _log_ratio(sample.measured_wh, usual * sample.adjusted_wh)
        deviates = abs(change) > self._limit([sample]) / 2
        if self._changing and not (deviates and (change > 0) == (_change(self._changing) > 0)):
            self._add_changing()
        if not deviates:
            self._segment.add(sample)
            return
        self._changing.append(sample)
        if sum(one.seconds for one in self._changing) >= self._least_s:
            if abs(_change(self._changing)) > self._limit(self._changing):
                changing, self._changing = self._changing, []
                self._end_segment(changing[0].from_ms)
                self._changing = changing
            self._add_changing()

    def spans(self) -> list[RatioSpan]:
        """The times in which R is outside the limits, in order."""
        found = list(self._ended)
        if self._is_outside(self._segment):
            found.append(_span(self._segment, None))
        return found

    def question(self, events: Sequence[NonRoutineEvent]) -> Reason | None:
        """What must be decided before there is a verdict, and how; None: nothing.

        events: of this asset. A decision on the event of a time settles the question on it.
        """
        asked = [(span, event) for span, event in self._events_of_spans(events)
                 if event.decision is None and self._matters(span)]  # fmt: skip
        if asked:
            span, event = max(asked, key=lambda pair: abs(pair[0].measured_wh - pair[0].adjusted_wh))
            data = {"asset": event.asset, "factor": span.factor, "from_ms": span.from_ms}
            if event.number and span.contradicted is not None:
                return RATIO_CONTRADICTED(
                    number=event.number, asset=event.asset, share=span.contradicted, from_ms=span.from_ms
                )  # fmt: skip
            return RATIO_UNDECIDED(number=event.number, **data) if event.number else RATIO_NOT_NUMBERED(**data)
        for event in events:
            matters = event.to_ms is None or event.energy_wh >= ENDED_LEAST * self._adjusted_wh
            if event.kind == KIND and event.decision is None and event.cause.code != ENERGY_FACTOR and matters:
                return EVENT_UNDECIDED(number=event.number, kind=event.kind, cause=event.cause)
        return None

    def changed_events(self, events: Sequence[NonRoutineEvent]) -> list[NonRoutineEvent]:
        """The events of these times that are new (number 0) or have another end than the stored ones.

        events: the stored events of this asset. An event ends when its ratio is within the limits again.
        """
        found = [event for _, event in self._events_of_spans(events)]
        changed, numbers = [event for event in found if event not in events], {event.number for event in found}
        last_ms = self._segment.last_ms
        return changed + [
            replace(event, to_ms=max(last_ms, event.from_ms))
            for event in events
            if _is_own(event) and event.to_ms is None and event.number not in numbers and last_ms
        ]

    def _events_of_spans(self, events: Sequence[NonRoutineEvent]) -> list[tuple[RatioSpan, NonRoutineEvent]]:
        """The event of each span: the stored one with the end of the span, one that the drive opened, or a new one."""
        ratios = sorted((event for event in events if event.kind == KIND), key=lambda event: event.number)
        own = [event for event in ratios if _is_own(event)]
        others = [event for event in ratios if not _is_own(event)]
        found = []
        for span in self.spans():
            if (event := next(filter(span.overlaps, own), None)) is not None:
                own.remove(event)
                if event.to_ms != span.to_ms:
                    event = replace(event, to_ms=span.to_ms, energy_wh=span.measured_wh)
                found.append((span, event))
            elif (event := next(filter(span.covered_by, others), None)) is not None:
                found.append((span, event))
            elif self._matters(span):
                found.append((span, NonRoutineEvent(
                    0, self._baseline.asset, KIND, span.from_ms, span.to_ms, ENERGY_FACTOR(factor=span.factor),
                    span.measured_wh, PROPOSALS[KIND],
                )))  # fmt: skip
        return found

    def _matters(self, span: RatioSpan) -> bool:
        """Whether it has not ended, or matters for the sum of all energies."""
        return span.to_ms is None or abs(span.measured_wh - span.adjusted_wh) >= ENDED_LEAST * self._adjusted_wh

    def _sample(self, item: Interval, adjusted_wh: float | None) -> _Sample | None:
        baseline = self._baseline
        if not baseline.n or item.energy_wh is None or adjusted_wh is None or item.energy_s <= 0:
            return None
        n = item.energy_s / baseline.length_s
        if adjusted_wh < LOAD_LEAST * self._mean_wh * n or UNFIT.intersection(item.flags):
            return None
        measured_wh = item.energy_wh + item.auxiliary_wh
        if not baseline.drivers and not _runs(item, measured_wh / adjusted_wh):
            return None
        drive_wh = None if item.drive_output_wh is None or item.filled_wh else item.drive_output_wh
        loss_wh = DRIVE_LOSS * measured_wh if item.drive_loss_wh is None else item.drive_loss_wh
        load = round(math.log(adjusted_wh / (self._mean_wh * n)) / LOAD_STEP), self._driver_class(item)
        return _Sample(item.start_ms, item.end_ms, item.energy_s, n, measured_wh, adjusted_wh, drive_wh, loss_wh, load)

    def _driver_class(self, item: Interval) -> int:
        """By the first driver: the adjusted energy of a damper fan does not show its load."""
        names = self._baseline.drivers
        if not names or names[0] not in self._baseline.ranges or names[0] not in item.drivers:
            return 0
        low, high = self._baseline.ranges[names[0]]
        return round((item.drivers[names[0]].mean - low) / (high - low) / DRIVER_STEP) if high > low else 0

    def _limit(self, samples: Sequence[_Sample]) -> float:
        """Of a change of ln R over these intervals."""
        n, adjusted_wh = sum(one.n for one in samples), sum(one.adjusted_wh for one in samples)
        return max(CHANGE, CHANGE_SIGMAS * self._sigma(n, adjusted_wh))

    def _sigma(self, n: float, adjusted_wh: float) -> float:
        """Standard deviation of R by the residuals of the baseline, with their autocorrelation.

        n: time in intervals of the baseline.
        """
        tau = self._baseline.n / self._baseline.n_effective
        return self._baseline.residual_wh * spread_of_sum(n, tau) / adjusted_wh

    def _add_changing(self) -> None:
        for one in self._changing:
            self._segment.add(one)
        self._changing = []

    def _end_segment(self, at_ms: int) -> None:
        self._add_changing()
        if self._is_outside(self._segment):
            self._ended = (*self._ended, _span(self._segment, at_ms))
        elif self._segment.seconds >= self._least_s:
            self._reference = _log_ratio(self._segment.measured_wh, self._segment.adjusted_wh)
        self._segment = _Segment()

    def _is_outside(self, segment: _Segment) -> bool:
        if segment.contradicted is not None:
            return True
        if segment.seconds < self._least_s or segment.confirmed_by_drive:
            return False
        margin = SIGMAS * self._sigma(segment.n, segment.adjusted_wh)
        lowest = min(math.log(LOWEST), math.log(ORDINARY[0]) - margin)
        highest = max(math.log(HIGHEST), math.log(ORDINARY[1]) + margin)
        ratio = _log_ratio(segment.measured_wh, segment.adjusted_wh)
        if self._reference is not None and abs(ratio - self._reference) > CHANGE:
            return True  # also within the limits, as 400/500 in the middle of a period without a saving
        return not lowest <= ratio <= highest


def _span(segment: _Segment, to_ms: int | None) -> RatioSpan:
    return RatioSpan(
        segment.from_ms, to_ms, segment.last_ms, segment.measured_wh, segment.adjusted_wh, segment.contradicted
    )  # fmt: skip


def _is_own(event: NonRoutineEvent) -> bool:
    """Whether energies opened it, and not the drive."""
    return event.kind == KIND and event.cause.code == ENERGY_FACTOR


def _change(samples: Sequence[_Sample]) -> float:
    """Change of ln R over these intervals."""
    return _log_ratio(sum(one.measured_wh for one in samples), sum(one.usual * one.adjusted_wh for one in samples))


def _log_ratio(measured_wh: float, adjusted_wh: float) -> float:
    return math.log(measured_wh / adjusted_wh) if measured_wh > 0 else -WITHOUT_VALUE


def _runs(item: Interval, ratio: float) -> bool:
    """Whether the motor runs; a constant model has no driver that shows it."""
    if item.running_s is None:
        return ratio >= STOPPED
    return item.running_s >= RUNNING * item.length_s * min(item.coverage, 1.0)

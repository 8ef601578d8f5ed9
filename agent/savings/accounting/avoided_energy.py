"""Adjusted baseline and measured energy of each interval, and the uncertainty of their difference.

Plain Python, because the polling process calculates savings live. The sums keep the terms of the model, so that its
covariance is that of the sum: u² = v·C·vᵀ with v the sum of all terms (GUM, correlated input quantities).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from agent.savings.accounting.attribution import PartSums
from agent.savings.accounting.interpolation import InterpolationUncertainty, bridged, drawn_of
from agent.savings.accounting.meter_uncertainty import MeterUncertainty, meter_uncertainty
from agent.savings.accounting.verdict import caveats, verdict
from agent.savings.baseline.coverage_factors import half_width, student_t
from agent.savings.baseline.models import (
    ReplacedMotor,
    is_state,
    is_transition,
    out_of_range,
    quadratic,
    residuals_wh,
    state_number,
    terms,
    values_of,
)
from agent.savings.reasons import (
    DRIVER_MISSING,
    ENERGY_UNKNOWN,
    EXCLUDED_BY_DECISION,
    EXCLUDED_UNDECIDED,
    POLLING_INCOMPLETE,
    SHAFT_ENERGY_UNKNOWN,
    TRANSITION_INTERVAL,
)
from agent.savings.records.model import Baseline, Driver, Interval, NonRoutineEvent, Saving
from agent.savings.tracking import event_detector as nre
from drivers.reasons import InvalidValue, Reason

COVERED = 0.75  # share of the time of an interval; below it the interval is excluded
FILLED_U = 0.30  # standard uncertainty of energy that a register provides, relative


class IntervalResult(NamedTuple):
    """One interval of a saving. Energies in Wh.

    start_ms: UTC.
    length_s: its length.
    driver: mean of the first driver; None when unknown.
    adjusted_wh: adjusted baseline energy; None when unknown.
    measured_wh: measured energy with auxiliaries; None when unknown.
    excluded: why the interval is not in the sum; None when it is.
    """

    start_ms: int
    length_s: int
    driver: float | None
    adjusted_wh: float | None
    measured_wh: float | None
    excluded: Reason | None = None


@dataclass(slots=True)
class _Sums:
    """Running sums of the intervals that are part of the saving."""

    n: list[float] = field(default_factory=list)  # in intervals of the baseline, by models.state_number
    adjusted_wh: float = 0.0
    measured_wh: float = 0.0
    all_wh: float = 0.0
    filled_wh: float = 0.0
    slope_u_wh: list[float] = field(default_factory=list)  # of each driver
    lines: InterpolationUncertainty = field(default_factory=lambda: InterpolationUncertainty(0))
    covered_s: float = 0.0
    claimed: int = 0
    active_wh: float = 0.0  # of intervals whose reactive energy is known, as the next field
    reactive_varh: float = 0.0


class SavingsAccumulator:
    """Sums intervals in the order in which they are added.

    classes: accuracy class of the present meter and of its current transformers; "": that of the baseline.
    events: non-routine events of this asset.
    old_motor: nameplate of the old motor; None: that of the baseline.
    """

    def __init__(
        self, baseline: Baseline, *, classes: tuple[str, str] = ("", ""), events: Sequence[NonRoutineEvent] = (),
        old_motor: Mapping[str, float] | None = None,
    ) -> None:  # fmt: skip
        self.baseline, self.classes, self.events = baseline, classes, events
        plate = old_motor or baseline.shape.get("old_motor")
        self.lines: list[IntervalResult] = []
        self._parts, self._sums = PartSums(ReplacedMotor(**plate) if plate else None), _Sums()
        self._terms = _TermSums(baseline)
        self._sums.n = [0.0] * len(residuals_wh(baseline))
        self._sums.slope_u_wh = [0.0] * max(len(baseline.drivers), 1)
        self._sums.lines = InterpolationUncertainty(len(baseline.drivers))
        self._meters: set[str] = set()

    def add(self, item: Interval) -> IntervalResult:
        """Adds an interval and returns how it was compared."""
        sums, baseline = self._sums, self.baseline
        line, values = _line(baseline, item, self.events)
        self.lines.append(line)
        measured_wh = (item.energy_wh or 0.0) + item.auxiliary_wh
        sums.all_wh += measured_wh
        sums.covered_s += item.length_s * min(item.coverage, 1.0)
        if line.excluded or line.adjusted_wh is None:
            return line
        share = item.length_s / baseline.length_s
        sums.n[state_number(baseline, values)] += share
        sums.claimed += 1
        sums.adjusted_wh += line.adjusted_wh
        sums.measured_wh += measured_wh
        sums.filled_wh += self._drawn(item, values, share)
        if item.meter:
            self._meters.add(item.meter)
        if item.reactive_varh is not None:
            sums.active_wh += item.energy_wh or 0.0
            sums.reactive_varh += item.reactive_varh
        self._terms.add(item, values, share)
        for k, u_wh in enumerate(_slopes_u(baseline, values)):
            sums.slope_u_wh[k] += u_wh * share
        self._parts.add(item, line.adjusted_wh)
        return line

    def _drawn(self, item: Interval, values: list[Driver], share: float) -> float:
        """Adds the uncertainty of interpolated drivers; returns the energy that counts as filled in, Wh."""
        baseline, drawn = self.baseline, drawn_of(self.baseline, item)
        known = baseline.shape.get("straight_u")
        if drawn and known is None:  # frozen without the uncertainty of interpolation
            return abs(item.energy_wh or 0.0)
        for k, name in enumerate(baseline.drivers):
            if name in drawn and known and name in known:
                gap = drawn[name]
                u = known[name][min(gap.intervals, len(known[name])) - 1]
                self._sums.lines.add(k, gap.since_ms, _slope_u(baseline, values, k, 2 * u) * share)
        return abs(item.filled_wh)

    def mark(self) -> Checkpoint:
        """The present state; `back` to it removes the intervals added later."""
        held = self._sums
        sums = replace(held, n=list(held.n), slope_u_wh=list(held.slope_u_wh), lines=held.lines.copy())
        return Checkpoint(len(self.lines), sums, self._terms.copy(), replace(self._parts), frozenset(self._meters))

    def back(self, mark: Checkpoint) -> None:
        """Restores a state; each mark can be used once."""
        del self.lines[mark.lines :]
        self._sums, self._terms, self._parts, self._meters = mark.sums, mark.terms, mark.parts, set(mark.meters)

    def saving(self, span: tuple[int, int] | None = None) -> Saving:
        """The saving so far. span: period (UTC ms) for which the coverage is computed; None: first to last interval."""
        sums, baseline, lines, parts = self._sums, self.baseline, self.lines, self._parts
        if span is None:
            span = (lines[0].start_ms, lines[-1].start_ms + 1000 * lines[-1].length_s) if lines else (0, 0)
        adjusted_wh = sums.adjusted_wh + nre.adjustments(self.events, baseline.asset, span)
        tan_phi = sums.reactive_varh / sums.active_wh if sums.active_wh > 0 else None
        meters = meter_uncertainty(baseline, adjusted_wh, sums.measured_wh, tan_phi, self.classes, self._meters)
        saved_wh = adjusted_wh - sums.measured_wh
        causes, u95_wh = _uncertainty(baseline, self._terms, sums, meters)
        waiting = [event for event in self.events if event.decision is None and event.asset == baseline.asset]
        saving = Saving(
            baseline.asset, *span, sums.claimed, adjusted_wh, sums.measured_wh, saved_wh, u95_wh,
            verdict(saved_wh, u95_wh, sums.claimed), (), parts.split(saved_wh, u95_wh, sums.measured_wh), causes,
            parts.creep_wh, parts.advice, sums.covered_s / max((span[1] - span[0]) / 1000, 1.0),
            sums.all_wh - sums.measured_wh, len(waiting), baseline.hash,
        )  # fmt: skip
        return replace(saving, caveats=tuple(caveats(saving, baseline, lines, waiting, meters)))


def evaluate(
    baseline: Baseline,
    intervals: Iterable[Interval],
    *,
    classes: tuple[str, str] = ("", ""),
    events: Sequence[NonRoutineEvent] = (),
    old_motor: Mapping[str, float] | None = None,
    span: tuple[int, int] | None = None,
) -> tuple[Saving, list[IntervalResult]]:
    """The saving over all intervals, and each interval; intervals in any order.

    Intervals without data, outside the range of the baseline, or excluded by an event are not part of the saving.
    """
    tally = SavingsAccumulator(baseline, classes=classes, events=events, old_motor=old_motor)
    for item in bridged(sorted(intervals, key=lambda item: item.start_ms)):
        tally.add(item)
    return tally.saving(span), tally.lines


def _line(baseline: Baseline, item: Interval, events: Sequence[NonRoutineEvent]) -> tuple[IntervalResult, list[Driver]]:
    measured = None if item.energy_wh is None else item.energy_wh + item.auxiliary_wh

    def line(excluded: Reason | None, driver: float | None = None, adjusted: float | None = None) -> IntervalResult:
        return IntervalResult(item.start_ms, item.length_s, driver, adjusted, measured, excluded)

    if item.energy_wh is None:
        return line(ENERGY_UNKNOWN()), []
    values = values_of(baseline, item)
    if values is None:
        missing = tuple(name for name in baseline.drivers if name not in item.drivers)
        return line(DRIVER_MISSING(drivers=missing) if missing else SHAFT_ENERGY_UNKNOWN()), []
    driver = values[0].mean if values else None
    if passed := _states_passed(baseline, item):
        return line(DRIVER_MISSING(drivers=passed), driver), values
    try:
        adjusted = _expected(baseline, values) * item.length_s / baseline.length_s
    except InvalidValue as error:
        return line(error.reason, driver), values
    excluded: Reason | None = None
    if item.coverage < COVERED and not (item.filled_wh and drawn_of(baseline, item)):
        excluded = POLLING_INCOMPLETE()
    elif outside := out_of_range(baseline, values):
        excluded = outside
    elif "holes" in baseline.shape and is_transition(item):
        excluded = TRANSITION_INTERVAL()
    elif (event := nre.excluding(events, item)) is not None:
        excluded = (EXCLUDED_BY_DECISION if event.decision else EXCLUDED_UNDECIDED)(
            number=event.number, kind=event.kind
        )
    return line(excluded, driver, adjusted), values


def _states_passed(baseline: Baseline, item: Interval) -> tuple[str, ...]:
    """Interpolated states that differ on both sides of the gap: the time of the change is unknown, and a line from 1 to
    3 passes 2.
    """
    drawn, reach = drawn_of(baseline, item), baseline.shape.get("within", 0.0)
    return tuple(
        name for k, name in enumerate(baseline.drivers)
        if name in drawn and is_state(baseline, k) and drawn[name].step > 2 * reach
    )  # fmt: skip


def expected_wh(baseline: Baseline, item: Interval) -> float | None:
    """Adjusted baseline of one interval, also outside the range of the baseline; None without its drivers."""
    values = values_of(baseline, item)
    if values is None:
        return None
    try:
        return _expected(baseline, values) * item.length_s / baseline.length_s
    except ValueError:
        return None


def _expected(baseline: Baseline, values: Sequence[Driver]) -> float:
    row = terms(baseline.kind, baseline.shape, [value.mean for value in values])
    return sum(a * b for a, b in zip(row, baseline.coefficients, strict=True))


def _slopes_u(baseline: Baseline, values: Sequence[Driver]) -> list[float]:
    """|dE/dd|·u of each driver, standard uncertainty, Wh; 0 for a state."""
    found = [0.0] * len(values)
    for k, (_, u) in enumerate(values):
        if u > 0 and baseline.kind != "shaft-power" and not is_state(baseline, k):
            found[k] = _slope_u(baseline, values, k, u)
    return found


def _slope_u(baseline: Baseline, values: Sequence[Driver], k: int, u: float) -> float:
    """|dE/dd|·u/2 of driver k, in an interval of the length of the baseline."""
    mean = values[k].mean
    moved = [value if j != k else Driver(mean + u / 2, u) for j, value in enumerate(values)]
    back = [value if j != k else Driver(mean - u / 2, u) for j, value in enumerate(values)]
    return abs(_expected(baseline, moved) - _expected(baseline, back)) / 2


class _TermSums:
    """Sums of the terms of the model and of each competing model.

    In intervals without the drivers of a competing model, both models are assumed to give the same energy; the terms of
    these intervals are summed separately.
    """

    def __init__(self, baseline: Baseline) -> None:
        self._baseline = baseline
        size = len(baseline.coefficients)
        self.own = [0.0] * size
        self.rivals = [([0.0] * len(rival["coefficients"]), [0.0] * size) for rival in baseline.rivals]

    def copy(self) -> _TermSums:
        found = _TermSums(self._baseline)
        found.own, found.rivals = list(self.own), [(list(a), list(b)) for a, b in self.rivals]
        return found

    def add(self, item: Interval, values: Sequence[Driver], share: float) -> None:
        baseline = self._baseline
        row = terms(baseline.kind, baseline.shape, [value.mean for value in values])
        _add(self.own, row, share)
        for rival, (vector, silent) in zip(baseline.rivals, self.rivals, strict=True):
            try:
                known = [item.drivers[name].mean for name in rival["drivers"]]
                _add(vector, terms(rival["kind"], rival["shape"], known), share)
            except (KeyError, ValueError):  # the driver is missing, or the state is unknown
                _add(silent, row, share)


class Checkpoint(NamedTuple):
    """State of a Tally."""

    lines: int
    sums: _Sums
    terms: _TermSums
    parts: PartSums
    meters: frozenset[str]


def _add(vector: list[float], row: Sequence[float], share: float) -> None:
    for k, value in enumerate(row):
        vector[k] += share * value


def _uncertainty(
    baseline: Baseline, found: _TermSums, sums: _Sums, meters: MeterUncertainty
) -> tuple[dict[str, float], float]:
    """Standard uncertainty by component (Wh), and U95: normal components in quadrature, the widest rectangular one with
    its own distribution.
    """
    tau = baseline.n / baseline.n_effective if baseline.n else 1.0
    variance = max(quadratic(found.own, baseline.covariance), 0.0)
    causes = {
        "model": math.sqrt(variance),
        "scatter": math.hypot(*map(lambda s, n: s * math.sqrt(n * tau), residuals_wh(baseline), sums.n)),
        "choice": _choice(baseline, found),
        "driver": math.hypot(*sums.slope_u_wh, sums.lines.u_wh),
        "gaps": FILLED_U * sums.filled_wh,
        **meters.causes,
    }
    widest = max(meters.limits, default=0.0)
    normal = math.sqrt(max(sum(u * u for u in causes.values()) - widest * widest / 3, 0.0))
    freedom = baseline.n_effective - len(baseline.coefficients)
    t = student_t(freedom) if baseline.n and math.isfinite(freedom) and freedom > 0 else 1.959964
    return causes, half_width(normal, widest, t)


def _choice(baseline: Baseline, found: _TermSums) -> float:
    """Standard uncertainty of the choice of model, Wh: how far the competing models are from the chosen one over these
    intervals, beyond what the uncertainty of their coefficients explains (Hausman). Root of the mean square,
    weighted by how well each predicts; those frozen without weights count equally.
    """
    total = weights = 0.0
    for rival, (vector, silent) in zip(baseline.rivals, found.rivals, strict=True):
        if any(vector):
            own = [a - b for a, b in zip(found.own, silent, strict=True)]
            predicted = sum(a * b for a, b in zip(vector, rival["coefficients"], strict=True))
            best = sum(a * b for a, b in zip(own, baseline.coefficients, strict=True))
            explained = abs(quadratic(vector, rival["covariance"]) - quadratic(own, baseline.covariance))
            weight = rival.get("weight", 1.0)
            total += weight * max((predicted - best) ** 2 - explained, 0.0)
            weights += weight
    return math.sqrt(total / weights) if weights else 0.0

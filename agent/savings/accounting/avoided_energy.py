"""Adjusted baseline and measured energy of each interval, and the uncertainty of their difference.

Plain Python, because the polling process calculates savings live. The sums keep the terms of the model, so that its
covariance is that of the sum: u² = v·C·vᵀ with v the sum of all terms (GUM, correlated input quantities).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from agent.savings.accounting.attribution import PartSums
from agent.savings.accounting.driver_error import DriverError
from agent.savings.accounting.meter_uncertainty import MeterUncertainty, meter_uncertainty
from agent.savings.accounting.ratio_check import KIND, RatioCheck
from agent.savings.accounting.verdict import ExcludedEnergy, caveats, verdict
from agent.savings.baseline.coverage_factors import half_width, student_t
from agent.savings.baseline.models import (
    ReplacedMotor,
    at_standstill,
    is_state,
    is_transition,
    out_of_range,
    quadratic,
    residuals_wh,
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
from agent.savings.records import non_routine_events as nre
from agent.savings.records.interpolation import InterpolationUncertainty, interpolations_of
from agent.savings.records.model import Baseline, Driver, Interval, NonRoutineEvent, Saving
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
    """Running sums of the intervals that are part of the saving, unless stated otherwise.

    own: terms of the model.
    n: in intervals of the baseline, by models.residuals_wh.
    driver_wh: effect on the adjusted baseline if the largest error of a driver changed by its whole limit, by driver.
    active_wh, reactive_varh: of intervals whose reactive energy is known.
    covered_s, excluded: of all intervals.
    """

    own: list[float]
    n: list[float]
    driver_wh: list[float]
    interpolation: InterpolationUncertainty
    parts: PartSums
    adjusted_wh: float = 0.0
    measured_wh: float = 0.0
    filled_wh: float = 0.0
    active_wh: float = 0.0
    reactive_varh: float = 0.0
    intervals: int = 0
    meters: set[str] = field(default_factory=set)
    covered_s: float = 0.0
    excluded: ExcludedEnergy = field(default_factory=ExcludedEnergy)


class SavingsAccumulator:
    """Sums intervals in the order in which they are added.

    classes: accuracy class of the present meter and of its current transformers; "": that of the baseline.
    events: non-routine events of this asset. Those that exclude intervals apply to intervals that are added later.
    old_motor: nameplate of the old motor; None: that of the baseline.
    driver_errors: of each numeric driver; one that is not named has none.
    """

    def __init__(
        self, baseline: Baseline, *, classes: tuple[str, str] = ("", ""), events: Sequence[NonRoutineEvent] = (),
        old_motor: Mapping[str, float] | None = None, driver_errors: Mapping[str, DriverError] | None = None,
    ) -> None:  # fmt: skip
        self.baseline, self.classes, self.events = baseline, classes, events
        self.driver_errors = dict(driver_errors or {})
        self.ratio = RatioCheck(baseline)
        plate, size = old_motor or baseline.shape.get("old_motor"), len(baseline.coefficients)
        self._sums = _Sums(
            own=[0.0] * size,
            n=[0.0] * len(residuals_wh(baseline)), driver_wh=[0.0] * len(baseline.drivers),
            interpolation=InterpolationUncertainty(len(baseline.drivers)),
            parts=PartSums(ReplacedMotor(**plate) if plate else None),
        )  # fmt: skip

    def copy(self) -> SavingsAccumulator:
        """The same state; intervals that are added to the copy do not change this one."""
        found = copy.copy(self)
        found._sums, found.ratio = copy.deepcopy(self._sums), self.ratio.copy()
        return found

    def add(self, item: Interval) -> IntervalResult:
        """Adds an interval and returns how it was compared."""
        sums, baseline = self._sums, self.baseline
        result, values = _compared(baseline, item, self.events)
        self.ratio.add(item, result.adjusted_wh if _is_comparable(item, result, self.events) else None)
        sums.covered_s += item.length_s * min(item.coverage, 1.0)
        sums.excluded.add(result.measured_wh, result.excluded)
        if result.excluded or result.adjusted_wh is None or result.measured_wh is None:
            return result
        share = _share(baseline, item)
        sums.n[1 if at_standstill(baseline, values) else 0] += share
        sums.intervals += 1
        sums.adjusted_wh += result.adjusted_wh
        sums.measured_wh += result.measured_wh
        sums.filled_wh += self._add_interpolation(item, values, share)
        if item.meter:
            sums.meters.add(item.meter)
        if item.reactive_varh is not None:
            sums.active_wh += item.energy_wh or 0.0
            sums.reactive_varh += item.reactive_varh
        _add(sums.own, terms(baseline.kind, baseline.shape, [value.mean for value in values]), share)
        self._add_driver_errors(values, share)
        sums.parts.add(item, result.adjusted_wh)
        return result

    def _add_interpolation(self, item: Interval, values: list[Driver], share: float) -> float:
        """Adds the uncertainty of interpolated drivers; returns the energy that counts as filled in, Wh."""
        baseline, found = self.baseline, interpolations_of(self.baseline, item)
        known = baseline.shape.get("straight_u")
        if found and known is None:  # frozen without the uncertainty of interpolation
            return abs(item.energy_wh or 0.0)
        for k, name in enumerate(baseline.drivers):
            if name in found and known and name in known:
                gap = found[name]
                u = known[name][min(gap.intervals, len(known[name])) - 1]
                self._sums.interpolation.add(k, gap.since_ms, abs(_slope_wh(baseline, values, k, u)) * share)
        return abs(item.filled_wh)

    def _add_driver_errors(self, values: list[Driver], share: float) -> None:
        baseline = self.baseline
        for k, name in enumerate(baseline.drivers):
            error = self.driver_errors.get(name)
            if error is not None and not is_state(baseline, k) and not at_standstill(baseline, values):
                limit = error.relative * abs(values[k].mean) + error.absolute
                self._sums.driver_wh[k] += _slope_wh(baseline, values, k, limit) * share

    def saving(self, span: tuple[int, int]) -> Saving:
        """The saving so far. span: the period (UTC ms), for coverage and decided adjustments."""
        sums, baseline, parts = self._sums, self.baseline, self._sums.parts
        adjusted_wh = sums.adjusted_wh + nre.adjustments(self.events, span)
        tan_phi = sums.reactive_varh / sums.active_wh if sums.active_wh > 0 else None
        meters = meter_uncertainty(baseline, adjusted_wh, sums.measured_wh, tan_phi, self.classes, sums.meters)
        saved_wh = adjusted_wh - sums.measured_wh
        causes, u95_wh = _uncertainty(baseline, sums, meters)
        undecided = [event for event in self.events if event.decision is None]
        question = self.ratio.question(self.events)
        others = [event for event in undecided if not question or event.number != question.data.get("number")]
        saving = Saving(
            baseline.asset, *span, sums.intervals, adjusted_wh, sums.measured_wh, saved_wh, u95_wh,
            verdict(saved_wh, u95_wh, sums.intervals, question), (),
            parts.split(saved_wh, u95_wh, sums.measured_wh), causes, parts.creep_wh, parts.advice,
            sums.covered_s / max((span[1] - span[0]) / 1000, 1.0),
            sums.excluded.total_wh - sums.measured_wh, len(undecided), baseline.hash,
        )  # fmt: skip
        return replace(saving, caveats=tuple(caveats(saving, baseline, sums.excluded, others, meters, question)))


def _is_comparable(item: Interval, result: IntervalResult, events: Sequence[NonRoutineEvent]) -> bool:
    """Whether the energy shows the transformer ratio: also in an event of the ratio itself, but in no other one that
    excludes the interval.
    """
    if result.excluded is not None and result.excluded.code not in (EXCLUDED_BY_DECISION, EXCLUDED_UNDECIDED):
        return False
    others = (event for event in events if event.kind != KIND)
    return not is_transition(item) and nre.excluding(others, item) is None


def _compared(
    baseline: Baseline, item: Interval, events: Sequence[NonRoutineEvent]
) -> tuple[IntervalResult, list[Driver]]:  # fmt: skip
    """An interval compared with the baseline, and the values of its drivers (empty when they are unknown)."""
    measured_wh = None if item.energy_wh is None else item.energy_wh + item.auxiliary_wh
    result = IntervalResult(item.start_ms, item.length_s, None, None, measured_wh)
    if measured_wh is None:
        return result._replace(excluded=ENERGY_UNKNOWN()), []
    values = values_of(baseline, item)
    if values is None:
        missing = tuple(name for name in baseline.drivers if name not in item.drivers)
        return result._replace(excluded=DRIVER_MISSING(drivers=missing) if missing else SHAFT_ENERGY_UNKNOWN()), []
    result = result._replace(driver=values[0].mean if values else None)
    if changed := _changed_states(baseline, item):
        return result._replace(excluded=DRIVER_MISSING(drivers=changed)), values
    try:
        result = result._replace(adjusted_wh=_expected(baseline, values) * _share(baseline, item))
    except InvalidValue as error:
        return result._replace(excluded=error.reason), values
    return result._replace(excluded=_cause(baseline, item, values, events)), values


def _cause(
    baseline: Baseline, item: Interval, values: Sequence[Driver], events: Sequence[NonRoutineEvent]
) -> Reason | None:  # fmt: skip
    """Why an interval whose adjusted baseline is known is excluded; None: it is not."""
    if item.coverage < COVERED and not (item.filled_wh and interpolations_of(baseline, item)):
        return POLLING_INCOMPLETE()
    if outside := out_of_range(baseline, values):
        return outside
    if "holes" in baseline.shape and is_transition(item):
        return TRANSITION_INTERVAL()
    if (event := nre.excluding(events, item)) is None:
        return None
    return (EXCLUDED_BY_DECISION if event.decision else EXCLUDED_UNDECIDED)(number=event.number, kind=event.kind)


def _changed_states(baseline: Baseline, item: Interval) -> tuple[str, ...]:
    """Interpolated states that differ on both sides of the gap: the time of the change is unknown, and a line from 1 to
    3 passes 2.
    """
    found, reach = interpolations_of(baseline, item), baseline.shape.get("within", 0.0)
    return tuple(
        name for k, name in enumerate(baseline.drivers)
        if name in found and is_state(baseline, k) and found[name].step > 2 * reach
    )  # fmt: skip


def expected_wh(baseline: Baseline, item: Interval) -> float | None:
    """Adjusted baseline of one interval, for the time to which its energy belongs, also outside the range of the
    baseline; None without its drivers.
    """
    values = values_of(baseline, item)
    if values is None:
        return None
    try:
        return _expected(baseline, values) * _share(baseline, item)
    except ValueError:
        return None


def _share(baseline: Baseline, item: Interval) -> float:
    """The time that is compared, in intervals of the baseline: the energy of the rest is unknown. Shaft energy belongs
    to this time, too, and is not scaled.
    """
    return (item.length_s if baseline.kind == "shaft-power" else item.energy_s) / baseline.length_s


def _expected(baseline: Baseline, values: Sequence[Driver]) -> float:
    row = terms(baseline.kind, baseline.shape, [value.mean for value in values])
    return sum(a * b for a, b in zip(row, baseline.coefficients, strict=True))


def _slope_wh(baseline: Baseline, values: Sequence[Driver], k: int, change: float) -> float:
    """dE/dd · change of driver k, in an interval of the length of the baseline."""
    mean = values[k].mean
    if at_standstill(baseline, values):
        return 0.0
    step = change or 0.0
    moved = [value if j != k else Driver(mean + step) for j, value in enumerate(values)]
    back = [value if j != k else Driver(mean - step) for j, value in enumerate(values)]
    if at_standstill(baseline, back) or at_standstill(baseline, moved):
        return 0.0
    return (_expected(baseline, moved) - _expected(baseline, back)) / 2


def _add(vector: list[float], row: Sequence[float], share: float) -> None:
    for k, value in enumerate(row):
        vector[k] += share * value


def _uncertainty(baseline: Baseline, sums: _Sums, meters: MeterUncertainty) -> tuple[dict[str, float], float]:
    """Standard uncertainty by component (Wh), and U95: normal components in quadrature, the widest rectangular one with
    its own distribution.
    """
    tau = baseline.n / baseline.n_effective if baseline.n else 1.0
    variance = max(quadratic(sums.own, baseline.covariance), 0.0)
    driver_limits = [abs(wh) for wh in sums.driver_wh]
    causes = {
        "model": math.sqrt(variance),
        "scatter": math.hypot(*map(lambda s, n: s * math.sqrt(n * tau), residuals_wh(baseline), sums.n)),
        "driver": math.hypot(*driver_limits) / math.sqrt(3),
        "interpolation": sums.interpolation.u_wh,
        "gaps": FILLED_U * sums.filled_wh,
        **meters.causes,
    }
    widest = max([*meters.limits, *driver_limits], default=0.0)
    normal = math.sqrt(max(sum(u * u for u in causes.values()) - widest * widest / 3, 0.0))
    freedom = baseline.n_effective - len(baseline.coefficients)
    t = student_t(freedom) if baseline.n and math.isfinite(freedom) and freedom > 0 else 1.959964
    return causes, half_width(normal, widest, t)

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

from agent.savings.accounting.assumptions import DAY_MS, assumptions_of
from agent.savings.accounting.attribution import PartSums
from agent.savings.accounting.driver_error import DriverError
from agent.savings.accounting.meter_uncertainty import MeterUncertainty, meter_uncertainty
from agent.savings.accounting.verdict import ExcludedEnergy, caveats, verdict
from agent.savings.baseline.coverage_factors import half_width
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
    competing: terms of each competing model, and those of the model in intervals without the drivers of the competing
        one: there both are assumed to give the same energy.
    n: in intervals of the baseline, by models.state_number.
    slope_u_wh: of each driver.
    active_wh, reactive_varh: of intervals whose reactive energy is known.
    days: UTC days since 1970.
    covered_s, excluded: of all intervals.
    """

    own: list[float]
    competing: list[tuple[list[float], list[float]]]
    n: list[float]
    slope_u_wh: list[float]
    interpolation: InterpolationUncertainty
    parts: PartSums
    adjusted_wh: float = 0.0
    measured_wh: float = 0.0
    filled_wh: float = 0.0
    active_wh: float = 0.0
    reactive_varh: float = 0.0
    intervals: int = 0
    meters: set[str] = field(default_factory=set)
    days: set[int] = field(default_factory=set)
    covered_s: float = 0.0
    excluded: ExcludedEnergy = field(default_factory=ExcludedEnergy)


class SavingsAccumulator:
    """Sums intervals in the order in which they are added.

    classes: accuracy class of the present meter and of its current transformers; "": that of the baseline.
    events: non-routine events of this asset. Those that exclude intervals apply to intervals that are added later.
    old_motor: nameplate of the old motor; None: that of the baseline.
    driver_errors: by name of the driver; one that is missing has no stated calibration.
    undecided: what must be decided before the energies can be compared; None: nothing.
    """

    def __init__(
        self, baseline: Baseline, *, classes: tuple[str, str] = ("", ""), events: Sequence[NonRoutineEvent] = (),
        old_motor: Mapping[str, float] | None = None, driver_errors: Mapping[str, DriverError] | None = None,
        undecided: Reason | None = None,
    ) -> None:  # fmt: skip
        self.baseline, self.classes, self.events = baseline, classes, events
        self.driver_errors, self.undecided = driver_errors or {}, undecided
        plate, size = old_motor or baseline.shape.get("old_motor"), len(baseline.coefficients)
        self._sums = _Sums(
            own=[0.0] * size,
            competing=[([0.0] * len(rival["coefficients"]), [0.0] * size) for rival in baseline.rivals],
            n=[0.0] * len(residuals_wh(baseline)), slope_u_wh=[0.0] * max(len(baseline.drivers), 1),
            interpolation=InterpolationUncertainty(len(baseline.drivers)),
            parts=PartSums(ReplacedMotor(**plate) if plate else None),
        )  # fmt: skip

    def copy(self) -> SavingsAccumulator:
        """The same state; intervals that are added to the copy do not change this one."""
        found = copy.copy(self)
        found._sums = copy.deepcopy(self._sums)
        return found

    def add(self, item: Interval) -> IntervalResult:
        """Adds an interval and returns how it was compared."""
        sums, baseline = self._sums, self.baseline
        result, values = _compared(baseline, item, self.events)
        sums.covered_s += item.length_s * min(item.coverage, 1.0)
        sums.excluded.add(result.measured_wh, result.excluded)
        if result.excluded or result.adjusted_wh is None or result.measured_wh is None:
            return result
        share = _share(baseline, item)
        sums.n[state_number(baseline, values)] += share
        sums.intervals += 1
        sums.days.add(item.start_ms // DAY_MS)
        sums.adjusted_wh += result.adjusted_wh
        sums.measured_wh += result.measured_wh
        sums.filled_wh += self._add_interpolation(item, values, share)
        if item.meter:
            sums.meters.add(item.meter)
        if item.reactive_varh is not None:
            sums.active_wh += item.energy_wh or 0.0
            sums.reactive_varh += item.reactive_varh
        self._add_terms(item, values, share)
        for k, value in enumerate(values):
            if value.u > 0 and baseline.kind != "shaft-power" and not is_state(baseline, k):
                sums.slope_u_wh[k] += _slope_u(baseline, values, k, value.u) * share
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
                self._sums.interpolation.add(k, gap.since_ms, _slope_u(baseline, values, k, 2 * u) * share)
        return abs(item.filled_wh)

    def _add_terms(self, item: Interval, values: Sequence[Driver], share: float) -> None:
        baseline = self.baseline
        row = terms(baseline.kind, baseline.shape, [value.mean for value in values])
        _add(self._sums.own, row, share)
        for rival, (vector, without) in zip(baseline.rivals, self._sums.competing, strict=True):
            try:
                known = [item.drivers[name].mean for name in rival["drivers"]]
                _add(vector, terms(rival["kind"], rival["shape"], known), share)
            except (KeyError, ValueError):  # the driver is missing, or the state is unknown
                _add(without, row, share)

    def saving(self, span: tuple[int, int]) -> Saving:
        """The saving so far. span: the period (UTC ms), for coverage and decided adjustments."""
        sums, baseline, parts = self._sums, self.baseline, self._sums.parts
        adjusted_wh = sums.adjusted_wh + nre.adjustments(self.events, span)
        tan_phi = sums.reactive_varh / sums.active_wh if sums.active_wh > 0 else None
        meters = meter_uncertainty(baseline, adjusted_wh, sums.measured_wh, tan_phi, self.classes, sums.meters)
        saved_wh = adjusted_wh - sums.measured_wh
        causes = _components(baseline, sums, meters)
        u95_wh = _half_width(baseline, causes, meters.limits)
        assumptions = assumptions_of(
            baseline, sums.days, self.driver_errors, u95_wh=u95_wh,
            without_u95_wh=_half_width(baseline, {**causes, "driver": 0.0}, meters.limits),
        )  # fmt: skip
        undecided = [event for event in self.events if event.decision is None]
        u80_wh, u90_wh = (_half_width(baseline, causes, meters.limits, share) for share in (0.80, 0.90))
        saving = Saving(
            baseline.asset, *span, sums.intervals, adjusted_wh, sums.measured_wh, saved_wh, u95_wh,
            verdict(saved_wh, u95_wh, sums.intervals, assumptions, self.undecided), (),
            parts.split(saved_wh, u95_wh, sums.measured_wh), causes, parts.creep_wh, parts.advice,
            sums.covered_s / max((span[1] - span[0]) / 1000, 1.0), sums.excluded.total_wh - sums.measured_wh,
            len(undecided), baseline.hash, assumptions, u80_wh, u90_wh,
        )  # fmt: skip
        found = caveats(saving, baseline, sums.excluded, undecided, meters, self.undecided)
        return replace(saving, caveats=tuple(found))


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


def _slope_u(baseline: Baseline, values: Sequence[Driver], k: int, u: float) -> float:
    """|dE/dd|·u/2 of driver k, in an interval of the length of the baseline."""
    mean = values[k].mean
    moved = [value if j != k else Driver(mean + u / 2, u) for j, value in enumerate(values)]
    back = [value if j != k else Driver(mean - u / 2, u) for j, value in enumerate(values)]
    return abs(_expected(baseline, moved) - _expected(baseline, back)) / 2


def _add(vector: list[float], row: Sequence[float], share: float) -> None:
    for k, value in enumerate(row):
        vector[k] += share * value


def _components(baseline: Baseline, sums: _Sums, meters: MeterUncertainty) -> dict[str, float]:
    """Standard uncertainty by component, Wh."""
    tau = baseline.n / baseline.n_effective if baseline.n else 1.0
    variance = max(quadratic(sums.own, baseline.covariance), 0.0)
    return {
        "model": math.sqrt(variance),
        "scatter": math.hypot(*map(lambda s, n: s * math.sqrt(n * tau), residuals_wh(baseline), sums.n)),
        "choice": _model_choice(baseline, sums),
        "driver": math.hypot(*sums.slope_u_wh, sums.interpolation.u_wh),
        "gaps": FILLED_U * sums.filled_wh,
        **meters.causes,
    }


def _half_width(
    baseline: Baseline, causes: Mapping[str, float], limits: Sequence[float], probability: float = 0.95
) -> float:
    """Half-width that contains the true saving with this probability, Wh: normal components in quadrature, the widest
    rectangular one with its own distribution.
    """
    widest = max(limits, default=0.0)
    normal = math.sqrt(max(sum(u * u for u in causes.values()) - widest * widest / 3, 0.0))
    freedom = baseline.n_effective - len(baseline.coefficients)
    if not baseline.n or freedom <= 0:
        freedom = math.inf
    return half_width(normal, widest, freedom=freedom, probability=probability)


def _model_choice(baseline: Baseline, sums: _Sums) -> float:
    """Standard uncertainty of the choice of model, Wh: how far the competing models are from the chosen one over these
    intervals, beyond what the uncertainty of their coefficients explains (Hausman). Root of the mean square,
    weighted by how well each predicts; those frozen without weights count equally.
    """
    total = weights = 0.0
    for rival, (vector, without) in zip(baseline.rivals, sums.competing, strict=True):
        if any(vector):
            own = [a - b for a, b in zip(sums.own, without, strict=True)]
            predicted = sum(a * b for a, b in zip(vector, rival["coefficients"], strict=True))
            best = sum(a * b for a, b in zip(own, baseline.coefficients, strict=True))
            explained = abs(quadratic(vector, rival["covariance"]) - quadratic(own, baseline.covariance))
            weight = rival.get("weight", 1.0)
            total += weight * max((predicted - best) ** 2 - explained, 0.0)
            weights += weight
    return math.sqrt(total / weights) if weights else 0.0

"""Sums of compared intervals: the saving of a period and its uncertainty.

Plain Python, because the polling process calculates savings live. The sums keep the terms of the model, so that its
covariance is that of the sum: u² = v·C·vᵀ with v the sum of all terms (GUM, correlated input quantities).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from agent.savings.accounting.assumptions import DAY_MS, assumptions_of
from agent.savings.accounting.attribution import PartSums
from agent.savings.accounting.driver_error import DriverError
from agent.savings.accounting.expired_times import ExpiredTime
from agent.savings.accounting.interval_comparison import IntervalResult, compare, share_of, slope_wh, weak_of
from agent.savings.accounting.meter_uncertainty import MeterSums, MeterUncertainty
from agent.savings.accounting.ratio_check import KIND, RUNNING, RatioCheck
from agent.savings.accounting.saving_errors import SavingErrors
from agent.savings.accounting.verdict import ExcludedEnergy, caveats, verdict
from agent.savings.accounting.weak_effect import changes, coefficients
from agent.savings.baseline.coverage_factors import spread_of_sum
from agent.savings.baseline.models import ReplacedMotor, is_off, is_state, quadratic, terms
from agent.savings.reasons import EXCLUDED_BY_DECISION, EXCLUDED_UNDECIDED, RATIO_ADJUSTED_EARLIER
from agent.savings.records import non_routine_events as nre
from agent.savings.records.interpolation import InterpolationUncertainty, interpolations_of, is_transition
from agent.savings.records.meter_identity import MeterClasses
from agent.savings.records.model import Baseline, Driver, Interval, NonRoutineEvent, Saving
from drivers.reasons import Reason

FILLED_U = 0.30  # standard uncertainty of energy that a register provides, relative


class _Sums(Struct):
    """Running sums of the intervals that are part of the saving, unless stated otherwise.

    own: terms of the model.
    weak: changes of the terms of weak drivers.
    n, off: time in which the motor ran and in which it was off, in intervals of the baseline.
    driver_wh: effect on the adjusted baseline if the largest error of a driver changed by its whole limit, by driver.
    meters: limits of the meters.
    days: UTC days since 1970.
    covered_s, excluded: of all intervals.
    """

    own: list[float]
    weak: list[float]
    driver_wh: list[float]
    interpolation: InterpolationUncertainty
    parts: PartSums
    meters: MeterSums
    n: float = 0.0
    off: float = 0.0
    adjusted_wh: float = 0.0
    measured_wh: float = 0.0
    filled_wh: float = 0.0
    intervals: int = 0
    days: set[int] = field(default_factory=set)
    covered_s: float = 0.0
    excluded: ExcludedEnergy = field(default_factory=ExcludedEnergy)


class SavingsAccumulator:
    """Sums intervals in the order in which they are added.

    classes: of the present meter and its transformers; "" or None: that of the baseline.
    events: non-routine events of this asset. Those that exclude intervals apply to intervals that are added later.
    old_motor: nameplate of the old motor; None: that of the baseline.
    driver_errors: by name of the driver; one that is missing has no stated calibration.
    expired: times in which a certificate has expired.
    """

    def __init__(
        self, baseline: Baseline, *, classes: MeterClasses | None = None, events: Sequence[NonRoutineEvent] = (),
        old_motor: Mapping[str, float] | None = None, driver_errors: Mapping[str, DriverError] | None = None,
        expired: Sequence[ExpiredTime] = (),
    ) -> None:  # fmt: skip
        self.baseline, self.events = baseline, events
        self.driver_errors, self.expired = driver_errors or {}, expired
        self.ratio = RatioCheck(baseline)
        plate, size = old_motor or baseline.shape.get("old_motor"), len(baseline.coefficients)
        self._sums = _Sums(
            own=[0.0] * size,
            weak=[0.0] * len(coefficients(weak_of(baseline))),
            driver_wh=[0.0] * len(baseline.drivers),
            interpolation=InterpolationUncertainty(len(baseline.drivers)),
            parts=PartSums(ReplacedMotor(**plate) if plate else None),
            meters=MeterSums(baseline, classes or MeterClasses()),
        )  # fmt: skip

    def copy(self) -> SavingsAccumulator:
        """The same state; intervals that are added to the copy do not change this one."""
        found = copy.copy(self)
        found._sums, found.ratio = copy.deepcopy(self._sums), self.ratio.copy()
        return found

    def add(self, item: Interval) -> IntervalResult:
        """Adds an interval and returns how it was compared."""
        sums, baseline = self._sums, self.baseline
        result, values = compare(baseline, item, self.events)
        self.ratio.add(item, result.adjusted_wh if _is_comparable(item, result, self.events) else None)
        sums.covered_s += item.length_s * min(item.coverage, 1.0)
        sums.excluded.add(result.measured_wh, result.excluded)
        if result.excluded or result.adjusted_wh is None or result.measured_wh is None:
            return result
        share = share_of(baseline, item)
        sums.intervals += 1
        sums.days.add(item.start_ms // DAY_MS)
        sums.adjusted_wh += result.adjusted_wh
        sums.measured_wh += result.measured_wh
        sums.filled_wh += self._add_interpolation(item, values, share) if values else abs(item.filled_wh)
        sums.meters.add(item, result.adjusted_wh)
        if is_off(baseline, item):
            sums.off += share
        else:
            sums.n += share
            row = terms(baseline.kind, baseline.shape, [value.mean for value in values])
            _add(sums.own, row, share)
            _add(sums.weak, changes(weak_of(baseline), item.drivers, row), share)
            self._add_driver_errors(values, share)
        sums.parts.add(item)
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
                missing = math.ceil(gap.intervals * item.length_s / baseline.length_s)
                u = known[name][min(missing, len(known[name])) - 1]
                self._sums.interpolation.add(k, gap.since_ms, abs(slope_wh(baseline, values, k, u)) * share)
        return abs(item.filled_wh)

    def _add_driver_errors(self, values: list[Driver], share: float) -> None:
        baseline = self.baseline
        for k, name in enumerate(baseline.drivers):
            error = self.driver_errors.get(name)
            if error is not None and (error.relative or error.absolute) and not is_state(baseline, k):
                limit = error.relative * abs(values[k].mean) + error.absolute
                self._sums.driver_wh[k] += slope_wh(baseline, values, k, limit) * share

    def saving(self, span: tuple[int, int]) -> Saving:
        """The saving so far. span: the period (UTC ms), for coverage and decided adjustments."""
        sums, baseline, parts = self._sums, self.baseline, self._sums.parts
        adjusted_wh = sums.adjusted_wh + nre.adjustments(self.events, span)
        meters = self._meters(adjusted_wh)
        saved_wh = adjusted_wh - sums.measured_wh
        errors = _errors(baseline, sums, meters)
        u95_wh = errors.half_width()
        assumptions = assumptions_of(
            baseline, sums.days, self.driver_errors, u95_wh=u95_wh,
            without_u95_wh=replace(errors, drivers={}).half_width(),
            expired=[time for time in self.expired if time.overlaps(*span)],
        )  # fmt: skip
        undecided = [event for event in self.events if event.decision is None]
        u80_wh, u90_wh = (errors.half_width(share) for share in (0.80, 0.90))
        question = self.ratio.question(self.events) or _adjusted_earlier(self.events, span)
        others = [event for event in undecided if not question or event.number != question.data.get("number")]
        saving = Saving(
            baseline.asset, *span, sums.intervals, adjusted_wh, sums.measured_wh, saved_wh, u95_wh,
            verdict(saved_wh, u95_wh, sums.intervals, assumptions, question), (),
            parts.split(saved_wh, u95_wh, sums.measured_wh), errors.causes, parts.creep_wh, parts.advice,
            sums.covered_s / max((span[1] - span[0]) / 1000, 1.0), sums.excluded.total_wh - sums.measured_wh,
            len(undecided), baseline.hash, assumptions, u80_wh, u90_wh,
        )  # fmt: skip
        found = caveats(saving, baseline, sums.excluded, others, meters, question)
        return replace(saving, caveats=tuple(found))

    def errors(self, span: tuple[int, int]) -> SavingErrors:
        """The errors of the saving so far."""
        adjusted_wh = self._sums.adjusted_wh + nre.adjustments(self.events, span)
        return _errors(self.baseline, self._sums, self._meters(adjusted_wh))

    def _meters(self, adjusted_wh: float) -> MeterUncertainty:
        return self._sums.meters.uncertainty(adjusted_wh, self._sums.measured_wh)


def _is_comparable(item: Interval, result: IntervalResult, events: Sequence[NonRoutineEvent]) -> bool:
    """Whether the energy shows the transformer ratio: also in an event of the ratio itself, but in no other one that
    excludes the interval.
    """
    if result.excluded is not None and result.excluded.code not in (EXCLUDED_BY_DECISION, EXCLUDED_UNDECIDED):
        return False
    if is_transition(item) or (item.running_s is not None and item.running_s < RUNNING * item.energy_s):
        return False
    return nre.excluding((event for event in events if event.kind != KIND), item) is None


def _adjusted_earlier(events: Sequence[NonRoutineEvent], span: tuple[int, int]) -> Reason | None:
    """Why wrong energies are in the saving of this time: what was added for them counts in an earlier month."""
    for event in events:
        lasts = event.from_ms < span[0] and (event.to_ms is None or event.to_ms > span[0])
        if event.kind == KIND and event.decision == "adjust" and lasts:
            return RATIO_ADJUSTED_EARLIER(
                number=event.number, kind=event.kind, asset=event.asset, from_ms=event.from_ms
            )  # fmt: skip
    return None


def _add(vector: list[float], row: Sequence[float], share: float) -> None:
    for k, value in enumerate(row):
        vector[k] += share * value


def _errors(baseline: Baseline, sums: _Sums, meters: MeterUncertainty) -> SavingErrors:
    tau = baseline.n / baseline.n_effective if baseline.n else 1.0
    variance = max(quadratic(sums.own, baseline.covariance), 0.0)
    variance += max(quadratic(sums.weak, weak_of(baseline).get("covariance", ())), 0.0)
    off = baseline.shape.get("off") or {}
    normal = {
        "model": math.hypot(math.sqrt(variance), sums.off * off.get("u_mean_wh", 0.0)),
        "scatter": math.hypot(
            baseline.residual_wh * spread_of_sum(sums.n, tau), off.get("spread_wh", 0.0) * spread_of_sum(sums.off, tau)
        ),
        "interpolation": sums.interpolation.u_wh,
        "gaps": FILLED_U * sums.filled_wh,
    }
    freedom = baseline.n_effective - len(baseline.coefficients)
    drivers = dict(zip(baseline.drivers, sums.driver_wh, strict=True))
    return SavingErrors(normal, freedom if baseline.n and freedom > 0 else math.inf, drivers, meters.limits)

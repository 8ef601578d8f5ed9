"""The baseline model: chosen by cross-validation from measured intervals, then frozen with a hash."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from agent.savings import reasons
from agent.savings.baseline import model_selection
from agent.savings.baseline.autocorrelation import Array
from agent.savings.baseline.driver_preparation import (
    LAG_GAIN,
    PreparedDrivers,
    is_constant,
    prepare_drivers,
    stuck_drivers,
)
from agent.savings.baseline.model_selection import Candidate
from agent.savings.baseline.off_state import off_state, split_off, whole_wh
from agent.savings.baseline.regression import coverage_gaps, design, in_gap, interpolation_u
from agent.savings.baseline.states import known, states_of
from agent.savings.baseline.weak_drivers import columns_of, weak_drivers
from agent.savings.reasons import DRIVERS_COLLINEAR, FROM_BYPASS_TEST, FROM_NAMEPLATE
from agent.savings.records.baseline_json import digest
from agent.savings.records.interpolation import with_lagged_drivers
from agent.savings.records.meter_identity import UNKNOWN, same_meter
from agent.savings.records.model import Baseline, Interval, StaticFactor, TriedModel
from agent.savings.records.stuck_drivers import HeldValue, held_values, without_driver
from drivers.reasons import CodedError, Reason

LEAST = 48  # intervals
DAYS_MIN = 3.0  # shortest baseline: a model of one or two days knows no other day
UNFIT = ("bypass", "maintenance", "ct_wiring", "ct_ratio", "clock_step")  # flags of intervals that are not used
VARIES = 0.005  # standard deviation of the energy over its mean from which reactive energy is fitted to it
ROBUST = 1.4826  # standard deviation over median absolute deviation, of a normal distribution
COVERED = 0.75  # share of the time of an interval from which its means are used
NAMEPLATE_U = 0.08  # relative standard uncertainty of energy from shaft and nameplate: half of U of method M1


class LearnError(CodedError):
    """No baseline can be learned from these data; the reason states why and what helps."""


class _Samples(NamedTuple):
    """What a model is fitted to: intervals in which the motor ran.

    found: the intervals.
    columns: (n,) of each driver.
    y: (n,) measured energy, scaled to the whole interval, Wh.
    gaps: coverage gaps of each driver.
    complete: intervals with all drivers, before those in gaps were left out.
    """

    found: list[Interval]
    columns: dict[str, Array]
    y: Array
    gaps: dict[str, list[tuple[float, float]]]
    complete: list[Interval]


class _Selection(NamedTuple):
    """Models of the same samples.

    intervals: with the drivers as the models take them.
    tried: all models, best first.
    """

    intervals: list[Interval]
    samples: _Samples
    tried: list[Candidate]
    chosen: Candidate


def usable(intervals: Iterable[Interval], bypass: bool = False) -> list[Interval]:
    """Intervals that a baseline can be learned from, in order. bypass: only those with the drive bypassed."""
    unfit = set(UNFIT) - {"bypass"} if bypass else set(UNFIT)
    return sorted(
        (item for item in intervals
         if item.energy_wh is not None and item.coverage >= COVERED and not unfit & set(item.flags)
         and (not bypass or "bypass" in item.flags)),
        key=lambda item: item.start_ms,
    )  # fmt: skip


def learn(
    asset: str, intervals: Iterable[Interval], *, drivers: Sequence[str] | None = None, kind: str | None = None,
    classes: tuple[str, str] = ("", ""), bypass: bool = False,
) -> Baseline:  # fmt: skip
    """The model that predicts best the intervals that it was not fitted to; each further driver must improve it
    clearly.

    The energy may follow a driver with a lag. Values of a driver that was stuck count as missing; the chosen model is
    fitted to all intervals that have its drivers. What was not used is named in `dropped`.

    drivers: names that the model must use, all of them, except those that always had one value while the motor ran:
        then the baseline is for this value. Quantities that the retrofit changes (speed or torque of a drive) cannot
        be drivers. None: those that improve the prediction.
    kind: kind of model; None: the best.
    classes: accuracy class of the meter and of its current transformers.
    Raises LearnError.
    """
    intervals = list(intervals)
    found = usable(intervals, bypass)
    least = 12 if bypass else LEAST
    _check_size(asset, intervals, found, least, bypass)
    _check_required(asset, found, drivers)
    running = split_off(found)
    prepared = prepare_drivers(found, running.ran, drivers)
    required = None if drivers is None else prepared.names
    fits = [ran and prepared.are_constant(item) for item, ran in zip(found, running.ran, strict=True)]

    def choice_of(lags_s: Mapping[str, float], windows_s: Mapping[str, float]) -> _Choice:
        lagged = zip(with_lagged_drivers(found, lags_s, windows_s), fits, strict=True)
        return _chosen(asset, [item for item, is_fit in lagged if is_fit], prepared.names, least, required, kind)

    choice, (lags_s, windows_s) = choice_of({}, {}), (prepared.lags_s, prepared.windows_s)
    if (lags_s or windows_s) and (timed := choice_of(lags_s, windows_s)).chosen.score <= LAG_GAIN * choice.chosen.score:
        choice = timed
    else:  # the lagged signal was like a state or another driver
        lags_s, windows_s = {}, {}
    moving = _without_held_values(asset, choice, prepared.names, least, required, kind)
    powers_w = moving.powers_w(choice.intervals)
    held = stuck_drivers(choice.intervals, moving.effects_w, powers_w, moving.scatter_w)
    remarks = list[Reason]()
    if held.stuck:
        intervals = choice.intervals
        for name, stuck in held.stuck.items():
            remarks.append(_stuck_text(intervals, name, stuck))
            intervals = without_driver(intervals, name, stuck)
        choice = _chosen(asset, intervals, prepared.names, least, required, kind)
    samples, best, tried = choice.samples, choice.best, choice.tried
    fit, modelled = best.fit, [*samples.found, *running.off]
    weak = weak_drivers(best, columns_of(samples.found, prepared.names), samples.y)
    used = {*best.drivers, *(item["driver"] for item in weak.get("drivers", ()))}
    shape = {
        **best.shape,
        "straight_u": _interpolation_u(samples.complete, best),
        "tau": fit.tau,
        "lags_s": {name: lag_s for name, lag_s in lags_s.items() if name in used},
        "windows_s": {name: window_s for name, window_s in windows_s.items() if name in used},
        "held_s": {name: held_s for name, held_s in held.held_s.items() if name in best.drivers},
        "held_w": {name: values for name, values in held.held_w.items() if name in best.drivers},
        "off": off_state(running, best.drivers, len(samples.y) / fit.n_effective),
    }
    if weak:
        shape["weak"] = weak
    if prepared.constants:
        shape["constants"] = {name: list(bounds) for name, bounds in prepared.constants.items()}
    if line := _reactive_line(samples.found):
        shape["reactive"] = line
    reactive = [item for item in modelled if item.reactive_varh is not None]
    return Baseline(
        asset=asset, kind=best.form.kind, drivers=best.drivers, coefficients=tuple(map(float, fit.coefficients)),
        covariance=tuple(tuple(map(float, row)) for row in fit.covariance), shape=shape,
        ranges={name: (float(samples.columns[name].min()), float(samples.columns[name].max()))
                for name in best.drivers},
        n=len(samples.found), n_effective=fit.n_effective, residual_wh=fit.residual,
        autocorrelation=fit.autocorrelation, cv_rmse=best.quality.cv_rmse, nmbe=best.quality.nmbe, r2=best.quality.r2,
        energy_wh=sum((item.energy_wh or 0.0) + item.auxiliary_wh for item in modelled), tan_phi=_tan_phi(reactive),
        from_ms=min(item.start_ms for item in modelled), to_ms=max(item.end_ms for item in modelled),
        length_s=found[0].length_s, meter=" | ".join(_meters(modelled)),
        accuracy_class=classes[0], ct_class=classes[1], fallback=FROM_BYPASS_TEST() if bypass else None,
        candidates=tuple(TriedModel(item.description, item.score) for item in tried),
        dropped=(*prepared.dropped, *_unused(prepared, best, tried, used), *remarks),
    )  # fmt: skip


def _check_size(asset: str, given: list[Interval], found: list[Interval], least: int, bypass: bool) -> None:
    """Raises LearnError with too few intervals, in a time that is too short, or of several lengths."""
    lengths = {item.length_s for item in found}
    if len(lengths) > 1:
        data = {"shortest_s": min(lengths), "longest_s": max(lengths)}
        raise LearnError(reasons.MIXED_INTERVAL_LENGTHS, asset=asset, **data)
    days = sum(item.length_s for item in given) / 86_400
    if not bypass and given and days < DAYS_MIN:
        raise LearnError(reasons.BASELINE_TOO_SHORT, asset=asset, days=days, least=DAYS_MIN)
    if found and not bypass:
        least = max(least, round(DAYS_MIN * 86_400 / found[0].length_s))
    if len(found) < least:
        code = reasons.TOO_FEW_BYPASS_INTERVALS if bypass else reasons.TOO_FEW_INTERVALS
        raise LearnError(code, asset=asset, usable=len(found), n=len(given), least=least)
    if not sum((item.energy_wh or 0.0) + item.auxiliary_wh for item in found) > 0:
        raise LearnError(reasons.NO_ENERGY_IN_PERIOD, asset=asset)


def _check_required(asset: str, found: list[Interval], required: Sequence[str] | None) -> None:
    """Raises LearnError if a required driver is missing in most intervals, or never changes."""
    available = sorted({name for item in found for name in item.drivers})
    for name in required or ():
        values = [item.drivers[name].mean for item in found if name in item.drivers]
        data = {"asset": asset, "driver": name, "found": len(values), "n": len(found)}
        if len(values) < 0.5 * len(found):
            if others := tuple(other for other in available if other != name):
                raise LearnError(reasons.DRIVER_UNAVAILABLE, **data, available=others)
            raise LearnError(reasons.NO_DRIVER_AVAILABLE, **data)
        if is_constant(np.array(values)):
            raise LearnError(reasons.REQUIRED_DRIVER_CONSTANT, asset=asset, driver=name, value=values[0])


def _samples(asset: str, found: list[Interval], names: Sequence[str], least: int) -> _Samples:
    """The intervals that have all drivers, without those in which a state changed, and those in coverage gaps. Raises
    LearnError if they are too few.
    """
    complete, columns = _columns(found, names)
    if len(complete) < least:
        raise LearnError(reasons.TOO_FEW_COMPLETE_INTERVALS, asset=asset, usable=len(complete), least=least)
    gaps = {name: gaps for name, x in columns.items() if not states_of(x) and (gaps := coverage_gaps(x))}
    outside = np.ones(len(complete), dtype=bool)
    for name, ranges in gaps.items():
        outside &= ~in_gap(columns[name], ranges)
    chosen = [item for item, is_outside in zip(complete, outside, strict=True) if is_outside]
    if len(chosen) < least:
        data = {"usable": len(chosen), "n": len(complete), "drivers": tuple(sorted(gaps)), "least": least}
        raise LearnError(reasons.TOO_FEW_OUTSIDE_GAPS, asset=asset, **data)
    y = np.array([whole_wh(item) for item in chosen])
    return _Samples(chosen, {name: x[outside] for name, x in columns.items()}, y, gaps, complete)


class _Choice(NamedTuple):
    """A choice among models.

    intervals: those that it was made with.
    chosen: the best model.
    samples, best: the same model, fitted to all intervals that have its drivers, and these.
    tried: all models.
    """

    intervals: list[Interval]
    chosen: Candidate
    samples: _Samples
    best: Candidate
    tried: list[Candidate]

    @property
    def scatter_w(self) -> float:
        """Robust standard deviation of the residuals, as mean power."""
        residuals = self.best.fit.residuals
        return ROBUST * self._per_hour * float(np.median(np.abs(residuals - np.median(residuals))))

    @property
    def _per_hour(self) -> float:
        return 3600 / self.samples.found[0].length_s

    def powers_w(self, found: Sequence[Interval]) -> dict[int, tuple[float, float]]:
        """Start of an interval → mean power, measured and by the model; of those that have its drivers."""
        form = self.best.form
        rows = [item for item in found if all(name in item.drivers for name in form.drivers)]
        x = np.array([[item.drivers[name].mean for name in form.drivers] for item in rows]).reshape(len(rows), -1)
        fitted = (design(form.kind, form.shape, x) @ self.best.fit.coefficients).tolist()
        return {
            item.start_ms: (self._per_hour * whole_wh(item), self._per_hour * wh)
            for item, wh in zip(rows, fitted, strict=True) if math.isfinite(wh)
        }  # fmt: skip

    @property
    def effects_w(self) -> dict[str, float]:
        """Numeric driver → standard deviation of the mean power that it causes."""
        form = self.best.form
        if not form.drivers:
            return {}
        x = np.stack([self.samples.columns[name] for name in form.drivers], axis=1)
        return {name: self._per_hour * _effect_wh(self.best, x, k) for k, name in enumerate(form.numbers)}


def _effect_wh(best: Candidate, x: Array, k: int) -> float:
    """Standard deviation of the energy that driver k causes, the others at their mean, Wh. x: (n, drivers)."""
    rows = np.tile(x.mean(axis=0), (len(x), 1))
    if "states" in best.form.shape:
        rows[:, -1] = best.form.shape["states"][0]
    rows[:, k] = x[:, k]
    return float((design(best.form.kind, best.form.shape, rows) @ best.fit.coefficients).std())


def _chosen(
    asset: str, intervals: list[Interval], names: Sequence[str], least: int, required: Sequence[str] | None,
    kind: str | None,
) -> _Choice:  # fmt: skip
    """The best of the models that the caller of `learn` accepts. Raises LearnError."""
    samples = _samples(asset, intervals, names, least)
    tried = model_selection.fit_all(samples.columns, samples.y, samples.gaps)
    fitting = [item for item in tried
               if kind in (None, item.form.kind)
               and (required is None or set(item.drivers) == set(required))]  # fmt: skip
    if not fitting:
        raise LearnError(_no_model(asset, kind, required))
    chosen = model_selection.choose(fitting, specified=bool(required or kind))
    own = _samples(asset, intervals, chosen.drivers, least)
    best = model_selection.fit_form(chosen.form, own.columns, own.y, own.gaps)
    return (
        _Choice(intervals, chosen, samples, chosen, tried)
        if best is None
        else _Choice(intervals, chosen, own, best, tried)
    )


def _without_held_values(
    asset: str, choice: _Choice, names: Sequence[str], least: int, required: Sequence[str] | None, kind: str | None
) -> _Choice:
    """The choice from the intervals in which no driver holds a value for hours: a stuck one then cannot hide in the
    scatter that it causes. The given choice if they are fewer than half.
    """
    held = {k for name in choice.best.form.numbers for item in held_values(choice.intervals, name, _any_power)
            for k in range(item.first, item.last + 1)}  # fmt: skip
    moving = [item for k, item in enumerate(choice.intervals) if k not in held]
    if not held or len(moving) < max(least, len(choice.intervals) / 2):
        return choice
    try:
        return _chosen(asset, moving, names, least, required, kind)
    except LearnError:
        return choice


def _any_power(item: Interval) -> tuple[float, float]:
    return 0.0, 0.0


def _stuck_text(found: Sequence[Interval], name: str, stuck: Sequence[HeldValue]) -> Reason:
    n = sum(item.last - item.first + 1 for item in stuck)
    return reasons.DRIVER_STUCK(driver=name, n=n, value=stuck[0].value, start_ms=found[stuck[0].first].start_ms)


def _unused(
    prepared: PreparedDrivers, best: Candidate, tried: Sequence[Candidate], used: Collection[str]
) -> list[Reason]:
    """Why each other candidate is not a driver of the model. used: drivers of the model, and weak ones."""
    found = []
    for name in prepared.names:
        if name not in best.drivers:
            others = [item for item in tried if name in item.drivers]
            score = min((item.score for item in others), default=math.inf)
            if name in used:
                found.append(reasons.DRIVER_WEAK(driver=name, cv_rmse=score, chosen_cv_rmse=best.score))
            elif not others:
                found.append(reasons.DRIVER_WITHOUT_MODEL(driver=name))
            elif not any(item.sound for item in others if set(best.drivers) < set(item.drivers)) and best.drivers:
                found.append(reasons.DRIVER_ALIKE(driver=name, drivers=best.drivers))
            else:
                found.append(reasons.DRIVER_NO_GAIN(driver=name, cv_rmse=score, chosen_cv_rmse=best.score))
    return found


def collinear_drivers(intervals: Iterable[Interval]) -> list[Reason]:
    """Pairs of drivers that moved together: a model of one of them is wrong as soon as they differ."""
    found = usable(intervals)
    if len(found) < LEAST:
        return []
    names = prepare_drivers(found, split_off(found).ran, None).names
    _, columns = _columns(found, names)
    pairs = []
    for one, other in combinations(names, 2):
        if np.ptp(columns[one]) > 0 and np.ptp(columns[other]) > 0:
            vif = max(model_selection.variance_inflation([columns[one], columns[other]]))
            if vif > model_selection.VIF_MOST:
                pairs.append(DRIVERS_COLLINEAR(one=one, other=other, vif=vif))
    return pairs


def from_nameplate(
    asset: str, old_motor: Mapping[str, float], now_ms: int, classes: tuple[str, str] = ("", "")
) -> Baseline:
    """A baseline without measurements: losses of the old motor at the present shaft power, from nameplate or class.

    It does not contain savings by speed control, and its uncertainty is that of the nameplate.
    """
    return Baseline(
        asset, "shaft-power", (), (1.0,), ((NAMEPLATE_U**2,),), {"old_motor": dict(old_motor)}, {}, 0, math.inf, 0.0,
        0.0, 0.0, 0.0, 0.0, 0.0, None, now_ms, now_ms, accuracy_class=classes[0], ct_class=classes[1],
        fallback=FROM_NAMEPLATE(),
    )  # fmt: skip


def freeze(baseline: Baseline, now_ms: int, by: str, static_factors: Sequence[StaticFactor] = ()) -> Baseline:
    """The baseline with date, name, static factors and hash; it never changes from here on."""
    dated = replace(baseline, frozen_ms=now_ms, by=by, static_factors=tuple(static_factors), hash="")
    return replace(dated, hash=digest(dated))


def _columns(found: list[Interval], names: Sequence[str]) -> tuple[list[Interval], dict[str, Array]]:
    """The intervals that have all drivers and no change of a state, and the columns of their drivers."""
    found = [item for item in found if all(name in item.drivers for name in names)]
    columns = {name: np.array([item.drivers[name].mean for item in found]) for name in names}
    steady = np.ones(len(found), dtype=bool)
    for x in columns.values():
        if len(x) and (level := states_of(x)):
            steady &= known(level, x)
    return [item for item, is_steady in zip(found, steady, strict=True) if is_steady], {
        name: x[steady] for name, x in columns.items()
    }


def _interpolation_u(found: list[Interval], best: Candidate) -> dict[str, list[float]]:
    """Uncertainty of linear interpolation over a gap of each numeric driver."""
    starts_ms, length_s = [item.start_ms for item in found], found[0].length_s
    return {
        name: interpolation_u(np.array([item.drivers[name].mean for item in found]), starts_ms, length_s)
        for name in best.form.numbers
    }


def _no_model(asset: str, kind: str | None, drivers: Sequence[str] | None) -> Reason:
    if kind == "linear" and drivers and len(drivers) == 1:
        return reasons.SECOND_DRIVER_NEEDED(asset=asset, kind=kind)
    if kind and drivers:
        return reasons.NO_MODEL_OF_KIND_AND_DRIVERS(asset=asset, kind=kind, drivers=tuple(drivers))
    if kind:
        return reasons.NO_MODEL_OF_KIND(asset=asset, kind=kind)
    if drivers:
        return reasons.NO_MODEL_OF_DRIVERS(asset=asset, drivers=tuple(drivers))
    return reasons.NO_MODEL_FITS(asset=asset)


def _meters(found: list[Interval]) -> list[str]:
    """The meters of the intervals; one whose serial number was unknown at first is the one with the number."""
    names = sorted({item.meter for item in found if item.meter}, key=lambda name: (UNKNOWN in name.split(), name))
    meters: list[str] = []
    for name in names:
        if not any(same_meter(name, other) for other in meters):
            meters.append(name)
    return meters


def _reactive_line(found: Sequence[Interval]) -> dict[str, float]:
    """Reactive over active energy, per interval: a motor needs most of its reactive energy for its field, whatever its
    load is. Empty unless most intervals have reactive energy and the active energy varies.
    """
    known = [(whole_wh(item), item.reactive_varh * item.length_s / item.energy_s) for item in found
             if item.reactive_varh is not None]  # fmt: skip
    if 2 * len(known) <= len(found):
        return {}
    wh, varh = np.array(known).T
    if not wh.std() > VARIES * wh.mean():
        return {}
    slope = float(np.cov(wh, varh)[0, 1] / wh.var(ddof=1))
    return {"varh": float(varh.mean() - slope * wh.mean()), "varh_per_wh": slope, "wh_least": float(wh.min())}


def _tan_phi(reactive: list[Interval]) -> float | None:
    energy = sum(item.energy_wh or 0.0 for item in reactive)
    return sum(item.reactive_varh or 0.0 for item in reactive) / energy if energy > 0 else None

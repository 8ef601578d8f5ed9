"""The baseline model: chosen by cross-validation from measured intervals, then frozen with a hash."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np
from msgspec.structs import replace

from agent.savings import reasons
from agent.savings.baseline import model_selection
from agent.savings.baseline.driver_preparation import (
    LAG_GAIN,
    PreparedDrivers,
    is_constant,
    prepare_drivers,
    stuck_drivers,
)
from agent.savings.baseline.model_choice import ModelChoice, ModelConditions, choose, without_held_values
from agent.savings.baseline.model_selection import Candidate
from agent.savings.baseline.off_state import off_state, split_off, whole_wh
from agent.savings.baseline.regression import interpolation_u
from agent.savings.baseline.samples import LearnError, complete_columns, usable
from agent.savings.baseline.weak_drivers import columns_of, weak_drivers
from agent.savings.reasons import DRIVERS_COLLINEAR, FROM_BYPASS_TEST, FROM_NAMEPLATE
from agent.savings.records.baseline_json import digest
from agent.savings.records.interpolation import with_lagged_drivers
from agent.savings.records.meter_identity import UNKNOWN, same_meter
from agent.savings.records.model import Baseline, Interval, StaticFactor, TriedModel
from agent.savings.records.stuck_drivers import HeldValue, without_driver
from drivers.reasons import Reason

LEAST = 48  # intervals
DAYS_MIN = 3.0  # shortest baseline: a model of one or two days knows no other day
VARIES = 0.005  # standard deviation of the energy over its mean from which reactive energy is fitted to it
NAMEPLATE_U = 0.08  # relative standard uncertainty of energy from shaft and nameplate: half of U of method M1


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
    conditions = ModelConditions(asset, prepared.names, least, None if drivers is None else prepared.names, kind)
    fits = [ran and prepared.are_constant(item) for item, ran in zip(found, running.ran, strict=True)]

    def choice_of(lags_s: Mapping[str, float], windows_s: Mapping[str, float]) -> ModelChoice:
        lagged = zip(with_lagged_drivers(found, lags_s, windows_s), fits, strict=True)
        return choose([item for item, is_fit in lagged if is_fit], conditions)

    choice, (lags_s, windows_s) = choice_of({}, {}), (prepared.lags_s, prepared.windows_s)
    if (lags_s or windows_s) and (timed := choice_of(lags_s, windows_s)).chosen.score <= LAG_GAIN * choice.chosen.score:
        choice = timed
    else:  # the lagged signal was like a state or another driver
        lags_s, windows_s = {}, {}
    moving = without_held_values(choice, conditions)
    powers_w = moving.powers_w(choice.intervals)
    held = stuck_drivers(choice.intervals, moving.effects_w, powers_w, moving.scatter_w)
    remarks = list[Reason]()
    if held.stuck:
        intervals = choice.intervals
        for name, stuck in held.stuck.items():
            remarks.append(_stuck_text(intervals, name, stuck))
            intervals = without_driver(intervals, name, stuck)
        choice = choose(intervals, conditions)
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
    _, columns = complete_columns(found, names)
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


def _interpolation_u(found: list[Interval], best: Candidate) -> dict[str, list[float]]:
    """Uncertainty of linear interpolation over a gap of each numeric driver."""
    starts_ms, length_s = [item.start_ms for item in found], found[0].length_s
    return {
        name: interpolation_u(np.array([item.drivers[name].mean for item in found]), starts_ms, length_s)
        for name in best.form.numbers
    }


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

"""The baseline model: chosen by cross-validation from measured intervals, then frozen with a hash."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from agent.savings import reasons
from agent.savings.baseline import model_selection
from agent.savings.baseline.autocorrelation import Array
from agent.savings.baseline.models import BY_STATE, is_transition
from agent.savings.baseline.regression import coverage_gaps, in_gap, interpolation_u
from agent.savings.reasons import DRIVERS_COLLINEAR, FROM_BYPASS_TEST, FROM_NAMEPLATE
from agent.savings.records.baseline_json import digest
from agent.savings.records.meter_identity import UNKNOWN, same_meter
from agent.savings.records.model import Baseline, Interval, TriedModel
from drivers.reasons import CodedError, Reason

LEAST = 48  # intervals
UNFIT = ("bypass", "maintenance", "ct_wiring", "ct_ratio", "clock_step")  # flags of intervals that are not used
COVERED = 0.75  # share of the time of an interval from which its means are used
NAMEPLATE_U = 0.08  # relative standard uncertainty of energy from shaft and nameplate: half of U of method M1


class LearnError(CodedError):
    """No baseline can be learned from these data; the reason states why and what helps."""


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

    drivers: names that the model must use, all of them. Quantities that the retrofit changes (speed or torque of
        a drive) cannot be drivers. None: those that improve the prediction.
    kind: kind of model; None: the best.
    classes: accuracy class of the meter and of its current transformers.
    Raises LearnError.
    """
    found = usable(intervals, bypass)
    lengths = {item.length_s for item in found}
    least = 12 if bypass else LEAST
    if len(found) < least or len(lengths) != 1:
        raise LearnError(_too_few(asset, list(intervals), found, lengths, least, bypass))
    names = _drivers(found, drivers, asset)
    complete, columns = _columns(found, names)
    found, columns, gaps = _outside_gaps(complete, columns) if complete else (complete, columns, {})
    if len(found) < least:
        raise LearnError(_too_few_outside_gaps(asset, complete, found, gaps, least))
    measured_wh = np.array([(item.energy_wh or 0.0) + item.auxiliary_wh for item in found])
    y = measured_wh * [item.length_s / item.energy_s for item in found]
    if not y.mean() > 0:
        raise LearnError(reasons.NO_ENERGY_IN_PERIOD, asset=asset)
    tried = model_selection.fit_all(columns, y, [item.start_ms / 1000 for item in found], gaps)
    fitting = [
        item for item in tried if kind in (None, item.kind) and (not drivers or set(item.drivers) == set(drivers))
    ]
    if not fitting:
        raise LearnError(_no_model(asset, kind, drivers))
    best = model_selection.choose(fitting, specified=bool(drivers or kind))
    reactive = [item for item in found if item.reactive_varh is not None]
    others = gaps.keys() - set(best.drivers)
    # intervals with a start or stop were omitted because of gaps of other drivers: adjust then excludes them, too
    without_gaps: dict[str, Any] = {"holes": {}} if others else {}
    return Baseline(
        asset=asset, kind=best.kind, drivers=best.drivers, coefficients=tuple(map(float, best.fit.coefficients)),
        covariance=tuple(tuple(map(float, row)) for row in best.fit.covariance),
        shape={**without_gaps, **best.shape, **_interpolation_u(complete, best)},
        ranges={name: (float(columns[name].min()), float(columns[name].max())) for name in names}, n=len(found),
        n_effective=best.fit.n_effective, residual_wh=best.fit.residual, autocorrelation=best.fit.autocorrelation,
        cv_rmse=best.fit.cv_rmse, nmbe=best.fit.nmbe, r2=best.fit.r2, energy_wh=float(measured_wh.sum()),
        tan_phi=_tan_phi(reactive), from_ms=found[0].start_ms, to_ms=found[-1].end_ms, length_s=found[0].length_s,
        meter=" | ".join(_meters(found)), accuracy_class=classes[0], ct_class=classes[1],
        fallback=FROM_BYPASS_TEST() if bypass else None,
        candidates=tuple(TriedModel(item.description, item.score) for item in tried),
        rivals=tuple(model_selection.competing_models(best, tried)),
    )  # fmt: skip


def collinear_drivers(intervals: Iterable[Interval]) -> list[Reason]:
    """Pairs of drivers that moved together: a model of one of them is wrong as soon as they differ."""
    found = usable(intervals)
    if len(found) < LEAST:
        return []
    names = _drivers(found, None, "")
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


def freeze(baseline: Baseline, now_ms: int, by: str) -> Baseline:
    """The baseline with date, name and hash; it never changes from here on."""
    dated = replace(baseline, frozen_ms=now_ms, by=by, hash="")
    return replace(dated, hash=digest(dated))


def _drivers(found: list[Interval], required: Sequence[str] | None, asset: str) -> list[str]:
    """Drivers that at least nine of ten intervals have. Raises LearnError for a required one that is missing."""
    counts = Counter(name for item in found for name in item.drivers)
    present = [name for name, count in counts.items() if count >= 0.9 * len(found)]
    for name in required or ():
        if name not in present:
            data = {"asset": asset, "driver": name, "found": counts[name], "n": len(found)}
            if present:
                raise LearnError(reasons.DRIVER_UNAVAILABLE, **data, available=tuple(sorted(present)))
            raise LearnError(reasons.NO_DRIVER_AVAILABLE, **data)
    return list(required) if required is not None else sorted(present)


def _columns(found: list[Interval], names: Sequence[str]) -> tuple[list[Interval], dict[str, Array]]:
    """The intervals that have all drivers and no change of a state, and the columns of their drivers."""
    found = [item for item in found if all(name in item.drivers for name in names)]
    columns = {name: np.array([item.drivers[name].mean for item in found]) for name in names}
    steady = np.ones(len(found), dtype=bool)
    for x in columns.values():
        if len(x) and (level := model_selection.states_of(x)):
            steady &= model_selection.known(level, x)
    return [item for item, is_steady in zip(found, steady, strict=True) if is_steady], {
        name: x[steady] for name, x in columns.items()
    }


def _interpolation_u(found: list[Interval], best: model_selection.Candidate) -> dict[str, Any]:
    """Uncertainty of linear interpolation over a gap of each numeric driver; empty for a model without drivers."""
    names = [] if best.kind == "state" else best.drivers[:-1] if best.kind in BY_STATE else best.drivers
    starts_ms, length_s = [item.start_ms for item in found], found[0].length_s
    by_driver = {
        name: interpolation_u(np.array([item.drivers[name].mean for item in found]), starts_ms, length_s)
        for name in names
    }
    return {"straight_u": by_driver} if best.drivers else {}


def _outside_gaps(
    found: list[Interval], columns: dict[str, Array]
) -> tuple[list[Interval], dict[str, Array], dict[str, list[tuple[float, float]]]]:
    """The intervals outside the coverage gaps of all numeric drivers, their columns, and the gaps by driver.

    If a driver has a gap, intervals with a start or stop are omitted too: their mean values fit neither the curve above
    nor the one below the gap. Drivers in tonnes are not split: their models are fitted to sums over complete shifts,
    which need every interval.
    """
    numbers = [
        name for name, x in columns.items() if not model_selection.is_tonnes(name) and not model_selection.states_of(x)
    ]
    by_driver = {name: gaps for name in numbers if (gaps := coverage_gaps(columns[name]))}
    outside = np.array([not (by_driver and is_transition(item)) for item in found])
    for name, gaps in by_driver.items():
        outside &= ~in_gap(columns[name], gaps)
    columns = {name: x[outside] for name, x in columns.items()}
    return [item for item, is_outside in zip(found, outside, strict=True) if is_outside], columns, by_driver


def _no_model(asset: str, kind: str | None, drivers: Sequence[str] | None) -> Reason:
    if kind in ("linear", "indicator") and drivers and len(drivers) == 1:
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


def _tan_phi(reactive: list[Interval]) -> float | None:
    energy = sum(item.energy_wh or 0.0 for item in reactive)
    return sum(item.reactive_varh or 0.0 for item in reactive) / energy if energy > 0 else None


def _too_few_outside_gaps(
    asset: str, complete: list[Interval], found: list[Interval], gaps: Mapping[str, Any], least: int
) -> Reason:
    """Why too few intervals are left for a baseline.

    complete: usable intervals with all drivers and no change of a state. found: those outside coverage gaps.
    """
    if len(complete) < least:
        return reasons.TOO_FEW_COMPLETE_INTERVALS(asset=asset, usable=len(complete), least=least)
    return reasons.TOO_FEW_OUTSIDE_GAPS(
        asset=asset, usable=len(found), n=len(complete), drivers=tuple(sorted(gaps)), least=least
    )


def _too_few(
    asset: str, given: list[Interval], found: list[Interval], lengths: set[int], least: int, bypass: bool
) -> Reason:
    if len(lengths) > 1:
        return reasons.MIXED_INTERVAL_LENGTHS(asset=asset, shortest_s=min(lengths), longest_s=max(lengths))
    code = reasons.TOO_FEW_BYPASS_INTERVALS if bypass else reasons.TOO_FEW_INTERVALS
    return code(asset=asset, usable=len(found), n=len(given), least=least)

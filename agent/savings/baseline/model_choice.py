"""The choice among models of the same intervals, under the conditions of the caller of `learn`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from agent.savings import reasons
from agent.savings.baseline import model_selection
from agent.savings.baseline.autocorrelation import Array
from agent.savings.baseline.model_selection import Candidate
from agent.savings.baseline.off_state import whole_wh
from agent.savings.baseline.regression import design
from agent.savings.baseline.samples import LearnError, Samples, samples_of
from agent.savings.records.model import Interval
from agent.savings.records.stuck_drivers import held_values
from drivers.reasons import Reason

ROBUST = 1.4826  # standard deviation over median absolute deviation, of a normal distribution


class ModelConditions(NamedTuple):
    """What a model must fulfil.

    names: candidate drivers.
    least: number of intervals.
    required: drivers that it must have, no others; None: those that improve the prediction.
    kind: of the model; None: the best.
    """

    asset: str
    names: Sequence[str]
    least: int
    required: Sequence[str] | None
    kind: str | None


class ModelChoice(NamedTuple):
    """A choice among models.

    intervals: those that it was made with.
    chosen: the best model.
    samples, best: the same model, fitted to all intervals that have its drivers, and these.
    tried: all models.
    """

    intervals: list[Interval]
    chosen: Candidate
    samples: Samples
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


def choose(intervals: list[Interval], conditions: ModelConditions) -> ModelChoice:
    """The best of the models that fulfil the conditions. Raises LearnError."""
    asset, names, least, required, kind = conditions
    samples = samples_of(asset, intervals, names, least)
    tried = model_selection.fit_all(samples.columns, samples.y, samples.gaps)
    fitting = [item for item in tried
               if kind in (None, item.form.kind)
               and (required is None or set(item.drivers) == set(required))]  # fmt: skip
    if not fitting:
        raise LearnError(_no_model(asset, kind, required))
    chosen = model_selection.choose(fitting, specified=bool(required or kind))
    own = samples_of(asset, intervals, chosen.drivers, least)
    best = model_selection.fit_form(chosen.form, own.columns, own.y, own.gaps)
    return (
        ModelChoice(intervals, chosen, samples, chosen, tried)
        if best is None
        else ModelChoice(intervals, chosen, own, best, tried)
    )


def without_held_values(choice: ModelChoice, conditions: ModelConditions) -> ModelChoice:
    """The choice from the intervals in which no driver holds a value for hours: a stuck one then cannot hide in the
    scatter that it causes. The given choice if they are fewer than half.
    """
    held = {k for name in choice.best.form.numbers for item in held_values(choice.intervals, name, _any_power)
            for k in range(item.first, item.last + 1)}  # fmt: skip
    moving = [item for k, item in enumerate(choice.intervals) if k not in held]
    if not held or len(moving) < max(conditions.least, len(choice.intervals) / 2):
        return choice
    try:
        return choose(moving, conditions)
    except LearnError:
        return choice


def _effect_wh(best: Candidate, x: Array, k: int) -> float:
    """Standard deviation of the energy that driver k causes, the others at their mean, Wh. x: (n, drivers)."""
    rows = np.tile(x.mean(axis=0), (len(x), 1))
    if "states" in best.form.shape:
        rows[:, -1] = best.form.shape["states"][0]
    rows[:, k] = x[:, k]
    return float((design(best.form.kind, best.form.shape, rows) @ best.fit.coefficients).std())


def _any_power(item: Interval) -> tuple[float, float]:
    return 0.0, 0.0


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

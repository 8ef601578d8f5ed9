"""All models that a baseline is chosen from, and the choice: each further driver must improve the prediction."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from agent.savings.baseline import regression
from agent.savings.baseline.autocorrelation import Array
from agent.savings.baseline.models import described
from agent.savings.baseline.regression import Fit, Quality
from agent.savings.baseline.states import states_of
from drivers.reasons import Reason

NUMBERS_MOST = 6  # numeric drivers that are tried in pairs
IMPROVEMENT_LEAST = 0.98  # ratio of CV(RMSE) that a further driver must reach; 0.95 left out weak drivers: biased
INDEPENDENT = 10  # independent samples for each coefficient of a model of several drivers [M: rule of thumb]
VIF_MOST = 10.0  # variance inflation factor above which drivers are collinear [M: rule of thumb]

Columns = Mapping[str, Array]  # (n,) of each driver
Gaps = Mapping[str, Sequence[tuple[float, float]]]  # of each numeric driver, see regression.coverage_gaps


class ModelForm(Struct, frozen=True):
    """A model before it is fitted.

    kind, drivers, shape: see agent/savings/baseline/models.py; the shape has only what `terms` needs.
    """

    kind: str
    drivers: tuple[str, ...]
    shape: Mapping[str, Any]

    @property
    def numbers(self) -> tuple[str, ...]:
        """The numeric drivers."""
        return self.drivers[:-1] if "states" in self.shape else self.drivers

    @property
    def slopes(self) -> bool:
        return bool(self.shape.get("by_state") == "slopes")


class Candidate(Struct, frozen=True):
    """A fitted model.

    shape: that of its form, and the data ranges.
    score: cross-validated CV(RMSE).
    counts: number of intervals of each state, with slopes by state.
    vif: variance inflation factor of each driver; empty with fewer than two.
    """

    form: ModelForm
    shape: dict[str, Any]
    fit: Fit
    quality: Quality
    score: float
    counts: tuple[int, ...] = ()
    vif: Mapping[str, float] = field(default_factory=dict)

    @property
    def drivers(self) -> tuple[str, ...]:
        return self.form.drivers

    @property
    def description(self) -> Reason:
        return described(self.form.kind, self.form.shape, self.drivers)

    @property
    def sound(self) -> bool:
        """Whether it may be chosen unless its drivers or kind are specified."""
        if len(self.drivers) < 2:
            return True
        enough = self.fit.n_effective >= INDEPENDENT * len(self.fit.coefficients)
        if self.counts:  # of each state, whose coefficients depend on its own intervals only
            share, own = min(self.counts) / sum(self.counts), len(self.fit.coefficients) / len(self.counts)
            enough = share * self.fit.n_effective >= INDEPENDENT * own
        return enough and max(self.vif.values()) <= VIF_MOST


def fit_all(columns: Columns, y: Array, gaps: Gaps) -> list[Candidate]:
    """All models that can be fitted, best first.

    columns: (n,) of each driver. y: (n,) energies, Wh. gaps: coverage gaps; no sample is in one.
    """
    states = {name: found for name, x in columns.items() if (found := states_of(x))}
    numbers = [name for name in columns if name not in states]
    tried = [fitted for form in _forms_of_one(numbers) if (fitted := fit_form(form, columns, y, gaps))]
    ranked = list(dict.fromkeys(item.drivers[0] for item in _ranked(tried) if item.drivers))[:NUMBERS_MOST]
    pairs = [fitted for pair in combinations(ranked, 2) for form in _forms_of_several(pair)
             if (fitted := fit_form(form, columns, y, gaps))]  # fmt: skip
    if pairs:
        best = _ranked(pairs)[0].drivers
        triples = [(*best, name) for name in ranked if name not in best]
        pairs += [fitted for triple in triples for form in _forms_of_several(triple)
                  if (fitted := fit_form(form, columns, y, gaps))]  # fmt: skip
    tried += pairs
    forms = [form for item in tried for form in _by_state(item.form, states)]
    tried += [fitted for form in forms if (fitted := fit_form(form, columns, y, gaps))]
    return _ranked(tried)


def choose(tried: Sequence[Candidate], specified: bool) -> Candidate:
    """The best model with the fewest drivers, unless one with more drivers predicts clearly better.

    Coefficients by state must improve the prediction in the same way, for each state except the first.
    tried: not empty, best first.
    specified: the drivers or the kind are specified; then unsound models may be chosen, except coefficients by state
    where there are other models of these drivers.
    """

    def step(item: Candidate) -> tuple[int, bool]:
        return len(item.drivers), item.form.slopes

    fit_to_choose = [item for item in tried if item.sound or (specified and not item.form.slopes)] or list(tried)
    best: Candidate | None = None
    for rank in sorted({step(item) for item in fit_to_choose}):
        found = next(item for item in fit_to_choose if step(item) == rank)
        required = IMPROVEMENT_LEAST if rank[0] > 1 else 1.0
        if found.form.slopes:  # each state's line but the first
            required **= len(found.shape["states"]) - 1
        if best is None or found.score < required * best.score:
            best = found
    assert best is not None
    return best


def variance_inflation(columns: Sequence[Array]) -> list[float]:
    """Variance inflation factor of each column: 1/(1−R²) of its regression on all others.

    columns: (n,), or (n, k) of the indicators of a state.
    """
    parts = [column.reshape(len(column), -1) for column in columns]
    found = []
    for k, part in enumerate(parts):
        others = np.concatenate([np.ones((len(part), 1)), *(p for j, p in enumerate(parts) if j != k)], axis=1)
        residuals = part - others @ np.linalg.lstsq(others, part, rcond=None)[0]
        spread = ((part - part.mean(axis=0)) ** 2).sum(axis=0)
        share = (residuals**2).sum(axis=0) / np.where(spread > 0, spread, 1)
        found.append(float(1 / max(share.min(), 1e-12)))
    return found


def fit_form(form: ModelForm, columns: Columns, y: Array, gaps: Gaps) -> Candidate | None:
    """The fitted model; None if it cannot be fitted or cross-validated."""
    x = np.stack([columns[name] for name in form.drivers], axis=1) if form.drivers else np.zeros((len(y), 0))
    rows = regression.design(form.kind, form.shape, x)
    if not np.isfinite(rows).all() or (errors := regression.prediction_errors(rows, y)) is None:
        return None
    try:
        fit = regression.least_squares(rows, y)
    except ValueError:
        return None
    score = math.sqrt(errors @ errors / len(y)) / float(y.mean())
    shape, counts, vif = dict(form.shape), tuple[int, ...](), dict[str, float]()
    places = [abs(x[:, -1] - state) <= form.shape["within"] for state in form.shape.get("states", ())]
    if form.slopes:
        counts = tuple(int(part.sum()) for part in places)
        shape["ranges"] = {name: [[float(own.min()), float(own.max())] for own in (x[part, k] for part in places)]
                           for k, name in enumerate(form.numbers)}  # fmt: skip
    if len(form.drivers) > 1:
        vif = _vif(form, x, places)
        variances = np.einsum("ij,jk,ik->i", rows, fit.covariance, rows)
        of_states = [float(variances[part].max()) for part in places]
        shape |= {"means": _means(form, x, places), "vif": vif,
                  "variance_most_wh2": of_states if form.slopes else float(variances.max())}  # fmt: skip
    if holes := _coverage_gaps(form, x, gaps):
        shape["holes"] = holes
    return Candidate(form, shape, fit, regression.quality(fit, y), score, counts, vif)


def _ranked(tried: Sequence[Candidate]) -> list[Candidate]:
    return sorted(tried, key=lambda item: item.score)


def _forms_of_one(names: Sequence[str]) -> Iterator[ModelForm]:
    yield ModelForm("constant", (), {})
    for name in names:
        for degree in (1, 2, 3):
            yield ModelForm("polynomial", (name,), {"degree": degree})
        yield ModelForm("affinity", (name,), {})


def _forms_of_several(names: tuple[str, ...]) -> Iterator[ModelForm]:
    """Linear; with the square of the first driver; with products; with products and all squares."""
    ones = [[int(j == k) for j in range(len(names))] for k in range(len(names))]
    products = [[a + b for a, b in zip(one, other, strict=True)] for one, other in combinations(ones, 2)]
    squares = [[2 * power for power in one] for one in ones]
    for more in ([], squares[:1], products, products + squares):
        yield ModelForm("linear", names, {"powers": [[0] * len(names), *ones, *more]})


def _by_state(form: ModelForm, states: Mapping[str, Mapping[str, Any]]) -> Iterator[ModelForm]:
    """The form with levels and with slopes by each state."""
    for name, found in states.items():
        for by_state in ("levels", "slopes") if form.drivers else ("levels",):
            yield ModelForm(form.kind, (*form.drivers, name), {**form.shape, **found, "by_state": by_state})


def _coverage_gaps(form: ModelForm, x: Array, gaps: Gaps) -> dict[str, list[list[float]]]:
    """Coverage gaps of the numeric drivers of a model, except those that a state of the model separates, too (running
    or not).
    """
    parts = [np.ones(len(x), dtype=bool)]
    if "states" in form.shape:
        parts = [abs(x[:, -1] - state) <= form.shape["within"] for state in form.shape["states"]]
    found = {
        name: [[low, high] for low, high in gaps.get(name, ())
               if any((x[part, k] <= low).any() and (x[part, k] >= high).any() for part in parts)]
        for k, name in enumerate(form.numbers)
    }  # fmt: skip
    return {name: ranges for name, ranges in found.items() if ranges}


def _vif(form: ModelForm, x: Array, places: Sequence[NDArray[np.bool_]]) -> dict[str, float]:
    """Variance inflation factor of each driver.

    With coefficients by state: the largest of all states together and of each state, because drivers can be
    collinear within one state.
    """
    columns: list[Array] = [x[:, k] for k in range(len(form.numbers))]
    if places:
        columns.append(np.stack([part.astype(float) for part in places[1:]], axis=1))
    found = variance_inflation(columns)
    for part in places if form.slopes else ():
        own = variance_inflation([column[part] for column in columns[:-1]])
        found = [max(pair) for pair in zip(found, [*own, 1.0], strict=True)]
    return {name: float(f"{value:.4g}") for name, value in zip(form.drivers, found, strict=True)}


def _means(form: ModelForm, x: Array, places: Sequence[NDArray[np.bool_]]) -> dict[str, float]:
    """Mean of each driver, and the most frequent state; with coefficients by state the means in this state."""
    if not places:
        return dict(zip(form.drivers, x.mean(axis=0).tolist(), strict=True))
    most = max(range(len(places)), key=lambda k: int(places[k].sum()))
    rows = x[places[most]] if form.slopes else x
    means = dict(zip(form.numbers, rows[:, : len(form.numbers)].mean(axis=0).tolist(), strict=True))
    return means | {form.drivers[-1]: float(form.shape["states"][most])}

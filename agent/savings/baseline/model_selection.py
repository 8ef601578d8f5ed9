"""All models that a baseline is chosen from, and the choice: each further driver must improve the prediction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.savings.baseline import regression
from agent.savings.baseline.autocorrelation import Array
from agent.savings.baseline.models import BY_STATE, OF_ONE, described
from agent.savings.baseline.regression import Fit
from drivers.reasons import Reason

STATES_MOST = 6
STATE_SHARE = 0.9  # share of the intervals that are in a state; the others are changes of state
STATE_LEAST = 12  # intervals of each state
STATE_REACH = 0.1  # share of the distance between states within which a mean belongs to a state: a late change
NUMBERS_MOST = 6  # numeric drivers that are tried in pairs
IMPROVEMENT_LEAST = 0.98  # ratio of CV(RMSE) that a further driver must reach; 0.95 left out weak drivers: biased
INDEPENDENT = 10  # independent samples for each coefficient of a model of several drivers [M: rule of thumb]
VIF_MOST = 10.0  # variance inflation factor above which drivers are collinear [M: rule of thumb]
NEAR = 1.10  # ratio to the best CV(RMSE) of a competing model
RIVALS = 4
WEIGHT_MOST = 1e100  # of a competing model, where a much worse one is specified: U95 sums it times Wh²
STANDSTILL_SCATTER = 0.05  # share of the width of a driver over which its standstill may scatter
SHIFT_S = 8 * 3600.0
BASES = {
    "indicator": ("polynomial", "affinity", "binned", "production", "linear"),
    "slopes": ("polynomial", "affinity", "linear", "production"),
}  # kinds by state → kinds that they extend


@dataclass(frozen=True)
class Candidate:
    """A fitted model.

    shape: see agent/savings/baseline/models.py.
    score: cross-validated CV(RMSE).
    vif: variance inflation factor of each driver; empty with fewer than two.
    """

    kind: str
    drivers: tuple[str, ...]
    shape: dict[str, Any]
    fit: Fit
    score: float
    vif: Mapping[str, float] = field(default_factory=dict)

    @property
    def description(self) -> Reason:
        return described(self.kind, self.shape, self.drivers)

    @property
    def sound(self) -> bool:
        """Whether it may be chosen unless its drivers or kind are specified."""
        if len(self.drivers) < 2:
            return True
        enough = self.fit.n_effective >= INDEPENDENT * len(self.fit.coefficients)
        if counts := self.shape.get("counts"):  # of each state, whose coefficients depend on its own intervals only
            share, own = min(counts) / sum(counts), len(self.fit.coefficients) / len(counts)
            enough = share * self.fit.n_effective >= INDEPENDENT * own
        return enough and max(self.vif.values()) <= VIF_MOST

    def as_competing(self, best: Candidate) -> dict[str, Any]:
        """This model as a competing model of `best`, for the baseline.

        weight: square root of its likelihood relative to the best, from the prediction errors of both
            (normal residuals); the root, because both scores come from the same few samples.
        """
        power = best.fit.n_effective / 2
        if best.score > self.score * WEIGHT_MOST ** (1 / power):
            weight = WEIGHT_MOST
        else:
            weight = (best.score / self.score) ** power if self.score > 0 else 1.0
        return {
            "weight": float(f"{weight:.4g}"),
            "kind": self.kind, "drivers": list(self.drivers), "shape": self.shape,
            "coefficients": [float(value) for value in self.fit.coefficients],
            "covariance": [[float(value) for value in row] for row in self.fit.covariance],
        }  # fmt: skip


Gaps = Mapping[str, Sequence[tuple[float, float]]]  # of each numeric driver, see fit.coverage_gaps


def fit_all(
    columns: Mapping[str, Array], y: Array, times_s: Sequence[float], gaps: Gaps | None = None
) -> list[Candidate]:
    """All models that can be fitted, best first. With a driver in tonnes, all are scored by complete shifts: the energy
    is used at other times.

    columns: (n,) of each driver. y: (n,) energies, Wh. gaps: coverage gaps; no sample is in one.
    """
    fitter = _ModelFitter(columns, y, times_s, gaps or {})
    fitter.fit_model("constant", (), {})
    levels = {name: found for name, x in columns.items() if (found := states_of(x))}
    for name, level in levels.items():
        fitter.fit_model("state", (name,), level)
    numbers = [name for name in columns if name not in levels]
    for name in numbers:
        fitter.fit_curves(name)
    ranked = list(dict.fromkeys(item.drivers[0] for item in fitter.ranked() if item.drivers and item.kind != "state"))
    for pair in combinations(ranked[:NUMBERS_MOST], 2):
        fitter.fit_planes(pair)
    pairs = [item for item in fitter.ranked() if len(item.drivers) == 2]
    for name in ranked[:NUMBERS_MOST] if pairs else ():
        if name not in pairs[0].drivers:
            fitter.fit_planes((*pairs[0].drivers, name))
    for item in list(fitter.tried):
        base = {"base": item.kind, **item.shape}
        base.pop("residuals_wh", None)
        for kind in BY_STATE:
            for name, level in levels.items() if item.kind in BASES[kind] else ():
                fitter.fit_model(kind, (*item.drivers, name), {**base, **level})
    return fitter.ranked()


def choose(tried: Sequence[Candidate], specified: bool) -> Candidate:
    """The best model with the fewest drivers, unless one with more drivers predicts clearly better.

    Coefficients by state must improve the prediction in the same way, for each state except the first.
    tried: not empty, best first.
    specified: the drivers or the kind are specified; then unsound models may be chosen, except coefficients by state
    where there are other models of these drivers.
    """

    def step(item: Candidate) -> tuple[int, bool]:
        return len(item.drivers), item.kind == "slopes"

    fit_to_choose = [item for item in tried if item.sound or (specified and item.kind != "slopes")] or list(tried)
    best: Candidate | None = None
    for rank in sorted({step(item) for item in fit_to_choose}):
        found = next(item for item in fit_to_choose if step(item) == rank)
        required = IMPROVEMENT_LEAST if rank[0] > 1 else 1.0
        if found.kind == "slopes":  # each state's line but the first
            required **= len(found.shape["states"]) - 1
        if best is None or found.score < required * best.score:
            best = found
    assert best is not None
    return best


def competing_models(best: Candidate, tried: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Competing models: those that predict nearly as well, first one of each set of drivers.

    Models with coefficients by state do not compete with a model without them: they include it as a special case, and
    differ from it only within their own uncertainty.
    """
    near = [item for item in tried if item is not best and item.sound and item.score <= NEAR * best.score]
    near = [item for item in near if item.kind != "slopes" or best.kind == "slopes"]
    first: dict[frozenset[str], Candidate] = {}
    for item in near:
        first.setdefault(frozenset(item.drivers), item)
    chosen = list(first.values())
    chosen += [item for item in near if item not in chosen]
    return [item.as_competing(best) for item in chosen[:RIVALS]]


def states_of(x: Array) -> dict[str, Any] | None:
    """The states of a driver with few values, and the largest distance of a mean from its state; None: numeric driver.

    Intervals in which the state changes have mean values between two states; these values are not states.
    """
    x = np.round(x, 9)
    values, where, counts = np.unique(x, return_inverse=True, return_counts=True)
    if len(values) == 1:
        return None
    if len(values) > STATES_MOST:
        values = values[(counts >= STATE_LEAST) & ~_transient(x, where)]
        if not 1 < len(values) <= STATES_MOST or np.count_nonzero(np.diff(x)) > len(x) / 4:
            return None
    elif (lasting := ~_transient(x, where)).sum() > 1:
        values = values[lasting]
    found = {
        "states": [float(value) for value in values],
        "within": float(STATE_REACH * np.diff(values).min()),
    }
    return found if known(found, x).mean() >= STATE_SHARE else None


def _transient(x: Array, where: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Values that occur only between a lower and a higher value of the neighbouring intervals. where: (n,) index of
    each value.
    """
    on_the_way = np.zeros(len(x))
    on_the_way[1:-1] = (x[1:-1] - x[:-2]) * (x[2:] - x[1:-1]) > 0
    found: NDArray[np.bool_] = np.bincount(where, on_the_way) == np.bincount(where)
    return found


def known(level: Mapping[str, Any], x: Array) -> NDArray[np.bool_]:
    """(n,) of bool: intervals whose value is one of the states."""
    distance: Array = np.abs(np.subtract.outer(x, np.asarray(level["states"])))
    found: NDArray[np.bool_] = (distance <= level["within"]).any(axis=1)
    return found


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


def is_tonnes(name: str) -> bool:
    return name.endswith(("_t", "_t_h"))


def _is_production(kind: str, shape: Mapping[str, Any]) -> bool:
    """Whether the model is fitted to sums over shifts."""
    return "production" in (kind, shape.get("base"))


class _ModelFitter:
    """Fits one model after the other; those that cannot be fitted or cross-validated are left out."""

    def __init__(self, columns: Mapping[str, Array], y: Array, times_s: Sequence[float], gaps: Gaps) -> None:
        self.columns, self.y, self.times_s, self.gaps = columns, y, times_s, gaps
        self.tried: list[Candidate] = []
        self._groups = regression.shift_numbers(times_s, SHIFT_S) if any(map(is_tonnes, columns)) else None

    def ranked(self) -> list[Candidate]:
        return sorted(self.tried, key=lambda item: item.score)

    def fit_curves(self, name: str) -> None:
        self._curves(name, {}, self.columns[name] > -math.inf)
        if (still := self._standstill(name)) is not None:
            self._curves(name, {"still": still}, self.columns[name] > still)
        if is_tonnes(name):
            self.fit_model("production", (name,), {"shift_s": SHIFT_S})

    def _curves(self, name: str, shape: dict[str, Any], runs: NDArray[np.bool_]) -> None:
        for degree in (1, 2, 3):
            self.fit_model("polynomial", (name,), {"degree": degree, **shape})
        self.fit_model("affinity", (name,), shape)
        if len(centres := regression.centres_of(self.columns[name][runs], self.y[runs])) > 2:
            self.fit_model("binned", (name,), {"centres": centres, **shape})

    def _standstill(self, name: str) -> float | None:
        """The middle of the first coverage gap, if the values below it are a standstill; None if not."""
        x = self.columns[name]
        for low, high in self.gaps.get(name, ())[:1]:
            if low - x.min() < STANDSTILL_SCATTER * (x.max() - x.min()):
                return (low + high) / 2
        return None

    def fit_planes(self, names: tuple[str, ...]) -> None:
        """Linear; with the square of the first driver; with products; with products and all squares."""
        ones = [[int(j == k) for j in range(len(names))] for k in range(len(names))]
        products = [[a + b for a, b in zip(one, other, strict=True)] for one, other in combinations(ones, 2)]
        squares = [[2 * power for power in one] for one in ones]
        for more in ([], squares[:1], products, products + squares):
            self.fit_model("linear", names, {"powers": [[0] * len(names), *ones, *more]})

    def fit_model(self, kind: str, names: tuple[str, ...], shape: dict[str, Any]) -> None:
        n, picked = len(self.y), [self.columns[name] for name in names]
        x = None if not picked else picked[0] if len(picked) == 1 else np.stack(picked, axis=1)
        terms, place, sizes = regression.design(kind, shape, x, n), np.zeros(n, dtype=np.intp), list[int]()
        shape = dict(shape)
        if kind == "slopes":
            place = regression.design("state", shape, picked[-1], n).argmax(axis=1)
            sizes = [terms.shape[1] // len(shape["states"])] * len(shape["states"])
        elif kind in OF_ONE and "still" in shape:
            place = (picked[0] > shape["still"]).astype(np.intp)
            sizes = [1, terms.shape[1] - 1]
        y, rows, groups, by_shifts = self.y, terms, self._groups, _is_production(kind, shape)
        if by_shifts:  # fitted and scored by sums: with single intervals the slope is too small
            y, rows, counts = regression.sums_by_shift(y, terms, self.times_s, SHIFT_S)
            groups = None
        try:
            fitted, residuals = (regression.by_state(rows, y, place, sizes) if sizes and not by_shifts
                                 else (regression.least_squares(rows, y), []))  # fmt: skip
        except ValueError:
            return
        score = regression.cross_validated(rows, y, groups)
        if not math.isfinite(score):
            return
        if by_shifts:  # a shift can have several states: the scatter belongs to none of them
            fitted = fitted._replace(residual=fitted.residual / float(np.sqrt(counts[0])))
            residuals = [fitted.residual] * len(sizes)
        if kind == "slopes":
            shape |= self._of_states(names, place)
        if sizes:
            shape["residuals_wh"] = residuals
        vif: dict[str, float] = {}
        if len(names) > 1:
            vif = self._vif(kind, names, shape, place)
            variances = np.einsum("ij,jk,ik->i", terms, fitted.covariance, terms)
            most = [float(variances[place == k].max()) for k in range(place.max() + 1)]
            limit_wh2 = most if kind == "slopes" else most[0]
            shape |= {"means": self._means(kind, names, place), "variance_most_wh2": limit_wh2, "vif": vif}
        shape.pop("holes", None)
        if gaps := {} if by_shifts else self._coverage_gaps(kind, names, shape):
            shape["holes"] = gaps
        self.tried.append(Candidate(kind, names, shape, fitted, score, vif))

    def _coverage_gaps(
        self, kind: str, names: tuple[str, ...], shape: Mapping[str, Any]
    ) -> dict[str, list[list[float]]]:  # fmt: skip
        """Coverage gaps of the numeric drivers of a model, except those that a state of the model separates, too
        (running or not).
        """
        parts = [np.ones(len(self.y), dtype=bool)]
        if kind in BY_STATE:
            names, state = names[:-1], names[-1]
            parts = list(regression.design("state", shape, self.columns[state], len(self.y)).T > 0)
        found = {
            name: [
                [low, high] for low, high in self.gaps.get(name, ())
                if any((x[part] <= low).any() and (x[part] >= high).any() for part in parts)
            ]
            for name, x in self.columns.items() if name in names
        }  # fmt: skip
        return {name: ranges for name, ranges in found.items() if ranges}

    def _of_states(self, names: tuple[str, ...], place: NDArray[np.intp]) -> dict[str, Any]:
        """The number of intervals of each state, and the range of each numeric driver in it."""
        rows = [place == k for k in range(place.max() + 1)]
        ranges = {
            name: [[float(x.min()), float(x.max())] for x in (self.columns[name][row] for row in rows)]
            for name in names[:-1]
        }
        return {"counts": [int(row.sum()) for row in rows], "ranges": ranges}

    def _vif(
        self, kind: str, names: tuple[str, ...], shape: Mapping[str, Any], place: NDArray[np.intp]
    ) -> dict[str, float]:
        """Variance inflation factor of each driver.

        With coefficients by state: the largest of all states together and of each state, because drivers can be
        collinear within one state.
        """
        columns, by_shifts = [self.columns[name] for name in names], _is_production(kind, shape)
        if kind in BY_STATE:
            columns[-1] = regression.design("state", shape, columns[-1], len(self.y))[:, 1:]
        if by_shifts:  # fitted to sums, in which a state can be collinear with tonnes
            columns = [regression.sums_by_shift(self.y, column.reshape(len(self.y), -1), self.times_s, SHIFT_S)[1]
                       for column in columns]  # fmt: skip
        found = variance_inflation(columns)
        for k in range(place.max() + 1) if kind == "slopes" and not by_shifts else ():
            own = variance_inflation([column[place == k] for column in columns[:-1]])
            found = [max(pair) for pair in zip(found, [*own, 1.0], strict=True)]
        return {name: float(f"{value:.4g}") for name, value in zip(names, found, strict=True)}

    def _means(self, kind: str, names: tuple[str, ...], place: NDArray[np.intp]) -> dict[str, float]:
        """Mean of each driver; with coefficients by state in the most frequent state."""
        most = place == np.bincount(place).argmax()
        found = {name: float(self.columns[name][most].mean()) for name in names}
        if kind in BY_STATE:
            values, counts = np.unique(np.round(self.columns[names[-1]][most], 9), return_counts=True)
            found[names[-1]] = float(values[counts.argmax()])
        return found

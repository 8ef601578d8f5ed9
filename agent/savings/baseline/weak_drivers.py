"""Weak drivers: signals that the chosen model leaves out because it predicts almost as well without them.

That the prediction did not improve does not show that a signal has no effect. Where it differs in the reporting
period, the saving of the chosen model is biased and its U95 too small (inference after selection: Leeb and Pötscher
2005 [M]). So the adjusted baseline is corrected for weak drivers, as GUM 3.2.4 requires for known effects, and the
uncertainty of the correction is part of U95: both are those of the model with all drivers. A weak driver limits no
range and may be missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from agent.savings.baseline import regression
from agent.savings.baseline.autocorrelation import Array
from agent.savings.baseline.model_selection import INDEPENDENT, VIF_MOST, Candidate, Columns
from agent.savings.baseline.regression import Fit
from agent.savings.baseline.states import known, states_of
from agent.savings.records.model import Driver, Interval

PRESENT_MIN = 0.5  # share of the intervals of the model that must have all weak drivers


def columns_of(found: Sequence[Interval], names: Sequence[str]) -> dict[str, Array]:
    """(n,) of each signal, NaN where an interval does not have it."""
    missing = Driver(math.nan)
    return {name: np.array([item.drivers.get(name, missing).mean for item in found]) for name in names}


class _Added(NamedTuple):
    """A driver and its terms, (n, terms): itself, or the indicators of its states but the first."""

    driver: dict[str, Any]
    terms: Array


def weak_drivers(best: Candidate, columns: Columns, y: Array) -> dict[str, Any]:
    """For the shape of the baseline (see agent/savings/accounting/weak_effect.py); empty without weak drivers.

    Left out are signals that are collinear with others, and those that the data cannot distinguish.

    columns: (n,) of each signal, NaN where it is missing. y: (n,) energies of the intervals of the model, Wh.
    """
    x = np.stack([columns[name] for name in best.drivers], axis=1) if best.drivers else np.zeros((len(y), 0))
    rows = regression.design(best.form.kind, best.form.shape, x)
    others = {name: column for name, column in columns.items() if name not in best.drivers}
    states = {name: states_of(column[np.isfinite(column)]) for name, column in others.items()}
    present = np.ones(len(y), dtype=bool)
    for name, found in states.items():
        present &= np.isfinite(columns[name]) if found is None else known(found, columns[name])
    if not others or present.sum() < PRESENT_MIN * len(y):
        return {}
    rows, y = rows[present], y[present]
    added = [_added(name, columns[name][present], found) for name, found in states.items()]
    return _described(*_selected(rows, y, added))


def _added(name: str, column: Array, states: Mapping[str, Any] | None) -> _Added:
    if states is None:
        return _Added({"driver": name, "range": [float(column.min()), float(column.max())]}, column[:, None])
    indicators = regression.design("constant", {**states, "by_state": "levels"}, column[:, None])[:, 1:]
    return _Added({"driver": name, **states}, indicators)


def _selected(rows: Array, y: Array, added: Sequence[_Added]) -> tuple[Array, list[_Added], Fit | None]:
    """The drivers that the data can distinguish, those with the largest effect first, and the model with them."""
    squares = {}
    for item in added:
        both = np.concatenate([rows, item.terms], axis=1)
        squares[item.driver["driver"]] = float(((y - both @ np.linalg.lstsq(both, y, rcond=None)[0]) ** 2).sum())
    found, fit, design = list[_Added](), None, rows
    for item in sorted(added, key=lambda item: squares[item.driver["driver"]]):
        if _is_collinear(design, item.terms):
            continue
        wider = np.concatenate([design, item.terms], axis=1)
        try:
            tried = regression.least_squares(wider, y)
        except ValueError:
            continue
        if tried.n_effective >= INDEPENDENT * wider.shape[1]:
            found, fit, design = [*found, item], tried, wider
    return rows, found, fit


def _explained(rows: Array, terms: Array) -> Array:
    """(p, terms): coefficients of the regression of terms on rows."""
    scale = np.abs(rows).max(axis=0)
    found: Array = np.linalg.lstsq(rows / scale, terms, rcond=None)[0] / scale[:, None]
    return found


def _is_collinear(rows: Array, terms: Array) -> bool:
    own = ((terms - rows @ _explained(rows, terms)) ** 2).sum(axis=0)
    return bool((own * VIF_MOST <= ((terms - terms.mean(axis=0)) ** 2).sum(axis=0)).any())


def _described(rows: Array, added: Sequence[_Added], fit: Fit | None) -> dict[str, Any]:
    if fit is None:
        return {}
    p, found = rows.shape[1], []
    first = p
    for item in added:
        end = first + item.terms.shape[1]
        explained = _explained(rows, item.terms).T
        found.append(
            {**item.driver, "coefficients": fit.coefficients[first:end].tolist(), "explained": explained.tolist()}
        )
        first = end
    return {"drivers": found, "covariance": fit.covariance[p:, p:].tolist()}

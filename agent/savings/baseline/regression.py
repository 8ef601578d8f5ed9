"""Least squares for baselines: the terms of agent/savings/baseline/models.py for arrays, cross-validation,
autocorrelation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.savings.baseline.autocorrelation import Array, autocorrelation_of
from agent.savings.baseline.models import BY_STATE, OF_ONE, powers_of, without_standstill
from agent.savings.records.interpolation import INTERPOLATED_MS_MAX

BLOCKS = 5
FREEDOM_LEAST = 3  # independent samples more than coefficients: with three t is 3.2, with none U95 is undefined
COMPLETE = 0.9  # share of the intervals of a shift from which it is complete
GAP_PARTS, GAP_LEAST = 20, 4  # parts of the range of a driver, and how many in a row are a gap
GAP_SHARE = 75  # GAP_LEAST parts in a row with fewer than 1/75 of the samples are a gap


class Fit(NamedTuple):
    """Result of a regression.

    coefficients: (p,).
    covariance: (p, p) of the coefficients, with autocorrelation.
    residual: standard deviation of one sample.
    autocorrelation: of the residuals, lag 1.
    n_effective: equivalent number of independent samples.
    cv_rmse, nmbe, r2: quality of the fit (ASHRAE Guideline 14).
    """

    coefficients: Array
    covariance: Array
    residual: float
    autocorrelation: float
    n_effective: float
    cv_rmse: float
    nmbe: float
    r2: float


def design(kind: str, shape: Mapping[str, Any], x: Array | None, n: int) -> Array:
    """(n, terms). x: the driver, (n,), or drivers, (n, k). An unknown state makes a row of NaN."""
    if kind == "constant" or x is None:
        return np.ones((n, 1))
    if "still" in shape and kind in OF_ONE:
        runs = (x > shape["still"]).astype(float)[:, None]
        return np.concatenate([1 - runs, runs * design(kind, without_standstill(shape), x, n)], axis=1)
    if kind in BY_STATE:
        numbers = x[:, 0] if x.shape[1] == 2 else x[:, :-1]
        base, levels = design(shape["base"], shape, numbers, n), design("state", shape, x[:, -1], n)
        if kind == "indicator":
            return np.concatenate([base, levels[:, 1:]], axis=1)
        return (levels[:, :, None] * base[:, None, :]).reshape(n, -1)
    if kind == "binned":
        centres = np.asarray(shape["centres"])
        k = np.clip(np.searchsorted(centres, x, side="left") - 1, 0, len(centres) - 2)
        share = (x - centres[k]) / (centres[k + 1] - centres[k])
        found = np.zeros((n, len(centres)))
        rows = np.arange(n)
        found[rows, k], found[rows, k + 1] = 1 - share, share
        return found
    if kind == "state":
        apart = np.abs(np.subtract.outer(x, np.asarray(shape["states"])))
        states: Array = np.where(apart <= shape.get("within", 0.0), 1.0, 0.0)
        states[~states.any(axis=1)] = np.nan
        return states
    columns = x.reshape(n, -1).T
    products = [math.prod(map(pow, columns, powers)) for powers in powers_of(kind, shape)]
    return np.stack(products, axis=1)


def least_squares(terms: Array, y: Array) -> Fit:
    """β = (XᵀX)⁻¹Xᵀy; var β = s²·(n−p)/(n'−p)·(XᵀX)⁻¹ with n' = n/τ (ASHRAE Guideline 14, [M]).

    Raises ValueError when the terms are collinear or too few degrees of freedom are left.
    """
    n, p = terms.shape
    beta, inverse, scale, residuals = _solved(terms, y)
    rho, tau = autocorrelation_of(residuals)
    n_effective = n / tau
    if n_effective < p + FREEDOM_LEAST:
        raise ValueError("the residuals are autocorrelated: too few independent samples")
    covariance = float(residuals @ residuals) / (n_effective - p) * (inverse @ inverse.T) / np.outer(scale, scale)
    return _fit(beta / scale, covariance, y, residuals, rho, n_effective)


def _fit(beta: Array, covariance: Array, y: Array, residuals: Array, rho: float, n_effective: float) -> Fit:
    """The result, with its quality from the residuals `left`."""
    freedom = len(y) - len(beta)
    squares, mean, spread = float(residuals @ residuals), float(y.mean()), float(((y - y.mean()) ** 2).sum())
    residual = math.sqrt(squares / freedom)
    return Fit(
        beta, covariance, residual, rho, n_effective, residual / mean if mean else math.inf,
        float(residuals.sum()) / (freedom * mean) if mean else 0.0, 1 - squares / spread if spread else 0.0,
    )  # fmt: skip


def by_state(terms: Array, y: Array, place: NDArray[np.intp], sizes: Sequence[int]) -> tuple[Fit, list[float]]:
    """Fit of each state's columns to its own rows, and the residual standard deviation of each state.

    It equals one fit of all rows. Scatter is often proportional to the energy, so the coefficients of each state have
    the uncertainty of the residuals of this state; their autocorrelation is that of all rows in their order.
    Standstill and running are two states in the same way.

    place: (n,) index of the state of each row.
    sizes: number of columns of each state, in order.
    Raises ValueError as least_squares does, also for a single state.
    """
    n = len(y)
    edges = np.cumsum([0, *sizes])
    columns = [slice(a, b) for a, b in pairwise(edges.tolist())]
    rows = [place == k for k in range(len(sizes))]
    solved = [_solved(terms[row, column], y[row]) for column, row in zip(columns, rows, strict=True)]
    spreads = [float(np.sqrt(own @ own / (len(own) - p))) for p, (*_, own) in zip(sizes, solved, strict=True)]
    residuals, scaled = np.zeros(n), np.zeros(n)
    for row, (*_, own), spread in zip(rows, solved, spreads, strict=True):
        residuals[row] = own
        scaled[row] = own / spread if spread > 1e-9 * np.abs(y[row]).max() else 0.0
    rho, tau = autocorrelation_of(scaled)
    covariance = np.zeros((terms.shape[1],) * 2)
    for column, p, (_, inverse, scale, own) in zip(columns, sizes, solved, strict=True):
        freedom = len(own) / tau - p
        if freedom < FREEDOM_LEAST:
            raise ValueError("the residuals are autocorrelated: too few independent samples in a state")
        block = float(own @ own) / freedom * (inverse @ inverse.T) / np.outer(scale, scale)
        covariance[column, column] = block
    beta = np.concatenate([own / scale for own, _, scale, _ in solved])
    return _fit(beta, covariance, y, residuals, rho, n / tau), spreads


def _solved(terms: Array, y: Array) -> tuple[Array, Array, Array, Array]:
    """β of terms/scale, R⁻¹ of their QR decomposition, the scale, and the residuals."""
    n, p = terms.shape
    scale = np.abs(terms).max(axis=0)
    if not n > p or not (scale > 0).all():
        raise ValueError("too few samples for this model")
    q, r = np.linalg.qr(terms / scale)
    if np.abs(np.diag(r)).min() < 1e-9 * np.abs(np.diag(r)).max():
        raise ValueError("the driver does not vary enough for this model")
    inverse = np.linalg.inv(r)
    beta = inverse @ (q.T @ y)
    return beta, inverse, scale, y - terms / scale @ beta


def cross_validated(terms: Array, y: Array, groups: NDArray[np.int64] | None = None) -> float:
    """CV(RMSE) of five contiguous blocks, each predicted from the other four; inf when one cannot be.

    groups: (n,) index of the shift of each sample; sums over shifts are scored instead of single samples.
    """
    n, p = terms.shape
    edges = np.linspace(0, n, BLOCKS + 1).astype(int)
    scale = np.abs(terms).max(axis=0)
    if not (scale > 0).all() or n < BLOCKS * (p + 1):
        return float("inf")
    parts = [(terms[a:b] / scale, y[a:b]) for a, b in pairwise(edges)]
    grams = [part.T @ part for part, _ in parts]
    moments = [part.T @ energies for part, energies in parts]
    total, moment = sum(grams[1:], grams[0]), sum(moments[1:], moments[0])
    errors = []
    for (part, energies), gram, own in zip(parts, grams, moments, strict=True):
        rest = total - gram
        if np.linalg.cond(rest) > 1e14:
            return float("inf")
        errors.append(energies - part @ np.linalg.solve(rest, moment - own))
    residuals = np.concatenate(errors)
    if groups is not None:
        where = np.unique(groups, return_inverse=True)[1]
        residuals, y = np.bincount(where, residuals).astype(float), np.bincount(where, y).astype(float)
    mean = float(y.mean())
    return float(np.sqrt((residuals @ residuals) / len(residuals))) / mean if mean > 0 else float("inf")


def centres_of(x: Array, y: Array, bins: int = 10, least: int = 12) -> list[float]:
    """Centres of bins of equal energy, each with enough samples; fewer than `bins` where values repeat. The first and
    the last are the ends of the range.
    """
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    count = max(2, min(bins, len(x) // least))
    share = np.cumsum(np.maximum(y, 0))
    edges = np.searchsorted(share, np.linspace(0, share[-1], count + 1)[1:-1]) if share[-1] > 0 else np.array([], int)
    inner = [float(part.mean()) for part in np.split(x, np.unique(edges)) if len(part) >= least]
    found = sorted({float(x[0]), float(x[-1]), *inner[1:-1]})
    width = found[-1] - found[0]
    centres = found[:1]
    for value in found[1:]:
        if value - centres[-1] > 0.01 * width:
            centres.append(value)
    if len(centres) > 1:
        centres[-1] = found[-1]
    return centres


def coverage_gaps(x: Array) -> list[tuple[float, float]]:
    """Coverage gaps: ranges of at least a fifth of the width with no samples, or almost none while both sides have
    more, as between standstill and the lowest flow.

    Returns the nearest values on both sides. Counted in twentieths of the width, so that a driver with seven or more
    even steps (integer tonnes) has no gaps between them.
    """
    width = float(np.ptp(x))
    if not width > 0:
        return []
    part = np.clip((GAP_PARTS * (x - x.min()) / width).astype(int), 0, GAP_PARTS - 1)
    counts = np.bincount(part, minlength=GAP_PARTS)
    found: list[tuple[float, float]] = []
    for few in (max(1.0, len(x) / GAP_SHARE), 1.0):
        thin = np.zeros(GAP_PARTS + 2, dtype=int)
        for k in np.flatnonzero(np.convolve(counts, np.ones(GAP_LEAST), "valid") < few):
            thin[k + 1 : k + 1 + GAP_LEAST] = 1
        begins, ends = np.flatnonzero(np.diff(thin) == 1), np.flatnonzero(np.diff(thin) == -1)
        for a, b in zip(begins.tolist(), ends.tolist(), strict=True):
            while a < b and counts[a] * GAP_LEAST >= few:
                a += 1
            while a < b and counts[b - 1] * GAP_LEAST >= few:
                b -= 1
            below, above = x[part < a], x[part >= b]
            if b - a >= GAP_LEAST and min(len(below), len(above)) >= few:
                gap = float(below.max()), float(above.min())
                found += [gap] * (not any(low < gap[1] and gap[0] < high for low, high in found))
    return sorted(found)


def interpolation_u(x: Array, starts_ms: Sequence[int], length_s: int) -> list[float]:
    """Standard uncertainty of a linear interpolation over 1, 2, … missing intervals, in the unit of x.

    Root mean square error over all runs of the history; a length without a run has the value of the one before, the
    first one the standard deviation of x.
    """
    at, found = np.asarray(starts_ms), [float(x.std())]
    for missing in range(1, INTERPOLATED_MS_MAX // (1000 * length_s)):
        reach = missing + 1
        runs = np.flatnonzero(at[reach:] - at[:-reach] == 1000 * length_s * reach)
        if len(runs):
            inner = sum(x[runs + k] for k in range(1, reach)) / missing
            found.append(float(np.sqrt(np.mean((inner - (x[runs] + x[runs + reach]) / 2) ** 2))))
        else:
            found.append(found[-1])
    return found[1:]


def in_gap(x: Array, gaps: Sequence[tuple[float, float]]) -> NDArray[np.bool_]:
    """(n,) of bool: values in a gap; its bounds are not."""
    found = np.zeros(len(x), dtype=bool)
    for low, high in gaps:
        found |= (x > low) & (x < high)
    return found


def shift_numbers(times_s: Sequence[float], shift_s: float) -> NDArray[np.int64]:
    """(n,) number of the shift of the clock that contains each time."""
    return np.floor_divide(times_s, shift_s).astype(np.int64)


def sums_by_shift(y: Array, terms: Array, times_s: Sequence[float], shift_s: float) -> tuple[Array, Array, Array]:
    """Sums over shifts of the clock: energies, terms (shifts, terms), and number of intervals of each shift.

    Only complete shifts, except for one or two intervals in which a state changed.
    """
    shifts, where, counts = np.unique(shift_numbers(times_s, shift_s), return_inverse=True, return_counts=True)
    complete = counts >= COMPLETE * counts.max()
    sums = [np.bincount(where, column, len(shifts))[complete] for column in (y, *terms.T)]
    return sums[0], np.stack(sums[1:], axis=1), counts[complete].astype(float)

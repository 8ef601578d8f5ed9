"""Least squares for baselines: the terms of agent/savings/baseline/models.py for arrays, cross-validation,
autocorrelation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.savings.baseline.autocorrelation import Array, autocorrelation_of
from agent.savings.baseline.models import powers_of
from agent.savings.records.interpolation import INTERPOLATED_MS_MAX

FOLDS, BLOCKS = 5, 4  # of cross-validation, and blocks of each fold
FREEDOM_LEAST = 3  # independent samples more than coefficients: with three t is 3.2, with none U95 is undefined
GAP_PARTS, GAP_LEAST = 20, 4  # parts of the range of a driver, and how many in a row are a gap
GAP_SHARE = 75  # GAP_LEAST parts in a row with fewer than 1/75 of the samples are a gap


class Fit(NamedTuple):
    """Result of a regression.

    coefficients: (p,).
    covariance: (p, p) of the coefficients, with autocorrelation.
    residuals: (n,).
    residual: standard deviation of one sample.
    autocorrelation: of the residuals, lag 1.
    n_effective: equivalent number of independent samples.
    tau: factor by which autocorrelation reduces their number.
    """

    coefficients: Array
    covariance: Array
    residuals: Array
    residual: float
    autocorrelation: float
    n_effective: float
    tau: float


class Quality(NamedTuple):
    """Quality of a fit (ASHRAE Guideline 14), as shares of 1."""

    cv_rmse: float
    nmbe: float
    r2: float


def design(kind: str, shape: Mapping[str, Any], x: Array) -> Array:
    """(n, terms). x: (n, drivers). An unknown state makes a row of NaN."""
    n = len(x)
    numbers = x[:, :-1] if "states" in shape else x
    columns = numbers.T
    rows: Array = np.stack(
        [math.prod(map(pow, columns, powers)) * np.ones(n) for powers in powers_of(kind, shape)], axis=1
    )
    if "states" not in shape:
        return rows
    apart = np.abs(np.subtract.outer(x[:, -1], np.asarray(shape["states"])))
    states: Array = np.where(apart <= shape["within"], 1.0, 0.0)
    states[~states.any(axis=1)] = np.nan
    if shape["by_state"] == "slopes":
        return (states[:, :, None] * rows[:, None, :]).reshape(n, -1)
    return np.concatenate([rows, states[:, 1:]], axis=1)


def least_squares(terms: Array, y: Array) -> Fit:
    """β = (XᵀX)⁻¹Xᵀy; var β = s²·(n−p)/(n'−p)·(XᵀX)⁻¹ with n' = n/τ (ASHRAE Guideline 14, [M]).

    Raises ValueError when the terms are collinear or too few degrees of freedom are left.
    """
    n, p = terms.shape
    scale = np.abs(terms).max(axis=0) if n else np.zeros(p)
    if not n > p or not (scale > 0).all():
        raise ValueError("too few samples for this model")
    q, r = np.linalg.qr(terms / scale)
    if np.abs(np.diag(r)).min() < 1e-9 * np.abs(np.diag(r)).max():
        raise ValueError("the driver does not vary enough for this model")
    inverse = np.linalg.inv(r)
    beta = inverse @ (q.T @ y)
    residuals = y - terms / scale @ beta
    rho, tau = autocorrelation_of(residuals)
    n_effective = n / tau
    if n_effective < p + FREEDOM_LEAST:
        raise ValueError("the residuals are autocorrelated: too few independent samples")
    squares = float(residuals @ residuals)
    covariance = squares / (n_effective - p) * (inverse @ inverse.T) / np.outer(scale, scale)
    return Fit(beta / scale, covariance, residuals, math.sqrt(squares / (n - p)), rho, n_effective, tau)


def quality(fit: Fit, y: Array) -> Quality:
    freedom, mean = len(y) - len(fit.coefficients), float(y.mean())
    squares, spread = float(fit.residuals @ fit.residuals), float(((y - mean) ** 2).sum())
    return Quality(
        math.sqrt(squares / freedom) / mean if mean else math.inf,
        float(fit.residuals.sum()) / (freedom * mean) if mean else 0.0, 1 - squares / spread if spread else 0.0,
    )  # fmt: skip


def prediction_errors(terms: Array, y: Array) -> Array | None:
    """(n,): five folds, each predicted from the other four; None when one cannot be.

    Each fold is four blocks, and the blocks of the folds alternate: a stop, a shift or a product that occurs once is
    in more than one fold.
    """
    n, p = terms.shape
    if n < FOLDS * (p + 1):
        return None
    scale = np.abs(terms).max(axis=0)
    if not (scale > 0).all():
        return None
    scaled, fold = terms / scale, np.arange(n) * FOLDS * BLOCKS // n % FOLDS
    parts = [(scaled[fold == k], y[fold == k]) for k in range(FOLDS)]
    grams = [part.T @ part for part, _ in parts]
    moments = [part.T @ energies for part, energies in parts]
    total, moment = sum(grams[1:], grams[0]), sum(moments[1:], moments[0])
    errors = np.empty(n)
    for k, ((part, energies), gram, own) in enumerate(zip(parts, grams, moments, strict=True)):
        rest = total - gram
        if np.linalg.cond(rest) > 1e14:
            return None
        errors[fold == k] = energies - part @ np.linalg.solve(rest, moment - own)
    return errors


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
    return found[1:] or found


def in_gap(x: Array, gaps: Sequence[tuple[float, float]]) -> NDArray[np.bool_]:
    """(n,) of bool: values in a gap; its bounds are not."""
    found = np.zeros(len(x), dtype=bool)
    for low, high in gaps:
        found |= (x > low) & (x < high)
    return found

"""Least squares for baselines: the terms of agent/savings/models.py for arrays, cross-validation, autocorrelation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.savings.models import OF_ONE
from agent.savings.persistence import persistence

Array = NDArray[np.float64]
BLOCKS = 5
FREEDOM_LEAST = 3  # independent samples more than coefficients: with none left U95 says nothing, with three t is 3.2
WHOLE = 0.9  # of a shift's intervals
HOLE_PARTS, HOLE_LEAST = 20, 4  # of a driver's range, and how many of them in a row are a hole
HOLE_SEEN = 75  # so many parts in a row that hold together less than one of so many samples were hardly seen


class Fit(NamedTuple):
    """covariance: of the coefficients, autocorrelation allowed for. residual: of one sample; n_effective: how many
    independent samples they are worth."""

    coefficients: Array
    covariance: Array
    residual: float
    autocorrelation: float
    n_effective: float
    cv_rmse: float
    nmbe: float
    r2: float


def design(kind: str, shape: Mapping[str, Any], x: Array | None, n: int) -> Array:
    """(n, terms). x: the driver, (n,), or drivers, (n, k); a state that is not known makes a row of NaN."""
    if kind == "constant" or x is None:
        return np.ones((n, 1))
    if "still" in shape and kind in OF_ONE:
        runs = (x > shape["still"]).astype(float)[:, None]
        moving = {key: value for key, value in shape.items() if key != "still"}
        return np.concatenate([1 - runs, runs * design(kind, moving, x, n)], axis=1)
    if kind == "linear":
        return np.stack([np.prod(x ** np.asarray(powers), axis=1) for powers in shape["powers"]], axis=1)
    if kind == "indicator":
        numbers = x[:, 0] if x.shape[1] == 2 else x[:, :-1]
        base, levels = design(shape["base"], shape, numbers, n), design("state", shape, x[:, -1], n)
        return np.concatenate([base, levels[:, 1:]], axis=1)
    if kind == "slopes":
        numbers = x[:, 0] if x.shape[1] == 2 else x[:, :-1]
        base, levels = design(shape["base"], shape, numbers, n), design("state", shape, x[:, -1], n)
        return (levels[:, :, None] * base[:, None, :]).reshape(n, -1)
    if kind == "polynomial":
        return np.stack([x**power for power in range(int(shape["degree"]) + 1)], axis=1)
    if kind == "affinity":
        return np.stack([np.ones(n), x, x**3], axis=1)
    if kind == "production":
        return np.stack([np.ones(n), x], axis=1)
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
    raise ValueError(f"no such model: {kind}")


def least_squares(terms: Array, y: Array) -> Fit:
    """β = (XᵀX)⁻¹Xᵀy; var β = s²·(n−p)/(n'−p)·(XᵀX)⁻¹ with n' = n/τ (ASHRAE guideline 14's n', from memory).

    Raises ValueError where the terms cannot be told apart or there is no freedom left.
    """
    n, p = terms.shape
    beta, inverse, scale, left = _solved(terms, y)
    s2 = float(left @ left) / (n - p)
    rho, tau = persistence(left)
    n_effective = n / tau
    if n_effective < p + FREEDOM_LEAST:
        raise ValueError("the residuals hang together: too few independent samples")
    covariance = s2 * (n - p) / (n_effective - p) * (inverse @ inverse.T)
    mean, spread = float(y.mean()), float(((y - y.mean()) ** 2).sum())
    return Fit(
        beta / scale, covariance / np.outer(scale, scale), float(np.sqrt(s2)), rho, n_effective,
        float(np.sqrt(s2)) / mean if mean else float("inf"), float(left.sum()) / ((n - p) * mean) if mean else 0.0,
        1 - float(left @ left) / spread if spread else 0.0,
    )  # fmt: skip


def by_state(terms: Array, y: Array, place: NDArray[np.intp], sizes: Sequence[int]) -> tuple[Fit, list[float]]:
    """The terms of `slopes`: each state's columns fitted to its own rows, which is the same as all of them at once; and
    the residual of each state. So with standstill and running, where standstill has a level of its own. What scatters
    in proportion to the energy scatters more where more is used, so each state's coefficients have the doubt of its own
    residuals; how these hang together is taken from all in their order.

    place: (n,) the number of each row's state. sizes: how many columns each has, one after the other. Raises ValueError
    as least_squares does, for a single state too.
    """
    n = len(y)
    edges = np.cumsum([0, *sizes])
    columns = [slice(a, b) for a, b in pairwise(edges.tolist())]
    rows = [place == k for k in range(len(sizes))]
    solved = [_solved(terms[row, column], y[row]) for column, row in zip(columns, rows, strict=True)]
    spreads = [float(np.sqrt(left @ left / (len(left) - p))) for p, (*_, left) in zip(sizes, solved, strict=True)]
    left, alike = np.zeros(n), np.zeros(n)
    for row, (*_, own), spread in zip(rows, solved, spreads, strict=True):
        left[row] = own
        alike[row] = own / spread if spread > 1e-9 * np.abs(y[row]).max() else 0.0
    rho, tau = persistence(alike)
    covariance = np.zeros((terms.shape[1],) * 2)
    for column, p, (_, inverse, scale, own) in zip(columns, sizes, solved, strict=True):
        freedom = len(own) / tau - p
        if freedom < FREEDOM_LEAST:
            raise ValueError("the residuals hang together: too few independent samples in a state")
        block = float(own @ own) / freedom * (inverse @ inverse.T) / np.outer(scale, scale)
        covariance[column, column] = block
    s = float(np.sqrt(left @ left / (n - terms.shape[1])))
    mean, spread = float(y.mean()), float(((y - y.mean()) ** 2).sum())
    return Fit(
        np.concatenate([beta / scale for beta, _, scale, _ in solved]), covariance, s, rho, n / tau,
        s / mean if mean else float("inf"), float(left.sum()) / ((n - terms.shape[1]) * mean) if mean else 0.0,
        1 - float(left @ left) / spread if spread else 0.0,
    ), spreads  # fmt: skip


def _solved(terms: Array, y: Array) -> tuple[Array, Array, Array, Array]:
    """β of terms/scale, R⁻¹ of their QR, the scale, and the residuals."""
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
    """CV(RMSE) of what five contiguous blocks say when each is foretold from the other four; inf where one cannot.

    groups: (n,) numbers of the shifts whose sums are judged instead of single samples.
    """
    n, p = terms.shape
    edges = np.linspace(0, n, BLOCKS + 1).astype(int)
    scale = np.abs(terms).max(axis=0)
    if not (scale > 0).all() or n < BLOCKS * (p + 1):
        return float("inf")
    parts = [(terms[a:b] / scale, y[a:b]) for a, b in pairwise(edges)]
    grams = [part.T @ part for part, _ in parts]
    moments = [part.T @ told for part, told in parts]
    whole, moment = sum(grams[1:], grams[0]), sum(moments[1:], moments[0])
    missed = []
    for (part, told), gram, own in zip(parts, grams, moments, strict=True):
        rest = whole - gram
        if np.linalg.cond(rest) > 1e14:
            return float("inf")
        missed.append(told - part @ np.linalg.solve(rest, moment - own))
    left = np.concatenate(missed)
    if groups is not None:
        where = np.unique(groups, return_inverse=True)[1]
        left, y = np.bincount(where, left).astype(float), np.bincount(where, y).astype(float)
    mean = float(y.mean())
    return float(np.sqrt((left @ left) / len(left))) / mean if mean > 0 else float("inf")


def centres_of(x: Array, y: Array, bins: int = 10, least: int = 12) -> list[float]:
    """Centres of bins of equal energy, each with enough samples; fewer than `bins` where values repeat. The first and
    last are the ends of what was seen."""
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    count = max(2, min(bins, len(x) // least))
    share = np.cumsum(np.maximum(y, 0))
    edges = np.searchsorted(share, np.linspace(0, share[-1], count + 1)[1:-1]) if share[-1] > 0 else np.array([], int)
    inner = [float(part.mean()) for part in np.split(x, np.unique(edges)) if len(part) >= least]
    found = sorted({float(x[0]), float(x[-1]), *inner[1:-1]})
    width = found[-1] - found[0]
    kept = found[:1]
    for value in found[1:]:
        if value - kept[-1] > 0.01 * width:
            kept.append(value)
    if len(kept) > 1:
        kept[-1] = found[-1]
    return kept


def holes(x: Array) -> list[tuple[float, float]]:
    """Stretches of a fifth of the range or wider that were never seen, or hardly ever while more lies on both sides: as
    between standstill and the least flow. Bounds are the values next to it. Counted in twentieths of the range, so
    that a driver of seven or more even steps (whole tonnes) has none between these."""
    width = float(np.ptp(x))
    if not width > 0:
        return []
    part = np.clip((HOLE_PARTS * (x - x.min()) / width).astype(int), 0, HOLE_PARTS - 1)
    counts = np.bincount(part, minlength=HOLE_PARTS)
    found: list[tuple[float, float]] = []
    for few in (max(1.0, len(x) / HOLE_SEEN), 1.0):
        thin = np.zeros(HOLE_PARTS + 2, dtype=int)
        for k in np.flatnonzero(np.convolve(counts, np.ones(HOLE_LEAST), "valid") < few):
            thin[k + 1 : k + 1 + HOLE_LEAST] = 1
        begins, ends = np.flatnonzero(np.diff(thin) == 1), np.flatnonzero(np.diff(thin) == -1)
        for a, b in zip(begins.tolist(), ends.tolist(), strict=True):
            while a < b and counts[a] * HOLE_LEAST >= few:
                a += 1
            while a < b and counts[b - 1] * HOLE_LEAST >= few:
                b -= 1
            below, above = x[part < a], x[part >= b]
            if b - a >= HOLE_LEAST and min(len(below), len(above)) >= few:
                hole = float(below.max()), float(above.min())
                found += [hole] * (not any(low < hole[1] and hole[0] < high for low, high in found))
    return sorted(found)


def in_hole(x: Array, gaps: Sequence[tuple[float, float]]) -> NDArray[np.bool_]:
    """(n,): which lie in one, its bounds are not in it."""
    found = np.zeros(len(x), dtype=bool)
    for low, high in gaps:
        found |= (x > low) & (x < high)
    return found


def grouped(y: Array, terms: Array, times_s: Sequence[float], shift_s: float) -> tuple[Array, Array, Array]:
    """Sums over shifts (of the clock): energies, each term (shifts, terms), and how many intervals each shift holds.
    Whole shifts only, but for a quarter hour or two in which a state changed."""
    numbers = np.asarray([int(t // shift_s) for t in times_s])
    shifts, where, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    whole = counts >= WHOLE * counts.max()
    sums = [np.bincount(where, column, len(shifts))[whole] for column in (y, *terms.T)]
    return sums[0], np.stack(sums[1:], axis=1), counts[whole].astype(float)

"""Resample one window to an integer number of points per cycle, with a windowed sinc.

16 taps, Kaiser window, 128 phases with linear interpolation between them. The cut-off is low, so that components that
would alias are removed; therefore the pass band droops. The droop follows from the taps and is corrected in the
spectrum with `gain`: amplitudes are correct up to 0.45 of the sampling rate.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import Any

import numpy as np

from dsp._jit import LANES, Floats, Reals, bare, inner
from dsp._simd import load, rows, spill, store, zero

TAPS = 16
PHASES = 128
KAISER_BETA = 9.5
CUTOFF = 0.41  # of the sampling rate
BAND = 0.45  # of the sampling rate: higher frequencies are not reported
SLOPE = 0.6  # of the sampling rate: higher frequencies are attenuated to less than 2e-5
LEAD = TAPS // 2 - 1  # samples that a tap set needs before its position


def _kernel(phases: int) -> Floats:
    """Taps of phases 0 .. `phases` (inclusive), shape (phases + 1, TAPS); the taps of each phase add up to one."""
    offset = np.arange(TAPS)[None, :] - LEAD - np.arange(phases + 1)[:, None] / phases
    inside = np.clip(1.0 - (offset / (TAPS / 2)) ** 2, 0.0, None)
    w = np.sinc(2.0 * CUTOFF * offset) * np.i0(KAISER_BETA * np.sqrt(inside))
    weights: Floats = w / w.sum(axis=1, keepdims=True)
    return weights


@cache
def taps(dtype: type[np.floating[Any]] = np.float64) -> Reals:
    """Table of taps, shape (4 * PHASES, 8).

    Rows of phase p from 4 p on: taps 0..7, taps 8..15, and their differences to phase p + 1.
    """
    w = _kernel(PHASES)
    out = rows(4 * PHASES, dtype)
    out.reshape(PHASES, 2, TAPS)[:, 0] = w[:-1]
    out.reshape(PHASES, 2, TAPS)[:, 1] = np.diff(w, axis=0)
    return out


@cache
def gain(steps: int = 1024) -> Floats:
    """1 / amplitude response of the resampler at 0 .. 0.5 of the sampling rate, shape (steps + 1,)."""
    prototype = _kernel(PHASES)[:-1][::-1].T.ravel()  # in order of time, PHASES points per sample
    response = np.abs(np.fft.rfft(prototype, 2 * steps * PHASES)[: steps + 1]) / PHASES
    # linear interpolation between phases multiplies the response by that of a triangle
    response *= np.sinc(0.5 * np.arange(steps + 1) / steps / PHASES) ** 2
    return np.asarray(response[0] / response, dtype=np.float64)


@lru_cache(maxsize=256)
def points_for(samples: float, n_cycles: int, reach: int = 0) -> int:
    """Points per cycle for a window of up to `samples` samples, at least enough for order 50 and bin `reach`.

    The rate of the points is so high that aliases do not reach these bins: the resampler removes everything above SLOPE
    of the sampling rate, so that the aliases are in bins above N - SLOPE * samples.
    """
    least = (SLOPE * samples + max(min(50.0 * n_cycles, BAND * samples), reach) + n_cycles + 2.0) / n_cycles
    size = max(32, 1 << int(least).bit_length() - 1)
    while True:
        for points in (size, size // 4 * 5, size // 2 * 3):  # few different sizes, to limit the number of tables
            if points >= least:
                return points
        size *= 2


def most_points(samples: float, n_cycles: int) -> int:
    """Upper limit of the total number of points of a window with at most `samples` samples and `n_cycles` cycles."""
    return math.ceil(1.34 * ((SLOPE + BAND) * samples + n_cycles + 2.0)) + 40 * n_cycles


@bare
def frames(seg: Floats, first: int, n: int, out: Reals) -> None:
    """Transpose n columns of seg, shape (6, ...), from `first` on to rows of out, shape (>= n, 8).

    Columns 6 and 7 of out are not changed.
    """
    end = first + n
    a, b, c = seg[0, first:end], seg[1, first:end], seg[2, first:end]
    d, e, f = seg[3, first:end], seg[4, first:end], seg[5, first:end]
    for k in range(n):
        out[k, 0] = a[k]
        out[k, 1] = b[k]
        out[k, 2] = c[k]
        out[k, 3] = d[k]
        out[k, 4] = e[k]
        out[k, 5] = f[k]


@bare
def resample(x: Reals, start: float, step: float, size: int, weights: Reals, work: Reals, out: Reals) -> None:
    """Resample x, shape (n, 8), at row `start` and every `step` <= 2 rows from there.

    size: number of output rows, even.
    out: shape (>= size, 8).
    Rows start - LEAD .. start + (size - 1) step + TAPS - LEAD + 2 of x must exist, without gaps.
    weights: `taps`.
    work: work array, shape (>= 7, 8).
    """
    nil = zero(x)
    second = TAPS + LANES  # start of the taps of the second output, plus `far` elements
    store(work, TAPS // LANES, nil)
    for j in range(0, size, 2):  # two outputs share most of their rows, so each row is loaded once for both
        at = start + j * step
        i = int(at)
        far = int(at + step) - i
        _weigh(at, weights, work, 0)
        spill(work, second, nil)
        _weigh(at + step, weights, work, second + far)
        spill(work, second + far + TAPS, nil)
        a_even, a_odd, b_even, b_odd = nil, nil, nil, nil
        for t in range(0, TAPS + 2, 2):
            u = second + t
            row = load(x, i - LEAD + t)
            a_even = a_even + work[t // LANES, t % LANES] * row
            b_even = b_even + work[u // LANES, u % LANES] * row
            row = load(x, i - LEAD + t + 1)
            a_odd = a_odd + work[t // LANES, t % LANES + 1] * row
            b_odd = b_odd + work[u // LANES, u % LANES + 1] * row
        store(out, j, a_even + a_odd)
        store(out, j + 1, b_even + b_odd)


@inner
def _weigh(at: float, weights: Reals, work: Reals, to: int) -> None:
    """Write the taps for position `at` to 16 elements of work from `to` on."""
    phase = (at - int(at)) * PHASES
    p = int(phase)
    part = phase - p
    spill(work, to, load(weights, 4 * p) + part * load(weights, 4 * p + 2))
    spill(work, to + LANES, load(weights, 4 * p + 1) + part * load(weights, 4 * p + 3))

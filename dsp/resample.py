"""Resampling of one window to a whole number of points per cycle, by windowed sinc.

16 taps, Kaiser window, 128 phases with linear interpolation between them. The cut-off lies low, so that what the
spectrum folds is gone: the pass band droops. As the kernel is known, so is the droop, and `gain` takes it out of the
spectrum: amplitudes hold up to 0.45 of the sampling rate.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from dsp._jit import Floats, bare, inner
from dsp._lanes import LANES, load, rows, spill, store, zero

TAPS = 16
PHASES = 128
KAISER_BETA = 9.5
CUTOFF = 0.41  # of the sampling rate
BAND = 0.45  # of the sampling rate: above this nothing is reported
SLOPE = 0.6  # of the sampling rate: beyond, what is left of anything is below 2e-5 of itself
LEAD = TAPS // 2 - 1  # samples that a tap set needs before its position


def _kernel(phases: int) -> Floats:
    """Taps of phases 0 .. `phases` (inclusive), shape (phases + 1, TAPS); each phase adds up to one."""
    offset = np.arange(TAPS)[None, :] - LEAD - np.arange(phases + 1)[:, None] / phases
    inside = np.clip(1.0 - (offset / (TAPS / 2)) ** 2, 0.0, None)
    w = np.sinc(2.0 * CUTOFF * offset) * np.i0(KAISER_BETA * np.sqrt(inside))
    weights: Floats = w / w.sum(axis=1, keepdims=True)
    return weights


@cache
def taps() -> Floats:
    """Shape (4 * PHASES, 8), rows of phase p from 4 p on: taps 0..7, taps 8..15, and both's steps to the next phase."""
    w = _kernel(PHASES)
    out = rows(4 * PHASES)
    out.reshape(PHASES, 2, TAPS)[:, 0] = w[:-1]
    out.reshape(PHASES, 2, TAPS)[:, 1] = np.diff(w, axis=0)
    return out


@cache
def gain(steps: int = 1024) -> Floats:
    """1 / amplitude response at 0 .. 0.5 of the sampling rate, shape (steps + 1,)."""
    prototype = _kernel(PHASES)[:-1][::-1].T.ravel()  # in order of time, PHASES points per sample
    response = np.abs(np.fft.rfft(prototype, 2 * steps * PHASES)[: steps + 1]) / PHASES
    # a straight line between phases is a triangle's response on top
    response *= np.sinc(0.5 * np.arange(steps + 1) / steps / PHASES) ** 2
    return np.asarray(response[0] / response, dtype=np.float64)


def points_for(samples: float, n_cycles: int, reach: int = 0) -> int:
    """Points per cycle: enough for order 50 and bin `reach`, and what folds at half the points' rate stays above both.

    What is left above 0.5 of the sampling rate ends at SLOPE: it folds to bins above N - SLOPE * samples.
    """
    least = (SLOPE * samples + max(min(50.0 * n_cycles, BAND * samples), reach) + n_cycles + 2.0) / n_cycles
    size = 32
    while True:
        for points in (size, size // 4 * 5, size // 2 * 3):  # few sizes, so that their tables stay few
            if points >= least:
                return points
        size *= 2


def most_points(samples: float, n_cycles: int) -> int:
    """No window of up to that many samples and cycles gets more points in all."""
    return math.ceil(1.34 * ((SLOPE + BAND) * samples + n_cycles + 2.0)) + 40 * n_cycles


@bare
def frames(seg: Floats, first: int, n: int, out: Floats) -> None:
    """n columns of seg (shape (6, ...)) from `first` on become rows of out (shape (>= n, 8)); lanes 6 and 7 stay."""
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
def resample(x: Floats, start: float, step: float, size: int, weights: Floats, spare: Floats, out: Floats) -> None:
    """size rows (an even number) of out: x (shape (n, 8)) at row `start` and every `step` <= 2 rows from there.

    Rows start - LEAD .. start + (size - 1) step + TAPS - LEAD + 2 of x must exist, without gaps. weights: `taps`.
    spare: work, shape (>= 7, 8).
    """
    nil = zero(x)
    second = TAPS + LANES  # where the second output's taps begin, `far` elements later
    store(spare, TAPS // LANES, nil)
    for j in range(0, size, 2):  # two outputs share most of their rows, so each row is loaded once for both
        at = start + j * step
        i = int(at)
        far = int(at + step) - i
        _weigh(at, weights, spare, 0)
        spill(spare, second, nil)
        _weigh(at + step, weights, spare, second + far)
        spill(spare, second + far + TAPS, nil)
        a_even, a_odd, b_even, b_odd = nil, nil, nil, nil
        for t in range(0, TAPS + 2, 2):
            u = second + t
            row = load(x, i - LEAD + t)
            a_even = a_even + spare[t // LANES, t % LANES] * row
            b_even = b_even + spare[u // LANES, u % LANES] * row
            row = load(x, i - LEAD + t + 1)
            a_odd = a_odd + spare[t // LANES, t % LANES + 1] * row
            b_odd = b_odd + spare[u // LANES, u % LANES + 1] * row
        store(out, j, a_even + a_odd)
        store(out, j + 1, b_even + b_odd)


@inner
def _weigh(at: float, weights: Floats, spare: Floats, to: int) -> None:
    """Taps for position `at` into 16 elements of spare."""
    phase = (at - int(at)) * PHASES
    p = int(phase)
    part = phase - p
    spill(spare, to, load(weights, 4 * p) + part * load(weights, 4 * p + 2))
    spill(spare, to + LANES, load(weights, 4 * p + 1) + part * load(weights, 4 * p + 3))

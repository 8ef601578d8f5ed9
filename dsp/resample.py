"""Resampling of one window to a power of two, by windowed sinc, and what that costs the high orders.

32 taps, Kaiser window, 512 phases with linear interpolation between them. The kernel's own droop is known and is
taken out of the spectrum (`gain`), so that amplitudes hold up to 0.45 of the sampling rate.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from dsp._jit import Floats, Ints, kernel

TAPS = 32
PHASES = 512
KAISER_BETA = 8.0
BAND = 0.45  # of the sampling rate: above this nothing is reported
LEAD = TAPS // 2 - 1  # samples that a tap set needs before its position
LANES = 8  # of one output row: u1 u2 u3 - i1 i2 i3 -


@cache
def taps() -> Floats:
    """Weights (shape (2, PHASES, TAPS)): value, and step to the next phase. Each phase adds up to one."""
    offset = np.arange(TAPS)[None, :] - LEAD - np.arange(PHASES + 1)[:, None] / PHASES
    inside = np.clip(1.0 - (offset / (TAPS / 2)) ** 2, 0.0, None)
    w = np.sinc(offset) * np.i0(KAISER_BETA * np.sqrt(inside)) / np.i0(KAISER_BETA)
    w /= w.sum(axis=1, keepdims=True)
    return np.ascontiguousarray(np.stack((w[:-1], np.diff(w, axis=0))))


@cache
def gain(steps: int = 1024) -> Floats:
    """1 / amplitude response of the taps at 0 .. 0.5 of the sampling rate, shape (steps + 1,)."""
    prototype = taps()[0][::-1].T.ravel()  # in order of time, PHASES points per sample
    response = np.abs(np.fft.rfft(prototype, 2 * steps * PHASES)[: steps + 1]) / PHASES
    return np.asarray(1.0 / response, dtype=np.float64)


def size_for(samples: float, n_cycles: int) -> int:
    """Points M (a power of two) for a window: enough for order 50, and what folds at M/2 stays above order 50.

    Energy reaches up to 0.5 of the sampling rate plus the kernel's slope (0.59): it folds to bins above M - 0.6 n.
    """
    least = max(2048.0, 2.2 * 50.0 * n_cycles, 0.6 * samples + 50.0 * n_cycles + 2.0)
    return 1 << int(np.ceil(np.log2(least)))


@cache
def reversal(size: int) -> Ints:
    """Bit-reversed order of 0..size-1. For a smaller power of two n, shift the entries by log2(size/n)."""
    bits = size.bit_length() - 1
    index = np.arange(size, dtype=np.int64)
    out = np.zeros(size, dtype=np.int64)
    for _ in range(bits):
        out = (out << 1) | (index & 1)
        index >>= 1
    return out


@kernel
def resample(
    seg: Floats, start: float, step: float, size: int, weights: Floats, order: Ints, shift: int, z: Floats
) -> None:
    """size points of all six channels, the first at position `start` of seg (shape (6, n)), `step` samples apart.

    z (shape (>= size, 8), lanes u1 u2 u3 0 i1 i2 i3 0) receives point j in row order[j] >> shift: bit-reversed, as
    the transform wants it. seg holds no gaps; the caller has filled them and knows which results to withhold.
    """
    for j in range(size):
        at = start + j * step
        i = int(at)
        phase = (at - i) * PHASES
        # max() tells the compiler that indices do not wrap around; without it the taps are not vectorised
        p = max(int(phase), 0)
        part = phase - p
        k = max(i - LEAD, 0)
        a0 = a1 = a2 = a3 = a4 = a5 = 0.0
        for t in range(TAPS):
            w = weights[0, p, t] + part * weights[1, p, t]
            a0 += w * seg[0, k + t]
            a1 += w * seg[1, k + t]
            a2 += w * seg[2, k + t]
            a3 += w * seg[3, k + t]
            a4 += w * seg[4, k + t]
            a5 += w * seg[5, k + t]
        r = order[j] >> shift
        z[r, 0] = a0
        z[r, 1] = a1
        z[r, 2] = a2
        z[r, 3] = 0.0
        z[r, 4] = a3
        z[r, 5] = a4
        z[r, 6] = a5
        z[r, 7] = 0.0

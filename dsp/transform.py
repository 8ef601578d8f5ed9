"""Discrete Fourier transform of a window of complete cycles, six channels in parallel: the lowest bins.

The N real samples are transformed as N/2 complex points: even samples are real parts, odd samples imaginary parts. The
last pass separates the two spectra and calculates only the bins that are needed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from dsp._fft_passes import passes
from dsp._jit import Ints, Reals, bare, inner
from dsp._simd import SimdLanes, load, store


class Plan(NamedTuple):
    """Tables for c cycles of M points, N = c M. Plans are shared; do not modify them.

    points: M.
    roots: shape (N, 2), exp(-2 pi i k / N).
    radices: radices of the transform of N/2 complex points, see `_radices`.
    places: position of each of the N/2 bins after the passes.
    """

    points: int
    roots: Reals
    radices: Ints
    places: Ints


@lru_cache(maxsize=64)  # a drive that ramps up needs about sixty different numbers of cycles
def plan(cycles: int, points: int, dtype: type[np.floating[Any]] = np.float64) -> Plan:
    """Tables for `cycles` cycles of `points` points.

    dtype: type of the numbers to be transformed.
    points: a multiple of 8, without prime factors other than 2, 3 and 5.
    Raises ValueError for other values.
    """
    if cycles < 1 or points < 8 or points % 8 or set(_radices(points)) - {2, 3, 4, 5, 8}:
        raise ValueError(f"a plan needs cycles >= 1 and 8 * 2^a 3^b 5^d points, got {cycles} and {points}")
    half = cycles * points // 2
    radices = _radices(half)
    angle = 2.0 * np.pi * np.arange(2 * half) / (2 * half)
    roots = np.stack((np.cos(angle), -np.sin(angle)), axis=-1).astype(dtype)
    return Plan(points, roots, np.array(radices, dtype=np.int64), _places(half, radices))


def _radices(n: int) -> list[int]:
    """Odd primes, largest first, then at most one 2, then eights and fours; the last one is 4, for `lowest_bins`."""
    bits, odd, prime = 0, n, 3
    while odd % 2 == 0:
        odd //= 2
        bits += 1
    found: list[int] = []
    while odd > 1:
        if odd % prime == 0:
            found.insert(0, prime)
            odd //= prime
        else:
            prime += 2
    bits -= 2
    fours = -bits % 3 if bits > 1 else 0
    return found + [2] * (bits == 1) + [8] * ((bits - 2 * fours) // 3) + [4] * (fours + 1)


def _places(n: int, radices: list[int]) -> Ints:
    """Position of bin h after in-place decimation in frequency."""
    h, at, length = np.arange(n), np.zeros(n, dtype=np.int64), n
    for radix in radices:
        length //= radix
        at += h % radix * length
        h //= radix
    return at


@bare
def lowest_bins(
    x: Reals, size: int, top: int, roots: Reals, radices: Ints, places: Ints, work: Reals, lines: Reals
) -> None:
    """Bins 0 .. top of x, shape (>= size, 8), not scaled; x is overwritten.

    size: N, number of samples; top: at most N/2.
    roots, radices, places: from plan().
    work: work array, shape (>= 2 c + 2, 8) for c cycles.
    lines: output, shape (>= 2 (top + 1), 8): real part of bin k in row 2k, imaginary part in row 2k + 1.
    """
    half = size // 2
    quarter = half // 4
    passes(x, half, radices[:-1], roots, work)
    for h in range(quarter // 2 + 1):
        # the last radix for bins h and quarter - h, plus multiples of quarter, together with their mirror bins half - h
        a0r, a0i, a1r, a1i, a2r, a2i, a3r, a3i = _last_radix(x, 2 * places[h])
        if h == 0:
            _separate(lines, 0, half, top, a0r, a0i, a0r, a0i, roots)
            _separate(lines, quarter, half, top, a1r, a1i, a3r, a3i, roots)
            _separate(lines, 2 * quarter, half, top, a2r, a2i, a2r, a2i, roots)
            continue
        b0r, b0i, b1r, b1i, b2r, b2i, b3r, b3i = _last_radix(x, 2 * places[quarter - h])
        _separate(lines, h, half, top, a0r, a0i, b3r, b3i, roots)
        _separate(lines, h + quarter, half, top, a1r, a1i, b2r, b2i, roots)
        _separate(lines, quarter - h, half, top, b0r, b0i, a3r, a3i, roots)
        _separate(lines, 2 * quarter - h, half, top, b1r, b1i, a2r, a2i, roots)


@inner
def _last_radix(
    z: Reals, at: int
) -> tuple[SimdLanes, SimdLanes, SimdLanes, SimdLanes, SimdLanes, SimdLanes, SimdLanes, SimdLanes]:
    """Last radix, 4: real and imaginary parts of its four bins."""
    ar, ai, br, bi = load(z, at), load(z, at + 1), load(z, at + 2), load(z, at + 3)
    cr, ci, dr, di = load(z, at + 4), load(z, at + 5), load(z, at + 6), load(z, at + 7)
    pr, pi, qr, qi = ar + cr, ai + ci, ar - cr, ai - ci
    sr, si, tr, ti = br + dr, bi + di, br - dr, bi - di
    return pr + sr, pi + si, qr + ti, qi - tr, pr - sr, pi - si, qr - ti, qi + tr


@inner
def _separate(
    lines: Reals,
    h: int,
    half: int,
    top: int,
    ar: SimdLanes,
    ai: SimdLanes,
    br: SimdLanes,
    bi: SimdLanes,
    roots: Reals,
) -> None:
    """Bins h and half - h of the real points, from bins a, b of the complex points (even + i odd points)."""
    er, ei, pr, pi = 0.5 * (ar + br), 0.5 * (ai - bi), ai + bi, br - ar
    c, s = 0.5 * roots[h, 0], 0.5 * roots[h, 1]
    qr, qi = c * pr - s * pi, c * pi + s * pr
    if h <= top:
        store(lines, 2 * h, er + qr)
        store(lines, 2 * h + 1, ei + qi)
    if half - h <= top:
        store(lines, 2 * (half - h), er - qr)
        store(lines, 2 * (half - h) + 1, qi - ei)

"""Discrete Fourier transform of a window of complete cycles, six channels in parallel: all bins, or those of subgroups.

N points = c cycles of M points. Bin c h + r is bin h of the M-point transform of

    y_r[m] = exp(-2 pi i m r / N) sum over j of x[m + j M] exp(-2 pi i j r / c)

and because the samples are real, bin c h - r is the conjugate of bin -h of the same transform. Subgroups need r = 0 (y
is real: half a transform) and r = 1, so c cycles are reduced to one and a half transforms of M points, for any c.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dsp._fft_passes import passes, turned
from dsp._jit import Floats, Ints, bare, inner
from dsp._simd import SimdLanes, load, store, zero


class Plan(NamedTuple):
    """Tables for c cycles of M points, N = c M. Plans are shared; do not modify them.

    cycles: c.
    points: M.
    roots: shape (N, 2), exp(-2 pi i k / N).
    short: shape (M, 2), exp(-2 pi i k / M).
    weights: shape (c, 2), exp(-2 pi i k / c).
    radices: radices of the M-point transform, see `_radices`.
    half_radices: radices for M/2 points.
    all_radices: radices for N/2 points.
    place: position of bin h of M points after the passes.
    half_place: the same for M/2 points.
    all_place: the same for N/2 points.
    """

    cycles: int
    points: int
    roots: Floats
    short: Floats
    weights: Floats
    radices: Ints
    half_radices: Ints
    all_radices: Ints
    place: Ints
    half_place: Ints
    all_place: Ints


@lru_cache(maxsize=64)  # a drive that ramps up needs about sixty different numbers of cycles
def plan(cycles: int, points: int, dtype: type = np.float64) -> Plan:
    """Tables for `cycles` cycles of `points` points.

    points: a multiple of 8, without prime factors other than 2, 3 and 5.
    Raises ValueError for other values.
    """
    lengths = (points, points // 2, cycles * points // 2)
    if cycles < 1 or points < 8 or points % 8 or set(_radices(points)) - {2, 3, 4, 5, 8}:
        raise ValueError(f"a plan needs cycles >= 1 and 8 * 2^a 3^b 5^d points, got {cycles} and {points}")
    radices = [_radices(n) for n in lengths]
    return Plan(
        cycles,
        points,
        _roots(cycles * points, dtype),
        _roots(points, dtype),
        _roots(cycles, dtype),
        *(np.array(r, dtype=np.int64) for r in radices),
        *map(_places, lengths, radices),
    )


def _roots(n: int, dtype: type) -> Floats:
    angle = 2.0 * np.pi * np.arange(n) / n
    return np.ascontiguousarray(np.stack((np.cos(angle), -np.sin(angle)), axis=-1), dtype=dtype)


def _radices(n: int) -> list[int]:
    """Odd primes, largest first, then at most one 2, then eights and fours; the last one is 4, as `_bin` requires."""
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
def everything(
    x: Floats,
    cycles: int,
    points: int,
    top: int,
    roots: Floats,
    radices: Ints,
    place: Ints,
    spare: Floats,
    lines: Floats,
) -> None:
    """Bins 0 .. top <= N/2 of x, shape (>= N, 8); x is overwritten.

    lines: output, as of `subgroups`.
    spare: work array, shape (>= 2 c + 2, 8).
    """
    half = cycles * points // 2
    quarter = half // 4
    passes(x, 0, half, radices[:-1], roots, 2, spare)
    for h in range(quarter // 2 + 1):
        # the last radix for bins h and quarter - h, plus multiples of quarter, together with their mirror bins half - h
        a0r, a0i, a1r, a1i, a2r, a2i, a3r, a3i = _four(x, 2 * place[h])
        if h == 0:
            _part(lines, 0, half, top, a0r, a0i, a0r, a0i, roots)
            _part(lines, quarter, half, top, a1r, a1i, a3r, a3i, roots)
            _part(lines, 2 * quarter, half, top, a2r, a2i, a2r, a2i, roots)
            continue
        b0r, b0i, b1r, b1i, b2r, b2i, b3r, b3i = _four(x, 2 * place[quarter - h])
        _part(lines, h, half, top, a0r, a0i, b3r, b3i, roots)
        _part(lines, h + quarter, half, top, a1r, a1i, b2r, b2i, roots)
        _part(lines, quarter - h, half, top, b0r, b0i, a3r, a3i, roots)
        _part(lines, 2 * quarter - h, half, top, b1r, b1i, a2r, a2i, roots)


@inner
def _four(
    z: Floats, at: int
) -> tuple[SimdLanes, SimdLanes, SimdLanes, SimdLanes, SimdLanes, SimdLanes, SimdLanes, SimdLanes]:
    """Last radix, 4: real and imaginary parts of its four bins."""
    ar, ai, br, bi = load(z, at), load(z, at + 1), load(z, at + 2), load(z, at + 3)
    cr, ci, dr, di = load(z, at + 4), load(z, at + 5), load(z, at + 6), load(z, at + 7)
    pr, pi, qr, qi = ar + cr, ai + ci, ar - cr, ai - ci
    sr, si, tr, ti = br + dr, bi + di, br - dr, bi - di
    return pr + sr, pi + si, qr + ti, qi - tr, pr - sr, pi - si, qr - ti, qi + tr


@inner
def _part(
    lines: Floats,
    h: int,
    half: int,
    top: int,
    ar: SimdLanes,
    ai: SimdLanes,
    br: SimdLanes,
    bi: SimdLanes,
    roots: Floats,
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


@bare
def subgroups(
    x: Floats,
    cycles: int,
    points: int,
    top: int,
    roots: Floats,
    short: Floats,
    weights: Floats,
    radices: Ints,
    half_radices: Ints,
    place: Ints,
    half_place: Ints,
    z: Floats,
    lines: Floats,
) -> None:
    """Bins c h - 1, c h, c h + 1 of x, shape (>= N, 8), for the orders h = 0 .. top <= M/2; not scaled.

    roots, short, weights, radices, half_radices, place, half_place: from plan().
    z: work array, shape (>= 3 M, 8).
    lines: output, shape (>= 2 (c top + 2), 8): real part of bin k in row 2k, imaginary part in row 2k + 1; rows of
        other bins are not changed.
    """
    half = points // 2
    for m in range(0, points, 2):
        _fold(x, m, cycles, points, roots, weights, z)
    passes(z, 0, half, half_radices[:-1], short, 2, z)
    passes(z, points, points, radices[:-1], short, 1, z)
    for h in range(top + 1):
        ar, ai = _bin(z, 0, half, half_place, h if h < half else 0)
        br, bi = _bin(z, 0, half, half_place, half - h if h > 0 else 0)
        # even samples were the real part, odd ones the imaginary part
        er, ei, pr, pi = ar + br, ai - bi, ai + bi, br - ar
        c, s = 0.5 * short[h, 0], 0.5 * short[h, 1]
        at = 2 * cycles * h
        store(lines, at, 0.5 * er + (c * pr - s * pi))
        store(lines, at + 1, 0.5 * ei + (c * pi + s * pr))
        re, im = _bin(z, points, points, place, h)
        store(lines, at + 2, re)
        store(lines, at + 3, im)
        if h > 0:
            re, im = _bin(z, points, points, place, points - h)
            store(lines, at - 2, re)
            store(lines, at - 1, zero(z) - im)


@inner
def _fold(x: Floats, m: int, cycles: int, points: int, roots: Floats, weights: Floats, z: Floats) -> None:
    """y_0[m] (real, row m of z) and y_1[m] (complex, from row M + 2m), and both for m + 1, with alternating loads."""
    sum_a, sum_b = load(x, m), load(x, m + 1)
    re_a, re_b = sum_a, sum_b
    im_a, im_b = zero(x), zero(x)
    for j in range(1, (cycles + 1) // 2):  # j and c - j have the same cosine and opposite sines
        c, s = weights[j, 0], weights[j, 1]
        low, high = m + j * points, m + (cycles - j) * points
        p, q = load(x, low), load(x, high)
        both = p + q
        sum_a = sum_a + both
        re_a = re_a + c * both
        im_a = im_a + s * (p - q)
        p, q = load(x, low + 1), load(x, high + 1)
        both = p + q
        sum_b = sum_b + both
        re_b = re_b + c * both
        im_b = im_b + s * (p - q)
    if cycles % 2 == 0:
        p, q = load(x, m + cycles // 2 * points), load(x, m + cycles // 2 * points + 1)
        sum_a, re_a = sum_a + p, re_a - p
        sum_b, re_b = sum_b + q, re_b - q
    store(z, m, sum_a)
    store(z, m + 1, sum_b)
    turned(z, points + 2 * m, re_a, im_a, m, roots)
    turned(z, points + 2 * m + 2, re_b, im_b, m + 1, roots)


@inner
def _bin(z: Floats, first: int, n: int, place: Ints, h: int) -> tuple[SimdLanes, SimdLanes]:
    """Bin h of n, 0 <= h < n, after `passes`: last radix for this bin only."""
    quarter = n // 4
    q = 0 if h < quarter else 1 if h < 2 * quarter else 2 if h < 3 * quarter else 3
    at = first + 2 * (place[h] - q)
    ar, ai = load(z, at), load(z, at + 1)
    br, bi = load(z, at + 2), load(z, at + 3)
    cr, ci = load(z, at + 4), load(z, at + 5)
    dr, di = load(z, at + 6), load(z, at + 7)
    if q % 2 == 0:
        pr, pi, sr, si = ar + cr, ai + ci, br + dr, bi + di
    else:
        pr, pi, sr, si = ar - cr, ai - ci, bi - di, dr - br
    if q < 2:
        return pr + sr, pi + si
    return pr - sr, pi - si

"""Passes of a fast Fourier transform over six channels in parallel.

Decimation in frequency, in place, with one radix per pass. Row 2k of z holds the real part of point k, row 2k + 1 its
imaginary part. The order of the resulting bins is given by the tables of transform.plan.
"""

from __future__ import annotations

import numpy as np

from dsp._jit import Ints, Reals, bare, inner
from dsp._simd import SimdLanes, load, store, zero

_NEAR = 512  # complex rows of single precision that fit into the first-level cache


@bare
def passes(z: Reals, n: int, radices: Ints, roots: Reals, work: Reals) -> None:
    """Decimation in frequency, in place, of n complex points.

    roots: exp(-2 pi i k / (2 n)).
    work: work array for odd radices above 5.
    """
    length, step, wide = n, 2, 0
    while length > _NEAR and wide < radices.shape[0]:
        for block in range(0, 2 * n, 2 * length):
            _pass(z, block, length, radices[wide], length, step, roots, work)
        length //= radices[wide]
        step *= radices[wide]
        wide += 1
    for block in range(0, 2 * n, 2 * length):  # all passes of one block while it is in the cache
        part, hop = length, step
        for i in range(wide, radices.shape[0]):
            _pass(z, block, length, radices[i], part, hop, roots, work)
            part //= radices[i]
            hop *= radices[i]


@bare
def _pass(z: Reals, first: int, n: int, radix: int, length: int, step: int, roots: Reals, work: Reals) -> None:
    part = length // radix
    end = first + 2 * n
    if radix == 8:
        for k in range(part):
            _radix8(z, first + 2 * k, end, part, k * step, roots)
    elif radix == 4:
        for k in range(part):
            _radix4(z, first + 2 * k, end, part, k * step, roots)
    elif radix == 2:
        for k in range(part):
            _radix2(z, first + 2 * k, end, part, k * step, roots)
    elif radix == 3:
        for k in range(part):
            _radix3(z, first + 2 * k, end, part, k * step, roots)
    elif radix == 5:
        for k in range(part):
            _radix5(z, first + 2 * k, end, part, k * step, roots)
    else:
        for k in range(part):
            for at in range(first + 2 * k, end, 2 * length):
                _prime(z, at, radix, 2 * part, k * step, part * step, roots, work)


@inner
def _radix8(z: Reals, begin: int, end: int, part: int, k: int, roots: Reals) -> None:
    hop = 2 * part
    c = np.sqrt(0.5)
    for at in range(begin, end, 8 * hop):
        ar, ai = load(z, at), load(z, at + 1)
        br, bi = load(z, at + hop), load(z, at + hop + 1)
        cr, ci = load(z, at + 2 * hop), load(z, at + 2 * hop + 1)
        dr, di = load(z, at + 3 * hop), load(z, at + 3 * hop + 1)
        er, ei = load(z, at + 4 * hop), load(z, at + 4 * hop + 1)
        fr, fi = load(z, at + 5 * hop), load(z, at + 5 * hop + 1)
        gr, gi = load(z, at + 6 * hop), load(z, at + 6 * hop + 1)
        hr, hi = load(z, at + 7 * hop), load(z, at + 7 * hop + 1)
        ar, ai, er, ei = ar + er, ai + ei, ar - er, ai - ei
        br, bi, fr, fi = br + fr, bi + fi, br - fr, bi - fi
        cr, ci, gr, gi = cr + gr, ci + gi, cr - gr, ci - gi
        dr, di, hr, hi = dr + hr, di + hi, dr - hr, di - hi
        ar, ai, cr, ci = ar + cr, ai + ci, ar - cr, ai - ci
        br, bi, dr, di = br + dr, bi + di, br - dr, bi - di
        store(z, at, ar + br)
        store(z, at + 1, ai + bi)
        turned(z, at + 4 * hop, ar - br, ai - bi, 4 * k, roots)
        turned(z, at + 2 * hop, cr + di, ci - dr, 2 * k, roots)
        turned(z, at + 6 * hop, cr - di, ci + dr, 6 * k, roots)
        # times 1, w, w^2 = -i and w^3 for w = (1 - i) / sqrt 2
        fr, fi = c * (fr + fi), c * (fi - fr)
        hr, hi = c * (hi - hr), c * (hr + hi)
        er, ei, gr, gi = er + gi, ei - gr, er - gi, ei + gr
        fr, fi, hr, hi = fr + hr, fi - hi, fr - hr, fi + hi
        turned(z, at + hop, er + fr, ei + fi, k, roots)
        turned(z, at + 5 * hop, er - fr, ei - fi, 5 * k, roots)
        turned(z, at + 3 * hop, gr + hi, gi - hr, 3 * k, roots)
        turned(z, at + 7 * hop, gr - hi, gi + hr, 7 * k, roots)


@inner
def _radix4(z: Reals, begin: int, end: int, part: int, k: int, roots: Reals) -> None:
    hop = 2 * part
    c1, s1 = roots[k, 0], roots[k, 1]
    c2, s2 = roots[2 * k, 0], roots[2 * k, 1]
    c3, s3 = roots[3 * k, 0], roots[3 * k, 1]
    for at in range(begin, end, 4 * hop):
        ar, ai = load(z, at), load(z, at + 1)
        br, bi = load(z, at + hop), load(z, at + hop + 1)
        cr, ci = load(z, at + 2 * hop), load(z, at + 2 * hop + 1)
        dr, di = load(z, at + 3 * hop), load(z, at + 3 * hop + 1)
        pr, pi, qr, qi = ar + cr, ai + ci, ar - cr, ai - ci
        sr, si, tr, ti = br + dr, bi + di, br - dr, bi - di
        store(z, at, pr + sr)
        store(z, at + 1, pi + si)
        ar, ai, br, bi, cr, ci = qr + ti, qi - tr, pr - sr, pi - si, qr - ti, qi + tr
        _by(z, at + hop, ar, ai, c1, s1)
        _by(z, at + 2 * hop, br, bi, c2, s2)
        _by(z, at + 3 * hop, cr, ci, c3, s3)


@inner
def _radix2(z: Reals, begin: int, end: int, part: int, k: int, roots: Reals) -> None:
    hop = 2 * part
    c, s = roots[k, 0], roots[k, 1]
    for at in range(begin, end, 2 * hop):
        ar, ai = load(z, at), load(z, at + 1)
        br, bi = load(z, at + hop), load(z, at + hop + 1)
        store(z, at, ar + br)
        store(z, at + 1, ai + bi)
        br, bi = ar - br, ai - bi
        _by(z, at + hop, br, bi, c, s)


@inner
def _radix3(z: Reals, begin: int, end: int, part: int, k: int, roots: Reals) -> None:
    hop = 2 * part
    sine = np.sqrt(0.75)
    c1, s1 = roots[k, 0], roots[k, 1]
    c2, s2 = roots[2 * k, 0], roots[2 * k, 1]
    for at in range(begin, end, 3 * hop):
        ar, ai = load(z, at), load(z, at + 1)
        br, bi = load(z, at + hop), load(z, at + hop + 1)
        cr, ci = load(z, at + 2 * hop), load(z, at + 2 * hop + 1)
        pr, pi, qr, qi = br + cr, bi + ci, sine * (br - cr), sine * (bi - ci)
        store(z, at, ar + pr)
        store(z, at + 1, ai + pi)
        ar, ai = ar - 0.5 * pr, ai - 0.5 * pi
        br, bi, cr, ci = ar + qi, ai - qr, ar - qi, ai + qr
        _by(z, at + hop, br, bi, c1, s1)
        _by(z, at + 2 * hop, cr, ci, c2, s2)


@inner
def _radix5(z: Reals, begin: int, end: int, part: int, k: int, roots: Reals) -> None:
    hop = 2 * part
    u1, u2 = np.cos(0.4 * np.pi), np.cos(0.8 * np.pi)
    v1, v2 = np.sin(0.4 * np.pi), np.sin(0.8 * np.pi)
    c1, s1 = roots[k, 0], roots[k, 1]
    c2, s2 = roots[2 * k, 0], roots[2 * k, 1]
    c3, s3 = roots[3 * k, 0], roots[3 * k, 1]
    c4, s4 = roots[4 * k, 0], roots[4 * k, 1]
    for at in range(begin, end, 5 * hop):
        ar, ai = load(z, at), load(z, at + 1)
        br, bi = load(z, at + hop), load(z, at + hop + 1)
        cr, ci = load(z, at + 2 * hop), load(z, at + 2 * hop + 1)
        dr, di = load(z, at + 3 * hop), load(z, at + 3 * hop + 1)
        er, ei = load(z, at + 4 * hop), load(z, at + 4 * hop + 1)
        pr, pi, qr, qi = br + er, bi + ei, cr + dr, ci + di
        br, bi, cr, ci = br - er, bi - ei, cr - dr, ci - di
        store(z, at, ar + pr + qr)
        store(z, at + 1, ai + pi + qi)
        dr, di = ar + u1 * pr + u2 * qr, ai + u1 * pi + u2 * qi
        er, ei = v1 * br + v2 * cr, v1 * bi + v2 * ci
        ar, ai, pr, pi, qr, qi = ar + u2 * pr + u1 * qr, ai + u2 * pi + u1 * qi, dr + ei, di - er, dr - ei, di + er
        _by(z, at + hop, pr, pi, c1, s1)
        _by(z, at + 4 * hop, qr, qi, c4, s4)
        er, ei = v2 * br - v1 * cr, v2 * bi - v1 * ci
        pr, pi, qr, qi = ar + ei, ai - er, ar - ei, ai + er
        _by(z, at + 2 * hop, pr, pi, c2, s2)
        _by(z, at + 3 * hop, qr, qi, c3, s3)


@inner
def _prime(z: Reals, at: int, radix: int, hop: int, k: int, turn: int, roots: Reals, work: Reals) -> None:
    """One butterfly of any odd radix; roots[turn] is exp(-2 pi i / radix)."""
    half = radix // 2
    first_re, first_im = load(z, at), load(z, at + 1)
    re, im = first_re, first_im
    for j in range(1, half + 1):
        a, b = at + j * hop, at + (radix - j) * hop
        ar, ai, br, bi = load(z, a), load(z, a + 1), load(z, b), load(z, b + 1)
        re = re + (ar + br)
        im = im + (ai + bi)
        store(work, 4 * j, ar + br)
        store(work, 4 * j + 1, ai + bi)
        store(work, 4 * j + 2, ar - br)
        store(work, 4 * j + 3, ai - bi)
    store(z, at, re)
    store(z, at + 1, im)
    for q in range(1, half + 1):
        re, im = first_re, first_im
        qr, qi = zero(z), zero(z)
        angle = 0
        for j in range(1, half + 1):
            angle += q
            angle = angle - radix if angle >= radix else angle
            c, s = roots[angle * turn, 0], roots[angle * turn, 1]
            re = re + c * load(work, 4 * j)
            im = im + c * load(work, 4 * j + 1)
            qr = qr + s * load(work, 4 * j + 3)
            qi = qi + s * load(work, 4 * j + 2)
        turned(z, at + q * hop, re - qr, im + qi, q * k, roots)
        turned(z, at + (radix - q) * hop, re + qr, im - qi, (radix - q) * k, roots)


@inner
def turned(z: Reals, at: int, re: SimdLanes, im: SimdLanes, k: int, roots: Reals) -> None:
    """Store (re + i im) times the k-th root in rows at and at + 1."""
    _by(z, at, re, im, roots[k, 0], roots[k, 1])


@inner
def _by(z: Reals, at: int, re: SimdLanes, im: SimdLanes, c: float, s: float) -> None:
    store(z, at, c * re - s * im)
    store(z, at + 1, c * im + s * re)

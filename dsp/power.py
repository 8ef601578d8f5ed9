"""Rms, active and apparent power from the raw samples; reactive power and sequences from the fundamentals.

Sums use the midpoint rule: sample k represents the cell k-0.5 .. k+0.5 and is weighted with the part of the cell that
is in the window; `ends` adds the slope within the two partial cells. The next window takes the rest of a partial cell,
so energies of consecutive windows add up. Frequencies up to half the sampling rate are included, also the carrier bands
of a drive.
"""

from __future__ import annotations

import numpy as np

from dsp._jit import LANES, Bytes, Floats, bare, inner, kernel
from dsp._simd import SimdLanes, lane, take, zero

# entries of the sums: means of x (6), of x^2 (6), of u_k i_k (3), of u1u2 u2u3 u3u1 (3), of i1i2 i2i3 i3i1 (3)
SUMS = 21
# results of totals()
P, Q1, S, PF, DPF = 0, 1, 2, 3, 4
U_SEQUENCE, I_SEQUENCE = 5, 8  # three entries each: zero, positive, negative
U2_PCT, U0_PCT, I2_PCT, I0_PCT, U_NEMA_PCT, I_NEMA_PCT = 11, 12, 13, 14, 15, 16
Q1_PHASE, S_PHASE, PF_PHASE, DPF_PHASE = 17, 20, 23, 26  # three entries each
VE2, IE2 = 29, 30  # squares of the effective values
P1, S1_PLUS, P1_PLUS, Q1_PLUS = 31, 32, 33, 34
RESULTS = 35


@bare
def sums(seg: Floats, lo: int, hi: int, first: float, last: float, out: Floats) -> None:
    """Means over columns lo .. hi (inclusive, hi > lo) of seg; the end cells have the weights `first` and `last`.

    seg: shape (6, n), V and A, without gaps.
    out: shape (21,), see SUMS.
    """
    length = first + last + (hi - lo - 1)
    for row in range(0, 6, 3):
        _sums_of_three(seg[row], seg[row + 1], seg[row + 2], lo, hi, first, last, out, row)
    for c in range(3):
        out[12 + c] = _product(seg[c], seg[c + 3], lo, hi, first, last)
    for k in range(21):
        out[k] /= length


@bare
def _sums_of_three(
    x: Floats, y: Floats, z: Floats, lo: int, hi: int, first: float, last: float, out: Floats, row: int
) -> None:
    """Sums of three channels and of their squares and products, in one pass with vectors."""
    sx, sy, sz = zero(x), zero(x), zero(x)
    xx, yy, zz, xy, yz, zx = zero(x), zero(x), zero(x), zero(x), zero(x), zero(x)
    end = lo + 1 + (hi - lo - 1) // LANES * LANES
    for k in range(lo + 1, end, LANES):
        a, b, c = take(x, k), take(y, k), take(z, k)
        sx, sy, sz = sx + a, sy + b, sz + c
        xx, yy, zz = xx + a * a, yy + b * b, zz + c * c
        xy, yz, zx = xy + a * b, yz + b * c, zx + c * a
    place = 15 + row  # of the products: 15 for voltages, 18 for currents
    out[row], out[row + 1], out[row + 2] = _total(sx), _total(sy), _total(sz)
    out[row + 6], out[row + 7], out[row + 8] = _total(xx), _total(yy), _total(zz)
    out[place], out[place + 1], out[place + 2] = _total(xy), _total(yz), _total(zx)
    for k in range(end - 1, hi + 1):
        # the first and last cell, and what is left of the vectors
        at, weight = (lo, first) if k == end - 1 else (k, last if k == hi else 1.0)
        a, b, c = x[at], y[at], z[at]
        out[row] += weight * a
        out[row + 1] += weight * b
        out[row + 2] += weight * c
        out[row + 6] += weight * a * a
        out[row + 7] += weight * b * b
        out[row + 8] += weight * c * c
        out[place] += weight * a * b
        out[place + 1] += weight * b * c
        out[place + 2] += weight * c * a


@bare
def _product(x: Floats, y: Floats, lo: int, hi: int, first: float, last: float) -> float:
    total = 0.0
    a, b = x[lo + 1 : hi], y[lo + 1 : hi]
    for k in range(a.shape[0]):
        total += a[k] * b[k]
    return float(total + first * x[lo] * y[lo] + last * x[hi] * y[hi])


@inner
def _total(v: SimdLanes) -> float:
    total = 0.0
    for k in range(LANES):
        total += lane(v, k)
    return total


@bare
def ends(seg: Floats, lo: int, hi: int, first: float, last: float, out: Floats) -> None:
    """Add to the means of `sums` the contribution of the slope within the two partial cells.

    Needs columns lo - 1 and hi + 1. Without this correction the rms of a sine has an error of about 1e-6, whose root
    appears in non-fundamental powers.
    """
    length = first + last + (hi - lo - 1)
    wa = 0.25 * first * (1.0 - first) / length  # part of the cell, times the offset of its centre, times half the step
    wb = -0.25 * last * (1.0 - last) / length
    for c in range(21):
        if c < 6:
            out[c] += wa * (seg[c, lo + 1] - seg[c, lo - 1]) + wb * (seg[c, hi + 1] - seg[c, hi - 1])
            continue
        if c < 12:
            i, j = c - 6, c - 6
        elif c < 15:
            i, j = c - 12, c - 9
        elif c < 18:
            i, j = c - 15, (c - 14) % 3
        else:
            i, j = c - 15, 3 + (c - 17) % 3
        step_a = seg[i, lo + 1] * seg[j, lo + 1] - seg[i, lo - 1] * seg[j, lo - 1]
        step_b = seg[i, hi + 1] * seg[j, hi + 1] - seg[i, hi - 1] * seg[j, hi - 1]
        out[c] += wa * step_a + wb * step_b
        if c < 12:
            out[c] = max(out[c], 0.0)


@kernel
def means(seg: Floats, lo: int, hi: int, first: float, last: float, out: Floats) -> None:
    """Means as in `sums`, with the correction of `ends`."""
    sums(seg, lo, hi, first, last, out)
    ends(seg, lo, hi, first, last, out)


@kernel
def two_to_three(x: Floats, n: int) -> None:
    """Convert the two-wattmeter connection to three phases, in place.

    x: shape (6, >= n): u12 in row 0, u32 in row 2, i1 and i3 in rows 3 and 5; afterwards all six channels.
    Phase voltages refer to the star point of three equal impedances (their sum is zero), and i2 = -(i1 + i3), so that
    the sum of the three phase powers is u12 i1 + u32 i3. NaN in a voltage or current makes all voltages or currents
    NaN.
    """
    for k in range(n):
        a, c = x[0, k], x[2, k]
        x[0, k] = (2.0 * a - c) / 3.0
        x[1, k] = -(a + c) / 3.0
        x[2, k] = (2.0 * c - a) / 3.0
        x[4, k] = -(x[3, k] + x[5, k])


@bare
def _sequence(p: Floats, row: int, turn: float) -> tuple[float, float]:
    """Symmetrical component (real, imaginary) of three phasors; turn +1: positive, -1: negative, 0: zero sequence."""
    c = -0.5 if turn != 0.0 else 1.0
    s = turn * np.sqrt(0.75)
    re = p[row, 0] + c * (p[row + 1, 0] + p[row + 2, 0]) - s * (p[row + 1, 1] - p[row + 2, 1])
    im = p[row, 1] + c * (p[row + 1, 1] + p[row + 2, 1]) + s * (p[row + 1, 0] - p[row + 2, 0])
    return re / 3.0, im / 3.0


@bare
def nema_pct(a: float, b: float, c: float) -> float:
    """Largest deviation of three rms values from their mean, in percent of it (NEMA MG 1-14.36 [M]); NaN at zero."""
    mean = (a + b + c) / 3.0
    if not mean > 0.0:
        return float(np.nan)
    return 100.0 * max(abs(a - mean), abs(b - mean), abs(c - mean)) / mean


@bare
def _effective(mean: Floats, wires: int) -> tuple[float, float]:
    """Squares of the effective voltage and current of IEEE 1459-2010, from sums().

    Four wires: i_n = -(i1 + i2 + i3), voltages to neutral. Three wires: line-to-line voltages only, independent of the
    reference point of the phase voltages.
    """
    uu = mean[6] + mean[7] + mean[8]
    cross_u = mean[15] + mean[16] + mean[17]
    ii = mean[9] + mean[10] + mean[11]
    cross_i = mean[18] + mean[19] + mean[20]
    # the squares of the line-to-line voltages add up to 2 uu - 2 cross; the squared neutral current is ii + 2 cross
    if wires == 3:
        return max(2.0 * (uu - cross_u), 0.0) / 9.0, ii / 3.0
    return max(3.0 * uu + 2.0 * (uu - cross_u), 0.0) / 18.0, (ii + max(ii + 2.0 * cross_i, 0.0)) / 3.0


@bare
def totals(mean: Floats, phasor: Floats, mapped: Bytes, good: Bytes, rotation: int, wires: int, out: Floats) -> None:
    """P, Q1, S, PF, displacement factor, symmetrical components and unbalance of one window.

    mean: shape (21,), from sums().
    phasor: shape (6, 2), fundamentals, rms; NaN without synchronisation.
    mapped: shape (6,), channels that exist.
    good: shape (6,), channels that exist and have no gap.
    rotation: +1 or -1, direction of the field.
    wires: 3 or 4, see _effective().
    out: shape (35,), see P .. Q1_PLUS.

    Totals include the phases that have both u and i; a gap in one of them makes the total NaN.
    Q1 = sum of U1 I1 sin(phi), positive = inductive. S of three phases is the effective apparent power 3 Ve Ie of IEEE
    1459-2010, of one or two phases the sum of U I. PF = P/S, NaN without current. The displacement factor is that of
    the positive sequence (PF1+) for three phases, otherwise P1 over the root of P1^2 + Q1^2.
    Unbalance is in percent of the positive sequence, which is the one that rotates in the direction `rotation`. The
    NEMA value is calculated from the rms of the line-to-line voltages, and of the currents.
    """
    out[:] = np.nan
    pairs = 0
    whole = True
    p, p1, q, s = 0.0, 0.0, 0.0, 0.0
    for k in range(3):
        if mapped[k] and mapped[k + 3]:
            pairs += 1
            if not (good[k] and good[k + 3]):
                whole = False
                continue
            phase_p1 = phasor[k, 0] * phasor[k + 3, 0] + phasor[k, 1] * phasor[k + 3, 1]
            phase_q = phasor[k, 1] * phasor[k + 3, 0] - phasor[k, 0] * phasor[k + 3, 1]
            phase_s = np.sqrt(mean[6 + k] * mean[9 + k])
            s1 = np.sqrt(phase_p1 * phase_p1 + phase_q * phase_q)
            out[Q1_PHASE + k] = phase_q
            out[S_PHASE + k] = phase_s
            out[PF_PHASE + k] = mean[12 + k] / phase_s if phase_s > 0.0 else np.nan
            # below 0.1 % of S the angle of the fundamental has no meaning
            out[DPF_PHASE + k] = phase_p1 / s1 if s1 > 1e-3 * phase_s else np.nan
            p += mean[12 + k]
            p1 += phase_p1
            q += phase_q
            s += phase_s
    turn = 1.0 if rotation >= 0 else -1.0
    if pairs > 0 and whole:
        s1 = np.sqrt(p1 * p1 + q * q)
        if pairs == 3:
            ve2, ie2 = _effective(mean, wires)
            s = 3.0 * np.sqrt(ve2 * ie2)
            ur, ui = _sequence(phasor, 0, turn)
            ir, ii = _sequence(phasor, 3, turn)
            out[VE2], out[IE2], out[P1] = ve2, ie2, p1
            p1 = 3.0 * (ur * ir + ui * ii)
            s1 = 3.0 * np.sqrt((ur * ur + ui * ui) * (ir * ir + ii * ii))
            out[S1_PLUS], out[P1_PLUS], out[Q1_PLUS] = s1, p1, 3.0 * (ui * ir - ur * ii)
        out[P], out[Q1], out[S] = p, q, s
        out[PF] = p / s if s > 0.0 else np.nan
        out[DPF] = p1 / s1 if s1 > 1e-3 * s else np.nan
    for row in range(0, 6, 3):
        whole = True
        rms2 = 0.0
        for k in range(row, row + 3):
            whole = whole and mapped[k] != 0 and good[k] != 0
            # rounding errors of the channels that share the transform do not count as a fundamental either
            rms2 = max(rms2, mean[6 + k], 1e-18 * mean[6 + (k + 3) % 6])
        if not whole:
            continue
        at = U_SEQUENCE if row == 0 else I_SEQUENCE
        for part in range(3):
            # positive: x1 + a x2 + a^2 x3
            re, im = _sequence(phasor, row, turn if part == 1 else -turn if part == 2 else 0.0)
            out[at + part] = np.sqrt(re * re + im * im)
        one = out[at + 1]
        if one > 1e-3 * np.sqrt(rms2):  # a smaller positive sequence is not a fundamental
            out[U2_PCT if row == 0 else I2_PCT] = 100.0 * out[at + 2] / one
            out[U0_PCT if row == 0 else I0_PCT] = 100.0 * out[at] / one
        if row == 3:
            out[I_NEMA_PCT] = nema_pct(np.sqrt(mean[9]), np.sqrt(mean[10]), np.sqrt(mean[11]))
        else:
            ab = np.sqrt(max(mean[6] + mean[7] - 2.0 * mean[15], 0.0))
            bc = np.sqrt(max(mean[7] + mean[8] - 2.0 * mean[16], 0.0))
            ca = np.sqrt(max(mean[8] + mean[6] - 2.0 * mean[17], 0.0))
            out[U_NEMA_PCT] = nema_pct(ab, bc, ca)

"""RMS, active and apparent power from the raw samples; reactive power and sequences from the fundamentals.

Raw sums use the midpoint rule: sample k stands for k-0.5 .. k+0.5 and counts with the part of that cell that lies in
the window. All energy up to half the sampling rate is kept, carrier bands of a drive included.
"""

from __future__ import annotations

import numpy as np

from dsp._jit import Bytes, Floats, kernel

# columns of the sums: means of x (6), of x^2 (6), of u_k i_k (3), of u1u2 u2u3 u3u1 (3), of i1i2 i2i3 i3i1 (3)
SUMS = 21
# results of totals()
RESULTS = 12
P, Q1, S, PF, U1, U2_PCT, U0_PCT, I2_PCT, I0_PCT, Q1_PHASE = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9


@kernel
def _mean_product(a: Floats, b: Floats, first: float, last: float, length: float) -> float:
    n = a.shape[0]
    total = 0.0
    for k in range(1, n - 1):
        total += a[k] * b[k]
    mean: float = (total + first * a[0] * b[0] + last * a[n - 1] * b[n - 1]) / length
    return mean


@kernel
def _mean(a: Floats, first: float, last: float, length: float) -> float:
    n = a.shape[0]
    total = 0.0
    for k in range(1, n - 1):
        total += a[k]
    mean: float = (total + first * a[0] + last * a[n - 1]) / length
    return mean


@kernel
def sums(seg: Floats, lo: int, hi: int, first: float, last: float, out: Floats) -> None:
    """Means over columns lo..hi (inclusive, hi > lo) of seg (shape (6, n)); the end cells weigh `first` and `last`.

    out: shape (21,), see SUMS. seg holds no gaps.
    """
    length = first + last + (hi - lo - 1)
    for c in range(6):
        a = seg[c, lo : hi + 1]
        out[c] = _mean(a, first, last, length)
        out[6 + c] = _mean_product(a, a, first, last, length)
    for c in range(3):
        d = (c + 1) % 3
        u, u_next = seg[c, lo : hi + 1], seg[d, lo : hi + 1]
        i, i_next = seg[c + 3, lo : hi + 1], seg[d + 3, lo : hi + 1]
        out[12 + c] = _mean_product(u, i, first, last, length)
        out[15 + c] = _mean_product(u, u_next, first, last, length)
        out[18 + c] = _mean_product(i, i_next, first, last, length)


@kernel
def _sequence(p: Floats, row: int, turn: float) -> tuple[float, float]:
    """One symmetrical component (real, imaginary) of three phasors: turn +1 positive, -1 negative, 0 zero."""
    c = -0.5 if turn != 0.0 else 1.0
    s = turn * np.sqrt(0.75)
    re = p[row, 0] + c * (p[row + 1, 0] + p[row + 2, 0]) - s * (p[row + 1, 1] - p[row + 2, 1])
    im = p[row, 1] + c * (p[row + 1, 1] + p[row + 2, 1]) + s * (p[row + 1, 0] - p[row + 2, 0])
    return re / 3.0, im / 3.0


@kernel
def totals(mean: Floats, phasor: Floats, mapped: Bytes, good: Bytes, rotation: int, out: Floats) -> None:
    """P, Q1, S, PF and symmetrical components of one window.

    mean: from sums(). phasor: shape (6, 2), fundamentals, rms; NaN without synchronisation. mapped: the channels that
    exist; good: those of them without a gap. out: shape (12,), see P .. Q1_PHASE (three entries).

    Totals run over the phases that have both u and i; a gap in one of them makes the total NaN.
    Q1 = sum of U1 I1 sin(phi), positive = inductive. S of three phases is IEEE 1459-2010's effective apparent power
    3 Ve Ie in its four-wire form, with i_n = -(i1 + i2 + i3): it equals the three-wire form when nothing flows back
    and the voltages refer to the star point. S of one or two phases is the sum of U I. PF = P/S, NaN without current.
    Unbalance in percent of the positive sequence, which is the one that turns as the field does (`rotation`).
    """
    out[:] = np.nan
    pairs = 0
    whole = True
    p = 0.0
    q = 0.0
    s = 0.0
    for k in range(3):
        if mapped[k] and mapped[k + 3]:
            pairs += 1
            if good[k] and good[k + 3]:
                p += mean[12 + k]
                phase_q = phasor[k, 1] * phasor[k + 3, 0] - phasor[k, 0] * phasor[k + 3, 1]
                out[Q1_PHASE + k] = phase_q
                q += phase_q
                s += np.sqrt(mean[6 + k] * mean[9 + k])
            else:
                whole = False
    if pairs > 0 and whole:
        if pairs == 3:
            uu = mean[6] + mean[7] + mean[8]
            cross_u = mean[15] + mean[16] + mean[17]
            ii = mean[9] + mean[10] + mean[11]
            cross_i = mean[18] + mean[19] + mean[20]
            # sum of the line voltages' squares is 2 uu - 2 cross; the neutral current's square is ii + 2 cross
            ve2 = (3.0 * uu + 2.0 * (uu - cross_u)) / 18.0
            ie2 = (ii + max(ii + 2.0 * cross_i, 0.0)) / 3.0
            s = 3.0 * np.sqrt(max(ve2, 0.0) * ie2)
        out[P] = p
        out[Q1] = q
        out[S] = s
        out[PF] = p / s if s > 0.0 else np.nan
    turn = 1.0 if rotation >= 0 else -1.0
    for row in range(0, 6, 3):
        whole = True
        rms2 = 0.0
        for k in range(row, row + 3):
            whole = whole and mapped[k] != 0 and good[k] != 0
            # the other kind's rounding in the shared transform is no fundamental either
            rms2 = max(rms2, mean[6 + k], 1e-18 * mean[6 + (k + 3) % 6])
        if not whole:
            continue
        # positive: x1 + a x2 + a^2 x3
        re, im = _sequence(phasor, row, turn)
        one = np.sqrt(re * re + im * im)
        re, im = _sequence(phasor, row, -turn)
        two = np.sqrt(re * re + im * im)
        re, im = _sequence(phasor, row, 0.0)
        zero = np.sqrt(re * re + im * im)
        if row == 0:
            out[U1] = one
        if one > 1e-3 * np.sqrt(rms2):  # below that there is no fundamental to compare with
            out[U2_PCT if row == 0 else I2_PCT] = 100.0 * two / one
            out[U0_PCT if row == 0 else I0_PCT] = 100.0 * zero / one

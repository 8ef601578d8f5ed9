"""Indices made from the harmonics of one window: K factor, TDD, HVF, crest factor, power of each order.

Tables have shape (channels, 51), rms, orders 0 .. 50; orders beyond the band are NaN and do not count.
"""

from __future__ import annotations

import numpy as np

from dsp._jit import Floats, bare, inner


@bare
def k_factor(h_i: Floats, out: Floats) -> None:
    """Sum of h^2 I_h^2 over sum of I_h^2, orders 1 .. 50 (UL 1561 [M]). NaN without current.

    IEEE C57.110's harmonic loss factor F_HL is the same number.
    """
    for c in range(h_i.shape[0]):
        top = 0.0
        bottom = 0.0
        for order in range(1, h_i.shape[1]):
            y = h_i[c, order]
            if not np.isnan(y):
                top += order * order * y * y
                bottom += y * y
        out[c] = top / bottom if bottom > 0.0 else np.nan


@bare
def tdd(sg_i: Floats, demand_a: float, out: Floats) -> None:
    """Total demand distortion in percent: root of the squares of orders 2 .. 50 over the demand (IEEE 519-2022 [M]).

    demand_a: the maximum demand load current IL, rms of the fundamental. NaN when it is not known or not positive.
    """
    for c in range(sg_i.shape[0]):
        total = 0.0
        for order in range(2, sg_i.shape[1]):
            y = sg_i[c, order]
            if not np.isnan(y):
                total += y * y
        out[c] = 100.0 * np.sqrt(total) / demand_a if demand_a > 0.0 and not np.isnan(sg_i[c, 1]) else np.nan


@bare
def hvf(h_u: Floats, out: Floats) -> None:
    """Harmonic voltage factor: root of the sum of (U_n / U_1)^2 / n, n = 5, 7, 11, 13 .. 49 (NEMA MG 1-30.1 [M]).

    The standard refers to the rated voltage; here it is the fundamental. NaN without one.
    """
    for c in range(h_u.shape[0]):
        total = 0.0
        for order in range(5, h_u.shape[1], 2):
            y = h_u[c, order]
            if order % 3 != 0 and not np.isnan(y):
                total += y * y / order
        out[c] = np.sqrt(total) / h_u[c, 1] if h_u[c, 1] > 0.0 else np.nan


@bare
def crest(seg: Floats, lo: int, hi: int, rms: Floats, out: Floats) -> None:
    """Largest magnitude in columns lo..hi (inclusive) of each row of seg, over its rms; NaN of nothing. No gaps."""
    for c in range(out.shape[0]):
        a = seg[c, lo : hi + 1]
        n = a.shape[0]
        m0, m1, m2, m3 = 0.0, 0.0, 0.0, 0.0  # four chains: one would wait for itself
        for k in range(0, n - 3, 4):
            m0 = max(m0, abs(a[k]))
            m1 = max(m1, abs(a[k + 1]))
            m2 = max(m2, abs(a[k + 2]))
            m3 = max(m3, abs(a[k + 3]))
        for k in range(n - n % 4, n):
            m0 = max(m0, abs(a[k]))
        out[c] = max(max(m0, m1), max(m2, m3)) / rms[c] if rms[c] > 0.0 else np.nan


@bare
def between(
    lines: Floats, points: int, n_cycles: int, samples: float, band: float, gain: Floats,
    isg: Floats, g: Floats, power: Floats,
) -> None:  # fmt: skip
    """Interharmonic centred subgroups, groups, and active power of each order, from all bins of a window.

    lines, points, samples, band, gain: as for spectrum.harmonics, with all bins up to that of the last order's upper
    edge. isg, g: shape (6, 51), rms. isg[h] = bins N h + 2 .. N h + N - 2, between the orders h and h + 1 (IEC
    61000-4-7, annex A [M]), from four cycles on. g[h] = bins N h - N/2 .. N h + N/2, of which the outermost count half
    (5.5), from order 1 and three cycles on; with an odd N no bin is halved.
    power: shape (3, 51), watts, positive into the load: negative means that the load is its source. The sign says where
    an order flows, not who causes it; with next to no voltage of that order it means little. Order 0 is DC.
    NaN beyond the band.
    """
    half = n_cycles // 2
    scale = np.sqrt(2.0) / points
    for c in range(3):
        power[c, 0] = lines[0, c] * lines[0, c + 3] / (points * points)
    for order in range(isg.shape[1]):
        centre = order * n_cycles
        inside = centre + n_cycles <= band * samples
        for c in range(6):
            isg[c, order] = 0.0 if inside and n_cycles >= 4 else np.nan
            g[c, order] = 0.0 if centre + half <= band * samples and n_cycles >= 3 and order > 0 else np.nan
        if order > 0 and centre <= band * samples:
            weight = (scale * _gain_at(gain, centre / samples)) ** 2
            for c in range(3):
                re = lines[2 * centre, c] * lines[2 * centre, c + 3]
                power[c, order] = weight * (re + lines[2 * centre + 1, c] * lines[2 * centre + 1, c + 3])
        elif order > 0:
            power[:, order] = np.nan
        if centre - half > band * samples:
            continue
        for b in range(max(centre - half, 1), centre + n_cycles - 1):
            if b > band * samples:
                break
            weight = (scale * _gain_at(gain, b / samples)) ** 2
            edge = 0.5 if 2 * abs(b - centre) == n_cycles else 1.0
            for c in range(6):
                y2 = weight * (lines[2 * b, c] * lines[2 * b, c] + lines[2 * b + 1, c] * lines[2 * b + 1, c])
                if b >= centre + 2:
                    isg[c, order] += y2
                if abs(b - centre) <= half:
                    g[c, order] += edge * y2
        for c in range(6):
            isg[c, order] = np.sqrt(isg[c, order])
            g[c, order] = np.sqrt(g[c, order])


@inner
def _gain_at(gain: Floats, part: float) -> float:
    """part: of the sampling rate, 0 .. 0.5. As in spectrum.py: kernels share nothing across files."""
    steps = gain.shape[0] - 1
    at = min(2.0 * part, 1.0) * steps
    k = min(int(at), steps - 1)
    value: float = gain[k] + (at - k) * (gain[k + 1] - gain[k])
    return value

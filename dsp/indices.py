"""Indices made from the harmonics of one window: K factor, TDD, HVF, crest factor, power of each order.

Tables have shape (channels, 51), rms, orders 0 .. 50; orders beyond the band are NaN and do not count.
"""

from __future__ import annotations

import numpy as np

from dsp._jit import Floats, kernel


@kernel
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


@kernel
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


@kernel
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


@kernel
def peaks(seg: Floats, lo: int, hi: int, out: Floats) -> None:
    """Largest magnitude in columns lo..hi (inclusive) of each row of seg. seg holds no gaps."""
    for c in range(seg.shape[0]):
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
        out[c] = max(max(m0, m1), max(m2, m3))


@kernel
def harmonic_power(u: Floats, i: Floats, out: Floats) -> None:
    """Active power of each order and phase, positive into the load: negative means that the load is its source.

    u, i: phasors, shape (3, 51, 2), rms, real and imaginary part. out: shape (3, 51), watts. Order 0 is DC.
    The sign says where an order flows, not who causes it: with U_h near nothing it means little.
    """
    for c in range(3):
        for order in range(out.shape[1]):
            out[c, order] = u[c, order, 0] * i[c, order, 0] + u[c, order, 1] * i[c, order, 1]

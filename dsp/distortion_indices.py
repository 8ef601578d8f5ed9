"""Indices of the harmonics of one window: THD, K factor, TDD, HVF, crest factor.

Tables have shape (channels, 51), rms, orders 0 .. 50. Orders above the frequency band are NaN and do not count.
"""

from __future__ import annotations

import numpy as np

from dsp._jit import Floats, bare, inner

THD_ORDER = 40  # IEC 61000-4-7 [M]


@bare
def ratios(h: Floats, sg: Floats, rms: Floats, peaks: Floats, demand_a: float, n_cycles: int, out: Floats) -> None:
    """All indices of a window.

    h, sg: shape (6, 51), components and subgroups, rms.
    rms, peaks: shape (6,), total rms and largest magnitude of each channel in the window.
    demand_a: see tdd().
    n_cycles: cycles of the window; 0 without synchronisation.
    out: shape (21,): THD (6), K factor (3), TDD (3), HVF (3), crest factor (6).
    Without synchronisation, or if the band does not include order 2, all except the crest factor are NaN.
    """
    for c in range(6):
        out[15 + c] = peaks[c] / rms[c] if rms[c] > 0.0 else np.nan
    if n_cycles == 0 or np.isnan(h[0, 2]):
        out[:15] = np.nan
        return
    thd(h, sg, rms, n_cycles, out[:6])
    k_factor(h[3:], out[6:9])
    tdd(h[3:] if n_cycles < 3 else sg[3:], demand_a, out[9:12])
    hvf(h[:3], out[12:15])


@bare
def thd(h: Floats, sg: Floats, rms: Floats, n_cycles: int, out: Floats) -> None:
    """THD in percent up to order 40, per channel, from subgroups; from components below three cycles. out: shape (6,).

    Orders above the band (NaN) do not count. NaN without a fundamental: below 0.1 % of the rms of the channel, or not
    above the rounding error of the channel that shares its transform.
    """
    for c in range(h.shape[0]):
        table = h[c] if n_cycles < 3 else sg[c]
        least = max(1e-3 * rms[c], 1e-12 * rms[(c + 3) % 6])
        out[c] = 100.0 * np.sqrt(_square_sum(table, 2, THD_ORDER)) / table[1] if table[1] > least else np.nan


@bare
def k_factor(h_i: Floats, out: Floats) -> None:
    """Sum of h^2 I_h^2 over sum of I_h^2, orders 1 .. 50 (UL 1561 [M]); NaN without current.

    The harmonic loss factor F_HL of IEEE C57.110 is the same number.
    """
    for c in range(h_i.shape[0]):
        weighted, total = 0.0, 0.0
        for order in range(1, h_i.shape[1]):
            y = h_i[c, order]
            if not np.isnan(y):
                weighted += order * order * y * y
                total += y * y
        out[c] = weighted / total if total > 0.0 else np.nan


@bare
def tdd(sg_i: Floats, demand_a: float, out: Floats) -> None:
    """Total demand distortion in percent: root sum of squares of orders 2 .. 50 over the demand (IEEE 519-2022 [M]).

    demand_a: maximum demand load current IL, A, rms of the fundamental. The result is NaN if it is unknown or not
        positive.
    """
    for c in range(sg_i.shape[0]):
        total = _square_sum(sg_i[c], 2, sg_i.shape[1] - 1)
        out[c] = 100.0 * np.sqrt(total) / demand_a if demand_a > 0.0 and not np.isnan(sg_i[c, 1]) else np.nan


@bare
def hvf(h_u: Floats, out: Floats) -> None:
    """Harmonic voltage factor: root of the sum of (U_n / U_1)^2 / n, n = 5, 7, 11, 13 .. 49 (NEMA MG 1-30.1 [M]).

    The standard refers to the rated voltage, this function to the fundamental. NaN without a fundamental.
    """
    for c in range(h_u.shape[0]):
        total = 0.0
        for order in range(5, h_u.shape[1], 2):
            y = h_u[c, order]
            if order % 3 != 0 and not np.isnan(y):
                total += y * y / order
        out[c] = np.sqrt(total) / h_u[c, 1] if h_u[c, 1] > 0.0 else np.nan


@inner
def _square_sum(table: Floats, first: int, last: int) -> float:
    """Sum of squares of the orders first .. last; NaN does not count."""
    total = 0.0
    for order in range(first, last + 1):
        y = table[order]
        if not np.isnan(y):
            total += y * y
    return total

"""Harmonics of one window: our own complex transform, components, subgroups, THD.

Three complex sequences u_k + j i_k go through one radix-2 transform side by side, so that each butterfly works on
whole vector registers. Real signals part again by symmetry.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from dsp._jit import Floats, kernel

THD_ORDER = 40  # IEC 61000-4-7 [M]


@cache
def twiddles(size: int) -> Floats:
    """Stage-wise twiddle factors, shape (2, size): entry h + j is exp(-i pi j / h) for h = 1, 2, 4 .. size/2."""
    out = np.zeros((2, size))
    h = 1
    while h < size:
        angle = np.pi * np.arange(h) / h
        out[0, h : 2 * h] = np.cos(angle)
        out[1, h : 2 * h] = -np.sin(angle)
        h *= 2
    return out


@kernel
def transform(z: Floats, size: int, tw: Floats) -> None:
    """In-place forward DFT of rows 0..size-1 of z; rows come bit-reversed and leave in natural order.

    z: shape (>= size, 8): real parts of three sequences in lanes 0..2, imaginary parts in lanes 4..6.
    """
    h = 1
    while h < size:
        for b in range(0, size, 2 * h):
            for j in range(h):
                c = tw[0, h + j]
                s = tw[1, h + j]
                lo = max(b + j, 0)  # no wrap-around
                hi = lo + h
                xr0, xr1, xr2, xr3 = z[hi, 0], z[hi, 1], z[hi, 2], z[hi, 3]
                xi0, xi1, xi2, xi3 = z[hi, 4], z[hi, 5], z[hi, 6], z[hi, 7]
                yr0, yr1, yr2, yr3 = z[lo, 0], z[lo, 1], z[lo, 2], z[lo, 3]
                yi0, yi1, yi2, yi3 = z[lo, 4], z[lo, 5], z[lo, 6], z[lo, 7]
                tr0, tr1, tr2, tr3 = c * xr0 - s * xi0, c * xr1 - s * xi1, c * xr2 - s * xi2, c * xr3 - s * xi3
                ti0, ti1, ti2, ti3 = c * xi0 + s * xr0, c * xi1 + s * xr1, c * xi2 + s * xr2, c * xi3 + s * xr3
                z[lo, 0] = yr0 + tr0
                z[lo, 1] = yr1 + tr1
                z[lo, 2] = yr2 + tr2
                z[lo, 3] = yr3 + tr3
                z[lo, 4] = yi0 + ti0
                z[lo, 5] = yi1 + ti1
                z[lo, 6] = yi2 + ti2
                z[lo, 7] = yi3 + ti3
                z[hi, 0] = yr0 - tr0
                z[hi, 1] = yr1 - tr1
                z[hi, 2] = yr2 - tr2
                z[hi, 3] = yr3 - tr3
                z[hi, 4] = yi0 - ti0
                z[hi, 5] = yi1 - ti1
                z[hi, 6] = yi2 - ti2
                z[hi, 7] = yi3 - ti3
        h *= 2


@kernel
def _square(z: Floats, size: int, b: int, phase: int, scale: float) -> tuple[float, float]:
    """Squared rms of bin b of u and i of one phase."""
    c = (size - b) & (size - 1)
    re, im = z[b, phase], z[b, phase + 4]
    rc, ic = z[c, phase], z[c, phase + 4]
    ur, ui = re + rc, im - ic
    ir, ii = im + ic, rc - re
    return scale * (ur * ur + ui * ui), scale * (ir * ir + ii * ii)


@kernel
def harmonics(
    z: Floats,
    size: int,
    n_cycles: int,
    samples: float,
    band: float,
    gain: Floats,
    h: Floats,
    sg: Floats,
    phasor: Floats,
) -> None:
    """Components, subgroups and fundamentals from the transform of a window of n_cycles whole cycles.

    h, sg: shape (6, 51), rms, channels u1 u2 u3 i1 i2 i3. phasor: shape (6, 2), real and imaginary part of the
    fundamental, rms, angle of a cosine at the window's start. samples: length of the window in samples; orders above
    `band` of the sampling rate are NaN. gain: 1 / response of the resampler at 0 .. 0.5 of the sampling rate.
    Subgroup = root of the squares of bins N h - 1 .. N h + 1 (IEC 61000-4-7, amendment 1 [M]); below three cycles
    neighbouring subgroups would share bins, so they are NaN. Order 0 of both is |DC|.
    """
    steps = gain.shape[0] - 1
    scale = 0.5 / (size * size)  # |U| = |Z[b] + Z*[-b]| / 2, rms = sqrt(2) |U| / size
    for phase in range(3):
        h[phase, 0] = abs(z[0, phase]) / size
        h[phase + 3, 0] = abs(z[0, phase + 4]) / size
        sg[phase, 0] = h[phase, 0]
        sg[phase + 3, 0] = h[phase + 3, 0]
        for order in range(1, h.shape[1]):
            centre = order * n_cycles
            if centre > band * samples:
                h[phase, order] = np.nan
                h[phase + 3, order] = np.nan
                sg[phase, order] = np.nan
                sg[phase + 3, order] = np.nan
                continue
            sum_u = 0.0
            sum_i = 0.0
            for side in range(-1, 2):
                b = centre + side
                at = min(2.0 * b / samples, 1.0) * steps
                k = min(int(at), steps - 1)
                g = gain[k] + (at - k) * (gain[k + 1] - gain[k])
                u2, i2 = _square(z, size, b, phase, scale * g * g)
                sum_u += u2
                sum_i += i2
                if side == 0:
                    h[phase, order] = np.sqrt(u2)
                    h[phase + 3, order] = np.sqrt(i2)
                    if order == 1:
                        c = size - b
                        root = np.sqrt(scale) * g
                        phasor[phase, 0] = root * (z[b, phase] + z[c, phase])
                        phasor[phase, 1] = root * (z[b, phase + 4] - z[c, phase + 4])
                        phasor[phase + 3, 0] = root * (z[b, phase + 4] + z[c, phase + 4])
                        phasor[phase + 3, 1] = root * (z[c, phase] - z[b, phase])
            if n_cycles >= 3:
                sg[phase, order] = np.sqrt(sum_u)
                sg[phase + 3, order] = np.sqrt(sum_i)
            else:
                sg[phase, order] = np.nan
                sg[phase + 3, order] = np.nan


@kernel
def thd(h: Floats, sg: Floats, rms: Floats, n_cycles: int, out: Floats) -> None:
    """THD in percent to order 40, per channel (shape (6,)): of subgroups, or of components below three cycles.

    Orders beyond the band (NaN) do not count. NaN when the fundamental is nil: below 0.1 % of the channel's rms, or
    no more than the rounding of the channel that shares its transform.
    """
    for c in range(h.shape[0]):
        total = 0.0
        one = h[c, 1] if n_cycles < 3 else sg[c, 1]
        for order in range(2, THD_ORDER + 1):
            y = h[c, order] if n_cycles < 3 else sg[c, order]
            if not np.isnan(y):
                total += y * y
        nil = max(1e-3 * rms[c], 1e-12 * rms[(c + 3) % 6])
        out[c] = 100.0 * np.sqrt(total) / one if one > nil else np.nan

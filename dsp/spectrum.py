"""Harmonics of one window from its transform: components, subgroups, fundamentals, and the bands above 2 kHz."""

from __future__ import annotations

import numpy as np

from dsp._jit import Floats, inner, kernel
from dsp._simd import SimdLanes, load, root, store, zero
from dsp.resample import gain_at
from dsp.results import BAND_HZ, BANDS_FROM_HZ


@kernel
def harmonics(
    lines: Floats,
    points: int,
    n_cycles: int,
    samples: float,
    band: float,
    gain: Floats,
    work: Floats,
    h: Floats,
    sg: Floats,
    phasor: Floats,
) -> None:
    """Components, subgroups and fundamentals from the transform of a window of n_cycles complete cycles.

    lines: bins, see transform.lowest_bins.
    points: total number of points of the transform.
    samples: length of the window in samples.
    band: highest frequency relative to the sampling rate; higher orders are NaN.
    gain: 1 / response of the resampler at 0 .. 0.5 of the sampling rate.
    work: work array, shape (>= 2, 8).
    h, sg: output, shape (6, 51), rms, channels u1 u2 u3 i1 i2 i3. Order 0 of both is |DC|.
    phasor: output, shape (6, 2), real and imaginary part of the fundamental, rms, angle of a cosine at the start of the
        window.
    Subgroup = root sum of squares of bins N h - 1 .. N h + 1 (IEC 61000-4-7, amendment 1 [M]). Below three cycles
    neighbouring subgroups would share bins; then they are NaN.
    """
    scale = np.sqrt(2.0) / points  # |X| = amplitude * points / 2
    for c in range(6):
        h[c, 0] = abs(lines[0, c]) / points
        sg[c, 0] = h[c, 0]
    for order in range(1, h.shape[1]):
        centre = order * n_cycles
        if centre > band * samples:
            h[:, order] = np.nan
            sg[:, order] = np.nan
            continue
        own = _square(lines, centre, scale * gain_at(gain, centre / samples))
        store(work, 0, root(own))
        if n_cycles >= 3:
            below = _square(lines, centre - 1, scale * gain_at(gain, (centre - 1) / samples))
            above = _square(lines, centre + 1, scale * gain_at(gain, (centre + 1) / samples))
            store(work, 1, root(own + below + above))
        else:
            store(work, 1, np.nan * root(own))
        for c in range(6):
            h[c, order] = work[0, c]
            sg[c, order] = work[1, c]
    scale *= gain_at(gain, n_cycles / samples)
    for c in range(6):
        phasor[c, 0] = scale * lines[2 * n_cycles, c]
        phasor[c, 1] = scale * lines[2 * n_cycles + 1, c]


@kernel
def bands(
    lines: Floats, points: int, samples: float, rate_hz: float, band: float, gain: Floats, work: Floats, out: Floats
) -> None:
    """Bands of 200 Hz from 2 kHz on (IEC 61000-4-7, annex B [M]).

    lines, points, samples, band, gain, work: as for harmonics(), with all bins up to the upper edge of the last band.
    rate_hz: sampling rate, Hz.
    out: shape (6, 35), rms; NaN where a band extends above `band` of the sampling rate.
    Band k is centred at 2100 + 200 k Hz: root sum of squares of the bins above 2000 + 200 k Hz, up to 200 Hz higher.
    """
    scale = np.sqrt(2.0) / points
    bins_of_a_hz = samples / rate_hz
    for k in range(out.shape[1]):
        begin = float(BANDS_FROM_HZ + k * BAND_HZ)
        if begin + BAND_HZ > band * rate_hz:
            out[:, k] = np.nan
            continue
        total = zero(lines)
        # tolerance of 0.001 bin: at 50 Hz a bin coincides with each edge, and rounding must not decide its side
        first, last = int(begin * bins_of_a_hz + 1e-3) + 1, int((begin + BAND_HZ) * bins_of_a_hz + 1e-3)
        for b in range(first, last + 1):
            total = total + _square(lines, b, scale * gain_at(gain, b / samples))
        store(work, 0, root(total))
        for c in range(6):
            out[c, k] = work[0, c]


@inner
def _square(lines: Floats, b: int, scale: float) -> SimdLanes:
    re, im = scale * load(lines, 2 * b), scale * load(lines, 2 * b + 1)
    return re * re + im * im

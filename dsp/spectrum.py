"""Harmonics of one window from its transform: components, subgroups, groups, powers, and the bands above 2 kHz."""

from __future__ import annotations

import numpy as np

from dsp._jit import Floats, Reals, bare
from dsp._simd import load, root, store, zero
from dsp.results import BAND_HZ, BANDS_FROM_HZ


@bare
def to_rms(lines: Reals, points: int, samples: float, top: int, gain: Floats, squares: Reals) -> None:
    """Scale the bins of a window to rms, in place, corrected for the droop of the resampler; and their squares.

    lines: bins 0 .. top, see transform.lowest_bins. Bin 0 becomes the mean.
    points: total number of points of the transform.
    samples: length of the window in samples.
    gain: 1 / response of the resampler at 0 .. 0.5 of the sampling rate.
    squares: output, shape (> top, 8): square of the rms of bin b in row b.
    """
    scale = 1.0 / points
    steps = gain.shape[0] - 1
    steps_of_a_bin = 2.0 * steps / samples
    for b in range(top + 1):
        at = min(b * steps_of_a_bin, float(steps))
        k = min(int(at), steps - 1)
        factor = scale * (gain[k] + (at - k) * (gain[k + 1] - gain[k]))
        re, im = factor * load(lines, 2 * b), factor * load(lines, 2 * b + 1)
        store(lines, 2 * b, re)
        store(lines, 2 * b + 1, im)
        store(squares, b, re * re + im * im)
        scale = np.sqrt(2.0) / points  # |X| = amplitude * points / 2


@bare
def harmonics(
    lines: Reals, squares: Reals, n_cycles: int, samples: float, band: float, work: Reals,
    h: Floats, sg: Floats, phasor: Floats,
) -> None:  # fmt: skip
    """Components, subgroups and fundamentals of a window of n_cycles complete cycles.

    lines, squares, samples: from to_rms().
    band: highest frequency relative to the sampling rate; higher orders are NaN.
    work: work array, shape (>= 2, 8).
    h, sg: output, shape (6, 51), rms, channels u1 u2 u3 i1 i2 i3. Order 0 of both is |DC|.
    phasor: output, shape (6, 2), real and imaginary part of the fundamental, rms, angle of a cosine at the start of the
        window.
    Subgroup = root sum of squares of bins N h - 1 .. N h + 1 (IEC 61000-4-7, amendment 1 [M]). Below three cycles
    neighbouring subgroups would share bins; then they are NaN.
    """
    for c in range(6):
        h[c, 0] = abs(lines[0, c])
        sg[c, 0] = h[c, 0]
        phasor[c, 0] = lines[2 * n_cycles, c]
        phasor[c, 1] = lines[2 * n_cycles + 1, c]
    for order in range(1, h.shape[1]):
        centre = order * n_cycles
        if centre > band * samples:
            h[:, order] = np.nan
            sg[:, order] = np.nan
            continue
        own = load(squares, centre)
        store(work, 0, root(own))
        if n_cycles >= 3:
            store(work, 1, root(load(squares, centre - 1) + own + load(squares, centre + 1)))
        else:
            store(work, 1, np.nan * own)
        for c in range(6):
            h[c, order] = work[0, c]
            sg[c, order] = work[1, c]


@bare
def bands(squares: Reals, samples: float, rate_hz: float, band: float, work: Reals, out: Floats) -> None:
    """Bands of 200 Hz from 2 kHz on (IEC 61000-4-7, annex B [M]).

    squares, samples: from to_rms(), with all bins up to the upper edge of the last band.
    band, work: as for harmonics().
    rate_hz: sampling rate, Hz.
    out: shape (6, 35), rms; NaN where a band extends above `band` of the sampling rate.
    Band k is centred at 2100 + 200 k Hz: root sum of squares of the bins above 2000 + 200 k Hz, up to 200 Hz higher.
    """
    bins_of_a_hz = samples / rate_hz
    for k in range(out.shape[1]):
        begin = float(BANDS_FROM_HZ + k * BAND_HZ)
        if begin + BAND_HZ > band * rate_hz:
            out[:, k] = np.nan
            continue
        total = zero(squares)
        # tolerance of 0.001 bin: at 50 Hz a bin coincides with each edge, and rounding must not decide its side
        first, last = int(begin * bins_of_a_hz + 1e-3) + 1, int((begin + BAND_HZ) * bins_of_a_hz + 1e-3)
        for b in range(first, last + 1):
            total = total + load(squares, b)
        store(work, 0, root(total))
        for c in range(6):
            out[c, k] = work[0, c]


@bare
def between(
    lines: Reals, squares: Reals, n_cycles: int, samples: float, band: float, work: Reals,
    isg: Floats, g: Floats, power: Floats,
) -> None:  # fmt: skip
    """Interharmonic centred subgroups, groups, and active power of each order, from all bins of a window.

    lines, squares, samples, band, work: as for harmonics(), with all bins up to the upper edge of the last order.
    isg: shape (6, 51), rms. isg[h] = bins N h + 2 .. N h + N - 2, between the orders h and h + 1 (IEC 61000-4-7, annex
        A [M]); from four cycles on.
    g: shape (6, 51), rms. g[h] = bins N h - N/2 .. N h + N/2, of which the outermost count half (5.5); from order 1 and
        three cycles on. With an odd N no bin is halved.
    power: shape (3, 51), W, positive into the load; negative means that the load is the source. The sign gives the
        direction of flow of an order and not its cause; it means little if the voltage of the order is close to zero.
        Order 0 is DC.
    Entries above the band are NaN.
    """
    half = n_cycles // 2
    edge = 0.5 if n_cycles % 2 == 0 else 1.0
    limit = band * samples
    for order in range(isg.shape[1]):
        centre = order * n_cycles
        for c in range(3):
            re = lines[2 * centre, c] * lines[2 * centre, c + 3] if centre <= limit else np.nan
            power[c, order] = (
                re + lines[2 * centre + 1, c] * lines[2 * centre + 1, c + 3] if centre <= limit else np.nan
            )
        if n_cycles >= 4 and centre + n_cycles <= limit:
            total = zero(squares)
            for b in range(centre + 2, centre + n_cycles - 1):
                total = total + load(squares, b)
            store(work, 0, root(total))
            for c in range(6):
                isg[c, order] = work[0, c]
        else:
            isg[:, order] = np.nan
        if n_cycles >= 3 and order > 0 and centre + half <= limit:
            total = edge * (load(squares, centre - half) + load(squares, centre + half))
            for b in range(centre - half + 1, centre + half):
                total = total + load(squares, b)
            store(work, 0, root(total))
            for c in range(6):
                g[c, order] = work[0, c]
        else:
            g[:, order] = np.nan

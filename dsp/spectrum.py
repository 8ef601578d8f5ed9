"""Harmonics of one window from its transform: components, subgroups, fundamentals."""

from __future__ import annotations

import numpy as np

from dsp._jit import Floats, bare, inner
from dsp._lanes import Lanes, load, root, store


@bare
def harmonics(
    lines: Floats,
    points: int,
    n_cycles: int,
    samples: float,
    band: float,
    gain: Floats,
    spare: Floats,
    h: Floats,
    sg: Floats,
    phasor: Floats,
) -> None:
    """Components, subgroups and fundamentals from the transform of a window of n_cycles whole cycles.

    lines: bins, see transform.subgroups, of `points` points in all. h, sg: shape (6, 51), rms, channels u1 u2 u3 i1 i2
    i3. phasor: shape (6, 2), real and imaginary part of the fundamental, rms, angle of a cosine at the window's start.
    samples: length of the window in samples; orders above `band` of the sampling rate are NaN. gain: 1 / response of
    the resampler at 0 .. 0.5 of the sampling rate. spare: work, shape (>= 2, 8).
    Subgroup = root of the squares of bins N h - 1 .. N h + 1 (IEC 61000-4-7, amendment 1 [M]); below three cycles
    neighbouring subgroups would share bins, so they are NaN. Order 0 of both is |DC|.
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
        own = _square(lines, centre, scale * _gain_at(gain, centre / samples))
        store(spare, 0, root(own))
        if n_cycles >= 3:
            below = _square(lines, centre - 1, scale * _gain_at(gain, (centre - 1) / samples))
            above = _square(lines, centre + 1, scale * _gain_at(gain, (centre + 1) / samples))
            store(spare, 1, root(own + below + above))
        else:
            store(spare, 1, np.nan * root(own))
        for c in range(6):
            h[c, order] = spare[0, c]
            sg[c, order] = spare[1, c]
    scale *= _gain_at(gain, n_cycles / samples)
    for c in range(6):
        phasor[c, 0] = scale * lines[2 * n_cycles, c]
        phasor[c, 1] = scale * lines[2 * n_cycles + 1, c]


@inner
def _square(lines: Floats, b: int, scale: float) -> Lanes:
    re, im = scale * load(lines, 2 * b), scale * load(lines, 2 * b + 1)
    return re * re + im * im


@inner
def _gain_at(gain: Floats, part: float) -> float:
    """part: of the sampling rate, 0 .. 0.5."""
    steps = gain.shape[0] - 1
    at = min(2.0 * part, 1.0) * steps
    k = min(int(at), steps - 1)
    value: float = gain[k] + (at - k) * (gain[k + 1] - gain[k])
    return value

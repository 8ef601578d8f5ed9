"""A six-channel supply in closed form with a scaled section, for tests of events."""

from __future__ import annotations

import numpy as np

UDIN = 230.0


def mains(seconds, rate=10000.0, f_hz=50.0, u=UDIN, i=5.0, deg=0.0):
    t = np.arange(int(seconds * rate)) / rate
    shift = 2 * np.pi / 3 * np.array([[0.0], [1.0], [2.0]]) - np.deg2rad(deg)
    wave = np.sqrt(2) * np.sin(2 * np.pi * f_hz * t - shift)
    return np.concatenate((u * wave, i * wave))


def scale(x, rate, begin_s, end_s, factor, rows):
    x = x.copy()
    t = np.arange(x.shape[1]) / rate
    part = (t >= begin_s - 1e-9) & (t < end_s - 1e-9)
    for row in rows:
        x[row, part] *= factor
    return x

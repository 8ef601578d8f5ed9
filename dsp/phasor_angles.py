"""Angles of the fundamentals of an interval relative to the first voltage, as for a phasor diagram."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp._jit import Floats

# Of the largest possible length of the mean. Fifteen phasors of random angle exceed it once in 3e5 intervals
# (Rayleigh: exp(-15 * 0.9^2)); a phasor that turns steadily within the interval stays above it up to 90 degrees.
COHERENCE_MIN = 0.9


def mean_angles_deg(phasors: npt.NDArray[np.complex128]) -> Floats:
    """Angle of each channel relative to u1: of the mean vector, degrees, above -180 up to 180.

    phasors: shape (windows, 6), complex fundamentals of u1 u2 u3 i1 i2 i3, rms; the angle of a cosine at any instant,
        the same one for all channels of a window.
    Returns shape (6,); 0 for u1.

    A phasor rotates anti-clockwise with exp(+j w t) (IEC 60375, IEEE 1459-2010 [M]): a positive angle leads u1. With
    the phase order 1, 2, 3 u2 is at -120 and u3 at +120 degrees. The current of an inductive load has a smaller angle
    than its voltage, so phi = angle of u - angle of i is positive.
    Each window is turned so that u1 is real, then the vectors are averaged: angles around 180 degrees do
    not average to 0, and large phasors count most. IEC 61000-4-30 states no rule for the mean of angles [M].
    NaN: the channel or u1 is missing (NaN or zero) in all windows, or the angle differs too much between the windows
    to have a mean (noise of an open channel, a motor that starts to brake).
    """
    first = phasors[:, :1]
    with np.errstate(invalid="ignore", divide="ignore"):
        turned = phasors * (first.conj() / np.abs(first))
    seen = np.isfinite(turned)
    total = np.where(seen, turned, 0.0).sum(axis=0)
    longest = np.where(seen, np.abs(turned), 0.0).sum(axis=0)
    angles: Floats = np.degrees(np.angle(total))
    angles[~((longest > 0.0) & (np.abs(total) >= COHERENCE_MIN * longest))] = np.nan
    angles[angles <= -180.0] = 180.0
    return angles

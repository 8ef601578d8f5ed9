"""Phasors of the fundamental of a three-phase recording, in a frame that follows its frequency.

Speed and supply wander by some hundredths of a percent. Over a recording of some seconds that is a turn of the angle by
a radian, which a Fourier transform at one fixed frequency loses; in the frame that follows the angle nothing is lost.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

TURN = np.exp(2j * np.pi / 3)
_HZ_MIN, _SHARE_MAX = 0.5, 0.4  # range of the fundamental: above DC, below this share of the sampling rate
_ENOUGH = 5000  # samples for the share of flat tops: 0.3 % at a share of 5 %
_FOLLOW_PERIODS = 4  # the angle is followed by means over so many periods, twice


class Frame(NamedTuple):
    """The frame that follows the fundamental of a recording.

    hz: mean frequency; negative where the phases follow each other in the order 1-3-2.
    hz_each_s: mean frequency of each whole second, Hz, signed like hz.
    angle_rad: θ of each sample, the followed angle of the fundamental of phase 1. rotation: exp(−jθ).
    """

    hz: float
    hz_each_s: Floats
    angle_rad: Floats
    rotation: Complexes

    def reversed(self) -> Frame:
        """The frame after the rows of two phases have been exchanged."""
        return Frame(-self.hz, -self.hz_each_s, -self.angle_rad, np.conj(self.rotation))


class Sequences(NamedTuple):
    """Symmetrical components of three phasors; amplitudes, not rms."""

    zero: complex
    positive: complex
    negative: complex


def space_vector(abc: Floats) -> Complexes:
    """The space vector of three phases, amplitude-invariant: (3, n) → (n,)."""
    vector: Complexes = (abc[0] + TURN * abc[1] + TURN**2 * abc[2]) * (2 / 3)
    return vector


def longest_gapless(abc: Floats) -> slice:
    """The longest stretch of samples in which no row has a gap (NaN); empty if there is none."""
    finite = np.isfinite(abc).all(axis=0)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], finite, [False])).astype(np.int8)))
    if len(edges) == 0:
        return slice(0, 0)
    starts, ends = edges[::2], edges[1::2]
    k = int(np.argmax(ends - starts))
    return slice(int(starts[k]), int(ends[k]))


def follow(abc: Floats, fs_hz: float) -> Frame | None:
    """The frame of the strongest rotating component.

    abc: three phases without gaps, shape (3, n).
    fs_hz: sampling rate.
    Returns None below 8 periods, and without a component that rotates.
    """
    vector = space_vector(abc)
    n = len(vector)
    if n < 16:
        return None
    spectrum = np.abs(np.fft.fft((vector - vector.mean()) * np.hanning(n)))
    hz = np.fft.fftfreq(n, 1 / fs_hz)
    spectrum[(np.abs(hz) < _HZ_MIN) | (np.abs(hz) > _SHARE_MAX * fs_hz)] = 0
    f0 = float(hz[np.argmax(spectrum)])
    if spectrum.max() <= 0 or n / fs_hz * abs(f0) < 2 * _FOLLOW_PERIODS:
        return None
    turn = 2 * np.pi * f0 / fs_hz * np.arange(n)
    size = round(fs_hz * _FOLLOW_PERIODS / abs(f0))
    slow = _running_mean(_running_mean(vector * np.exp(-1j * turn), size), size)
    angle = np.unwrap(np.angle(slow))
    each = round(fs_hz)
    ends = angle[::each]
    hz_each_s = f0 + np.diff(ends) * fs_hz / each / (2 * np.pi)
    mean_hz = f0 + (angle[-1] - angle[0]) * fs_hz / (n - 1) / (2 * np.pi)
    return Frame(float(mean_hz), hz_each_s, turn + angle, np.exp(-1j * (turn + angle)))


def phasors(abc: Floats, frame: Frame, part: slice = slice(None)) -> Complexes:
    """Phasors (amplitudes) of the rows of abc (k, n) in the frame, weighted with a Hann window over `part`."""
    rotated = abc[:, part] * frame.rotation[part]
    window = np.hanning(rotated.shape[1] + 2)[1:-1]
    found: Complexes = 2 * (rotated @ window) / window.sum()
    return found


def block_phasors(abc: Floats, frame: Frame, samples: int) -> Complexes:
    """Phasors of blocks of `samples` samples that overlap by half: shape (rows, blocks)."""
    rotated = abc * frame.rotation[: abc.shape[1]]
    if rotated.shape[1] < samples:
        return np.empty((abc.shape[0], 0), complex)
    blocks = sliding_window_view(rotated, samples, axis=1)[:, :: max(samples // 2, 1)]
    window = np.hanning(samples + 2)[1:-1]
    found: Complexes = 2 * np.einsum("rbs,s->rb", blocks, window) / window.sum()
    return found


def sequences(abc: Complexes) -> Sequences:
    """Symmetrical components of the phasors of three phases."""
    zero, positive, negative = (
        complex((abc[0] + abc[1] + abc[2]) / 3),
        complex((abc[0] + TURN * abc[1] + TURN**2 * abc[2]) / 3),
        complex((abc[0] + TURN**2 * abc[1] + TURN * abc[2]) / 3),
    )
    return Sequences(zero, positive, negative)


def spread(values: Floats) -> float:
    """Largest deviation from the mean, relative to the mean; NaN without values."""
    if len(values) == 0:
        return float("nan")
    mean = float(np.mean(values))
    return float(np.max(np.abs(values - mean)) / abs(mean)) if mean else float("inf")


def is_clipped(wave: Floats) -> bool:
    """Whether a wave has flat tops: far more samples at its largest value than a sine of this resolution has.

    wave: shape (n,), NaN allowed.
    """
    size = np.abs(wave[:: max(len(wave) // _ENOUGH, 1)])
    size = size[np.isfinite(size)]
    if len(size) < 100 or size.max() == 0:
        return False
    levels = np.unique(size)
    top = float(levels[-1])
    step = float(np.median(np.diff(levels))) if len(levels) > 1 else 0.0
    if len(levels) > len(size) / 4:  # no steps of a converter to be seen
        step = 1e-6 * top
    sine = 2 / np.pi * np.arccos(max(0.0, 1 - 1.5 * step / top))
    return bool(np.mean(size >= top - 0.5 * step) > 2 * sine + 0.03)


def _running_mean(values: Complexes, size: int) -> Complexes:
    """Centred mean over `size` samples (made odd); the ends are repeated."""
    half = max(size // 2, 1)
    padded = np.concatenate((np.repeat(values[:1], half + 1), values, np.repeat(values[-1:], half)))
    total = np.cumsum(padded)
    mean: Complexes = (total[2 * half + 1 :] - total[: -2 * half - 1]) / (2 * half + 1)
    return mean

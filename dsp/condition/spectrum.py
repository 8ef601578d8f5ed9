"""Complex baseband of voltages and currents, and the spectrum of their slow modulation.

A phase quantity x(t) = Re(X e^{jωt}) has the space vector 2/3·(x1 + a·x2 + a²·x3), of which the positive sequence turns
with +ω, the negative with −ω. Mixed with e^{−jωt} and decimated, a record of 18 s at 4 kS/s becomes 3,600 points:
everything that a motor does slowly is a few hertz from zero there.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp.condition.decimation import (
    LOBES,
    WIDE_CUTOFF,
    WIDE_LOBES,
    Floats,
    Vectors,
    decimated,
    fast_length,
    low_pass,
    space_vector,
)

_FIRST_S = 1.0  # of the record: estimate of the frequency
CELLS, GUARD = 12, 4  # resolution cells of a noise floor on each side, and between it and its line
PAD = 4  # zero padding of spectra: peaks are found within an eighth of a bin


class Baseband(NamedTuple):
    """Space vectors in a frame that turns with `f_hz`, peak values; order of the phases: the sequence of the voltage.

    rate_hz: sampling rate of the arrays. first_s: time of the first point, from the first sample.
    f_hz: mean frequency of the voltage.
    u, i: positive sequence and what is near it, V and A, complex, shape (m,).
    u2, i2: negative sequence, in a frame that turns with −f_hz, conjugated: phasors whose reference is that of u.
    reversed_order: the voltages had the order L1, L3, L2; phases 2 and 3 were swapped.
    """

    rate_hz: float
    first_s: float
    f_hz: float
    u: Vectors
    i: Vectors
    u2: Vectors
    i2: Vectors
    reversed_order: bool


class Modulation(NamedTuple):
    """One-sided spectra of the current in the frame of the voltage, amplitudes (peak), complex, by frequency.

    hz: frequencies, `PAD` per resolution cell of 1/T.
    p, q: active and reactive part of the current relative to the mean active part.
    u: amplitude of the voltage, relative to its mean.
    cell_hz: 1/T.
    """

    hz: Floats
    p: Vectors
    q: Vectors
    u: Vectors
    cell_hz: float


def frequency_hz(u: Vectors, fs_hz: float) -> float:
    """Frequency of the fundamental of a space vector; negative: the phases have the order L1, L3, L2."""
    lag = max(1, round(fs_hz / 1000))  # of some degrees of the fundamental, so that noise does not matter
    coarse = float(np.angle(np.vdot(u[:-lag], u[lag:]))) * fs_hz / lag / (2 * math.pi)
    period = max(1, round(fs_hz / max(abs(coarse), 1.0)))
    for periods in (1, 4, 16):
        step = period * periods
        if 2 * step > len(u):
            break
        turn = float(np.angle(np.vdot(u[:-step], u[step:]) * np.exp(-2j * math.pi * coarse * step / fs_hz)))
        coarse += turn * fs_hz / step / (2 * math.pi)
    return coarse


def baseband(u_v: Floats, i_a: Floats, fs_hz: float) -> Baseband:
    """Mix with the mean frequency of the voltage and decimate to about four times this frequency.

    u_v, i_a: shape (3, n), without gaps, at least 0.5 s. The phases are decimated first, to twice as much.
    """
    f_hz = frequency_hz(space_vector(u_v[:, : round(_FIRST_S * fs_hz)]), fs_hz)
    swapped = f_hz < 0
    f_hz = abs(f_hz)
    whole = max(1, math.floor(fs_hz / (4 * f_hz) + 1e-6))  # the frequency is estimated
    second = 2 if whole > 1 else 1
    first = whole // second
    weights = low_pass(first, WIDE_LOBES, WIDE_CUTOFF)
    phases = [decimated(rows, weights) for rows in (u_v, i_a)]
    vectors = [space_vector(rows[[0, 2, 1]] if swapped else rows) for rows in phases]
    turn = np.exp(-2j * math.pi * f_hz * first / fs_hz * np.arange(len(vectors[0])))
    both = np.stack([*vectors, *np.conj(vectors)]) * turn
    slow = decimated(np.concatenate([both.real, both.imag]), low_pass(second))
    rate_hz, m = fs_hz / (first * second), fast_length(slow.shape[1])
    u, i, u2, i2 = slow[:4, :m] + 1j * slow[4:, :m]
    rest_hz = _rest_hz(u, rate_hz)
    turn = np.exp(-2j * math.pi * rest_hz / rate_hz * np.arange(m))
    first_s = (first * (LOBES * second - 1) + WIDE_LOBES * first - 1) / 2 / fs_hz
    return Baseband(rate_hz, first_s, f_hz + rest_hz, u * turn, i * turn, u2 * turn, i2 * turn, swapped)


def _rest_hz(u: Vectors, rate_hz: float) -> float:
    """Slope of the angle over the record."""
    angle = np.unwrap(np.angle(u))
    t = (np.arange(len(u)) - (len(u) - 1) / 2) / rate_hz
    return float(t @ angle / (t @ t) / (2 * math.pi))


def smoothed_angle(u: Vectors, rate_hz: float, over_s: float = 0.1) -> Floats:
    """Angle of a space vector, averaged with a Hann window of twice `over_s`."""
    n = min(len(u) // 2 * 2 - 1, 2 * round(over_s * rate_hz) + 1)
    weights = np.hanning(n + 2)[1:-1]
    near = np.convolve(u, weights, "same")
    return np.unwrap(np.angle(near))


def modulation(base: Baseband) -> Modulation:
    """Spectra after removal of a parabola, Blackman window: a line of amplitude a is a peak of height a.

    The angle of the voltage is averaged over 0.1 s only: a slower average leaves the wander of the supply in the
    current, where it looks like a fluctuating reactive part.
    """
    turn = np.exp(-1j * smoothed_angle(base.u, base.rate_hz))
    i, u_abs = base.i * turn, np.abs(base.u)
    active = float(i.real.mean())
    n = len(i)
    window, parabola = np.blackman(n), _parabola(n)
    rows = np.stack([i.real / active, -i.imag / active, u_abs / u_abs.mean()])
    rows -= (rows @ parabola.T) @ parabola
    size = PAD * n
    p, q, u = np.fft.rfft(rows * window, size) * (2 / window.sum())
    hz = np.asarray(np.fft.rfftfreq(size, 1 / base.rate_hz))
    return Modulation(hz, p, q, u, base.rate_hz / n)


def noise_floor(amplitude: Floats, at: int) -> float:
    """Median over CELLS resolution cells on both sides of a bin, without the GUARD cells next to it and to zero.

    Infinite where the spectrum has no such cells.
    """
    span, guard = (CELLS + GUARD) * PAD, GUARD * PAD
    below = amplitude[max(at - span, guard) : max(at - guard, 0)]
    above = amplitude[at + guard : at + span]
    near = np.sort(np.concatenate([below, above]))
    return float(near[(len(near) - 1) // 2] + near[len(near) // 2]) / 2 if len(near) else math.inf


def above_floor(amplitude: Floats, at: npt.NDArray[np.intp], times: float) -> npt.NDArray[np.intp]:
    """Those of the bins whose amplitude is more than `times` its noise floor."""
    span, guard = (CELLS + GUARD) * PAD, GUARD * PAD
    inside = at[(at >= span + guard) & (at + span <= len(amplitude))]
    beside = np.concatenate([np.arange(-span, -guard), np.arange(guard, span)])
    half = len(beside) // 2
    near = np.partition(amplitude[inside[:, None] + beside], (half - 1, half), axis=1)
    clear = inside[amplitude[inside] > times * (near[:, half - 1] + near[:, half]) / 2]
    edge = [k for k in np.setdiff1d(at, inside).tolist() if amplitude[k] > times * noise_floor(amplitude, k)]
    return np.sort(np.concatenate([clear, np.array(edge, dtype=np.intp)]))


def peaks(amplitude: Floats) -> npt.NDArray[np.intp]:
    """Bins of the local maxima."""
    inner = amplitude[1:-1]
    return np.nonzero((inner >= amplitude[:-2]) & (inner > amplitude[2:]))[0] + 1


def cycle_rms(x: Floats, fs_hz: float, f_hz: float) -> Floats:
    """Rms over one cycle, every half cycle, of each row of x, shape (3, n) → (3, m). IEC 61000-4-30, Urms(1/2)."""
    half = max(1, round(fs_hz / f_hz / 2))
    m = x.shape[1] // half
    parts = x[:, : m * half].reshape(len(x), m, half)
    square = np.einsum("kij,kij->ki", parts, parts) / half
    return np.asarray(np.sqrt((square[:, 1:] + square[:, :-1]) / 2))


@lru_cache(maxsize=4)
def _parabola(n: int) -> Floats:
    """Orthonormal basis of the parabolas of n points, shape (3, n)."""
    return np.asarray(np.linalg.qr(np.vander(np.linspace(-1, 1, n), 3))[0].T)

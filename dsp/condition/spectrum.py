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

Floats = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.complex128]

LOBES = 24  # length of the decimation filter in output samples
_BETA = 8.0  # Kaiser: 80 dB
_CUTOFF = 0.36  # of the output rate; flat up to 0.25, where the baseband is used
CHUNK = 65536  # input samples processed in one piece, to limit memory
_A = np.exp(2j * np.pi / 3)
PAD = 4  # zero padding of spectra: peaks are found within an eighth of a bin


class Baseband(NamedTuple):
    """Space vectors in a frame that turns with `f_hz`, peak values; order of the phases: the sequence of the voltage.

    rate_hz: sampling rate of the arrays.
    f_hz: mean frequency of the voltage.
    u, i: positive sequence and what is near it, V and A, complex, shape (m,).
    u2, i2: negative sequence, in a frame that turns with −f_hz, conjugated: phasors whose reference is that of u.
    reversed_order: the voltages had the order L1, L3, L2; phases 2 and 3 were swapped.
    """

    rate_hz: float
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


def space_vector(x: Floats) -> Vectors:
    """Space vector (peak) of three phases, shape (3, n)."""
    return np.asarray((2 * x[0] - x[1] - x[2]) / 3 + 1j * (x[1] - x[2]) / math.sqrt(3))


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


@lru_cache(maxsize=16)
def taps(factor: int) -> Floats:
    """Low-pass of the decimation, shape (LOBES, factor), sum 1."""
    n = LOBES * factor
    at = (np.arange(n) - (n - 1) / 2) / factor
    taps = np.sinc(2 * _CUTOFF * at) * np.kaiser(n, _BETA)
    return np.asarray((taps / taps.sum()).reshape(LOBES, factor))


def baseband(u_v: Floats, i_a: Floats, fs_hz: float) -> Baseband:
    """Mix with the mean frequency of the voltage and decimate to about four times this frequency.

    u_v, i_a: shape (3, n), without gaps, at least 0.5 s.
    """
    f_hz = frequency_hz(space_vector(u_v[:, : min(u_v.shape[1], CHUNK)]), fs_hz)
    swapped = f_hz < 0
    order = [0, 2, 1] if swapped else [0, 1, 2]
    f_hz = abs(f_hz)
    factor = max(1, math.floor(fs_hz / (4 * f_hz) + 1e-6))  # the frequency is estimated
    rows: list[list[Vectors]] = [[], [], [], []]
    blocks = u_v.shape[1] // factor
    per_chunk = max(LOBES, CHUNK // factor)
    weights = taps(factor)
    for first in range(0, blocks - LOBES + 1, per_chunk):
        last = min(first + per_chunk + LOBES - 1, blocks)
        piece = slice(first * factor, last * factor)
        turn = np.exp(-2j * math.pi * f_hz / fs_hz * np.arange(piece.start, piece.stop))
        for k, x in enumerate((u_v, i_a)):
            vector = space_vector(x[order, piece])
            rows[k].append(decimated(vector * turn, weights))
            rows[k + 2].append(decimated(np.conj(vector) * turn, weights))
    u, i, u2, i2 = (np.concatenate(row) for row in rows)
    rate_hz = fs_hz / factor
    rest_hz = _rest_hz(u, rate_hz)
    turn = np.exp(-2j * math.pi * rest_hz / rate_hz * np.arange(len(u)))
    return Baseband(rate_hz, f_hz + rest_hz, u * turn, i * turn, u2 * turn, i2 * turn, swapped)


def decimated(x: Vectors, weights: Floats) -> Vectors:
    """Low-pass and one output for each `factor` inputs. weights: `taps`; len(x): a multiple of the factor."""
    products = x.reshape(-1, weights.shape[1]) @ weights.T
    n = len(products) - LOBES + 1
    out = np.zeros(n, complex)
    for lobe in range(LOBES):
        out += products[lobe : lobe + n, lobe]
    return out


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
    window = np.blackman(n)
    scale, size = 2 / window.sum(), PAD * n
    p, q, u = (
        np.fft.rfft(_without_parabola(row) * window, size) * scale
        for row in (i.real / active, -i.imag / active, u_abs / u_abs.mean())
    )
    return Modulation(np.asarray(np.fft.rfftfreq(size, 1 / base.rate_hz)), p, q, u, base.rate_hz / n)


def noise_floor(amplitude: Floats, at: int, cells: int = 12, guard: int = 4) -> float:
    """Median over `cells` resolution cells on both sides of a bin, without the `guard` cells next to it and to zero.

    Infinite where the spectrum has no such cells.
    """
    below = amplitude[max(at - (cells + guard) * PAD, guard * PAD) : max(at - guard * PAD, 0)]
    above = amplitude[at + guard * PAD : at + (cells + guard) * PAD]
    near = np.concatenate([below, above])
    return float(np.median(near)) if len(near) else math.inf


def peaks(amplitude: Floats) -> npt.NDArray[np.intp]:
    """Bins of the local maxima."""
    inner = amplitude[1:-1]
    return np.nonzero((inner >= amplitude[:-2]) & (inner > amplitude[2:]))[0] + 1


def cycle_rms(x: Floats, fs_hz: float, f_hz: float) -> Floats:
    """Rms over one cycle, every half cycle, of each row of x, shape (3, n) → (3, m). IEC 61000-4-30, Urms(1/2)."""
    half = max(1, round(fs_hz / f_hz / 2))
    m = x.shape[1] // half
    square = np.stack([np.square(row[: m * half]).reshape(m, half).mean(axis=1) for row in x])
    return np.asarray(np.sqrt((square[:, 1:] + square[:, :-1]) / 2))


def _without_parabola(x: Floats) -> Floats:
    t = np.linspace(-1, 1, len(x))
    return np.asarray(x - np.polynomial.polynomial.polyval(t, np.polynomial.polynomial.polyfit(t, x, 2)))

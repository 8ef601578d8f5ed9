"""Frequency of the space vector, and how many whole cycles make a window.

The space vector (2/3)(x1 + a x2 + a^2 x3) turns with the field: its frequency has a sign, it does not mind a missing
phase, and harmonics, offsets and interharmonics hardly move it. Two Hann windows of m whole cycles, d cycles apart,
are demodulated at the last frequency; the phase between them gives the next one. Hann over whole cycles has its zeros
on every harmonic, so the error that is left comes from interharmonics and noise.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from dsp._jit import Bytes, Floats, Ints, kernel

F_LO_HZ = 5.0
F_HI_HZ = 320.0
WINDOW_S = 0.2
TRACKED, MORE, LOST, BLIND = 0, 1, 2, 3  # what refine() answers
BLOCK = 128  # samples per table of phasors in the demodulator
_ROUNDS = 6
AT_END = 0.75  # slack at a record's end: the Hann weight of the sample that is not there would be nil
RUNNING = -1.0  # slack otherwise: never depend on how much happens to be there


def cycles_for(f_hz: float, nominal: str) -> int:
    """Whole cycles per window: 10 or 12 around the mains (IEC 61000-4-7 [M]), else the fewest that fill 200 ms.

    nominal: "auto", "50" (always 10), "60" (always 12), "drive" (always the fewest that fill 200 ms).
    """
    if nominal == "50":
        return 10
    if nominal == "60":
        return 12
    if nominal == "auto" and 42.5 <= f_hz < 54.0:
        return 10
    if nominal == "auto" and 54.0 <= f_hz < 69.0:
        return 12
    # 0.05 Hz of grace: a steady 150 Hz must not flicker between 30 and 31 cycles
    return max(1, math.ceil(WINDOW_S * f_hz - 0.01))


def coarse(x: Floats, use: Bytes, rate_hz: float, lo_hz: float, hi_hz: float) -> float:
    """Signed frequency of the strongest line of the space vector, or 0 when none stands out. Plain numpy.

    x: three channels, shape (3, n), free of gaps. use: which of them count.
    """
    v = space_vector(x, use)
    skip = max(1, int(rate_hz / 3000.0))  # box average: enough for 320 Hz, and carriers fall away
    v = v[: len(v) // skip * skip].reshape(-1, skip).mean(axis=1)
    rate = rate_hz / skip
    n = len(v)
    if n < 8:
        return 0.0
    v = v - v.mean()
    v = v / max(float(np.abs(v).max()), 1e-150)  # squares of anything must neither overflow nor vanish
    power = float(np.mean(np.abs(v) ** 2))
    if power <= 0.0:
        return 0.0
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(n) + 0.5) / n)
    size = 1 << (2 * n - 1).bit_length()
    amplitude = np.abs(np.fft.fft(v * hann, size)) / hann.sum()
    f = np.fft.fftfreq(size, 1.0 / rate)
    band = (np.abs(f) >= 0.9 * lo_hz) & (np.abs(f) <= 1.1 * hi_hz)
    if not band.any():
        return 0.0
    inside = np.where(band, amplitude, 0.0)
    k = int(np.argmax(inside))
    mirror = int(-k) % size
    # a single channel turns both ways alike: call that forward
    if f[k] < 0.0 and amplitude[mirror] > 0.99 * amplitude[k]:
        k = mirror
    # noise alone: the largest of some hundred bins is below 3 medians, and its share falls with n
    if amplitude[k] < 4.0 * float(np.median(amplitude[band])) or amplitude[k] ** 2 < share_of(n) * power:
        return 0.0
    a, b, c = (math.log(float(amplitude[j % size]) + 1e-300) for j in (k - 1, k, k + 1))
    bend = a - 2.0 * b + c
    offset = 0.5 * (a - c) / bend if bend < 0.0 else 0.0
    found = float(f[k]) + offset * rate / size
    return found if 0.95 * lo_hz <= abs(found) <= 1.05 * hi_hz else 0.0


def space_vector(x: Floats, use: Bytes) -> npt.NDArray[np.complex128]:
    """(2/3)(x1 + a x2 + a^2 x3) over the used channels; shape (n,), peak value of a balanced set."""
    turn = np.exp(2j * np.pi / 3.0 * np.arange(3)) * (np.asarray(use) != 0) * (2.0 / 3.0)
    # no matrix product: it would wake the BLAS threads for a few thousand numbers
    return np.asarray(turn[0] * x[0] + turn[1] * x[1] + turn[2] * x[2], dtype=np.complex128)


@kernel
def span_cycles(n_cycles: int) -> tuple[int, int]:
    """Length m of the two Hann windows and their distance d, in cycles. Below three cycles they reach outside."""
    if n_cycles < 3:
        return 2, 1
    d = int(n_cycles / 3.0 + 0.5)
    return n_cycles - d, d


def share_of(n: int) -> float:
    """Smallest share of the power of n samples that the fundamental must have: 2 % of the rms, more when n is small.

    White noise gives a Hann line of 1.5/n of its power on average; 9/n is exceeded in 0.25 % of cases.
    """
    return max(4e-4, 9.0 / n) if n > 0 else 1.0


floor_of = kernel(share_of)


@kernel
def _demodulate(
    x: Floats, row: int, base: int, lo: int, hi: int, w: Floats, t0: float, length: float, omega: float, table: Floats
) -> tuple[float, float, float, int]:
    """Hann-weighted sum of the space vector times exp(-j omega (k - t0)), its plain energy, and the sample count."""
    delta = 2.0 * np.pi / length
    first = max(lo, int(np.ceil(t0)))
    last = min(hi - 1, int(np.floor(t0 + length)))
    n = last - first + 1
    sum_re = 0.0
    sum_im = 0.0
    energy = 0.0
    if n < 1:
        return 0.0, 0.0, 0.0, 0
    w0, w1, w2 = w[0], w[1], w[2]
    h1, h2, s1, s2 = -0.5 * w1, -0.5 * w2, w[3] * w1, -w[3] * w2
    for block in range(0, n, BLOCK):
        size = min(BLOCK, n - block)
        at = first + block - t0
        hc, hs = np.cos(delta * at), np.sin(delta * at)
        re = 0.0
        im = 0.0
        begin = first + block - base
        x0 = x[row, begin : begin + size]
        x1 = x[row + 1, begin : begin + size]
        x2 = x[row + 2, begin : begin + size]
        for k in range(size):
            vr = w0 * x0[k] + h1 * x1[k] + h2 * x2[k]
            vi = s1 * x1[k] + s2 * x2[k]
            h = 0.5 - 0.5 * (hc * table[2, k] - hs * table[3, k])
            energy += vr * vr + vi * vi
            re += h * (vr * table[0, k] + vi * table[1, k])
            im += h * (vi * table[0, k] - vr * table[1, k])
        pc, ps = np.cos(omega * at), np.sin(omega * at)
        sum_re += re * pc + im * ps
        sum_im += im * pc - re * ps
    return sum_re, sum_im, energy, n


@kernel
def _tabulate(table: Floats, row: int, step: float) -> None:
    c, s = np.cos(step), np.sin(step)
    a, b = 1.0, 0.0
    for k in range(BLOCK):
        table[row, k] = a
        table[row + 1, k] = b
        a, b = a * c - b * s, a * s + b * c


@kernel
def refine(
    x: Floats,
    bad: Bytes,
    last_bad: Ints,
    use: Bytes,
    row: int,
    base: int,
    first: int,
    limit: int,
    start: float,
    f_hz: float,
    rotation: int,
    n_cycles: int,
    rate_hz: float,
    lo_hz: float,
    hi_hz: float,
    slack: float,
    table: Floats,
    out: Floats,
) -> int:
    """Frequency of the window that starts at `start`, from three channels of x beginning at `row`.

    x, bad: shape (6, capacity), column 0 is absolute sample `base`; samples first <= k < limit exist. last_bad: the
    youngest gap of each channel. out[0] becomes the frequency in Hz (positive); with MORE, out[1] the sample count
    that is wanted: all of the span but its last `slack` samples. LOST: out of range, no line to hold, or a jump.
    BLIND: every used channel has a gap in the span.
    """
    f = f_hz
    w = np.zeros(4)
    for _ in range(_ROUNDS):
        cycle = rate_hz / f
        m, d = span_cycles(n_cycles)
        begin = start
        if n_cycles < 3:
            begin = max(start + (0.5 * n_cycles - 1.5) * cycle, float(first))
        end = begin + (m + d) * cycle
        want = int(np.ceil(end - slack))
        if want > limit:
            out[1] = want
            return MORE
        lo = max(first, int(np.floor(begin)))
        hi = min(limit, int(np.floor(end)) + 1)
        seen = 0
        for c in range(3):
            w[c] = 0.0
            if use[row + c]:
                clean = True
                if last_bad[row + c] >= lo:
                    for k in range(lo - base, hi - base):
                        if bad[row + c, k]:
                            clean = False
                            break
                if clean:
                    w[c] = 2.0 / 3.0
                    seen += 1
        w[3] = rotation * np.sqrt(0.75)
        if seen == 0:
            return BLIND
        omega = 2.0 * np.pi * f / rate_hz
        _tabulate(table, 0, omega)
        _tabulate(table, 2, 2.0 * np.pi / (m * cycle))
        ar, ai, energy_a, n_a = _demodulate(x, row, base, first, limit, w, begin, m * cycle, omega, table)
        br, bi, energy_b, n_b = _demodulate(x, row, base, first, limit, w, begin + d * cycle, m * cycle, omega, table)
        # the Hann weights add up to n/2; both windows must show the line, or half of it is missing
        if n_a < 4 or n_b < 4 or energy_a <= 0.0 or energy_b <= 0.0:
            return LOST
        if 4.0 * (ar * ar + ai * ai) < floor_of(n_a) * n_a * energy_a:
            return LOST
        if 4.0 * (br * br + bi * bi) < floor_of(n_b) * n_b * energy_b:
            return LOST
        # each sum refers to its own begin, d whole cycles of f apart: the phase between them is the error of f
        dphi = np.arctan2(bi * ar - br * ai, br * ar + bi * ai)
        new = f * (1.0 + dphi / (2.0 * np.pi * d))
        if not (lo_hz <= new <= hi_hz) or abs(new - f_hz) * d > 0.4 * f_hz:
            return LOST
        done = abs(new - f) < 1e-7 * f
        f = new
        if done:
            break
    out[0] = f
    return TRACKED

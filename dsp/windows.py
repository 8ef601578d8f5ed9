"""Frequency of the space vector, and the number of complete cycles of a window.

The space vector (2/3)(x1 + a x2 + a^2 x3) rotates with the field: its frequency has a sign, is not affected by a
missing phase, and barely by harmonics, offsets and interharmonics. Two Hann windows of m complete cycles, d cycles
apart, are demodulated at the previous frequency; the phase between them gives the next one. A Hann window over complete
cycles has its zeros at every harmonic, so the remaining error comes from interharmonics and noise.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from dsp._jit import Bytes, Floats, Ints, bare, kernel

F_LO_HZ = 5.0
F_HI_HZ = 320.0
WINDOW_S = 0.2
TRACKED, MORE, LOST, ALL_GAPS = 0, 1, 2, 3  # return values of refine()
BLOCK = 128  # samples per table of phasors in the demodulator
_ROUNDS = 6
AT_END = 0.75  # slack at the end of a record: the Hann weight of the missing sample is close to zero
RUNNING = -1.0  # slack otherwise: the result must not depend on the number of samples held


def cycles_for(f_hz: float, nominal: str) -> int:
    """Cycles per window: 10 or 12 near mains frequency (IEC 61000-4-7 [M]), otherwise the fewest that last 200 ms.

    f_hz: frequency, Hz.
    nominal: "auto", "50" (always 10), "60" (always 12) or "drive" (always the fewest that last 200 ms).
    """
    if nominal == "50":
        return 10
    if nominal == "60":
        return 12
    if nominal == "auto" and 42.5 <= f_hz < 54.0:
        return 10
    if nominal == "auto" and 54.0 <= f_hz < 69.0:
        return 12
    # 0.05 Hz of tolerance: a steady 150 Hz must not alternate between 30 and 31 cycles
    return max(1, math.ceil(WINDOW_S * f_hz - 0.01))


def coarse(x: Floats, use: Bytes, rate_hz: float, lo_hz: float, hi_hz: float) -> float:
    """Signed frequency (Hz) of the strongest line of the space vector, or 0 if none stands out. Plain numpy.

    x: three channels, shape (3, n), without gaps.
    use: channels that count.
    rate_hz: sampling rate, Hz.
    lo_hz, hi_hz: range of frequencies.
    """
    v = space_vector(x, use)
    skip = max(1, int(rate_hz / 3000.0))  # block average: sufficient for 320 Hz, and it attenuates PWM carriers
    v = v[: len(v) // skip * skip].reshape(-1, skip).mean(axis=1)
    rate = rate_hz / skip
    n = len(v)
    if n < 8:
        return 0.0
    v = v - v.mean()
    v = v / max(float(np.abs(v).max()), 1e-150)  # so that squares neither overflow nor underflow
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
    # a single channel has equal lines at both signs: use the positive one
    if f[k] < 0.0 and amplitude[mirror] > 0.99 * amplitude[k]:
        k = mirror
    # for noise alone the largest of several hundred bins is below 3 medians, and its share of the power falls with n
    if amplitude[k] < 4.0 * float(np.median(amplitude[band])) or amplitude[k] ** 2 < share_of(n) * power:
        return 0.0
    a, b, c = (math.log(float(amplitude[j % size]) + 1e-300) for j in (k - 1, k, k + 1))
    bend = a - 2.0 * b + c
    offset = 0.5 * (a - c) / bend if bend < 0.0 else 0.0
    found = float(f[k]) + offset * rate / size
    return found if 0.95 * lo_hz <= abs(found) <= 1.05 * hi_hz else 0.0


def fitted(x: Floats, rate_hz: float, f_hz: float) -> float:
    """Frequency (Hz) of a record of 1.8 to 4 cycles: least squares of a constant, the fundamental and harmonics.

    x: channels with samples, shape (channels, n), without gaps. rate_hz: sampling rate, Hz.
    f_hz: first estimate, Hz, within 15 %.
    A Hann window needs three cycles; the fit needs no more than the unknowns, because the harmonics are part of it
    (IEEE 1057, sine fit of four parameters). Plain numpy. Returns 0 if the fit leaves more than 5 % of the power.
    """
    n = x.shape[1]
    if n < 24 or not 1.8 <= n * f_hz / rate_hz <= 4.0:
        return 0.0
    skip = max(1, n // 512)
    at = np.arange(0, n, skip) / rate_hz
    at -= at.mean()
    y = (x[:, ::skip] - x.mean(axis=1, keepdims=True)).T
    orders = range(1, min(14, int(0.4 * rate_hz / skip / f_hz)))

    def rest(one_hz: float) -> float:
        turns = 2.0 * np.pi * one_hz * at
        columns = [np.ones_like(at)]
        for order in orders:
            columns += [np.cos(order * turns), np.sin(order * turns)]
        basis, _ = np.linalg.qr(np.stack(columns, axis=1))
        return float(((y - basis @ (basis.T @ y)) ** 2).sum())

    low, high = 0.85 * f_hz, 1.15 * f_hz
    best = float(min(np.linspace(low, high, 31).tolist(), key=rest))
    low, high = best - (high - low) / 30, best + (high - low) / 30
    golden = (math.sqrt(5.0) - 1.0) / 2.0
    a, b = high - golden * (high - low), low + golden * (high - low)
    rest_a, rest_b = rest(a), rest(b)
    while high - low > 1e-7 * f_hz:
        if rest_a < rest_b:
            high, b, rest_b = b, a, rest_a
            a = high - golden * (high - low)
            rest_a = rest(a)
        else:
            low, a, rest_a = a, b, rest_b
            b = low + golden * (high - low)
            rest_b = rest(b)
    found = (low + high) / 2
    return found if rest(found) <= 0.05 * float((y**2).sum()) else 0.0


def space_vector(x: Floats, use: Bytes) -> npt.NDArray[np.complex128]:
    """(2/3)(x1 + a x2 + a^2 x3) over the used channels; shape (n,), peak value of a balanced set."""
    turn = np.exp(2j * np.pi / 3.0 * np.arange(3)) * (np.asarray(use) != 0) * (2.0 / 3.0)
    # no matrix product: it would start the BLAS threads for a few thousand numbers
    return np.asarray(turn[0] * x[0] + turn[1] * x[1] + turn[2] * x[2], dtype=np.complex128)


def spans(n_cycles: int) -> tuple[int, int]:
    """Length m of the two Hann windows and their distance d, in cycles; below three cycles they exceed the window."""
    if n_cycles < 3:
        return 2, 1
    d = int(n_cycles / 3.0 + 0.5)
    return n_cycles - d, d


def share_of(n: int) -> float:
    """Minimum share of the power of n samples for a fundamental: 2 % of the rms, more if n is small.

    For white noise a Hann line has 1.5/n of its power on average; 9/n is exceeded in 0.25 % of cases.
    """
    return max(4e-4, 9.0 / n) if n > 0 else 1.0


floor_of = bare(share_of)
span_cycles = bare(spans)


@bare
def _demodulate(
    x: Floats, row: int, base: int, lo: int, hi: int, w: Floats, t0: float, length: float, omega: float, table: Floats
) -> tuple[float, float, float, int]:
    """Hann-weighted sum of the space vector times exp(-j omega (k - t0)), unweighted energy, number of samples."""
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


@bare
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

    x, bad: shape (6, capacity), samples and gap marks; column 0 is absolute sample `base`; samples first <= k < limit
        exist.
    last_bad: shape (6,), absolute index of the latest gap of each channel.
    use: shape (6,), channels that exist.
    f_hz, rotation: previous frequency (Hz) and direction of the field.
    n_cycles: cycles of the window.
    rate_hz: sampling rate, Hz.
    lo_hz, hi_hz: range of frequencies.
    slack: number of samples at the end that may be missing.
    table: work array, shape (5, BLOCK).
    out: [0]: frequency, Hz, positive; [1] with MORE: absolute index up to which samples are needed.
    Returns TRACKED; MORE: more samples are needed; LOST: out of range, no spectral line, or a jump; ALL_GAPS: every
    used channel has a gap in the span.
    """
    f = f_hz
    w = table[4]
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
            return ALL_GAPS
        omega = 2.0 * np.pi * f / rate_hz
        _tabulate(table, 0, omega)
        _tabulate(table, 2, 2.0 * np.pi / (m * cycle))
        ar, ai, energy_a, n_a = _demodulate(x, row, base, first, limit, w, begin, m * cycle, omega, table)
        br, bi, energy_b, n_b = _demodulate(x, row, base, first, limit, w, begin + d * cycle, m * cycle, omega, table)
        # the Hann weights add up to n/2; both windows must contain the line, otherwise half of it is missing
        if n_a < 4 or n_b < 4 or energy_a <= 0.0 or energy_b <= 0.0:
            return LOST
        if 4.0 * (ar * ar + ai * ai) < floor_of(n_a) * n_a * energy_a:
            return LOST
        if 4.0 * (br * br + bi * bi) < floor_of(n_b) * n_b * energy_b:
            return LOST
        # each sum refers to its own start, and these are d cycles of f apart: the phase between them is the error of f
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

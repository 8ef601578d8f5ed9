"""Flickermeter: Pinst, Pst and Plt from the voltage envelope (IEC 61000-4-15 ed. 2), for mains supplies only.

Coefficients are from memory [M]; those of the 230 V lamp were also found in public source code.
The squared voltage is first averaged over a few samples, to about 2 kHz: the envelope needs 42 Hz only. The voltage
adaptor divides by the mean square of the last 27.3 s instead of by the rms; the two differ by the square of the
modulation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from dsp._jit import Bytes, Floats, Ints, bare, inner, kernel
from dsp._simd import SimdLanes, load, most, rows, store

RATE_HZ = 2000.0  # minimum rate after averaging
RATE_MIN_HZ = 500.0  # lowest sampling rate
INTERVAL_S = 600
LOW_HZ, HIGH_HZ = 42.5, 69.0
_ADAPTOR_S, _EYE_S = 27.3, 0.3
_SETTLE_S = 15.0  # after a start, during which nothing is classified
_CLASSES, _PER_OCTAVE, _LEAST = 2240, 64, 2.0**-21
_CLASSIFY_HZ = 120.0
_MOST = 9.0  # limit of the square relative to the mean square: three times the voltage
# k, lambda, w1, w2, w3, w4; all except k as frequencies in Hz
_LAMPS = {
    "230V": (1.74802, 4.05981, 9.15494, 2.27979, 1.22535, 21.9),
    "120V": (1.6357, 4.167375, 9.077169, 2.939902, 1.394468, 17.31512),
}
_SECTIONS = 5  # three of the low pass, two of the lamp-eye response
# rows of the state, one column per voltage
_LEVEL, _SLOW, _SUM, _BAD, _LOST = 0, 1, 2, 3, 4
_STATE = 5


def sections(lamp: str, nominal_hz: float, rate_hz: float) -> Floats:
    """Second-order sections of the weighting filters, shape (5, 5), columns b0 b1 b2 a1 a2.

    A Butterworth low pass of 35 Hz (50 Hz mains) or 42 Hz (60 Hz mains), followed by the lamp-eye response of `lamp`.
    Bilinear transform; the corner of the low pass is prewarped and therefore exact.
    """
    t = 2.0 * rate_hz
    corner = t * math.tan(math.pi * (42.0 if nominal_hz > 55.0 else 35.0) / rate_hz)
    dampings = (2.0 * math.cos(math.pi * (2 * k + 1) / 12.0) for k in range(3))
    factor, *rest = _LAMPS[lamp]
    lam, w1, w2, w3, w4 = (2.0 * math.pi * f for f in rest)
    analog = [
        *(((corner**2, 0.0, 0.0), (corner**2, damping * corner, 1.0)) for damping in dampings),
        ((0.0, factor * w1, 0.0), (w1**2, 2.0 * lam, 1.0)),
        ((1.0, 1.0 / w2, 0.0), (1.0, 1.0 / w3 + 1.0 / w4, 1.0 / (w3 * w4))),
    ]
    out = np.zeros((_SECTIONS, 5))
    for row, (b, a) in zip(out, analog, strict=True):
        nb, na = ((p[0] + p[1] * t + p[2] * t * t, 2 * (p[0] - p[2] * t * t), p[0] - p[1] * t + p[2] * t * t)
                  for p in (b, a))  # fmt: skip
        row[:3] = np.array(nb) / na[0]
        row[3:] = np.array(na[1:]) / na[0]
    return out


def gain(coefficients: Floats, f_hz: float, rate_hz: float) -> float:
    """Magnitude response of all sections at f_hz."""
    z = np.exp(-2j * np.pi * f_hz / rate_hz * np.arange(3))
    b, a = coefficients[:, :3] @ z, 1.0 + coefficients[:, 3:] @ z[1:]
    return float(np.abs(np.prod(b / a)))


@bare
def averages(
    x: Floats, bad: Bytes, base: int, begin: int, end: int, every: int, inside: int, state: Floats, out: Floats
) -> int:
    """Mean squares of groups of `every` samples of three voltages, into out (shape (3, most)); returns their number.

    Column 0 of x is absolute sample `base`. Samples begin .. end-1 follow `inside` samples that are already summed in
    state[_SUM]. A group that contains a gap gives -1.
    """
    lo, hi = begin - base, end - base
    groups = (inside + hi - lo) // every
    for c in range(3):
        row, gap = x[c, lo:hi], bad[c, lo:hi]
        gaps = 0
        for i in range(hi - lo):
            gaps += gap[i]
        state[_LOST, c] += gaps
        total, bad_samples = state[_SUM, c], state[_BAD, c]
        i = 0
        m = 0
        while m < groups:
            if m > 0 and gaps == 0 and m + 4 <= groups:  # four sums at a time: each addition waits for the previous one
                a, b, d, e = 0.0, 0.0, 0.0, 0.0
                for j in range(i, i + every):
                    a += row[j] * row[j]
                    b += row[j + every] * row[j + every]
                    d += row[j + 2 * every] * row[j + 2 * every]
                    e += row[j + 3 * every] * row[j + 3 * every]
                out[c, m], out[c, m + 1], out[c, m + 2], out[c, m + 3] = a / every, b / every, d / every, e / every
                i += 4 * every
                m += 4
                continue
            to = (m + 1) * every - inside
            for j in range(i, to):
                total += row[j] * row[j]
                bad_samples += gap[j]
            out[c, m] = total / every if bad_samples == 0.0 else -1.0
            total, bad_samples = 0.0, 0.0
            i = to
            m += 1
        for j in range(i, hi - lo):
            total += row[j] * row[j]
            bad_samples += gap[j]
        state[_SUM, c], state[_BAD, c] = total, bad_samples
    return groups


@bare
def adapt(squares: Floats, n: int, use: Bytes, slow: float, high: float, state: Floats, out: Floats) -> None:
    """Voltage adaptor and high pass: n averages relative to their slow mean, without the constant part.

    out: shape (>= n, 8), columns 0 .. 2.
    slow, high: filter coefficients of the adaptor and of the 0.05 Hz high pass.
    A gap (-1) counts as no change.
    """
    for m in range(n):  # the three voltages in turn: each step waits for the previous one of its voltage
        for c in range(3):
            if not use[c]:
                continue
            level, mean = state[_LEVEL, c], state[_SLOW, c]
            square = squares[c, m] if squares[c, m] >= 0.0 else level
            level += slow * (square - level)
            # limit the step when a voltage returns after an outage, so that the filters do not overflow
            v = min(square / level, _MOST) - 1.0 if level > 0.0 else 0.0
            mean += high * (v - mean)
            out[m, c] = v - mean
            state[_LEVEL, c], state[_SLOW, c] = level, mean


@bare
def weigh(frames: Floats, n: int, sos: Floats, eye: float, scale: float, memory: Floats) -> None:
    """Weighting filters, squaring and smoothing of all columns in parallel, in place: rows of Pinst.

    memory: shape (12, 8), two rows for each section, one for the smoothing filter, and the largest Pinst of all rows.
    """
    a0, b0, a1, b1, a2 = load(memory, 0), load(memory, 1), load(memory, 2), load(memory, 3), load(memory, 4)
    b2, a3, b3, a4, b4 = load(memory, 5), load(memory, 6), load(memory, 7), load(memory, 8), load(memory, 9)
    p, largest = load(memory, 10), load(memory, 11)
    for m in range(n):
        v = load(frames, m)
        v, a0, b0 = _section(sos, 0, v, a0, b0)
        v, a1, b1 = _section(sos, 1, v, a1, b1)
        v, a2, b2 = _section(sos, 2, v, a2, b2)
        v, a3, b3 = _section(sos, 3, v, a3, b3)
        v, a4, b4 = _section(sos, 4, v, a4, b4)
        p = p + eye * (scale * (v * v) - p)
        largest = most(p, largest)
        store(frames, m, p)
    for row, value in enumerate((a0, b0, a1, b1, a2, b2, a3, b3, a4, b4, p, largest)):
        store(memory, row, value)


@inner
def _section(sos: Floats, s: int, v: SimdLanes, a: SimdLanes, b: SimdLanes) -> tuple[SimdLanes, SimdLanes, SimdLanes]:
    """One step of a second-order section, transposed direct form II: output and new state."""
    y = sos[s, 0] * v + a
    return y, sos[s, 1] * v - sos[s, 3] * y + b, sos[s, 2] * v - sos[s, 4] * y


@bare
def count(frames: Floats, n: int, done: int, use: Bytes, classify: int, quiet: int, counts: Ints) -> None:
    """Classify every `classify`th of n frames after the first `quiet` frames.

    counts: shape (3, classes).
    """
    for c in range(3):
        if not use[c]:
            continue
        for m in range(classify - 1 - done % classify, n, classify):
            if done + m >= quiet:
                place = int(np.log2(max(frames[m, c], _LEAST) / _LEAST) * _PER_OCTAVE)
                counts[c, min(max(place, 0), _CLASSES - 1)] += 1


@kernel
def process(
    x: Floats, bad: Bytes, base: int, begin: int, end: int, every: int, inside: int, use: Bytes,
    slow: float, high: float, sos: Floats, eye: float, scale: float, done: int, classify: int, quiet: int,
    squares: Floats, frames: Floats, memory: Floats, state: Floats, counts: Ints, out: Floats,
) -> int:  # fmt: skip
    """All steps above for samples begin .. end-1; out: largest Pinst of each voltage that exists."""
    n = averages(x, bad, base, begin, end, every, inside, state, squares)
    adapt(squares, n, use, slow, high, state, frames)
    weigh(frames, n, sos, eye, scale, memory)
    count(frames, n, done, use, classify, quiet, counts)
    for c in range(3):
        if use[c]:
            out[c] = memory[11, c]
        memory[11, c] = 0.0
    return n


class Flicker:
    """Flickermeter of three voltages. All memory is allocated at construction.

    rate_hz: sampling rate, at least RATE_MIN_HZ.
    lamp: "230V" or "120V".
    use: nonzero for channels that exist; the first three count.
    Raises ValueError for an unknown lamp or a lower rate.
    """

    def __init__(self, rate_hz: float, lamp: str, use: Bytes) -> None:
        if lamp not in _LAMPS:
            raise ValueError(f"lamp must be one of {', '.join(_LAMPS)}, got {lamp!r}")
        if rate_hz < RATE_MIN_HZ:
            raise ValueError(f"flicker needs a rate_hz of at least {RATE_MIN_HZ:g}, got {rate_hz}")
        self._rate_hz, self._lamp = rate_hz, lamp
        self._use = np.array(use[:3], dtype=np.uint8)
        self._every = max(1, int(rate_hz / RATE_HZ))
        self._reduced_hz = rate_hz / self._every
        self._classify = max(1, int(self._reduced_hz / _CLASSIFY_HZ))
        self._quiet = int(_SETTLE_S * self._reduced_hz)
        self._slow = -math.expm1(-1.0 / (_ADAPTOR_S * self._reduced_hz))
        self._high = -math.expm1(-2.0 * math.pi * 0.05 / self._reduced_hz)
        self._eye = -math.expm1(-1.0 / (_EYE_S * self._reduced_hz))
        self._state, self._counts = np.zeros((_STATE, 3)), np.zeros((3, _CLASSES), dtype=np.int64)
        most = int(2.0 * self._reduced_hz) + 16  # two seconds: longer than any window
        self._squares = np.zeros((3, most))
        self._rows, self._memory = rows(most, np.float64), rows(12, np.float64)
        self._inside = self._done = 0
        self._sos = np.zeros((_SECTIONS, 5))
        self._nominal_hz = 0.0
        self._scale = 0.0
        self._next = 0  # absolute sample index

    def restart(self) -> None:
        """Restart the filters after a long loss of samples; values that are already classified are kept."""
        self._state[:_LOST] = 0.0
        self._memory[:] = 0.0
        self._inside = self._done = 0
        self._nominal_hz = 0.0

    def advance(self, x: Floats, bad: Bytes, base: int, first: int, end: int, f_hz: float, out: Floats) -> None:
        """Process samples up to end-1; out: shape (3,), largest Pinst of each voltage in them.

        f_hz: frequency, Hz; NaN without synchronisation: the previous nominal frequency is kept.
        `out` is not changed before a frequency is known, nor outside 42.5 .. 69 Hz, which is not a mains frequency.
        """
        if f_hz < LOW_HZ or f_hz > HIGH_HZ:
            self.restart()
            return
        if self._nominal_hz == 0.0:
            if not f_hz > 0.0:
                return
            self._begin(x, bad, base, first, end, f_hz)
        begin = max(self._next, first)
        if end > begin:
            self._done += process(
                x, bad, base, begin, end, self._every, self._inside, self._use, self._slow, self._high, self._sos,
                self._eye, self._scale, self._done, self._classify, self._quiet, self._squares, self._rows,
                self._memory, self._state, self._counts, out,
            )  # fmt: skip
            self._inside = (self._inside + end - begin) % self._every
            self._next = end

    def _begin(self, x: Floats, bad: Bytes, base: int, first: int, end: int, f_hz: float) -> None:
        self._nominal_hz = 60.0 if f_hz > 55.0 else 50.0
        self._sos[:] = sections(self._lamp, self._nominal_hz, self._reduced_hz)
        # Calibration: sinusoidal modulation of 0.25 % at 8.8 Hz with the 230 V lamp gives a largest Pinst of 1, which
        # includes the ripple at twice that frequency after the 300 ms filter. The factors k scale the other lamp.
        crest = 1.0 + 1.0 / math.hypot(1.0, 2.0 * math.pi * 17.6 * _EYE_S)
        reference = gain(sections("230V", 50.0, self._reduced_hz), 8.8, self._reduced_hz)
        self._scale = 2.0 / ((0.0025 * reference) ** 2 * crest)
        start = max(first, end - int(self._rate_hz))
        part, good = x[:3, start - base : end - base], bad[:3, start - base : end - base] == 0
        self._state[_LEVEL] = np.where(good, part * part, 0.0).sum(axis=1) / np.maximum(good.sum(axis=1), 1)
        self._next = start

    def close(self) -> Floats:
        """Pst of each voltage since the last close(), shape (3,); call it every ten minutes.

        NaN if less than 95 % of 600 s was classified, or if 5 % or more of the samples are missing.
        """
        out = np.full(3, np.nan)
        needed = 0.95 * INTERVAL_S * self._reduced_hz / self._classify
        complete = (self._counts.sum(axis=1) >= needed) & (self._state[_LOST] < 0.05 * INTERVAL_S * self._rate_hz)
        for c in np.flatnonzero(complete & (self._use != 0)):
            out[c] = pst(self._counts[c])
        self._counts[:] = 0
        self._state[_LOST] = 0.0
        return out


def pst(counts: Ints) -> float:
    """Short-term flicker severity Pst from the counts of the classes (IEC 61000-4-15, 5.7.2).

    Pst is the root of a weighted sum of the levels that are exceeded for 0.1 .. 80 % of the time.
    """
    above = counts[::-1].cumsum()[::-1].astype(float)  # number of values in this class or above
    total = above[0]

    def level(percent: float) -> float:
        want = total * percent / 100.0
        k = int(np.searchsorted(-above, -want, side="right")) - 1  # the last class with enough values in it or above
        part = (above[k] - want) / counts[k] if k >= 0 and counts[k] else 0.0
        return float(_LEAST * 2.0 ** ((max(k, 0) + part) / _PER_OCTAVE))

    def mean(*percents: float) -> float:
        return sum(level(p) for p in percents) / len(percents)

    return math.sqrt(
        0.0314 * level(0.1)
        + 0.0525 * mean(0.7, 1.0, 1.5)
        + 0.0657 * mean(2.2, 3.0, 4.0)
        + 0.28 * mean(6.0, 8.0, 10.0, 13.0, 17.0)
        + 0.08 * mean(30.0, 50.0, 80.0)
    )


def plt(values: Iterable[float]) -> float:
    """Long-term flicker severity Plt: cube root of the mean cube of twelve Pst values (2 h); NaN if one is missing."""
    known = [v for v in values if not math.isnan(v)]
    return math.cbrt(sum(v**3 for v in known) / 12.0) if len(known) == 12 else math.nan

"""Urms(1/2): rms over one cycle, updated each half cycle, for each channel separately (IEC 61000-4-30, 3 and 5.4 [M]).

Half cycles begin at the zero crossings of the fundamental of the channel. Their length follows the tracked frequency
and not detected zero crossings, which a disturbance would displace.
"""

from __future__ import annotations

import numpy as np

from dsp._jit import Bytes, Floats, Ints, bare, kernel

MOVED = 0.02  # of a half cycle: larger displacements of the zero crossings are followed
UNKNOWN, GAP = -2.0, -1.0  # in place of an rms value


@kernel
def align(
    start: float, half: float, phasor: Floats, use: Bytes, known: bool, busy: bool,
    edge: Floats, carry: Floats, displacement: Floats,
) -> None:  # fmt: skip
    """Align the boundaries of half cycles with the zero crossings.

    Later calls move the boundaries only if the displacement of the crossings persists for two windows.
    start: absolute sample position of the window.
    half: length of a half cycle in samples.
    phasor: shape (6, 2), fundamentals, angle of a cosine at `start`.
    use: channels that exist.
    known: True if the boundaries were aligned before.
    busy: True during an event; then nothing is moved.
    edge, carry: see half_cycles().
    displacement: shape (6,), displacement of each channel at the previous call, in half cycles.
    A current uses the half cycles of the voltage of its phase.
    """
    largest = 0.0
    for c in range(3):
        largest = max(largest, phasor[c, 0] ** 2 + phasor[c, 1] ** 2)
    for c in range(6):
        if not use[c]:
            continue
        by = c - 3 if c >= 3 and phasor[c - 3, 0] ** 2 + phasor[c - 3, 1] ** 2 > 0.0 else c
        crossing = start
        if phasor[by, 0] ** 2 + phasor[by, 1] ** 2 > 0.01 * largest:
            crossing += half * ((0.5 - np.arctan2(phasor[by, 1], phasor[by, 0]) / np.pi) % 1.0)
        elif known:
            continue
        if not known:
            edge[c] = crossing
            carry[c] = UNKNOWN
            displacement[c] = 0.0
            continue
        off = ((crossing - edge[c]) / half + 0.5) % 1.0 - 0.5
        if abs(off) > MOVED and abs(off - displacement[c]) < MOVED and not busy:
            edge[c] += half * (off % 1.0)
            carry[c] = UNKNOWN
        displacement[c] = off


@bare
def half_cycles(
    x: Floats,
    bad: Bytes,
    last_bad: Ints,
    base: int,
    first: int,
    limit: int,
    use: Bytes,
    half: float,
    until: float,
    edge: Floats,
    carry: Floats,
    count: Ints,
    at: Floats,
    rms: Floats,
    part: Floats,
) -> None:
    """All half cycles of `half` samples that end by `until`.

    x, bad: shape (6, capacity), samples and gap marks; column 0 is absolute sample `base`.
    last_bad: shape (6,), absolute index of the latest gap of each channel.
    first, limit: samples first .. limit-1 exist.
    edge: shape (6,), start of the next half cycle of each channel; updated.
    carry: shape (6,), mean square of the previous half cycle, negative if unknown; updated.
    count: shape (6,), number of results of each channel.
    at: shape (6, most), ends of the half cycles.
    rms: shape (6, most), rms of the cycle that ends there; UNKNOWN or GAP where it cannot be measured.
    part: shape (6, most + 1), rms of the half cycle, beginning with the last half cycle of the previous call.
    """
    for c in range(6):
        n = 0
        part[c, 0] = np.sqrt(carry[c]) if carry[c] >= 0.0 else carry[c]
        while use[c] and n < at.shape[1]:
            a = edge[c]
            b = a + half
            if b > until or int(np.ceil(b - 0.5)) >= limit:
                break
            edge[c] = b
            lo = int(np.floor(a + 0.5))
            now = 0.0
            if lo < first:
                now = UNKNOWN
            elif last_bad[c] >= lo:
                for k in range(lo - base, int(np.ceil(b - 0.5)) + 1 - base):
                    if bad[c, k]:
                        now = GAP
                        break
            if now == 0.0:
                now = _mean_square(x, c, base, first, limit, a, b)
            at[c, n] = b
            part[c, n + 1] = np.sqrt(now) if now >= 0.0 else now
            worst = min(now, carry[c])
            rms[c, n] = np.sqrt(0.5 * (now + carry[c])) if worst >= 0.0 else worst
            carry[c] = now
            n += 1
        count[c] = n


@bare
def _mean_square(x: Floats, c: int, base: int, first: int, limit: int, a: float, b: float) -> float:
    """Mean of x[c]^2 over positions a .. b, with a linear correction in the two partial cells.

    Samples first .. limit-1 exist.
    """
    lo = int(np.floor(a + 0.5))
    hi = int(np.ceil(b - 0.5))
    wa = lo + 0.5 - a
    wb = b - (hi - 0.5)
    row = x[c, lo + 1 - base : hi - base]
    total = 0.0
    for k in range(row.shape[0]):
        total += row[k] * row[k]
    va, vb = x[c, lo - base], x[c, hi - base]
    total += wa * va * va + wb * vb * vb
    if lo > first and hi + 1 < limit:
        left, right = x[c, lo - 1 - base], x[c, lo + 1 - base]
        total += 0.25 * wa * (1.0 - wa) * (right * right - left * left)
        left, right = x[c, hi - 1 - base], x[c, hi + 1 - base]
        total -= 0.25 * wb * (1.0 - wb) * (right * right - left * left)
    return float(max(total, 0.0) / (b - a))

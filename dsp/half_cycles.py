"""Urms(1/2): the rms of one cycle, renewed each half cycle, of each channel by itself (IEC 61000-4-30, 3 and 5.4 [M]).

Half cycles begin at the zero crossings of the channel's fundamental; their length follows the tracked frequency instead
of detected crossings, which a disturbance would shake.
"""

from __future__ import annotations

import numpy as np

from dsp._jit import Bytes, Floats, Ints, bare

MOVED = 0.02  # of a half cycle: from there on the crossings are followed
UNKNOWN, GAP = -2.0, -1.0  # in place of an rms value


@bare
def align(
    start: float, half: float, phasor: Floats, use: Bytes, known: bool, busy: bool,
    edge: Floats, carry: Floats, restless: Floats,
) -> None:  # fmt: skip
    """Lay the borders of half cycles on the zero crossings; later, move them where these have moved for good.

    phasor: (6, 2), fundamentals, angle of a cosine at `start`. restless: how far each was off the last time. A current
    is judged over the half cycles of its voltage. While something happens (busy), nothing is moved.
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
            restless[c] = 0.0
            continue
        off = ((crossing - edge[c]) / half + 0.5) % 1.0 - 0.5
        if abs(off) > MOVED and abs(off - restless[c]) < MOVED and not busy:
            edge[c] += half * (off % 1.0)
            carry[c] = UNKNOWN
        restless[c] = off


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

    x, bad: shape (6, capacity), column 0 is sample `base`. edge: (6,), where each channel's next half cycle begins,
    moved on; carry: (6,), mean square of the half cycle before, negative when unknown. Results of channel c are
    count[c] entries of at (end of the half cycle) and rms (of the cycle that ends there), shape (6, most), and of part
    (of the half cycle), shape (6, most + 1), which begins with the half cycle of the call before.
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
    """Mean of x[c]^2 over positions a..b, cut cells with their slope. Samples first <= k < limit exist."""
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

"""Cut out the samples of one window and prepare them for the kernels: mark and fill gaps, detect clipping."""

from __future__ import annotations

import numpy as np

from dsp._jit import LANES, Bytes, Floats, Ints, bare, kernel
from dsp._simd import lane, least, most, take

ABSURD = 1e30  # volts or amperes
RUN = 4  # number of equal samples at the extreme that may indicate clipping


@kernel
def clean(x: Floats, bad: Bytes, last_good: Floats, last_bad: Ints, use: Bytes, lo: int, hi: int, base: int) -> bool:
    """Mark gaps in columns lo .. hi-1 of x and fill them with the last good value; True if there were any.

    x, bad: shape (6, capacity), samples and gap marks; column 0 is absolute sample `base`.
    last_good: shape (6,), last good value of each channel; updated.
    last_bad: shape (6,), absolute index of the latest gap of each channel; updated.
    use: shape (6,), channels that exist; the others become 0.
    A sample that is not finite, or beyond ABSURD, is a gap: no sensor gives such values, and their powers would
    overflow.
    """
    found = False
    for c in range(6):
        bad[c, lo:hi] = 0
        if not use[c]:
            x[c, lo:hi] = 0.0
            continue
        # one fast sum shows if there is any gap
        a = x[c, lo:hi]
        probe = 0.0
        for k in range(a.shape[0]):
            probe += a[k] * a[k]
        if probe <= ABSURD * ABSURD:  # false for NaN
            if hi > lo:
                last_good[c] = x[c, hi - 1]
            continue
        found = True
        good = last_good[c]
        for k in range(lo, hi):
            v = x[c, k]
            if abs(v) <= ABSURD:
                good = v
            else:
                x[c, k] = good
                bad[c, k] = 1
                last_bad[c] = base + k
        last_good[c] = good
    return found


@kernel
def cut(
    x: Floats,
    bad: Bytes,
    last_bad: Ints,
    base: int,
    first: int,
    end: int,
    from_index: int,
    core_lo: int,
    core_hi: int,
    to_index: int,
    seg: Floats,
    gap: Bytes,
) -> None:
    """Copy absolute samples from_index .. to_index-1 to seg, shape (6, n); gap[c] becomes 1 if the core has gaps.

    The core core_lo .. core_hi is the part that the window weights; the rest is reached by the taps of the resampler
    only. In the rest, beyond a gap or where no sample exists (before `first`, from `end` on), the signal is continued
    as its point reflection at the nearest good sample towards the core, which preserves value and slope.
    """
    lo = max(from_index, first)
    hi = min(to_index, end)
    for c in range(6):
        given, out = x[c, lo - base : hi - base], seg[c, lo - from_index : hi - from_index]
        for k in range(hi - lo):
            out[k] = given[k]
        gap[c] = 0
        inner_lo = max(core_lo, first)
        inner_hi = min(core_hi, end - 1)
        left = lo
        right = hi
        if last_bad[c] >= lo:
            for k in range(inner_lo, inner_hi + 1):
                gap[c] |= bad[c, k - base]
            left = inner_lo
            while left > lo and not bad[c, left - 1 - base]:
                left -= 1
            right = inner_hi + 1
            while right < hi and not bad[c, right - base]:
                right += 1
        last = right - 1
        for k in range(from_index, left):
            mirror = min(2 * left - k, last)
            seg[c, k - from_index] = 2.0 * seg[c, left - from_index] - seg[c, mirror - from_index]
        for k in range(right, to_index):
            mirror = max(2 * last - k, left)
            seg[c, k - from_index] = 2.0 * seg[c, last - from_index] - seg[c, mirror - from_index]


@kernel
def continued(seg: Floats, left: int, right: int, n: int, period: float, weights: Floats) -> None:
    """Fill columns 0 .. left-1 and right .. n-1 of seg, where no sample exists, from one `period` away.

    At the start or end of a record the signal is continued with the period of the window (complete cycles), as the
    transform assumes. Interpolation between samples uses a Hann-windowed sinc of 16 taps.
    weights: work array, shape (16,).
    """
    for k in range(n):
        if left <= k < right:
            continue
        at = k + period if k < left else k - period
        i = int(at)
        total = 0.0
        for t in range(16):
            off = at - (i - 7 + t)
            weights[t] = np.sinc(off) * np.cos(np.pi * off / 16.0) ** 2
            total += weights[t]
        for c in range(seg.shape[0]):
            y = 0.0
            for t in range(16):
                y += weights[t] * seg[c, i - 7 + t]
            seg[c, k] = y / total


@kernel
def clipped(seg: Floats, lo: int, hi: int, limits: Floats, out: Bytes, peaks: Floats) -> None:
    """Detect clipping of each channel of seg in columns lo .. hi (inclusive).

    limits: shape (6,), known limits, V or A; NaN if unknown.
    out: shape (6,), 1 if the channel was clipped.
    peaks: shape (6,), largest magnitude of each channel.
    Known limit: a magnitude of at least 0.999 of it. Unknown limit: a run of four equal samples at the extreme that is
    reached by a step of more than three times the smallest step (so it is not a quantised peak), while all runs at that
    extreme have their neighbours within a quarter of the peak-to-peak value (so it is not PWM), and the extreme is not
    zero (the idle value of a rectified or chopped current).
    """
    for c in range(seg.shape[0]):
        a = seg[c, lo : hi + 1]
        n = a.shape[0]
        bottom, top = _range(a)
        peaks[c] = max(top, -bottom)
        if not np.isnan(limits[c]):
            out[c] = 1 if peaks[c] >= 0.999 * limits[c] else 0
            continue
        out[c] = 0
        swing = top - bottom
        if swing <= 0.0:
            continue
        met = 0
        for k in range(0, n, RUN):  # each run of RUN samples contains one of these
            met += (a[k] == top) | (a[k] == bottom)
        if met == 0:
            continue
        at_top = 0
        at_bottom = 0
        for k in range(n):
            at_top += a[k] == top
            at_bottom += a[k] == bottom
        if at_top < RUN and at_bottom < RUN:
            continue
        least = swing
        for k in range(1, n):
            step = abs(a[k] - a[k - 1])
            if step > 0.0:
                least = min(least, step)
        high = at_top >= RUN and top != 0.0 and _flat(a, top, 3.0 * least, 0.25 * swing)
        low = at_bottom >= RUN and bottom != 0.0 and _flat(a, bottom, 3.0 * least, 0.25 * swing)
        out[c] = 1 if high or low else 0


@kernel
def peaks(seg: Floats, lo: int, hi: int, out: Floats) -> None:
    """Largest magnitude of each row of seg in columns lo .. hi (inclusive)."""
    for c in range(seg.shape[0]):
        bottom, top = _range(seg[c, lo : hi + 1])
        out[c] = max(top, -bottom)


@bare
def _range(a: Floats) -> tuple[float, float]:
    """Smallest and largest value."""
    n = a.shape[0]
    bottom, top = a[0], a[0]
    if n < 2 * LANES:
        for k in range(n):
            bottom, top = min(bottom, a[k]), max(top, a[k])
        return bottom, top
    low, high = take(a, n - LANES), take(a, n - LANES)
    low_next, high_next = take(a, n - 2 * LANES), take(a, n - 2 * LANES)
    for k in range(0, n - 2 * LANES, 2 * LANES):
        v, w = take(a, k), take(a, k + LANES)
        low, high = least(v, low), most(v, high)
        low_next, high_next = least(w, low_next), most(w, high_next)
    low, high = least(low, low_next), most(high, high_next)
    for k in range(LANES):
        bottom, top = min(bottom, lane(low, k)), max(top, lane(high, k))
    return bottom, top


@bare
def _flat(a: Floats, extreme: float, least: float, most: float) -> bool:
    n = a.shape[0]
    found = False
    k = 0
    while k < n:
        if a[k] != extreme:
            k += 1
            continue
        begin = k
        while k < n and a[k] == extreme:
            k += 1
        if k - begin < RUN:
            continue
        before = abs(a[begin - 1] - extreme) if begin > 0 else 0.0
        after = abs(a[k] - extreme) if k < n else 0.0
        if max(before, after) >= most:
            return False
        if max(before, after) > least:
            found = True
    return found

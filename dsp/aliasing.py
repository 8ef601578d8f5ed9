"""Detect channels that are not sampled correctly: no anti-aliasing filter, or a converter whose output is constant."""

from __future__ import annotations

from functools import cache

import numpy as np

from dsp._jit import Bytes, Floats, Ints, Reals, inner, kernel
from dsp._simd import load, root, store, zero
from dsp.results import Flag

TOP_TAPS = 64
_STEP = 31  # samples between two evaluations; odd, so that no divisor of the sampling rate stays undetected
_SHARE = 0.01  # of the rms of a channel: minimum just below half the sampling rate for ALIAS_RISK
_ALIVE = 0.1  # of the rms: a channel with a smaller fundamental contains noise only
_JUMP, _REST = 0.25, 0.05  # of the peak-to-peak value: minimum step of an unfiltered pulse, maximum change around it
_LEAST_RUN = 16
_ALIAS_RISK, _UNFILTERED_PWM = int(Flag.ALIAS_RISK), int(Flag.UNFILTERED_PWM)


@cache
def top_taps() -> Floats:
    """Taps of a band-pass filter from 0.47 to 0.5 of the sampling rate, with a gain of one at 0.5."""
    window = np.kaiser(TOP_TAPS, 5.0)
    return np.asarray(window / window.sum() * (-1.0) ** np.arange(TOP_TAPS))


@kernel
def aliased(
    frames: Reals, first: int, n: int, taps: Floats, work: Reals, seg: Floats, lo: int, hi: int, n_cycles: int,
    h: Floats, rms: Floats, good: Bytes, flags: Ints,
) -> int:  # fmt: skip
    """Add ALIAS_RISK and UNFILTERED_PWM to `flags`; returns all flags that were added to any channel.

    frames: rows of six channels, of which n from `first` on are evaluated.
    taps: top_taps().
    work: work array, shape (>= 1, 8).
    seg, lo, hi: the same samples by channel.
    n_cycles: cycles of the window.
    h: components, shape (6, 51).
    rms, good: shape (6,), as for window_layout.channel_flags().
    flags: shape (6,), flags of each channel; updated.
    An anti-aliasing filter leaves little just below half the sampling rate. If more than 1 % of a channel is there,
    higher frequencies were probably not removed and alias to any order. A voltage that jumps between levels from one
    sample to the next, constant before and after, at least twice per cycle, is unfiltered PWM of a drive.
    """
    total = zero(frames)
    looks = 0
    for at in range(first, first + n - TOP_TAPS, _STEP):
        y = zero(frames)
        for t in range(TOP_TAPS):
            y = y + taps[t] * load(frames, at + t)
        total = total + y * y
        looks += 1
    if looks == 0:
        return 0
    store(work, 0, root((1.0 / looks) * total))
    added = 0
    for c in range(6):
        if not good[c] or not work[0, c] > _SHARE * rms[c] or h[c, 1] < _ALIVE * rms[c]:
            continue
        found = _ALIAS_RISK
        if c < 3 and _jumps(seg[c, lo : hi + 1]) >= 2 * n_cycles:
            found |= _UNFILTERED_PWM
        flags[c] |= found
        added |= found
    return added


@inner
def _jumps(a: Floats) -> int:
    low, high = a[0], a[0]
    for k in range(a.shape[0]):
        low, high = min(low, a[k]), max(high, a[k])
    jump, rest = _JUMP * (high - low), _REST * (high - low)
    found = 0
    for k in range(1, a.shape[0] - 2):
        if abs(a[k + 1] - a[k]) > jump and abs(a[k] - a[k - 1]) < rest and abs(a[k + 2] - a[k + 1]) < rest:
            found += 1
    return found


@kernel
def frozen(seg: Floats, lo: int, hi: int, cycle: float, gap: Bytes) -> None:
    """Set gap[c] to 2 if a channel without a gap keeps one value, other than 0, for a full cycle.

    cycle: length of a cycle in samples.
    Zero is excluded, because a switched-off current and a de-energised voltage are zero.
    """
    run = max(_LEAST_RUN, int(np.ceil(cycle)))
    step = run // 2
    for c in range(seg.shape[0]):
        if gap[c]:
            continue
        a = seg[c, lo : hi + 1]
        n = a.shape[0]
        for k in range(0, n - step, step):  # each run contains at least two of these
            v = a[k]
            if v == 0.0 or a[k + step] != v:
                continue
            begin, end = k, k
            while begin > 0 and a[begin - 1] == v:
                begin -= 1
            while end < n - 1 and a[end + 1] == v:
                end += 1
            if end - begin + 1 >= run:
                gap[c] = 2
                break

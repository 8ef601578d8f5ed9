"""Signs that a channel was sampled wrongly: no filter in front of the converter, or a converter that stands still."""

from __future__ import annotations

from functools import cache

import numpy as np

from dsp._jit import Bytes, Floats, Ints, bare, inner, kernel
from dsp._lanes import load, root, store, zero
from dsp.results import Flag

TOP_TAPS = 64
_STEP = 31  # samples from one look to the next; odd, so that no divisor of the rate hides
_SHARE = 0.01  # of a channel's rms just below half the sampling rate that makes a risk
_ALIVE = 0.1  # of the rms: a channel whose fundamental is less carries noise
_JUMP, _REST = 0.25, 0.05  # of the swing: what an unfiltered pulse does within a sample, and around it
_LEAST_RUN = 16
_ALIAS_RISK, _UNFILTERED_PWM = int(Flag.ALIAS_RISK), int(Flag.UNFILTERED_PWM)


@cache
def top_taps() -> Floats:
    """Weights of a pass band from 0.47 to 0.5 of the sampling rate; one at 0.5."""
    window = np.kaiser(TOP_TAPS, 5.0)
    return np.asarray(window / window.sum() * (-1.0) ** np.arange(TOP_TAPS))


@bare
def aliased(
    frames: Floats, first: int, n: int, taps: Floats, spare: Floats, seg: Floats, lo: int, hi: int, n_cycles: int,
    h: Floats, rms: Floats, good: Bytes, doubt: Ints,
) -> int:  # fmt: skip
    """Adds ALIAS_RISK and UNFILTERED_PWM to `doubt`, shape (6,); returns what was added to any.

    A filter against aliasing leaves little just below half the sampling rate. Where more than 1 % of a channel lies
    there, what lies above was hardly kept out either, and folds onto any order. A voltage that jumps between levels
    from one sample to the next, at rest before and behind, at least twice a cycle, is a drive's pulses unfiltered.
    frames: rows of six channels, of which n from `first` on count. taps: top_taps(). spare: work, shape (>= 1, 8).
    seg, lo, hi: the same samples. h: components, (6, 51). rms, good: (6,).
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
    store(spare, 0, root((1.0 / looks) * total))
    added = 0
    for c in range(6):
        if not good[c] or not spare[0, c] > _SHARE * rms[c] or h[c, 1] < _ALIVE * rms[c]:
            continue
        found = _ALIAS_RISK
        if c < 3 and _jumps(seg[c, lo : hi + 1]) >= 2 * n_cycles:
            found |= _UNFILTERED_PWM
        doubt[c] |= found
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
    """gap[c] becomes 2 where a channel without a gap keeps one value, other than 0, for a whole cycle (in samples).

    Zero is what a switched-off current and a dead voltage have.
    """
    run = max(_LEAST_RUN, int(np.ceil(cycle)))
    step = run // 2
    for c in range(seg.shape[0]):
        if gap[c]:
            continue
        a = seg[c, lo : hi + 1]
        n = a.shape[0]
        for k in range(0, n - step, step):  # a run covers at least two of these
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

"""Sums over a window, and the number of seeds for property tests: for tests of power and its indices."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from dsp import power

laws = settings(max_examples=25, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


def means(x, first=1.0, last=1.0):
    """Sums over all columns except one at each end, which the slopes need."""
    out = np.zeros(power.SUMS)
    lo, hi = 1, x.shape[1] - 2
    power.sums(x, lo, hi, first, last, out)
    power.ends(x, lo, hi, first, last, out)
    return out


def window(x, n):
    """Columns 0 .. n-1 and one neighbour on each side, of a signal with a period of n samples."""
    return np.concatenate((x[:, n - 1 : n], x[:, :n], x[:, :1]), axis=1)

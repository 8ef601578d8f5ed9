"""Sums over a window, and how many seeds a law is tried with: for tests of power and its indices."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from dsp import power

laws = settings(max_examples=25, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


def means(x, first=1.0, last=1.0):
    """Sums over all columns but one at each end, which the slopes need."""
    out = np.zeros(power.SUMS)
    lo, hi = 1, x.shape[1] - 2
    power.sums(x, lo, hi, first, last, out)
    power.ends(x, lo, hi, first, last, out)
    return out


def window(x, n):
    """Columns 0 .. n-1 with a neighbour on each side, of a signal that n samples repeat."""
    return np.concatenate((x[:, n - 1 : n], x[:, :n], x[:, :1]), axis=1)

"""Buffer of the samples that a stream still needs: six channels by absolute index, gaps marked and filled."""

from __future__ import annotations

import numpy as np

from dsp import segment
from dsp._jit import Bytes, Floats

CHANNELS = 6


class RingBuffer:
    """Hold the samples first .. end-1; column 0 of x and bad is absolute sample `base`.

    rate_hz: sampling rate, Hz.
    mapped: shape (6,), nonzero for channels that exist; the others read as zeros.
    All memory is allocated at construction.
    """

    def __init__(self, rate_hz: float, mapped: Bytes) -> None:
        self.rate_hz, self.mapped = rate_hz, mapped
        reach = int(1.5 * rate_hz) + 256  # one cycle before, the longest window, one cycle after, frequency search
        self._capacity = 2 * reach
        self.x = np.zeros((CHANNELS, self._capacity))
        self.bad = np.zeros((CHANNELS, self._capacity), dtype=np.uint8)
        self.last_bad = np.full(CHANNELS, -(1 << 62), dtype=np.int64)  # latest gap of each channel
        self.youngest_gap = -(1 << 62)
        self._last_good = np.zeros(CHANNELS)
        self.base = self.first = self.end = 0

    def restart(self, index: int) -> None:
        """Discard all samples before `index` and continue there."""
        self.base = self.first = self.end = index
        self._last_good[:] = 0.0

    def room(self, keep: int) -> int:
        """Number of free columns; if there are none, discards samples before `keep` first."""
        free = self._capacity - (self.end - self.base)
        if free > 0:
            return free
        keep = max(self.first, keep)
        drop = max(0, keep - self.base)
        n = self.end - keep
        self.x[:, :n] = self.x[:, drop : drop + n]
        self.bad[:, :n] = self.bad[:, drop : drop + n]
        self.base += drop
        return drop

    def append(self, samples: Floats | None, n: int) -> None:
        """Append n samples of shape (6, n), or n lost samples if `samples` is None."""
        lo = self.end - self.base
        self.x[:, lo : lo + n] = np.nan if samples is None else samples
        if segment.clean(self.x, self.bad, self._last_good, self.last_bad, self.mapped, lo, lo + n, self.base):
            self.youngest_gap = int(self.last_bad.max())
        self.end += n

    def is_complete(self, begin: int, end: int) -> bool:
        """True if all samples begin .. end-1 exist, without a gap in them or after them."""
        return begin >= self.first and end <= self.end and begin > self.youngest_gap

"""The last seconds of a waveform stream, in single precision."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from drivers.reading import Quality, Waveform

BYTES_MAX = 8_000_000  # a faster stream has shorter snapshots
Samples = npt.NDArray[np.float32]


class SnapshotRing:
    """The newest samples of one stream; missing ones are NaN. All memory is allocated at the first block.

    length_s: time that it holds.
    end: index after the newest sample. newest: the last block.
    quality: flags of the blocks since the last `take`, and at least of all samples that it holds.
    """

    def __init__(self, length_s: float, first: Waveform) -> None:
        self.channels, self.rate_hz = first.channels, first.rate_hz
        count = min(round(length_s * first.rate_hz), BYTES_MAX // (4 * max(1, len(first.channels))))
        self._samples: Samples = np.empty((len(first.channels), max(1, count)), np.float32)
        self._at = self._filled = 0
        self.end, self.newest, self.quality = first.index, first, Quality.GOOD

    @property
    def length(self) -> int:
        """Samples of each channel that it holds."""
        return int(self._samples.shape[1])

    @property
    def is_full(self) -> bool:
        return self._filled >= self.length

    @property
    def start_ns(self) -> int:
        """UTC of its first sample."""
        block = self.newest
        return block.start_ns - round((block.index - self.end + self.length) / self.rate_hz * 1e9)

    def continues(self, block: Waveform) -> bool:
        """Whether a block belongs to the same stream: its samples have the same meaning and follow."""
        return block.channels == self.channels and block.rate_hz == self.rate_hz and block.index >= self.end

    def add(self, block: Waveform) -> None:
        """Adds a block, and the samples that are missing before it. Allocates nothing."""
        self._put(None, min(block.index - self.end, self.length))
        samples = block.samples[:, -self.length :]
        self._put(samples, samples.shape[1])
        self.end, self.newest = block.index + block.samples.shape[1], block
        self.quality |= block.quality

    def take(self) -> tuple[Samples, int, Quality]:
        """A copy in the order of time, the number of missing samples, and the flags."""
        samples = np.concatenate((self._samples[:, self._at :], self._samples[:, : self._at]), axis=1)
        quality, self.quality = self.quality, self.newest.quality
        return samples, int(np.isnan(samples).any(axis=0).sum()), quality

    def largest(self, rows: list[int]) -> float:
        """The largest magnitude in some channels; missing samples do not count."""
        return max((float(max(np.fmax.reduce(row), -np.fmin.reduce(row))) for row in self._samples[rows]), default=0.0)

    def _put(self, samples: npt.NDArray[np.float64] | None, count: int) -> None:
        done = 0
        while done < count:
            n = min(count - done, self.length - self._at)
            self._samples[:, self._at : self._at + n] = np.nan if samples is None else samples[:, done : done + n]
            done += n
            self._at = (self._at + n) % self.length
        self._filled = min(self._filled + count, self.length)

"""Collects a record of some seconds from the blocks of a waveform stream, at regular intervals."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from agent.analysis.condition.record import Record
from drivers.reading import Waveform
from drivers.recordings.recording import ROLES

EVERY_S = 120.0  # three of five records must fit into ten minutes
BYTES_MAX = 8_000_000  # a faster stream gets shorter records


class RecordCollector:
    """Records of one stream. A record has no gap: after missing samples it begins again.

    length_s: of a record. every_s: between the starts of two records.
    """

    def __init__(self, length_s: float, every_s: float = EVERY_S) -> None:
        self._length_s, self._every_s = length_s, every_s
        self._samples: npt.NDArray[np.float32] | None = None
        self._rate_hz, self._filled, self._next = 0.0, 0, 0
        self._next_start_s = -math.inf

    def on_block(self, block: Waveform, now_s: float) -> Record | None:
        """Adds a block; returns a record when one is complete. Without three voltages and currents there is none."""
        if self._samples is None:
            if now_s < self._next_start_s or not all(role in block.channels for role in ROLES):
                return None
            self._start(block, now_s)
        assert self._samples is not None
        if block.index != self._next or block.rate_hz != self._rate_hz:
            self._start(block, now_s)
        rows = [block.channels.index(role) for role in ROLES]
        count = min(block.samples.shape[1], self._samples.shape[1] - self._filled)
        self._samples[:, self._filled : self._filled + count] = block.samples[rows, :count]
        self._filled += count
        self._next = block.index + block.samples.shape[1]
        if self._filled < self._samples.shape[1]:
            return None
        samples, self._samples = self._samples.astype(np.float64), None
        return Record(self._rate_hz, samples[:3], samples[3:])

    def _start(self, block: Waveform, now_s: float) -> None:
        count = min(round(self._length_s * block.rate_hz), BYTES_MAX // (4 * len(ROLES)))
        if self._samples is None or self._samples.shape[1] != count:
            self._samples = np.empty((len(ROLES), count), np.float32)
        self._rate_hz, self._filled, self._next = block.rate_hz, 0, block.index
        self._next_start_s = now_s + self._every_s

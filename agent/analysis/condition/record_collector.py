"""Collects a record of some seconds from the blocks of a waveform stream, at regular intervals."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from agent.analysis.condition.record import Array, Record
from drivers.reading import Waveform
from drivers.recordings.recording import ROLES

SOON_S = 120.0
BYTES_MAX = 8_000_000  # a faster stream gets shorter records


class RecordCollector:
    """Records of one stream. A record has no gap: after missing samples it begins again.

    length_s: of a record. every_s: from the start of one to that of the next.
    precision: of its samples; single is enough for spectra.
    soon: the next record begins SOON_S after the last one.
    """

    def __init__(
        self, length_s: float, every_s: float, precision: type[np.float32 | np.float64] = np.float64
    ) -> None:  # fmt: skip
        self._length_s, self._every_s, self._precision, self.soon = length_s, every_s, precision, False
        self._samples: npt.NDArray[np.float32] | None = None
        self._rate_hz, self._filled, self._next = 0.0, 0, 0
        self._started_s = -math.inf
        self._channels: tuple[str, ...] = ()
        self._rows: list[int] | None = None  # of the roles; None: one of them is missing

    def on_block(self, block: Waveform, now_s: float) -> Record | None:
        """Adds a block; returns a record when one is complete. Without three voltages and currents there is none."""
        if self._samples is None:
            if now_s < self._started_s + (SOON_S if self.soon else self._every_s) or self._rows_of(block) is None:
                return None
            self._start(block, now_s)
        rows = self._rows_of(block)
        if rows is None:
            self._samples = None
            return None
        assert self._samples is not None
        if block.index != self._next or block.rate_hz != self._rate_hz:
            self._start(block, now_s)
        count = min(block.samples.shape[1], self._samples.shape[1] - self._filled)
        for kept, row in zip(self._samples, rows, strict=True):
            kept[self._filled : self._filled + count] = block.samples[row, :count]
        self._filled += count
        self._next = block.index + block.samples.shape[1]
        if self._filled < self._samples.shape[1]:
            return None
        samples: Array = self._samples.astype(self._precision, copy=False)
        self._samples = None
        return Record(self._rate_hz, samples[:3], samples[3:])

    def _rows_of(self, block: Waveform) -> list[int] | None:
        if block.channels != self._channels:
            self._channels = block.channels
            complete = all(role in block.channels for role in ROLES)
            self._rows = [block.channels.index(role) for role in ROLES] if complete else None
        return self._rows

    def _start(self, block: Waveform, now_s: float) -> None:
        count = min(round(self._length_s * block.rate_hz), BYTES_MAX // (4 * len(ROLES)))
        if self._samples is None or self._samples.shape[1] != count:
            self._samples = np.empty((len(ROLES), count), np.float32)
        self._rate_hz, self._filled, self._next = block.rate_hz, 0, block.index
        self._started_s = now_s

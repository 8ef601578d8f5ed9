"""pq3s and harmonics of a waveform with plain numpy, flagged WARMING_UP, until the kernels are compiled.

Events, flicker and 10 min values need the kernels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agent.analysis.power_quality.messages import (
    harmonics_values,
    pq3s_values,
    rounded_values,
    rows_of,
    unknown_pq3s_values,
)
from agent.config.model import Motor
from agent.core.messages import Message
from drivers.reading import Quality, Waveform
from drivers.recordings.recording import ROLES
from dsp.numpy_fallback import STRETCH_S, NumpyAnalysis, plain
from dsp.results import Flag

STRETCHES = 5  # in a message: 3 s


class NumpyFallback:
    """Stream of one motor, for the pipeline thread. `emit` receives the messages."""

    def __init__(self, asset: str, emit: Callable[[Message], None], motor: Motor | None = None) -> None:
        self._asset, self._emit = asset, emit
        self._demand_a = (motor.amps if motor else None) or float("nan")
        self._rows = np.zeros((len(ROLES), 0))
        self._done: list[NumpyAnalysis] = []
        self._next = -1
        self._quality = Quality.GOOD

    def on_block(self, block: Waveform) -> None:
        """Adds a block. After a gap a new interval starts."""
        if block.index != self._next:
            self._rows, self._done = self._rows[:, :0], []
        self._next = block.index + block.samples.shape[1]
        self._quality |= block.quality
        self._rows = np.concatenate((self._rows, rows_of(block)), axis=1)
        size = max(16, round(STRETCH_S * block.rate_hz))
        while self._rows.shape[1] >= size:
            self._done.append(plain(self._rows[:, :size], block.rate_hz, self._demand_a))
            self._rows = self._rows[:, size:]
            if len(self._done) == STRETCHES:
                left_s = self._rows.shape[1] / block.rate_hz
                end_ns = block.start_ns + round((block.samples.shape[1] / block.rate_hz - left_s) * 1e9)
                self._publish(end_ns // 1_000_000, all(role in block.channels for role in ROLES))

    def _publish(self, t_ms: int, all_phases: bool) -> None:
        done, self._done = self._done, []
        quality, self._quality = self._quality | Quality.WARMING_UP, Quality.GOOD
        usable = [stretch for stretch in done if Flag.SYNC_LOST not in stretch.flags]
        if len(usable) < len(done):
            quality |= Quality.GAP
        values = pq3s_values(usable, all_phases) if usable else unknown_pq3s_values()
        values |= {"windows": len(done), "windows_left_out": len(done) - len(usable)}
        self._emit(Message(self._asset, "pq3s", t_ms, rounded_values("pq3s", values), quality=quality))
        if usable:
            self._emit(Message(self._asset, "harmonics", t_ms, harmonics_values(usable), quality=quality))

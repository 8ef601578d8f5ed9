"""The supply in the time domain: components as continuous space vectors."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from simulators.plant.phasors import Floats, PhasorComponent, Vectors


class SupplyWave:
    """Supply of all motors on one bus: `block(...)` returns the voltage vectors at half steps."""

    def __init__(self) -> None:
        self.angle = 0.0  # angle of the fundamental

    def block(
        self, components: Sequence[PhasorComponent], frequency_hz: float, steps: int, step_s: float,
        before: Sequence[PhasorComponent] | None = None,
    ) -> Vectors:  # fmt: skip
        """Return 2·steps + 1 vectors from now to the end of the block, and advance time to it.

        Zero-sequence parts cannot drive a current into the star point and are omitted.
        components: rms phasors of L1 relative to the fundamental at angle 0, at the end of the block.
        frequency_hz: frequency of the fundamental.
        step_s: length of a step, seconds.
        before: components at the beginning of the block, with a linear change between. None: as at the end.
        """
        half: Floats = np.arange(2 * steps + 1, dtype=np.float64) * (step_s / 2)
        theta = self.angle + 2 * math.pi * frequency_hz * half
        vectors = np.zeros(len(half), complex)
        rotation = np.exp(1j * theta)
        share = np.linspace(0.0, 1.0, len(half))
        for order, sequence, value, change in _changes(before or components, components):
            if sequence:
                wave = math.sqrt(2) * (rotation**order * (value + change * share))
                vectors += wave if sequence > 0 else wave.conj()
        self.angle = (self.angle + 2 * math.pi * frequency_hz * steps * step_s) % (2 * math.pi)
        return vectors


def _changes(
    before: Sequence[PhasorComponent], now: Sequence[PhasorComponent]
) -> list[tuple[int, int, complex, complex]]:
    """Return order, sequence, initial value and its change; components of one order and sequence are summed."""
    ends = [defaultdict[tuple[int, int], complex](complex) for _ in range(2)]
    for sums, parts in zip(ends, (before, now), strict=True):
        for order, sequence, value in parts:
            sums[order, sequence] += value
    return [(*key, ends[0][key], ends[1][key] - ends[0][key]) for key in {**ends[0], **ends[1]}]

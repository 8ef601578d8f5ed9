"""The supply in the time domain: components and dips as continuous space vectors."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from simulators.plant._arrays import Floats, Vectors
from simulators.plant.faults import Dip
from simulators.plant.phasors import PhasorComponent


class SupplyWave:
    """Supply of all motors on one bus: `block(...)` returns the voltage vectors at half steps."""

    def __init__(self, dips: Sequence[Dip] = ()) -> None:
        self.dips = tuple(dips)
        self.now_s = 0.0
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
        t: Floats = np.asarray(self.now_s + half)
        theta = self.angle + 2 * math.pi * frequency_hz * half
        sound = np.zeros(len(half), complex)
        turn = np.exp(1j * theta)
        way = np.linspace(0.0, 1.0, len(half))
        for order, sequence, value, change in _moving(before or components, components):
            if sequence:
                wave = math.sqrt(2) * (turn**order * (value + change * way))
                sound += wave if sequence > 0 else wave.conj()
        for dip in self.dips:
            sound = _dipped(dip, t, sound)
        self.now_s += steps * step_s
        self.angle = (self.angle + 2 * math.pi * frequency_hz * steps * step_s) % (2 * math.pi)
        return sound


def _moving(
    before: Sequence[PhasorComponent], now: Sequence[PhasorComponent]
) -> list[tuple[int, int, complex, complex]]:
    """Return order, sequence, initial value and its change; components of one order and sequence are summed."""
    ends = [defaultdict[tuple[int, int], complex](complex) for _ in range(2)]
    for sums, parts in zip(ends, (before, now), strict=True):
        for order, sequence, value in parts:
            sums[order, sequence] += value
    return [(*key, ends[0][key], ends[1][key] - ends[0][key]) for key in {**ends[0], **ends[1]}]


def _dipped(dip: Dip, t: Floats, u: Vectors) -> Vectors:
    """Apply a dip: the negative sequence of the fundamental is the conjugate of the vector."""
    inside = (t >= dip.at_s) & ((t - dip.at_s) % dip.every_s < dip.duration_s)
    positive, negative = dip.sequences(dip.at_s)
    return np.where(inside, positive * u + np.conj(negative * u), u)

"""The supply in the time domain: components, interharmonics, flicker, dips as continuous space vectors."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from simulators.plant._arrays import Floats, Vectors
from simulators.plant.faults import Dip
from simulators.plant.phasors import PhasorComponent


class Interharmonic(NamedTuple):
    """A voltage at a frequency that is not a multiple of the fundamental.

    frequency_hz: its frequency.
    share: amplitude relative to the positive sequence.
    sequence: +1 or −1.
    """

    frequency_hz: float
    share: float
    sequence: int = 1


class FlickerSource(NamedTuple):
    """Sinusoidal modulation. depth: ΔV/V from crest to trough."""

    frequency_hz: float
    depth: float


class SupplyWave:
    """Supply of all motors on one bus: `block(...)` returns the voltage vectors at half steps."""

    def __init__(
        self,
        *,
        interharmonics: Sequence[Interharmonic] = (),
        flicker: Sequence[FlickerSource] = (),
        dips: Sequence[Dip] = (),
    ) -> None:
        self.interharmonics, self.flicker = tuple(interharmonics), tuple(flicker)
        self.dips = list(dips)
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
                sound += _vector(turn**order * (value + change * way), sequence, math.sqrt(2) + 0j)
        u1 = sum(complex(c.value) for c in components if c.order == 1 and c.sequence == 1)
        for inter in self.interharmonics:
            wave = np.exp(2j * math.pi * inter.frequency_hz * t)
            sound += _vector(wave, inter.sequence, math.sqrt(2) * inter.share * abs(u1) + 0j)
        sound = sound * self._modulation(t)
        for dip in self.dips:
            sound = _dipped(dip, t, sound)
        self.now_s += steps * step_s
        self.angle = (self.angle + 2 * math.pi * frequency_hz * steps * step_s) % (2 * math.pi)
        return sound

    def _modulation(self, t: Floats) -> Floats:
        swing = np.ones(len(t))
        for flicker in self.flicker:
            swing += flicker.depth / 2 * np.sin(2 * math.pi * flicker.frequency_hz * t)
        return swing


def _moving(
    before: Sequence[PhasorComponent], now: Sequence[PhasorComponent]
) -> list[tuple[int, int, complex, complex]]:
    """Return order, sequence, initial value and its change; components of one order and sequence are summed."""
    ends = [defaultdict[tuple[int, int], complex](complex) for _ in range(2)]
    for sums, parts in zip(ends, (before, now), strict=True):
        for order, sequence, value in parts:
            sums[order, sequence] += value
    return [(*key, ends[0][key], ends[1][key] - ends[0][key]) for key in {**ends[0], **ends[1]}]


def _vector(turn: Vectors, sequence: int, value: complex) -> Vectors:
    wave = value * turn
    return wave if sequence > 0 else wave.conj()


def _dipped(dip: Dip, t: Floats, u: Vectors) -> Vectors:
    """Apply a dip: the negative sequence of the fundamental is the conjugate of the vector."""
    inside = (t >= dip.at_s) & ((t - dip.at_s) % dip.every_s < dip.duration_s)
    positive, negative = dip.sequences(dip.at_s)
    return np.where(inside, positive * u + np.conj(negative * u), u)

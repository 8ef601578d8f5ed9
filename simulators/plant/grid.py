"""The supply: slowly varying voltage and frequency, constant background distortion, a small negative sequence."""

from __future__ import annotations

import cmath
import copy
import math
from collections.abc import Iterable
from random import Random

from simulators.plant.faults import Dip
from simulators.plant.params import Grid
from simulators.plant.phasors import PhasorComponent, natural_sequence
from simulators.plant.random_walk import RandomWalk

A = cmath.exp(2j * math.pi / 3)


class GridSupply:
    """The supply of a busbar. `components()` are the phase voltages before a load distorts them."""

    def __init__(self, params: Grid, rng: Random) -> None:
        self.params = params
        self._volts = RandomWalk(rng, params.volts_sigma, params.tau_s, 5.0)
        self._frequency = RandomWalk(rng, params.frequency_sigma_hz, params.tau_s)
        self.undipped_v = 0.0  # as volts_v, without the dip
        self.volts_v = 0.0  # rms of the positive sequence, phase to neutral; phase L1 is at angle 0
        self.frequency_hz = 0.0
        self.sag = 1.0  # of the positive sequence; below 1 in a dip
        self.line_share = 1.0  # highest line voltage relative to before the dip; it supplies a bridge
        self.dip_negative = 0j  # negative sequence added by a dip, relative to the positive one without the dip
        self.unbalance = 0j  # negative sequence of a lasting unbalance, relative to the positive one
        self.step(0.0)

    @property
    def nominal_v(self) -> float:
        """Phase to neutral, V."""
        return self.params.volts_v / math.sqrt(3)

    def step(self, dt_s: float) -> None:
        self.undipped_v = self.params.volts_v / math.sqrt(3) * (1 + self._volts.step(dt_s))
        self.volts_v = self.undipped_v * self.sag
        self.frequency_hz = self.params.frequency_hz + self._frequency.step(dt_s)

    def apply_dips(self, dips: Iterable[Dip], now_s: float) -> None:
        """Apply the deepest of the dips. Takes effect at the next step."""
        positive, negative = min((dip.sequences(now_s) for dip in dips), key=lambda pair: abs(pair[0]), default=(1, 0))
        self.sag = abs(positive)
        turn = positive / self.sag if self.sag else 1  # positive sequence of L1 stays at angle 0
        self.dip_negative = complex(negative / turn)
        self.line_share = max(abs(self.sag + self.dip_negative * cmath.exp(1j * math.pi * k / 3)) for k in (-1, 1, 3))

    @property
    def _negative_v(self) -> complex:
        return self.volts_v * (self.params.negative + self.unbalance) + self.undipped_v * self.dip_negative

    def after_contact(self, drop_v: complex) -> GridSupply:
        """Return the supply downstream of a contact in L2 that takes the voltage drop_v of the fundamental.

        The positive sequence stays at angle 0: the drop turns it by some thousandths, which is neglected.
        """
        found = copy.copy(self)
        found.volts_v = abs(self.volts_v - A * drop_v / 3)
        negative_v = self._negative_v - A.conjugate() * drop_v / 3
        found.dip_negative = 0j
        found.dip_negative = (negative_v - found._negative_v) / self.undipped_v
        return found

    def components(self) -> list[PhasorComponent]:
        u1 = self.volts_v
        found = [
            PhasorComponent(1, 1, complex(u1)),
            PhasorComponent(1, -1, self._negative_v),
        ]
        for order, share, degrees in self.params.harmonics:
            value = cmath.rect(share * u1, math.radians(degrees))
            found.append(PhasorComponent(order, natural_sequence(order), value))
        return found

    def impedance_ohm(self, order: int) -> complex:
        """Return the impedance of the supply at a harmonic, Ω."""
        return complex(self.params.source_ohm, self.params.source_x_ohm * order * self.frequency_hz / 50)

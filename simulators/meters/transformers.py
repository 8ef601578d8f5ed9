"""Current transformers of a meter: ratio error and phase displacement at each current, within their class."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from simulators.plant.phasors import Phasors

CT_CLASS = "0.5"  # of the simulated plants
# IEC 61869-2, table 201: % of rated current, ratio error in %, displacement in minutes
_LIMITS: dict[str, tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]] = {
    "0.2S": ((1.0, 5.0, 20.0, 120.0), (0.75, 0.35, 0.2, 0.2), (30.0, 15.0, 10.0, 10.0)),
    "0.5": ((5.0, 20.0, 100.0, 120.0), (1.5, 0.75, 0.5, 0.5), (90.0, 45.0, 30.0, 30.0)),
    "0.5S": ((1.0, 5.0, 20.0, 120.0), (1.5, 0.75, 0.5, 0.5), (90.0, 45.0, 30.0, 30.0)),
    "1": ((5.0, 20.0, 100.0, 120.0), (3.0, 1.5, 1.0, 1.0), (180.0, 90.0, 60.0, 60.0)),
}


@dataclass(frozen=True, slots=True)
class CurrentTransformers:
    """The transformers of three phases.

    ct_class: 0.2S, 0.5, 0.5S or 1.
    rated_a: rated primary current, A.
    ratio, phase: errors of each transformer as shares of the limits at its current, −1 to 1, shape (3,). Below the
        lowest printed current the error of the current stays the same in amperes.
    """

    ct_class: str
    rated_a: float
    ratio: NDArray[np.float64]
    phase: NDArray[np.float64]

    def secondary(self, i_a: Phasors) -> Phasors:
        """The currents that the meter sees. i_a: phasors in primary amperes, shape (3, orders), rms."""
        percent = 100 * np.sqrt((i_a.real**2 + i_a.imag**2).sum(axis=1)) / self.rated_a
        at, ratio_pct, minutes = _LIMITS[self.ct_class]
        most = np.interp(percent, at, ratio_pct).tolist(), np.interp(percent, at, minutes).tolist()
        limits = zip(percent.tolist(), *most, self.ratio.tolist(), self.phase.tolist(), strict=True)
        factors = []
        for now, most_pct, most_minutes, ratio, phase in limits:
            below = max(at[0] / max(now, 0.1), 1.0)
            angle = phase * below * most_minutes * math.radians(1 / 60)
            factors.append([(1 + ratio * below * most_pct / 100) * cmath.exp(1j * angle)])
        found: Phasors = i_a * np.array(factors)
        return found


def draw_transformers(
    rng: Random, rated_a: float, ct_class: str = CT_CLASS, *, equal: bool = False
) -> CurrentTransformers:  # fmt: skip
    """Draw one ratio error and one phase displacement for each transformer.

    equal: the same for all three, the worst case that a class allows for the power.
    """
    ratio, phase = ([rng.uniform(-1, 1) for _ in range(1 if equal else 3)] for _ in range(2))
    return CurrentTransformers(ct_class, rated_a, np.resize(ratio, 3), np.resize(phase, 3))

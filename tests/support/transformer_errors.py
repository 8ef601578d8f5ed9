"""Errors of current transformers within IEC 61869-2, table 201, for generators that share no code with the product.

A transformer has one draw of its ratio error and one of its phase displacement, as shares of the limit at each current.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# current in % of rated, ratio error in %, phase displacement in minutes
TABLE: dict[str, tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]] = {
    "0.2": ((5, 20, 100), (0.75, 0.35, 0.2), (30, 15, 10)),
    "0.2S": ((1, 5, 20, 100), (0.75, 0.35, 0.2, 0.2), (30, 15, 10, 10)),
    "0.5": ((5, 20, 100), (1.5, 0.75, 0.5), (90, 45, 30)),
    "0.5S": ((1, 5, 20, 100), (1.5, 0.75, 0.5, 0.5), (90, 45, 30, 30)),
    "1": ((5, 20, 100), (3.0, 1.5, 1.0), (180, 90, 60)),
}


def limits(ct_class: str, percent: Array) -> tuple[Array, Array]:
    """Limits of ratio error (relative) and phase displacement (rad) at currents in percent of rated."""
    if ct_class in TABLE:
        at, ratio_pct, minutes = TABLE[ct_class]
        below = np.maximum(at[0] / np.maximum(percent, 0.1), 1.0)
        return below * np.interp(percent, at, ratio_pct) / 100, below * np.radians(np.interp(percent, at, minutes) / 60)
    stated = re.fullmatch(r"([\d.]+) % ([\d.]+)'", ct_class)
    assert stated is not None, ct_class
    flat = np.ones_like(percent)
    return float(stated[1]) / 100 * flat, math.radians(float(stated[2]) / 60) * flat


@dataclass(frozen=True)
class TransformerErrors:
    """Current transformers, equal on all phases.

    ratio, phase: errors as shares of the limits, −1 to 1.
    rated_a: rated primary current.
    volts: line voltage, V.
    """

    ratio: float
    phase: float
    ct_class: str
    rated_a: float
    volts: float

    def displayed(self, w: Array, var: Array) -> tuple[Array, Array]:
        """P and Q as seen through the transformers: (P·cos δ + Q·sin δ)·(1 + ε), and Q accordingly."""
        percent = 100 * np.hypot(w, var) / (math.sqrt(3) * self.volts * self.rated_a)
        ratio, angle = limits(self.ct_class, percent)
        c, s, gain = np.cos(self.phase * angle), np.sin(self.phase * angle), 1 + self.ratio * ratio
        return gain * (c * w + s * var), gain * (c * var - s * w)

"""Errors of an energy meter with current transformers: three transformers in three phases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.plant_histories.series import Array

# IEC 61869-2:2012, tables 201 and 202: current in % of rated, limit of the ratio error in %, of the phase in minutes
LIMITS = {
    "0.2": ((5, 20, 100), (0.75, 0.35, 0.2), (30, 15, 10)),
    "0.2S": ((1, 5, 20, 100), (0.75, 0.35, 0.2, 0.2), (30, 15, 10, 10)),
    "0.5": ((5, 20, 100), (1.5, 0.75, 0.5), (90, 45, 30)),
    "0.5S": ((1, 5, 20, 100), (1.5, 0.75, 0.5, 0.5), (90, 45, 30, 30)),
    "1": ((5, 20, 100), (3.0, 1.5, 1.0), (180, 90, 60)),
}
METER_LIMITS = {"0.2": 0.002, "0.2S": 0.002, "0.5": 0.005, "0.5S": 0.005, "1": 0.01}  # IEC 62053-21 and -22 at pf 1


def limits(name: str, current: Array) -> tuple[Array, Array]:
    """Limits of the ratio error (share of 1) and of the phase displacement (rad) of a class of transformers.

    current: share of the rated current. Between the points of the table the limits are interpolated linearly in the
        current; outside they are those of the nearest point.
    """
    percent, ratio, minutes = LIMITS[name]
    at = np.asarray(current) * 100
    return np.interp(at, percent, ratio) / 100, np.radians(np.interp(at, percent, minutes) / 60)


@dataclass(frozen=True, slots=True)
class Metering:
    """A meter and its transformers.

    name: class of the meter and of the transformers.
    rated_va: apparent power at rated current of the transformers, in the unit of the powers.
    gain: relative error of the meter.
    ratio, phase: errors of the three transformers as shares of their limits, −1 to 1; a positive phase leads.
    """

    name: str
    rated_va: float
    gain: float
    ratio: tuple[float, ...]
    phase: tuple[float, ...]

    @classmethod
    def drawn(cls, name: str, rated_va: float, rng: np.random.Generator) -> Metering:
        """Errors that are uniform within the limits of the class."""
        ratio, phase = (tuple(rng.uniform(-1, 1, 3).tolist()) for _ in range(2))
        return cls(name, rated_va, METER_LIMITS[name] * rng.uniform(-1, 1), ratio, phase)

    def measured(self, active: Array, reactive: Array) -> Array:
        """Active power as metered: (1 + gain) · mean of (1 + ratio error) · (P cos δ + Q sin δ) of the phases."""
        ratio_limit, phase_limit = limits(self.name, np.hypot(active, reactive) / self.rated_va)
        phases = [
            (1 + ratio * ratio_limit) * (active * np.cos(phase * phase_limit) + reactive * np.sin(phase * phase_limit))
            for ratio, phase in zip(self.ratio, self.phase, strict=True)
        ]
        return np.asarray((1 + self.gain) * np.mean(phases, axis=0))

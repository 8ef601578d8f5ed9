"""Feeder between meter and drive: a cable with its loss and voltage drop, and auxiliary loads."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

import numpy as np

from simulators.plant import validation
from simulators.plant.params import COPPER_PER_K
from simulators.plant.phasors import ORDERS, PhasorComponent, Phasors
from simulators.reasons import POWER_FACTOR_OUT_OF_RANGE, VALUE_NOT_POSITIVE, require

_COPPER_OHM_MM2_M = 0.0183  # of stranded conductors at 20 °C, the limits of IEC 60228 for 16–240 mm², from memory
_X_OHM_M = 0.08e-3  # three cores in one sheath at 50 Hz: usual value, from memory


@dataclass(frozen=True, slots=True)
class Cable:
    """A cable. Skin effect and capacitance are neglected: valid up to some 100 m and 1 kHz.

    r_ohm: resistance of one phase, Ω.
    x_ohm: reactance of one phase at 50 Hz, Ω.
    Raises ValueError for a negative value.
    """

    r_ohm: float
    x_ohm: float

    def __post_init__(self) -> None:
        validation.not_negative("cable", self, "r_ohm x_ohm")


def copper_cable(length_m: float, mm2: float, degc: float = 50.0) -> Cable:
    """Return a copper cable at a conductor temperature.

    Raises ValueError for a length or cross-section that is not positive.
    """
    for name, value in (("length_m", length_m), ("mm2", mm2)):
        require(value > 0, f"cable: {name}", VALUE_NOT_POSITIVE, value=value)
    warm = 1 + COPPER_PER_K * (degc - 20)
    return Cable(_COPPER_OHM_MM2_M / mm2 * length_m * warm, _X_OHM_M * length_m)


def sending_end(cable: Cable, u_v: Phasors, i_a: Phasors, frequency_hz: float) -> Phasors:
    """Return the voltages at the meter for given voltages at the load, higher by the drop of the cable."""
    return np.asarray(u_v + (cable.r_ohm + 1j * cable.x_ohm * frequency_hz / 50 * np.arange(ORDERS)) * i_a)


@dataclass(frozen=True, slots=True)
class Auxiliary:
    """A fan, oil pump, heater or control supply; balanced three-phase load.

    power_w: active power, W; constant, as of a motor or power supply.
    power_factor: displacement power factor, lagging.
    with_motor: True: switched with the motor.
    Raises ValueError for impossible values.
    """

    power_w: float
    power_factor: float = 0.85
    with_motor: bool = False

    def __post_init__(self) -> None:
        validation.not_negative("auxiliary", self, "power_w")
        require(
            0 < self.power_factor <= 1, "auxiliary: power_factor", POWER_FACTOR_OUT_OF_RANGE, value=self.power_factor
        )

    def current(self, u1_v: complex, motor_runs: bool) -> PhasorComponent:
        """Return its fundamental current, lagging, rms, A. u1_v: phase to neutral, rms."""
        if (self.with_motor and not motor_runs) or u1_v == 0:
            return PhasorComponent(1, 1, 0j)
        apparent = cmath.rect(self.power_w / self.power_factor, math.acos(self.power_factor))
        return PhasorComponent(1, 1, (apparent / 3 / u1_v).conjugate())

"""Efficiency from losses, with its uncertainty.

Plain Python without arrays, because there is one result per second.
Losses known to 15 % give the efficiency to 0.75 percentage points, a torque known to 5 % gives it to 5 points;
therefore the methods estimate losses. Every estimate carries its expanded uncertainty U (k = 2) and the name of its
method. Where no defensible value exists the result is None.

Methods: dsp/efficiency_induction.py, _magnet.py and _airgap.py; drives: _drive.py; meters: _meter.py.
"""

from __future__ import annotations

import math
from typing import NamedTuple

M0 = "M0"  # no defensible estimate is possible
M1 = "M1"  # input power and nameplate
M2 = "M2"  # current and nameplate
M3 = "M3"  # slip and nameplate
M4 = "M4"  # segregated losses of an induction motor
M5 = "M5"  # segregated losses of a permanent-magnet motor
M6 = "M6"  # manufacturer's losses at the seven points of IEC 60034-2-3 (GB/T 32877-2022)
M7 = "M7"  # air-gap torque from waveforms at the terminals
# M8 is the torque estimate of the drive: a plausibility check, never a method of an efficiency
M9 = "M9"  # torque sensor at the shaft
TESTED = frozenset({M7, M9})  # losses were measured on this motor: only these methods can indicate an efficiency class

LOAD_MIN = 0.15  # of rated power; below it no method without a shaft sensor is accurate enough

# Defaults for a rated current that is not on the nameplate, chosen as follows. Power factor of cage motors: catalogue
# value of 4-pole motors of 55 kW (0.83 at 7.5 kW to 0.88 at 315 kW; a measured 18.5 kW motor has 0.896).
# Permanent-magnet motors: catalogues have 0.85 to 0.98 [M]. Efficiency: IE3 at 22 kW, 4 poles, between 0.86 (IE1,
# 7.5 kW) and 0.967 (IE4, 200 kW). The current is inversely proportional to each of them, so the error is at most 10 %.
# The copper loss that M5 derives from this current without a resistance then changes by 20 %, which is in its U.
CAGE_PF, MAGNET_PF, USUAL_EFFICIENCY = 0.86, 0.95, 0.93


class Estimate(NamedTuple):
    """An estimated value with its uncertainty.

    value: in the unit of the quantity.
    u: expanded uncertainty (k = 2), in the same unit.
    method: M1 to M9, or the method of a drive (efficiency_drive.py).
    """

    value: float
    u: float
    method: str


class Losses(NamedTuple):
    """Losses of a motor, W.

    copper_w: winding loss; of an induction motor stator and rotor.
    core_w: core (iron) loss.
    mechanical_w: friction and windage loss.
    additional_w: additional load loss (stray loss).
    u_w: expanded uncertainty (k = 2) of the sum, from what the loss model does not know; NaN if not estimated.
    """

    copper_w: float
    core_w: float
    mechanical_w: float
    additional_w: float
    u_w: float = math.nan

    @property
    def total_w(self) -> float:
        return self.copper_w + self.core_w + self.mechanical_w + self.additional_w


def from_losses(gross: float, loss: float, u_loss: float, u_in: float, method: str) -> Estimate | None:
    """Efficiency (fraction) 1 − loss / gross; None for negative losses and for losses that exceed `gross`.

    gross: power or energy that flows in, W or J: while a motor brakes that at its shaft. loss: in the same unit.
    u_loss, u_in: expanded uncertainty (k = 2) of the losses and of the electrical side, in the same unit, independent
        of each other. The error of the electrical side counts in proportion to the losses only. While the
        motor brakes, the part of the losses in U is too large by the inverse of the efficiency.
    """
    if not gross > loss >= 0:
        return None
    share = loss / gross
    return Estimate(1 - share, math.hypot(u_loss, share * u_in) / gross, method)


def rated_current_a(rated_w: float, volts_v: float, efficiency: float, power_factor: float = CAGE_PF) -> float:
    """Rated current (A) of a motor whose nameplate does not give it, from rated power and line-to-line voltage."""
    return rated_w / (math.sqrt(3) * volts_v * efficiency * power_factor)


def copper_ohm(r_ohm: float, at_degc: float, from_degc: float = 20.0, k: float = 235.0) -> float:
    """Winding resistance (ohm) at another temperature (IEC 60034-1); k = 235 for copper, 225 for aluminium."""
    return r_ohm * (k + at_degc) / (k + from_degc)

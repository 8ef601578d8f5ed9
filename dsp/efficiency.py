"""Efficiency from losses or from shaft power, with its uncertainty. Plain Python: a number each second needs no arrays.

Losses known to 15 % give the efficiency to 0.75 points, a torque good to 5 % gives it to 5 points: so losses are the
way. Every estimate carries U (k = 2) and the method's name; where nothing honest can be said the answer is None.
Sign: powers positive from the mains to the shaft, negative when a motor brakes. No efficiency comes of a NaN: what may
be None is None then, everything else is NaN.

The methods stand in dsp/efficiency_induction.py, _magnet.py, _airgap.py; drives in _drive.py, meters in _meter.py.
"""

from __future__ import annotations

import math
from typing import NamedTuple

M0, M1, M2, M3, M4, M5, M6, M7, M8, M9 = "M0", "M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8", "M9"
METHODS = {
    M0: "nothing honest can be said",
    M1: "input power and nameplate",
    M2: "current and nameplate",
    M3: "slip and nameplate",
    M4: "segregated losses of an induction motor",
    M5: "segregated losses of a magnet motor",
    M6: "factory losses at the seven points of IEC 60034-2-3",
    M7: "air-gap torque from waveforms at the terminals",
    M8: "the drive's own torque: a check, never an efficiency",
    M9: "torque sensor at the shaft",
}
TESTED = frozenset({M7, M9})  # losses were measured on this motor: only these may speak of a class

LOAD_MIN = 0.15  # of rated power; below it no method without a shaft sensor is honest

# For a rated current that the plate does not name; our choice. Cage: catalogues' 4 poles of 55 kW, 0.83 at 7.5 kW to
# 0.88 at 315 kW; a measured motor of 18.5 kW has 0.896. Magnet: catalogues' 0.85 to 0.98 [M]. Efficiency: IE3 at 22 kW,
# 4 poles, between 0.86 (IE1, 7.5 kW) and 0.967 (IE4, 200 kW). Each moves the current in proportion, so by a tenth at
# most; the copper that M5 takes from it without a resistance then moves by a fifth, inside its U of a quarter.
CAGE_PF, MAGNET_PF, USUAL_EFFICIENCY = 0.86, 0.95, 0.93


class Estimate(NamedTuple):
    """value and u in the same unit; u is the expanded uncertainty, k = 2."""

    value: float
    u: float
    method: str


class Losses(NamedTuple):
    """Losses of a motor, W. u_w: expanded uncertainty (k = 2) of their sum, what the model does not know."""

    copper_w: float
    core_w: float
    mechanical_w: float
    additional_w: float
    u_w: float = math.nan

    @property
    def total_w(self) -> float:
        return self.copper_w + self.core_w + self.mechanical_w + self.additional_w


def from_losses(in_w: float, loss_w: float, u_loss: float, u_in: float, method: str) -> Estimate | None:
    """Efficiency (fraction) of a machine that takes in_w and loses loss_w. u_loss, u_in: relative U (k = 2).

    The two err independently. Driving: 1 − loss/in, U = (1 − η)·√(u_loss² + u_in²): the input's error matters only as
    much as losses do. Braking (in_w < 0): electrical over mechanical, |in|/(|in| + loss), U the same times η. None
    without power, or when losses exceed the input: then power comes from both sides and neither is the output.
    """
    spread = math.hypot(u_loss, u_in)
    if not math.isfinite(in_w + loss_w + spread) or loss_w < 0 or in_w == 0 or 0 < in_w <= loss_w:
        return None
    if in_w > 0:
        share = loss_w / in_w
        return Estimate(1 - share, share * spread, method)
    eta = in_w / (in_w - loss_w)
    return Estimate(eta, eta * (1 - eta) * spread, method)


def direct(in_w: float, out_w: float, u_in: float, u_out: float, method: str) -> Estimate | None:
    """Efficiency from both powers, relative U (k = 2) each: U = η·√(u_in² + u_out²). None where it is not in 0…1."""
    spread = math.hypot(u_in, u_out)
    if not math.isfinite(in_w + out_w + spread) or in_w * out_w <= 0:
        return None
    eta = out_w / in_w if in_w > 0 else in_w / out_w
    return Estimate(eta, eta * spread, method) if eta < 1 else None


def shaft_power(in_w: float, loss_w: float, u_loss: float, u_in: float, method: str) -> Estimate:
    """What is left of in_w (W) after the losses; same arguments as from_losses, any sign."""
    return Estimate(in_w - loss_w, math.hypot(u_in * in_w, u_loss * loss_w), method)


def rated_current_a(rated_w: float, volts_v: float, efficiency: float, power_factor: float = CAGE_PF) -> float:
    """A rated current that the plate does not name."""
    return rated_w / (math.sqrt(3) * volts_v * efficiency * power_factor)


def copper_ohm(r_ohm: float, at_degc: float, from_degc: float = 20.0, k: float = 235.0) -> float:
    """IEC 60034-1: resistance over temperature; k = 235 for copper, 225 for aluminium."""
    return r_ohm * (k + at_degc) / (k + from_degc)

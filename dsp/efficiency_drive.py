"""Losses of a frequency converter (complete drive module): from its class, from eight published points, or its own.

current and frequency are relative to the motor's rated ones: i the torque-making current, f the output frequency.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from dsp.efficiency_fit import least_squares

CLASS, EIGHT, OWN = "CDM-class", "CDM-eight-point", "CDM-own"
METHODS = {
    CLASS: "the reference losses of its class",
    EIGHT: "its maker's losses at eight points of IEC 61800-9-2",
    OWN: "input less output, both as measured",
}
# (frequency; torque current) of IEC 61800-9-2, in the order in which makers print them [M].
EIGHT_POINTS = ((0.0, 0.25), (0.0, 0.5), (0.0, 1.0), (0.5, 0.25), (0.5, 0.5), (0.5, 1.0), (0.9, 0.5), (0.9, 1.0))
EIGHT_U = 0.10  # of the losses: the maker's tolerance, one unit against another, and the fit
# Shape of a drive's losses over i and f, 1 at the reference point (0.9; 1); typical of published tables [M].
_SHAPE = (0.285, 0.395, 0.14, 0.20)  # 1, i, i², f·i


def drive_loss_w(reference_w: float, current: float, frequency: float) -> float:
    """Losses by class; reference_w is what they are at f = 0.9, i = 1."""
    constant, linear, square, mixed = _SHAPE
    f = min(abs(frequency), 1.0)
    return reference_w * (constant + linear * current + square * current**2 + mixed * f * current)


def class_loss_u_w(loss_w: float, u: float, reference_w: float) -> float:
    """U (k = 2) in W of losses by class: u of them, and 0.27 of those at the reference point for what needs no load.

    Drives differ most there. Of the reference point's losses fans, electronics and filters take 5 % [M] in the newest
    makes, half in those of the US DOE's table (dsp/tables/vfd_efficiency_doe.csv, at 1.6 % load). Anywhere in that band
    and in the class's: both flat and independent, twice the standard deviation is what both terms make at no load.
    """
    return math.hypot(u * loss_w, 0.27 * reference_w)


def drive_class_factor(drive_class: str | None) -> tuple[float, float]:
    """Losses relative to the reference drive, and their U (k = 2) as a fraction: the middle of a band, and half of it.

    IEC 61800-9-2: IE1 is within 25 % of the reference, IE0 above, IE2 below. The reference is no mean: the drives of
    the US DOE's table lose 0.46 to 0.62 of it at full load. So IE2 reaches from 0.35 to 0.75, no class from 0.35 to
    1.25; IE1 has 10 % more than its band for the shape at part load, IE0 is open upwards [M].
    """
    return {"IE0": (1.25, 0.45), "IE1": (1.0, 0.35), "IE2": (0.55, 0.37)}.get(drive_class or "", (0.80, 0.57))


class EightPoint(NamedTuple):
    """a0 + a1·i + a2·i² + b1·f·i + b2·f, W."""

    coefficients: tuple[float, ...]

    def loss_w(self, current: float, frequency: float) -> float:
        """Never less than at no current and no frequency."""
        value = sum(map(float.__mul__, self.coefficients, _terms(abs(current), min(abs(frequency), 1.2))))
        return max(value, self.coefficients[0])


def eight_point(loss_w: Sequence[float]) -> EightPoint:
    """The surface nearest to eight losses (W) at EIGHT_POINTS. Raises ValueError."""
    if len(loss_w) != 8 or not all(math.isfinite(value) and value > 0 for value in loss_w):
        raise ValueError(f"eight losses above 0 W, got {list(loss_w)}")
    return EightPoint(tuple(least_squares([_terms(i, f) for f, i in EIGHT_POINTS], list(loss_w))))


def _terms(i: float, f: float) -> tuple[float, ...]:
    return (1.0, i, i * i, f * i, f)

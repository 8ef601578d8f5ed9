"""Losses of a frequency converter (complete drive module) from its class, from eight published points, or measured.

Arguments `current` and `frequency` are relative to the rated values of the motor: i is the torque-producing current, f
the output frequency.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from dsp.efficiency_fit import least_squares

CLASS = "CDM-class"  # reference losses of its class
EIGHT = "CDM-eight-point"  # manufacturer's losses at the eight points of IEC 61800-9-2
# (frequency; torque current) of IEC 61800-9-2, in the order in which manufacturers publish them [M].
EIGHT_POINTS = ((0.0, 0.25), (0.0, 0.5), (0.0, 1.0), (0.5, 0.25), (0.5, 0.5), (0.5, 1.0), (0.9, 0.5), (0.9, 1.0))
EIGHT_U = 0.10  # of the losses: tolerance of the manufacturer, spread between units, and error of the fit
# Shape of drive losses over i and f, 1 at the reference point (0.9; 1); typical of published tables [M].
_SHAPE = (0.285, 0.395, 0.14, 0.20)  # coefficients of 1, i, i², f·i
_INVERTER_CONSTANT = 0.7  # of the constant loss of a complete drive


def drive_loss_w(reference_w: float, current: float, frequency: float, rectifier: bool = True) -> float:
    """Losses (W) by class at an operating point.

    reference_w: losses of the complete drive at the reference point f = 0.9, i = 1, W.
    current, frequency: relative, see module; a frequency above 1 counts as 1.
    rectifier: False for an inverter on a DC bus. The losses of bridge and choke follow the power, f·i, those of the
        switches the current (IEC 61800-9-2, annex A [M]); an inverter is therefore without the term f·i, and with the
        fans of the remaining heat and no mains filter: 0.7 [M] of the constant. At 6.5 to 107 kW catalogues of
        inverters give 0.29 to 0.39 of the reference losses of the complete drive at rated current [M]; IE2 gives 0.40
        here, with U 0.21.
    """
    constant, linear, square, mixed = _SHAPE
    by_current = linear * current + square * current**2
    if not rectifier:
        return reference_w * (_INVERTER_CONSTANT * constant + by_current)
    return reference_w * (constant + by_current + mixed * min(abs(frequency), 1.0) * current)


def class_loss_u_w(loss_w: float, u: float, reference_w: float) -> float:
    """U (k = 2) in W of losses by class: u·loss_w in quadrature with 0.27·reference_w for losses that do not need load.

    loss_w: losses at the operating point, W.
    u: relative U of the class, from drive_class_factor.
    reference_w: losses at the reference point, W.
    Drives differ most in their no-load losses. Fans, electronics and filters take 5 % [M] of the losses at the
    reference point in the newest designs, and half of them in the table of the US DOE
    (motor drive tip sheet, at 1.6 % load). With independent uniform distributions over this band and over
    the band of the class, both terms together are twice the standard deviation at no load.
    """
    return math.hypot(u * loss_w, 0.27 * reference_w)


def drive_class_factor(drive_class: str | None) -> tuple[float, float]:
    """Losses of a class relative to the reference drive, and their U (k = 2): centre and half width of a band.

    drive_class: "IE0", "IE1", "IE2" or None (unknown).
    IEC 61800-9-2: IE1 is within 25 % of the reference, IE0 above, IE2 below. The reference is not an average: the
    drives in the table of the US DOE have 0.46 to 0.62 of its losses at full load. The band of IE2 is therefore 0.35 to
    0.75, that of an unknown class 0.35 to 1.25. IE1 includes 10 % in addition to its band for the shape at part load;
    IE0 has no upper limit [M].
    """
    return {"IE0": (1.25, 0.45), "IE1": (1.0, 0.35), "IE2": (0.55, 0.37)}.get(drive_class or "", (0.80, 0.57))


class EightPointGain(NamedTuple):
    """U (k = 2) of the efficiency of a drive from its class, and with the losses at eight points; fractions.

    rated_by_class, rated_by_points: at rated torque and speed.
    half_by_class, half_by_points: at half of both.
    """

    rated_by_class: float
    rated_by_points: float
    half_by_class: float
    half_by_points: float


def eight_point_gain(reference_w: float, rated_w: float, drive_class: str | None, rectifier: bool) -> EightPointGain:
    """What the losses at eight points would reduce U to, for losses as the class makes them probable.

    reference_w: reference losses of this size, from tables.reference_drive_loss_w, W. rated_w: rated power, W.
    drive_class, rectifier: as for drive_class_factor and drive_loss_w.
    The error of the input power is not included: it counts in proportion to the losses.
    """
    factor, u = drive_class_factor(drive_class)
    found: list[float] = []
    for part in (1.0, 0.5):
        loss_w = drive_loss_w(factor * reference_w, part, part, rectifier)
        in_w = part**2 * rated_w + loss_w
        found += [class_loss_u_w(loss_w, u, factor * reference_w) / in_w, EIGHT_U * loss_w / in_w]
    return EightPointGain(*found)


class EightPoint(NamedTuple):
    """Loss surface of a drive: a0 + a1·i + a2·i² + b1·f·i + b2·f, W.

    coefficients: (a0, a1, a2, b1, b2), W.
    """

    coefficients: tuple[float, ...]

    def loss_w(self, current: float, frequency: float) -> float:
        """Losses (W) at relative current and frequency; never less than a0, the value at zero current and frequency.

        A frequency above 1.2 counts as 1.2.
        """
        value = sum(map(float.__mul__, self.coefficients, _terms(abs(current), min(abs(frequency), 1.2))))
        return max(value, self.coefficients[0])


def eight_point(loss_w: Sequence[float]) -> EightPoint:
    """Least-squares loss surface for eight losses (W) at EIGHT_POINTS.

    Raises ValueError unless there are eight finite losses above 0 W.
    """
    if len(loss_w) != 8 or not all(math.isfinite(value) and value > 0 for value in loss_w):
        raise ValueError(f"eight losses above 0 W are required, got {list(loss_w)}")
    return EightPoint(tuple(least_squares([_terms(i, f) for f, i in EIGHT_POINTS], list(loss_w))))


def _terms(i: float, f: float) -> tuple[float, ...]:
    return (1.0, i, i * i, f * i, f)

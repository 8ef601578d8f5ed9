"""Losses of a permanent-magnet motor: M5 (segregated) and M6 (seven published points). Powers in W, currents rms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from dsp.efficiency import Losses, copper_ohm
from dsp.efficiency_fit import solved

_SPLIT = (0.50, 0.30, 0.12, 0.08)  # copper, core, mechanical, additional part of rated losses: an assumption
_IDLE_FLUX2 = 0.82  # (flux without current / flux at rated current)² = 1/(1 + x²), x = Xq·I/E = 0.4 to 0.5
_PLATE_U = 0.15  # of rated losses: limits of IEC 60034-1 [M], taken as those of 95 % of the machines
_CLASS_U = 0.20  # of rated losses by class: between its limit and that of the next class
_COPPER_PART_U = 0.23  # of the rated losses, if R1 is unknown: 30 to 70 % copper [M], a rectangular distribution
_COPPER_SHARE_U = 0.40  # relative, of the copper share 1/2 where R1 and a class are known
_SPLIT_U = (0.35, 0.50, 0.60)  # of core, mechanical and additional loss at the rated point: their split is assumed
_EXPONENT_U = (0.3, 0.0, 0.5)  # of the exponents over speed: f to f² for the core; mechanical: _BEARING_U
_BEARING_U = 0.58  # of the difference between n and n³: all bearings or all fan, a rectangular distribution [M]
_FLUX_U = 0.15  # of the core loss without load: Xq·I/E of 0.3 to 0.6, and magnets up to 40 K cooler than at rated load
_CURRENT_ASSUMED_U = 0.20  # of the copper loss, from a rated current that the nameplate does not give (efficiency.py)
_CURRENT_U = 0.03  # of the current reported by a drive
_WARM_U, _COLD_U = 0.02, 0.06  # of the resistance: winding temperature measured to 5 K, or estimated to 15 K
SEVEN = ((0.9, 1.0), (0.5, 1.0), (0.25, 1.0), (0.9, 0.5), (0.5, 0.5), (0.5, 0.25), (0.25, 0.25))  # (speed, torque)
M6_U = 0.10  # of the losses: the test, the temperature during the test, 1.8 % of interpolation
M6_OUTSIDE_U = 0.30  # of the losses, outside the region of the seven points


class PmRating(NamedTuple):
    """Nameplate of a permanent-magnet motor.

    rated_w: rated shaft power.
    rated_loss_w: losses at the rated point.
    rated_a: rated phase current, rms.
    rated_hz: rated electrical frequency.
    r1_ohm: phase (star) resistance at 20 °C; None if unknown.
    from_class: True if rated_loss_w was derived from an efficiency class, not from the nameplate or a test.
    current_assumed: True if rated_a is not from the nameplate.
    """

    rated_w: float
    rated_loss_w: float
    rated_a: float
    rated_hz: float
    r1_ohm: float | None
    from_class: bool = False
    current_assumed: bool = False


def pm_losses(rating: PmRating, current_a: float, frequency_hz: float, winding_degc: float | None = None) -> Losses:
    """Losses by M5 from the phase current (A, rms) and the electrical frequency (Hz).

    winding_degc: winding temperature, °C; None: 25 °C + 75 K·(I/In)², accurate to about 15 K.
    Copper loss is calculated from R1 if R1 is known, otherwise it is half the rated losses at the rated point; it grows
    with I² and the winding temperature. The rest is split 30 : 12 : 8 into core loss (f^1.5 and the square of the
    flux), mechanical loss (half n, half n³) and additional loss (I²·f).
    U: the sum of the parts at the rated point is known as well as the nameplate. Their split is not: what one part has
    too much, the others have too little, so that this error is zero at the rated point and grows with the distance from
    it, as do the errors of the exponents. If the rated losses come from a class, a known copper loss improves them,
    because it is about half of all losses.
    """
    load = (current_a / rating.rated_a) ** 2
    speed = abs(frequency_hz) / rating.rated_hz
    warm = winding_degc if winding_degc is not None else 25 + 75 * min(load, 2.0)
    if rating.r1_ohm is None:
        copper_rated_w = _SPLIT[0] * rating.rated_loss_w
        copper_w = copper_rated_w * load * copper_ohm(1.0, warm, 100)
        u_resistance, u_part_w = 0.0, _COPPER_PART_U * rating.rated_loss_w
    else:
        copper_w = 3 * current_a**2 * copper_ohm(rating.r1_ohm, warm)
        copper_rated_w = 3 * rating.rated_a**2 * copper_ohm(rating.r1_ohm, 100)
        u_resistance, u_part_w = 0.03, 0.0
    u_assumed = _CURRENT_ASSUMED_U if rating.current_assumed and rating.r1_ohm is None else 0.0
    u_copper = math.hypot(2 * _CURRENT_U, _COLD_U if winding_degc is None else _WARM_U, u_resistance, u_assumed)
    rated_w, u_rated = _rated_losses(rating, copper_rated_w)
    rest_w = max(rated_w - copper_rated_w, 0.2 * rated_w)
    rated = tuple(part / (1 - _SPLIT[0]) * rest_w for part in _SPLIT[1:])
    flux2 = _IDLE_FLUX2 + (1 - _IDLE_FLUX2) * min(load, 2.0)
    law = speed**1.5 * flux2, (speed + speed**3) / 2, load * speed
    core_w, mechanical_w, additional_w = now = tuple(map(float.__mul__, rated, law))
    rest_now = sum(now) / rest_w
    distance = abs(math.log(max(speed, 0.05)))
    u_w = math.hypot(
        u_copper * copper_w,
        u_rated * (rated_w * rest_now + (copper_w if rating.r1_ohm is None else 0.0)),
        u_part_w * abs(copper_w / copper_rated_w - rest_now),
        *(u * watts * (part - rest_now) for u, watts, part in zip(_SPLIT_U, rated, law, strict=True)),
        *(u * watts * distance for u, watts in zip(_EXPONENT_U, now, strict=True)),
        _BEARING_U * rated[1] * (speed - speed**3),
        _FLUX_U * core_w * (1 - min(load, 2.0)),
    )
    return Losses(copper_w, core_w, mechanical_w, additional_w, u_w)


def _rated_losses(rating: PmRating, copper_w: float) -> tuple[float, float]:
    """Rated losses (W) and their relative U (k = 2); copper_w: copper loss at the rated point."""
    if not rating.from_class:
        return rating.rated_loss_w, _PLATE_U
    if rating.r1_ohm is None:
        return rating.rated_loss_w, _CLASS_U
    by_copper_w = copper_w / _SPLIT[0]
    weights = 1 / (_CLASS_U * rating.rated_loss_w) ** 2, 1 / (_COPPER_SHARE_U * by_copper_w) ** 2
    joined_w = (weights[0] * rating.rated_loss_w + weights[1] * by_copper_w) / sum(weights)
    return joined_w, 1 / math.sqrt(sum(weights)) / joined_w


class SevenPoint(NamedTuple):
    """Loss surface over relative speed f and torque t: c1 + c2·f + c3·f² + c4·f·t² + c5·f²·t² + c6·t + c7·t², W.

    coefficients: (c1, ..., c7), W.
    least_w, most_w: smallest and largest of the seven losses.
    """

    coefficients: tuple[float, ...]
    least_w: float
    most_w: float

    def loss_w(self, speed: float, torque: float) -> float:
        """Losses (W) at relative speed and torque, at least 0.8 of the smallest, at most 1.5 of the largest."""
        value = sum(map(float.__mul__, self.coefficients, _terms(abs(speed), abs(torque))))
        return min(max(value, 0.8 * self.least_w), 1.5 * self.most_w)

    @staticmethod
    def inside(speed: float, torque: float) -> bool:
        """True if M6_U applies: relative speed 0.2 to 1.02 and torque 0.2 to 1.1, slightly beyond the points."""
        return 0.2 <= abs(speed) <= 1.02 and 0.2 <= abs(torque) <= 1.1


def seven_point(loss_w: Sequence[float], points: Sequence[tuple[float, float]] = SEVEN) -> SevenPoint:
    """Loss surface through seven losses (W) at points (speed, torque); form of IEC 60034-2-3, IEC 61800-9-2 [M].

    GB/T 32877-2022 is the Chinese standard for these losses: converter-fed AC motors, not only induction motors.

    Raises ValueError unless there are seven finite losses above 0 W at points that determine the surface.
    """
    if len(loss_w) != 7 or len(points) != 7:
        raise ValueError(f"seven losses at seven points are required, got {len(loss_w)} at {len(points)}")
    if not all(math.isfinite(value) and value > 0 for value in loss_w):
        raise ValueError(f"losses must be above 0 W, got {list(loss_w)}")
    found = solved([_terms(f, t) for f, t in points], list(loss_w))
    return SevenPoint(tuple(found), min(loss_w), max(loss_w))


def m6_losses(surface: SevenPoint, rating: PmRating, speed: float, torque: float, current_a: float) -> Losses:
    """Losses by M6: the sum from the surface, split in the proportions of M5 (copper from R1 if known).

    speed, torque: relative to rated.
    current_a: phase current, rms.
    """
    total_w = surface.loss_w(speed, torque)
    modelled = pm_losses(rating, current_a, speed * rating.rated_hz)
    scale = total_w / modelled.total_w if modelled.total_w > 0 else 0.0
    u = M6_U if surface.inside(speed, torque) else M6_OUTSIDE_U
    copper_w, core_w, mechanical_w, additional_w = (scale * part for part in modelled[:4])
    return Losses(copper_w, core_w, mechanical_w, additional_w, u * total_w)


def _terms(f: float, t: float) -> tuple[float, ...]:
    return (1.0, f, f * f, f * t * t, f * f * t * t, t, t * t)

"""Losses of a permanent-magnet motor: M5 (segregated) and M6 (seven published points). Powers in W, currents rms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from dsp.efficiency import Losses, copper_ohm
from dsp.efficiency_fit import solved

_SPLIT = (0.50, 0.30, 0.12, 0.08)  # copper, core, mechanical, additional part of rated losses: an assumption
_IDLE_FLUX2 = 0.82  # (flux without current / flux at rated current)² = 1/(1 + x²), x = Xq·I/E = 0.4 to 0.5
_PLATE_U = 0.15  # of rated losses: IEC 60034-1 allows 15 % more losses than the nameplate states [M]
_CLASS_U = 0.20  # of rated losses by class: between its limit and that of the next class
_COPPER_SHARE_U = 0.40  # relative, of the copper share 1/2: it is 30 to 70 % [M], consistent with SPLIT_U of the agent
_SHAPE_U = (0.35, 0.50, 0.60)  # core, mechanical, additional: split and exponents are assumed, not measured
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
    """

    rated_w: float
    rated_loss_w: float
    rated_a: float
    rated_hz: float
    r1_ohm: float | None
    from_class: bool = False


def pm_losses(rating: PmRating, current_a: float, frequency_hz: float, winding_degc: float | None = None) -> Losses:
    """Losses by M5 from the phase current (A, rms) and the electrical frequency (Hz).

    winding_degc: winding temperature, °C; None: 25 °C + 75 K·(I/In)², accurate to about 15 K.
    Copper loss is calculated from R1 and the winding temperature if R1 is known, otherwise it is half the rated losses
    times the square of the current. The rest is split 30 : 12 : 8 into core loss (f^1.5 and the square of the flux),
    mechanical loss (n^2.5) and additional loss (I²·f).
    U: the errors of the parts are independent; the error of the nameplate is common to all of them. If the rated losses
    come from a class, a known copper loss improves them, because it is about half of all losses.
    """
    load = (current_a / rating.rated_a) ** 2
    speed = abs(frequency_hz) / rating.rated_hz
    if rating.r1_ohm is None:
        copper_rated_w = _SPLIT[0] * rating.rated_loss_w
        copper_w, u_copper = copper_rated_w * load, 0.25
    else:
        warm = winding_degc if winding_degc is not None else 25 + 75 * min(load, 2.0)
        copper_w = 3 * current_a**2 * copper_ohm(rating.r1_ohm, warm)
        copper_rated_w = 3 * rating.rated_a**2 * copper_ohm(rating.r1_ohm, 100)
        u_copper = math.hypot(2 * _CURRENT_U, _COLD_U if winding_degc is None else _WARM_U, 0.03)
    rated_w, u_rated = _rated_losses(rating, copper_rated_w)
    rest_w = max(rated_w - copper_rated_w, 0.2 * rated_w)
    core, mechanical, additional = (part / (1 - _SPLIT[0]) * rest_w for part in _SPLIT[1:])
    flux2 = _IDLE_FLUX2 + (1 - _IDLE_FLUX2) * min(load, 2.0)
    core_w, mechanical_w, additional_w = core * speed**1.5 * flux2, mechanical * speed**2.5, additional * load * speed
    u_rest = (share * watts for share, watts in zip(_SHAPE_U, (core_w, mechanical_w, additional_w), strict=True))
    rest_now = (core_w + mechanical_w + additional_w) / rest_w
    u_plate_w = (
        u_rated * rated_w * (rest_now if rating.r1_ohm is not None else (copper_w + rest_now * rest_w) / rated_w)
    )
    u_w = math.hypot(u_copper * copper_w, *u_rest, u_plate_w)
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

"""Efficiency from losses, with its uncertainty. Plain Python: one number each second needs no arrays.

Losses known to 15 % give the efficiency to 0.75 points, a torque good to 5 % gives it to 5 points: so the losses are
the way. Every estimate carries U (k = 2) and the method's name; where nothing honest can be said the answer is None.
Sign: powers positive from the mains to the shaft. NaN in, None out.
"""

from __future__ import annotations

import math
from typing import NamedTuple

M1 = "M1"  # nameplate and input power
M5 = "M5"  # segregated losses of a magnet motor
DRIVE_CLASS = "CDM-class"  # drive losses from the efficiency class, scaled with current and frequency

LOAD_MIN = 0.15  # of rated power; below it neither method is honest
_M1_SPLIT = (
    0.34,
    0.06,
    0.60,
)  # constant, linear, square part of the rated losses; fits five measured motors to 0.7 point
_M1_U = ((0.5, 0.03), (0.25, 0.06), (LOAD_MIN, 0.10))  # from that load upwards: U of the efficiency
_PM_SPLIT = (0.50, 0.30, 0.12, 0.08)  # copper, core, mechanical, additional part of rated losses: an assumption
# Shape of a drive's losses over relative torque current i and relative frequency f, 1 at the reference point
# (f = 0.9, i = 1); typical of published eight-point tables [M].
_DRIVE_SHAPE = (0.285, 0.395, 0.14, 0.20)  # 1, i, i², f·i


class Estimate(NamedTuple):
    """value and u in the same unit; u is the expanded uncertainty, k = 2."""

    value: float
    u: float
    method: str


class PmRating(NamedTuple):
    """A magnet motor's nameplate. r1_ohm: phase resistance at 20 °C, None when unknown."""

    rated_w: float
    rated_loss_w: float
    rated_a: float
    rated_hz: float
    r1_ohm: float | None


class PmLosses(NamedTuple):
    copper_w: float
    core_w: float
    mechanical_w: float
    additional_w: float

    @property
    def total_w(self) -> float:
        return sum(self)


def m1_shaft_power_w(p1_w: float, rated_w: float, rated_efficiency: float) -> float:
    """Shaft power at which rated losses, split into constant, linear and square parts, leave p1_w at the terminals.

    P1 = P2 + Pn·(1/ηn − 1)·(k0 + k1·x + k2·x²), x = P2/Pn, k = (0.34, 0.06, 0.60). Negative below the no-load power.
    """
    loss_w = rated_w * (1 / rated_efficiency - 1)
    constant, linear, square = (part * loss_w for part in _M1_SPLIT)
    slope = rated_w + linear
    return rated_w * 2 * (p1_w - constant) / (slope + math.sqrt(max(0.0, slope**2 + 4 * square * (p1_w - constant))))


def m1_u(load: float) -> float | None:
    """U (k = 2) of a method M1 efficiency at that load (shaft power over rated); None below 0.15."""
    return next((u for limit, u in _M1_U if load >= limit), None)


def pm_losses(rating: PmRating, current_a: float, frequency_hz: float, winding_degc: float | None = None) -> PmLosses:
    """Losses of a magnet motor from its phase current (A rms) and electrical frequency.

    Copper from R1 and the winding temperature where known, else half the rated losses with the square of the current;
    the rest is split 30 : 12 : 8 into core (f^1.5), mechanical (n^2.5) and additional (I²·f). Without a temperature
    it is taken as 25 °C + 75 K·(I/In)², good to about 15 K.
    """
    load = (current_a / rating.rated_a) ** 2
    speed = abs(frequency_hz) / rating.rated_hz
    if rating.r1_ohm is None:
        copper_rated_w = _PM_SPLIT[0] * rating.rated_loss_w
        copper_w = copper_rated_w * load
    else:
        temperature = winding_degc if winding_degc is not None else 25 + 75 * min(load, 2.0)
        copper_w = 3 * current_a**2 * _copper_ohm(rating.r1_ohm, temperature)
        copper_rated_w = 3 * rating.rated_a**2 * _copper_ohm(rating.r1_ohm, 100)
    rest_w = max(rating.rated_loss_w - copper_rated_w, 0.2 * rating.rated_loss_w)
    core, mechanical, additional = (part / (1 - _PM_SPLIT[0]) * rest_w for part in _PM_SPLIT[1:])
    return PmLosses(copper_w, core * speed**1.5, mechanical * speed**2.5, additional * load * speed)


def pm_loss_u(rating: PmRating) -> float:
    """U (k = 2) of the sum of pm_losses, as a fraction: 0.25 with a measured R1, 0.30 from the class alone."""
    return 0.25 if rating.r1_ohm is not None else 0.30


def drive_loss_w(reference_w: float, current: float, frequency: float) -> float:
    """Losses of a drive; current and frequency relative to the motor's rated ones, reference_w at (0.9, 1)."""
    constant, linear, square, mixed = _DRIVE_SHAPE
    frequency = min(abs(frequency), 1.0)
    return reference_w * (constant + linear * current + square * current**2 + mixed * frequency * current)


def drive_class_factor(drive_class: str | None) -> tuple[float, float]:
    """Losses relative to the reference drive, and their U (k = 2) as a fraction.

    IEC 61800-9-2 [M]: IE1 is ±25 % of the reference, IE0 above, IE2 below. U joins that band with another 25 % for the
    shape at part load, where published tables differ that much among themselves.
    """
    return {"IE0": (1.25, 0.45), "IE1": (1.0, 0.35), "IE2": (0.75, 0.35)}.get(drive_class or "", (1.0, 0.50))


def from_losses(in_w: float, loss_w: float, u_loss: float, u_in: float, method: str) -> Estimate | None:
    """Efficiency (fraction) 1 − loss/in. u_loss, u_in: relative U (k = 2) of losses and input, independent.

    U(η) = (1 − η)·√(u_loss² + u_in²): the input's error matters only as much as losses do. None without power,
    for regeneration, or when the losses exceed the input.
    """
    if not (math.isfinite(in_w) and math.isfinite(loss_w)) or in_w <= 0 or not 0 <= loss_w < in_w:
        return None
    share = loss_w / in_w
    return Estimate(1 - share, share * math.hypot(u_loss, u_in), method)


def shaft_power(in_w: float, loss_w: float, u_loss: float, u_in: float, method: str) -> Estimate:
    """What is left of in_w (W) after the losses; same arguments as from_losses."""
    return Estimate(in_w - loss_w, math.hypot(u_in * in_w, u_loss * loss_w), method)


def power_u(accuracy_class: str, ct_class: str | None, power_factor: float, current: float = 1.0) -> float:
    """U (k = 2) of a meter's active power as a fraction.

    accuracy_class, ct_class: as in IEC 62053 and IEC 61869-2; limits are taken as rectangular (÷ √3) and combined in
    quadrature: meter, CT ratio, CT phase displacement times tan φ. current: relative to the CT's rated current;
    below 5 % limits double, below 1 % they are five times as wide.
    """
    wider = 1.0 if current >= 0.05 else 2.0 if current >= 0.01 else 5.0
    limit = _METER_LIMIT[accuracy_class] * (1.2 if abs(power_factor) < 0.8 else 1.0)
    parts = [limit * wider]
    if ct_class is not None:
        ratio, minutes = _CT_LIMIT[ct_class]
        cos_phi = min(1.0, max(0.05, abs(power_factor)))
        tan_phi = math.sqrt(1 - cos_phi**2) / cos_phi
        parts += [ratio * wider, math.radians(minutes / 60) * tan_phi * wider]
    return 2 * math.hypot(*parts) / math.sqrt(3)


def _copper_ohm(r20_ohm: float, temperature_degc: float) -> float:
    """IEC 60034-1: resistance of copper over temperature, k = 235."""
    return r20_ohm * (235 + temperature_degc) / 255


_METER_LIMIT = {"0.1": 0.001, "0.2": 0.002, "0.2S": 0.002, "0.5": 0.005, "0.5S": 0.005, "1": 0.01, "2": 0.02,
                "C": 0.005, "B": 0.01, "A": 0.02}  # fmt: skip
_CT_LIMIT = {"0.1": (0.001, 5), "0.2": (0.002, 10), "0.2S": (0.002, 10), "0.5": (0.005, 30), "0.5S": (0.005, 30),
             "1": (0.01, 60), "3": (0.03, 120)}  # fmt: skip

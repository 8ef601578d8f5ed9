"""Losses of an induction motor: methods M1 (power), M2 (current), M3 (slip) and M4 (segregated losses). Powers in W."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from dsp.efficiency import Losses, copper_ohm

# Constant, linear and square part of rated losses; fits five measured motors to 0.7 percentage points.
_SPLIT = (0.34, 0.06, 0.60)
# Core loss as part of the constant losses; the rest is friction. The middle of the ranges in training texts, 15–25 %
# core and 5–15 % friction [M], gives 0.67; a measured 18.5 kW motor has 0.69. It divides a constant sum: 0.5 or 0.8
# would change M4 and M7 by 0.02 percentage points and M1 at mains frequency not at all.
_CORE_OF_CONSTANT = 0.65
# Losses of motors at a load, relative to rated losses, as a line to zero at rated load: two standard deviations over
# 144 curves of the US DOE's MotorMaster data as carried by ORNL (2 to 8 poles, 7.5 to 500 hp, standard and energy
# efficient) are 0.10 at a quarter, 0.08 at half and 0.05 at three quarters of the load.
M1_SPLIT_U = 0.17
M2_U, M2_LOAD_MIN = 0.08, 0.5
# Relative U of the load from the current. Over equivalent circuits of ten catalogue motors (4 poles, 7.5 to 315 kW) at
# 95 to 105 % of rated voltage the error is at most 0.16 (7.5 kW at half load, whose no-load current exceeds _NO_LOAD),
# and within 0.15 in 99.9 % of cases; on a measured 18.5 kW motor it is 0.02. Half of this value would cover 95 % of
# these cases; the margin is for other manufacturers and pole numbers.
M2_LOAD_U = 0.15
SLIP_U = 0.20  # of the nameplate slip, NEMA MG 1 12.47 [M]
_PLATE_U = 0.15  # of rated losses: limits of IEC 60034-1 [M], taken as those of 95 % of the machines
_CLASS_U = 0.20  # of rated losses by class: between its limit and that of the next class
# No-load current relative to rated current, by poles: usual values [M]. The 4-pole circuits of M2_LOAD_U have 0.32
# (315 kW) to 0.46 (7.5 kW).
_NO_LOAD = {2: 0.25, 4: 0.32, 6: 0.38, 8: 0.45}


class Plate(NamedTuple):
    """Nameplate of an induction motor.

    rated_w: rated shaft power.
    efficiency: rated efficiency, fraction.
    volts_v: rated line-to-line voltage, rms.
    rated_a: rated current, rms.
    rated_rpm: rated speed.
    sync_rpm: synchronous speed.
    poles: number of poles.
    r1_ohm: stator phase (star) resistance at 20 °C; None if unknown.
    fixed_w: core and friction loss at no load, W; None if unknown.
    from_class: True if the efficiency was derived from an efficiency class.
    """

    rated_w: float
    efficiency: float
    volts_v: float
    rated_a: float
    rated_rpm: float
    sync_rpm: float
    poles: int
    r1_ohm: float | None = None
    fixed_w: float | None = None
    from_class: bool = False

    @property
    def rated_loss_w(self) -> float:
        return self.rated_w * (1 / self.efficiency - 1)

    @property
    def rated_slip(self) -> float:
        return 1 - self.rated_rpm / self.sync_rpm


def m1_shaft_power_w(p1_w: float, rated_w: float, rated_efficiency: float) -> float:
    """Shaft power (W) for an input power p1_w, from rated losses split into constant, linear and square parts.

    P1 = P2 + Pn·(1/ηn − 1)·(k0 + k1·x + k2·x²), x = P2/Pn, k = (0.34, 0.06, 0.60). Negative below the no-load power.
    """
    loss_w = rated_w * (1 / rated_efficiency - 1)
    constant, linear, square = (part * loss_w for part in _SPLIT)
    slope = rated_w + linear
    return rated_w * 2 * (p1_w - constant) / (slope + math.sqrt(max(0.0, slope**2 + 4 * square * (p1_w - constant))))


def m1_losses(plate: Plate, load: float, speed: float = 1.0) -> Losses:
    """Losses by M1, from the rated efficiency or that of the class.

    U: the error of the nameplate (or class) is common to all loads; the split adds M1_SPLIT_U of the rated losses in
    proportion to the distance from rated load. It holds at rated speed.

    load: torque relative to rated.
    speed: relative to rated. With a lower speed on a drive the constant losses fall: core loss with f^1.5, friction
        with n^2.5.
    """
    linear, square = (part * plate.rated_loss_w for part in _SPLIT[1:])
    copper_w = square * load**2
    core_w, friction_w = m1_core_and_friction_w(plate)
    core_w, friction_w = core_w * abs(speed) ** 1.5, friction_w * abs(speed) ** 2.5
    additional_w = linear * abs(load) * abs(speed)
    loss_w = copper_w + core_w + friction_w + additional_w
    u_split_w = M1_SPLIT_U * abs(1 - abs(load)) * plate.rated_loss_w
    u_w = math.hypot((_CLASS_U if plate.from_class else _PLATE_U) * loss_w, u_split_w)
    return Losses(copper_w, core_w, friction_w, additional_w, u_w)


def m1_core_and_friction_w(plate: Plate) -> tuple[float, float]:
    """Core and friction loss (W) at rated voltage and speed, from the constant part of rated losses."""
    constant_w = _SPLIT[0] * plate.rated_loss_w
    return constant_w * _CORE_OF_CONSTANT, constant_w * (1 - _CORE_OF_CONSTANT)


def m2_load(plate: Plate, current_a: float) -> float | None:
    """Load (relative to rated) from the current: I² = I0² + (In² − I0²)·x².

    Returns None below half load, where the current depends little on the load.
    """
    idle_a = plate.rated_a * _NO_LOAD.get(plate.poles, 0.45)
    square = (current_a**2 - idle_a**2) / (plate.rated_a**2 - idle_a**2)
    return math.sqrt(square) if square >= M2_LOAD_MIN**2 else None


def m3_load(plate: Plate, speed_rpm: float, volts_v: float, sync_rpm: float | None = None) -> float | None:
    """Load (relative to rated) from the slip: x = s/sn·(V/Vn)².

    speed_rpm: measured speed.
    volts_v: measured line-to-line voltage.
    sync_rpm: synchronous speed at the present frequency; None: that of the nameplate.
    Returns None if the nameplate has no slip or if the slip is outside −2 to 15 %.
    """
    slip = 1 - speed_rpm / (sync_rpm or plate.sync_rpm)
    if plate.rated_slip <= 0 or not -0.02 < slip < 0.15:
        return None
    return slip / plate.rated_slip * (volts_v / plate.volts_v) ** 2


def assigned_stray_w(p1_w: float, rated_w: float, load: float) -> float:
    """Additional load loss (W), assigned by IEC 60034-2-1 [M]: 2.5 % of P1 at 1 kW to 0.5 % at 10 MW, times load²."""
    share = min(0.025, max(0.005, 0.025 - 0.005 * math.log10(max(rated_w, 1000.0) / 1000)))
    return share * p1_w * load**2


def m4_losses(
    plate: Plate,
    p1_w: float,
    current_a: float,
    speed_rpm: float | None,
    volts_v: float,
    winding_degc: float | None = None,
) -> Losses | None:
    """Segregated losses by method M4.

    Copper loss comes from R1 and I, rotor loss from the slip, core and friction loss from a no-load test if known, the
    rest from the nameplate.

    p1_w: input power, W.
    current_a: phase current, rms.
    speed_rpm: measured speed; None: the slip follows the nameplate (±20 %).
    volts_v: line-to-line voltage, rms.
    winding_degc: winding temperature, °C; None: 25 °C + 75 K·(I/In)².
    P2 = (P1 − Pcu1 − Pfe)·(1 − s) − Pfw − PLL (following IEC 60034-2-1 methods B and C). If the no-load losses are
    known, the additional loss is the remainder of the rated losses, limited to 0.2 to 1 times the assigned value;
    otherwise half the assigned value is used, and core and friction are the remainder.
    U: copper 8 % (16 % without temperature), rotor 10 % (25 % without speed), core and friction 10 % (15 % of rated
    losses if derived from the nameplate), additional loss 100 %.
    Returns None without R1 or voltage, and for NaN in a measured value.
    """
    measured = (p1_w, current_a, volts_v, speed_rpm or 0.0, winding_degc or 0.0)
    if plate.r1_ohm is None or volts_v <= 0 or not all(map(math.isfinite, measured)):
        return None
    load = max(0.0, m1_shaft_power_w(p1_w, plate.rated_w, plate.efficiency) / plate.rated_w)
    warm = 25 + 75 * min((current_a / plate.rated_a) ** 2, 2.0) if winding_degc is None else winding_degc
    copper_w = 3 * current_a**2 * copper_ohm(plate.r1_ohm, warm)
    plate_slip = plate.rated_slip * load * (plate.volts_v / volts_v) ** 2
    slip = max(0.0, plate_slip if speed_rpm is None else 1 - speed_rpm / plate.sync_rpm)
    fixed_w, stray_rated_w, u_fixed_w = _fixed_and_stray(plate)
    core_w = fixed_w * _CORE_OF_CONSTANT * (volts_v / plate.volts_v) ** 2
    friction_w = fixed_w * (1 - _CORE_OF_CONSTANT)
    rotor_w = slip * max(0.0, p1_w - copper_w - core_w)
    stray_w = stray_rated_w * load**2
    u_w = math.hypot(
        copper_w * (0.16 if winding_degc is None else 0.08),
        rotor_w * (0.25 if speed_rpm is None else 0.10),
        u_fixed_w,
        stray_w,  # U of 100 %
    )
    return Losses(copper_w + rotor_w, core_w, friction_w, stray_w, u_w)


def _fixed_and_stray(plate: Plate) -> tuple[float, float, float]:
    """Core and friction loss (W), additional loss at rated load (W), U of the first (W)."""
    assert plate.r1_ohm is not None
    copper_w = 3 * plate.rated_a**2 * copper_ohm(plate.r1_ohm, 95)
    rotor_w = plate.rated_slip * 1.02 * plate.rated_w
    assigned_w = assigned_stray_w(plate.rated_w / plate.efficiency, plate.rated_w, 1)
    if plate.fixed_w is not None:
        left_w = plate.rated_loss_w - copper_w - rotor_w - plate.fixed_w
        return plate.fixed_w, min(max(left_w, 0.2 * assigned_w), assigned_w), 0.10 * plate.fixed_w
    left_w = plate.rated_loss_w - copper_w - rotor_w - 0.5 * assigned_w
    u_w = math.hypot(_PLATE_U * plate.rated_loss_w, 0.5 * assigned_w)
    return max(left_w, 0.2 * plate.rated_loss_w), 0.5 * assigned_w, u_w


def power_factor(plate: Plate, load: float) -> tuple[float, float]:
    """Power factor and current (A) at a load relative to rated, from the power factor of the nameplate.

    The magnetising current is a part of the reactive current at rated load, and the rest grows with the square of the
    load. The part falls with the size: 0.80 at 7.5 kW, 0.71 at 18.5 kW, 0.62 at 160 kW, between the curves of ORNL's
    motor tables (4 poles: 0.81 at 5.6 kW, 0.53 at 300 kW), equivalent circuits of catalogue motors (0.80 at 7.5 kW,
    0.68 at 315 kW) and a measured motor (0.71 at 18.5 kW). It is 0.1 less for
    2 poles (ORNL). At a quarter load and above accurate to 0.06.
    """
    rated = min(0.98, plate.rated_w / (math.sqrt(3) * plate.volts_v * plate.rated_a * plate.efficiency))
    magnetising = min(0.58 + 0.22 * (7500.0 / plate.rated_w) ** 0.6, 0.9) - (0.1 if plate.poles == 2 else 0.0)
    reactive_a = plate.rated_a * math.sqrt(1 - rated**2) * (magnetising + (1 - magnetising) * load**2)
    in_w = load * plate.rated_w + m1_losses(plate, load).total_w
    active_a = in_w / (math.sqrt(3) * plate.volts_v)
    current_a = math.hypot(active_a, reactive_a)
    return active_a / current_a, current_a


def load_of_power_factor(plate: Plate, shown: float, tolerance: float = 0.06) -> tuple[float, float] | None:
    """Smallest and largest load (relative to rated) at which the motor can have a power factor; None if there is none.

    shown: measured power factor.
    tolerance: accepted difference between measured and modelled power factor.
    """
    fits = [load for load, usual in _power_factors(plate) if abs(usual - shown) <= tolerance]
    return (fits[0], fits[-1]) if fits else None


@lru_cache(maxsize=512)
def _power_factors(plate: Plate) -> tuple[tuple[float, float], ...]:
    return tuple((k / 50, power_factor(plate, k / 50)[0]) for k in range(2, 71))

"""Line-start magnet motor in steady state: synchronous with the supply, with a cage for all other components.

dq model of magnet.py with a known voltage: u_d = −û·sin δ, u_q = û·cos δ (Leonhard; Krause). With κ = 1 + Rs·G:
u_d = Rs·i_dm − κ·ω·L_q·i_qm and u_q = Rs·i_qm + κ·ω·(ψ + L_d·i_dm), two linear equations. The load determines δ below
pull-out. Harmonics and negative sequence act on the cage: Z = Rs + R/s + j·h·X with s = 1 ∓ 1/h.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from drivers.reasons import InvalidValue
from simulators.plant.params import COPPER_PER_K, NDFEB_PER_K, LineStartMotor
from simulators.plant.phasors import PhasorComponent
from simulators.plant.root_finding import root
from simulators.plant.train import TrainLosses
from simulators.reasons import ABOVE_PULL_OUT

_GRID = 61  # number of angles in half a turn for the search of the maximum
_FIVE = [2 * math.pi * k / 5 for k in range(5)]


class LineStartState(NamedTuple):
    """State of the motor; input_w = shaft_w + all losses, except for rounding. Powers in W.

    angle_rad: angle of the voltage ahead of the magnets' EMF.
    currents: components of the stator currents, rms, A.
    losses: losses by kind; copper_w: of stator winding and cage.
    """

    angle_rad: float
    speed_rad_s: float
    currents: tuple[PhasorComponent, ...]
    input_w: float
    shaft_w: float
    losses: TrainLosses


def at_angle(
    motor: LineStartMotor,
    supply: Sequence[PhasorComponent],
    frequency_hz: float,
    angle_rad: float,
    winding_degc: float,
    magnet_degc: float,
) -> LineStartState:
    """Return the state at a known load angle. Zero-sequence voltages drive no current."""
    m = motor.machine
    omega = 2 * math.pi * frequency_hz
    speed, ratio = omega / m.pole_pairs, omega / m.omega_rated
    rs = m.rs20_ohm * (1 + COPPER_PER_K * (winding_degc - 20))
    flux = m.flux20_wb * (1 + NDFEB_PER_K * (magnet_degc - 20))
    core_s = m.core_s * (m.core_hysteresis / ratio + 1 - m.core_hysteresis)
    u1 = sum((complex(item.value) for item in supply if item.order == 1 and item.sequence == 1), 0j)
    peak = math.sqrt(2) * abs(u1)
    u_d, u_q = -peak * math.sin(angle_rad), peak * math.cos(angle_rad)
    k = 1 + rs * core_s
    x_d, x_q = k * omega * m.ld_h, k * omega * m.lq_h
    u_q0 = u_q - k * omega * flux
    id_m = (rs * u_d + x_q * u_q0) / (rs * rs + x_d * x_q)
    iq_m = (rs * u_q0 - x_d * u_d) / (rs * rs + x_d * x_q)
    flux_d, flux_q = flux + m.ld_h * id_m, m.lq_h * iq_m
    e = complex(-omega * flux_q, omega * flux_d)
    i = complex(id_m, iq_m) + core_s * e
    i2 = abs(i) ** 2
    currents = [PhasorComponent(1, 1, u1 * i / complex(u_d, u_q))]
    input_w = 1.5 * (u_d * i.real + u_q * i.imag)
    gap_w = 1.5 * omega * (flux_d * iq_m - flux_q * id_m)
    copper_w = 1.5 * rs * i2
    for order, sequence, u_v in supply:
        if sequence == 0 or (order == 1 and sequence == 1):
            continue
        slip = 1 - sequence / order
        i_v = u_v / complex(rs + motor.cage_ohm / slip, order * motor.cage_x_ohm * frequency_hz / motor.frequency_hz)
        square = 3 * abs(i_v) ** 2
        input_w += 3 * (u_v * i_v.conjugate()).real
        copper_w += square * (rs + motor.cage_ohm)
        gap_w += square * motor.cage_ohm * (1 - slip) / slip
        currents.append(PhasorComponent(order, sequence, i_v))
    mechanical_w = m.friction_w * ratio**2
    additional_w = m.additional_w * i2 / 2 / m.current_a**2 * ratio
    losses = TrainLosses(copper_w, 1.5 * core_s * abs(e) ** 2, mechanical_w, additional_w)
    return LineStartState(angle_rad, speed, tuple(currents), input_w, gap_w - mechanical_w - additional_w, losses)


def pull_out(
    motor: LineStartMotor,
    supply: Sequence[PhasorComponent],
    frequency_hz: float,
    winding_degc: float,
    magnet_degc: float,
) -> LineStartState:
    """Return the state of maximum shaft power."""
    at = partial(at_angle, motor, supply, frequency_hz, winding_degc=winding_degc, magnet_degc=magnet_degc)
    return at(_top_rad(_shaft_w(at)))


def solve(
    motor: LineStartMotor,
    supply: Sequence[PhasorComponent],
    frequency_hz: float,
    shaft_w: float,
    winding_degc: float,
    magnet_degc: float,
) -> LineStartState:
    """Return the stable operating point. Raises InvalidValue above pull-out."""
    at = partial(at_angle, motor, supply, frequency_hz, winding_degc=winding_degc, magnet_degc=magnet_degc)
    carries_w = _shaft_w(at)
    top_rad = _top_rad(carries_w)
    if not (top_w := carries_w(top_rad)) > shaft_w:
        raise InvalidValue(ABOVE_PULL_OUT, shaft_w=shaft_w, top_w=top_w)
    return at(root(lambda x: shaft_w - carries_w(x), top_rad - math.pi, top_rad, width=1e-15, enough=1e-8))


def _shaft_w(at: Callable[[float], LineStartState]) -> Callable[[float], float]:
    """Return shaft power as a function of the angle, without solving the machine at each angle.

    Currents are linear in sine and cosine of the angle, powers and losses quadratic in the currents, and the effect
    of the harmonics does not depend on the angle: a Fourier series up to twice the angle, which five points
    determine.
    """
    points = [at(angle).shaft_w for angle in _FIVE]
    mean = sum(points) / 5
    (a1, b1), (a2, b2) = (
        (
            sum(w * math.cos(n * angle) for w, angle in zip(points, _FIVE, strict=True)) / 2.5,
            sum(w * math.sin(n * angle) for w, angle in zip(points, _FIVE, strict=True)) / 2.5,
        )
        for n in (1, 2)
    )

    def shaft_w(angle_rad: float) -> float:
        c, s = math.cos(angle_rad), math.sin(angle_rad)
        return mean + a1 * c + b1 * s + a2 * (c * c - s * s) + b2 * 2 * s * c

    return shaft_w


def _top_rad(carries_w: Callable[[float], float]) -> float:
    step = math.pi / (_GRID - 1)
    best = max((k * step for k in range(_GRID)), key=carries_w)
    low, high = max(best - step, 0.0), best + step
    for _ in range(40):  # ternary search
        a, b = low + (high - low) / 3, high - (high - low) / 3
        low, high = (a, high) if carries_w(a) < carries_w(b) else (low, b)
    return (low + high) / 2

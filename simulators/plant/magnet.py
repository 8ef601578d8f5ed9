"""Permanent-magnet motor in steady state: dq model in the rotor frame, motor convention, peak values.

u_d = Rs·i_d − ω·ψ_q ; u_q = Rs·i_q + ω·ψ_d ; ψ_d = ψ + L_d·i_dm ; ψ_q = L_q·i_qm ; T = 1.5·p·(ψ_d·i_qm − ψ_q·i_dm)
(Leonhard). The core branch is parallel to the speed voltage: i = i_m + G·e. Friction ∝ ω², additional loss ∝ I²·ω.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from simulators.plant.params import COPPER_PER_K, NDFEB_PER_K, MagnetMotor
from simulators.plant.train import TrainLosses

_STILL_RAD_S = 1e-6


class MagnetState(NamedTuple):
    """State of the motor; input_w = shaft_w + all losses, except for rounding. Powers in W.

    speed_rad_s: mechanical speed.
    frequency_hz: electrical frequency.
    volts_v: line voltage, rms, V.
    current_a: line current, rms, A.
    gap_torque_nm: torque of the air gap, Nm.
    """

    speed_rad_s: float
    frequency_hz: float
    volts_v: float
    current_a: float
    input_w: float
    shaft_w: float
    gap_torque_nm: float
    losses: TrainLosses


def at_current(
    motor: MagnetMotor,
    speed_rad_s: float,
    id_a: float,
    iq_magnetising_a: float,
    winding_degc: float,
    magnet_degc: float,
) -> MagnetState:
    """Return the state at a terminal d current and a torque-producing q current (peak, A) and a mechanical speed."""
    omega = speed_rad_s * motor.pole_pairs
    ratio = omega / motor.omega_rated
    rs = motor.rs20_ohm * (1 + COPPER_PER_K * (winding_degc - 20))
    flux = motor.flux20_wb * (1 + NDFEB_PER_K * (magnet_degc - 20))
    core_s = motor.core_s * (motor.core_hysteresis / ratio + 1 - motor.core_hysteresis) if ratio > 0 else 0.0
    iq_m = iq_magnetising_a
    id_m = id_a + core_s * omega * motor.lq_h * iq_m
    flux_d, flux_q = flux + motor.ld_h * id_m, motor.lq_h * iq_m
    e_d, e_q = -omega * flux_q, omega * flux_d
    iq = iq_m + core_s * e_q
    u_d, u_q = rs * id_a + e_d, rs * iq + e_q
    current2 = id_a**2 + iq**2  # peak squared
    torque = 1.5 * motor.pole_pairs * (flux_d * iq_m - flux_q * id_m)
    mechanical_w = motor.friction_w * ratio**2
    additional_w = motor.additional_w * current2 / 2 / motor.current_a**2 * ratio
    return MagnetState(
        speed_rad_s=speed_rad_s,
        frequency_hz=omega / (2 * math.pi),
        volts_v=math.sqrt(1.5 * (u_d**2 + u_q**2)),
        current_a=math.sqrt(current2 / 2),
        input_w=1.5 * (u_d * id_a + u_q * iq),
        shaft_w=torque * speed_rad_s - mechanical_w - additional_w,
        gap_torque_nm=torque,
        losses=TrainLosses(1.5 * rs * current2, 1.5 * core_s * (e_d**2 + e_q**2), mechanical_w, additional_w),
    )


def solve(
    motor: MagnetMotor, speed_rad_s: float, torque_nm: float, winding_degc: float, magnet_degc: float,
    offset_rad: float = 0.0,
) -> MagnetState:  # fmt: skip
    """Return the state at a signed speed and shaft torque without d current; shaft_w and input_w are negative when it
    brakes.

    Reverse rotation is solved forward with the opposite torque: the machine is symmetric.
    offset_rad: error of the rotor position in the drive, which turns its q current by this angle against the flux.
    """
    per_q = -math.tan(offset_rad)  # d current for each q current
    sign = -1.0 if speed_rad_s < 0 else 1.0
    speed, torque = max(abs(speed_rad_s), _STILL_RAD_S), sign * torque_nm
    rated = motor.omega_rated / motor.pole_pairs
    gap_nm = torque + motor.friction_w * speed / rated**2
    per_amp = 1.5 * motor.pole_pairs * motor.flux20_wb * 0.93  # near the slope of the torque
    i_a = gap_nm / per_amp
    for _ in range(60):  # a wrong rotor position changes the slope; otherwise a few suffice
        state = at_current(motor, speed, per_q * i_a, i_a, winding_degc, magnet_degc)
        missing_nm = torque - state.shaft_w / speed
        i_a += missing_nm / per_amp
        if abs(missing_nm) < 1e-9 * motor.torque_rated_nm:
            break
    return state

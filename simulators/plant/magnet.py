"""Permanent-magnet motor in steady state: dq model in the rotor frame, motor convention, peak values.

u_d = Rs·i_d − ω·ψ_q ; u_q = Rs·i_q + ω·ψ_d ; ψ_d = ψ + L_d·i_dm ; ψ_q = L_q·i_qm ; T = 1.5·p·(ψ_d·i_qm − ψ_q·i_dm)
(Leonhard). The core branch is parallel to the speed voltage: i = i_m + G·e. Friction ∝ ω², additional loss ∝ I²·ω.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from simulators.plant.params import COPPER_PER_K, NDFEB_PER_K, MagnetMotor
from simulators.plant.root_finding import root


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
    copper_w: float
    core_w: float
    mechanical_w: float
    additional_w: float

    @property
    def losses_w(self) -> float:
        return self.copper_w + self.core_w + self.mechanical_w + self.additional_w


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
        copper_w=1.5 * rs * current2,
        core_w=1.5 * core_s * (e_d**2 + e_q**2),
        mechanical_w=mechanical_w,
        additional_w=additional_w,
    )


def solve(
    motor: MagnetMotor, speed_rad_s: float, shaft_w: float, winding_degc: float, magnet_degc: float
) -> MagnetState:
    """Return the operating point under i_d = 0 control. Raises ValueError above three times the rated current."""
    high = 3 * motor.current_a * math.sqrt(2)

    def at(iq_a: float) -> MagnetState:
        return at_current(motor, speed_rad_s, 0.0, iq_a, winding_degc, magnet_degc)

    if at(high).shaft_w < shaft_w:
        raise ValueError(f"{shaft_w:.0f} W at {speed_rad_s:.1f} rad/s exceed three times the rated current")
    return at(root(lambda iq_a: shaft_w - at(iq_a).shaft_w, 0.0, high, width=1e-13, enough=1e-8))

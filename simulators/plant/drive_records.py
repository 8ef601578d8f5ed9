"""Records that drive_wave passes to its kernel, and the layout of the kernel's state."""

from __future__ import annotations

from typing import NamedTuple

# 0–1 stator flux, 2–3 rotor flux (induction), 4 speed, 5 angle, 6 choke current, 7 capacitor; then integrals over the
# sample: 8–9 u, 10–11 i, 12–13 grid u, 14–15 grid i, 16 DC voltage; then energies.
DYNAMIC = 8
ENERGIES = (
    "grid", "link", "terminal", "copper", "core", "friction", "additional", "shaft", "choke", "legs", "turns"
)  # fmt: skip
STATES = 17 + len(ENERGIES)


class DriveMachine(NamedTuple):
    """Parameters of the motor. magnet: 1, or 0 for an induction motor, for which only the last seven fields count.

    turns_s: conductance of shorted turns on the axis of L1; of a magnet motor only.
    """

    magnet: float
    pole_pairs: float
    rs: float
    ld: float
    lq: float
    inv_ld: float
    inv_lq: float
    flux: float
    pole_lost: float
    core_s: float
    light: float  # factor of the core branch on a current that shares its resistance
    turns_s: float
    light_1: float  # as light on the axis of L1, with the shorted turns
    friction: float
    additional: float
    inv_running: float  # 1 over the speed from which `additional` applies
    inertia: float
    bearing: float
    bearing_order: float
    bar: float
    rr: float
    g_ss: float
    g_sr: float
    g_rr: float
    w_s: float
    w_r: float


class Front(NamedTuple):
    """Parameters of the power part. averaged: 1 applies the mean of each half carrier period instead of its edges."""

    diodes: float
    choke_h: float
    inv_choke: float
    choke_ohm: float
    capacitor_f: float
    inv_capacitor: float
    esr: float
    half_s: float  # half a carrier period
    dead_s: float
    threshold_v: float
    averaged: float
    lost: float  # 1: L1 of the supply is open
    diode_open: float  # 1: the upper diode of L1 is open


class Control(NamedTuple):
    """Parameters of the controller.

    mode: COAST, SPEED or FREQUENCY of drive_wave.
    target: speed of the shaft or of the voltage vector, rad/s.
    ramp: maximum rate of the target, rad/s².
    torque_max: limit of the torque, Nm.
    volts_per_rad_s: voltage for each rad/s in mode FREQUENCY, V.
    bandwidth: of the current controller, rad/s.
    speed_bandwidth: of the speed controller, rad/s.
    inertia: inertia of motor and load, kg·m².
    mtpa: 1: maximum torque per ampere; 0: no d current.
    """

    mode: float
    target: float
    ramp: float
    torque_max: float
    volts_per_rad_s: float
    bandwidth: float
    speed_bandwidth: float
    inertia: float
    mtpa: float

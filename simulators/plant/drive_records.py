"""What drive_wave hands to its kernel, and how the kernel's state lies in memory."""

from __future__ import annotations

from typing import NamedTuple

# 0–1 stator flux, 2–3 rotor flux (induction), 4 speed, 5 angle, 6 choke current, 7 capacitor; then integrals over the
# sample: 8–9 u, 10–11 i, 12–13 grid u, 14–15 grid i, 16 DC voltage; then energies.
DYNAMIC = 8
ENERGIES = (
    "grid", "link", "terminal", "copper", "core", "friction", "additional", "shaft", "choke", "legs"
)  # fmt: skip
STATES = 17 + len(ENERGIES)


class Machine(NamedTuple):
    """magnet: 1, or 0 for an induction motor, whose own numbers are the last seven."""

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
    light: float  # what the core branch leaves of a current that it shares the resistance with
    friction: float
    additional: float
    inv_running: float  # 1 over the speed from which that holds
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
    """averaged: 1 for the mean of each half carrier instead of its edges."""

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


class Control(NamedTuple):
    mode: float
    target: float
    ramp: float
    torque_max: float
    volts_per_rad_s: float
    bandwidth: float  # of the current, rad/s
    speed_bandwidth: float
    inertia: float
    mtpa: float

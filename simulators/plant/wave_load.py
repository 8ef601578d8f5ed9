"""Load torque of the waveform model as a function of speed."""

from __future__ import annotations

import math
from typing import NamedTuple


class WaveLoad(NamedTuple):
    """A load torque.

    constant_nm: constant torque in one direction (a suspended weight), Nm.
    linear: Nm per rad/s.
    square: Nm per (rad/s)², opposing the motion.
    dry_nm: dry friction, opposing the motion, Nm.
    dry_rad_s: speed at which dry friction has about three quarters of its value, rad/s.
    inertia_kg_m2: inertia of the load, kg·m².
    """

    constant_nm: float = 0.0
    linear: float = 0.0
    square: float = 0.0
    dry_nm: float = 0.0
    dry_rad_s: float = 0.5
    inertia_kg_m2: float = 0.0


NO_LOAD = WaveLoad()


def torque_nm(load: WaveLoad, speed_rad_s: float) -> float:
    """Return the torque as the kernels compute it, for use in the steady-state model, Nm."""
    dry = load.dry_nm * math.tanh(speed_rad_s / load.dry_rad_s)
    return load.constant_nm + load.linear * speed_rad_s + load.square * speed_rad_s * abs(speed_rad_s) + dry


def of_flow(
    power_w: float, speed_rpm: float, shape: tuple[float, float, float], share: float, inertia_kg_m2: float = 0.0
) -> WaveLoad:
    """Return a pump or fan at a share of its full flow at any speed n: P·n³·(b0 + b1·φ/n + b2·(φ/n)²) over ω, by terms.

    power_w: shaft power at speed_rpm with full flow, W.
    """
    reference = speed_rpm * math.pi / 30
    b0, b1, b2 = shape
    torque = power_w / reference
    return WaveLoad(
        constant_nm=torque * b2 * share**2, linear=torque * b1 * share / reference, square=torque * b0 / reference**2,
        inertia_kg_m2=inertia_kg_m2,
    )  # fmt: skip

"""Load torque of the waveform model as a function of speed."""

from __future__ import annotations

import math
from typing import NamedTuple

from simulators.plant.params import Pump

_GRAVITY = 9.81


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


def of_pump(pump: Pump, flow_m3_s: float, inertia_kg_m2: float = 0.0) -> WaveLoad:
    return of_flow(pump.power_w, pump.speed_rpm, pump.power_shape, flow_m3_s / pump.flow_m3_s, inertia_kg_m2)


def of_fan(pump: Pump, opening: float, inertia_kg_m2: float = 0.0) -> WaveLoad:
    """Return a fan or pump on a pipe without static head: flow ∝ speed, so torque ∝ ω².

    opening: flow at reference speed relative to the design flow, set by a damper or throttle.
    Raises ValueError for a static head, which needs another law.
    """
    if pump.static_head_m:
        raise ValueError(f"fan: static_head_m must be 0 for torque ∝ ω², got {pump.static_head_m:g}")
    reference = pump.speed_rpm * math.pi / 30
    b0, b1, b2 = pump.power_shape
    shape = b0 + opening * (b1 + opening * b2)
    return WaveLoad(square=pump.power_w / reference**3 * shape, inertia_kg_m2=inertia_kg_m2)


def of_conveyor(friction_nm: float, viscous_nm_s: float, lift_nm: float = 0.0, inertia_kg_m2: float = 0.0) -> WaveLoad:
    """Return belt friction against the motion, a part proportional to the speed, and the constant torque of the
    slope.
    """
    return WaveLoad(constant_nm=lift_nm, linear=viscous_nm_s, dry_nm=friction_nm, inertia_kg_m2=inertia_kg_m2)


def of_roller(friction_nm: float, inertia_kg_m2: float) -> WaveLoad:
    return WaveLoad(dry_nm=friction_nm, inertia_kg_m2=inertia_kg_m2)


def of_hoist(mass_kg: float, drum_m_per_rad: float, gear: float, inertia_kg_m2: float = 0.0) -> WaveLoad:
    """Return the torque of a hoist in four quadrants; positive speed lifts.

    T = m·g·r/η when lifting and m·g·r·η when lowering, that is, a constant part and a part like dry friction.
    mass_kg: suspended mass.
    drum_m_per_rad: travel of the rope for each radian of the motor's shaft, m.
    gear: efficiency η of the gear.
    Raises ValueError for a gear efficiency outside 0…1.
    """
    if not 0 < gear <= 1:
        raise ValueError(f"hoist: gear must be above 0 and at most 1, got {gear:g}")
    torque = mass_kg * _GRAVITY * drum_m_per_rad
    return WaveLoad(
        constant_nm=torque * (1 / gear + gear) / 2, dry_nm=torque * (1 / gear - gear) / 2,
        inertia_kg_m2=inertia_kg_m2 + mass_kg * drum_m_per_rad**2,
    )  # fmt: skip

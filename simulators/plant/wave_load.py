"""Load torque of the waveform tier as a function of speed."""

from __future__ import annotations

import math
from typing import NamedTuple

from simulators.plant.params import Pump

_GRAVITY = 9.81


class Load(NamedTuple):
    """constant_nm acts the same way in both directions (a hanging weight), dry_nm against the motion.

    linear: Nm per rad/s; square: Nm per (rad/s)². dry_rad_s: where dry friction has three quarters of its value.
    """

    constant_nm: float = 0.0
    linear: float = 0.0
    square: float = 0.0
    dry_nm: float = 0.0
    dry_rad_s: float = 0.5
    inertia_kg_m2: float = 0.0


NO_LOAD = Load()


def torque_nm(load: Load, speed_rad_s: float) -> float:
    """What the kernels make of it, for the steady tier."""
    dry = load.dry_nm * math.tanh(speed_rad_s / load.dry_rad_s)
    return load.constant_nm + load.linear * speed_rad_s + load.square * speed_rad_s * abs(speed_rad_s) + dry


def of_flow(
    power_w: float, speed_rpm: float, shape: tuple[float, float, float], share: float, inertia_kg_m2: float = 0.0
) -> Load:
    """A pump or fan at a share of its full flow, whatever speed n brings it: P·n³·(b0 + b1·φ/n + b2·(φ/n)²) over ω,
    term by term. power_w: at speed_rpm with full flow."""
    reference = speed_rpm * math.pi / 30
    b0, b1, b2 = shape
    torque = power_w / reference
    return Load(
        constant_nm=torque * b2 * share**2, linear=torque * b1 * share / reference, square=torque * b0 / reference**2,
        inertia_kg_m2=inertia_kg_m2,
    )  # fmt: skip


def of_pump(pump: Pump, flow_m3_s: float, inertia_kg_m2: float = 0.0) -> Load:
    return of_flow(pump.power_w, pump.speed_rpm, pump.power_shape, flow_m3_s / pump.flow_m3_s, inertia_kg_m2)


def of_fan(pump: Pump, opening: float, inertia_kg_m2: float = 0.0) -> Load:
    """A fan or pump on a pipe without static head: flow ∝ speed, so torque ∝ ω².

    opening: flow at reference speed against the design flow, set by a damper or throttle. Raises ValueError for a
    static head, which needs another law.
    """
    if pump.static_head_m:
        raise ValueError(f"fan: static_head_m must be 0 for torque ∝ ω², got {pump.static_head_m:g}")
    reference = pump.speed_rpm * math.pi / 30
    b0, b1, b2 = pump.power_shape
    shape = b0 + opening * (b1 + opening * b2)
    return Load(square=pump.power_w / reference**3 * shape, inertia_kg_m2=inertia_kg_m2)


def of_conveyor(friction_nm: float, viscous_nm_s: float, lift_nm: float = 0.0, inertia_kg_m2: float = 0.0) -> Load:
    """Belt friction against the motion, a part that grows with speed, and what the slope pulls back."""
    return Load(constant_nm=lift_nm, linear=viscous_nm_s, dry_nm=friction_nm, inertia_kg_m2=inertia_kg_m2)


def of_roller(friction_nm: float, inertia_kg_m2: float) -> Load:
    return Load(dry_nm=friction_nm, inertia_kg_m2=inertia_kg_m2)


def of_hoist(mass_kg: float, drum_m_per_rad: float, gear: float, inertia_kg_m2: float = 0.0) -> Load:
    """drum_m_per_rad: rope per angle of the motor's shaft. Four quadrants: T = m·g·r/η when the load rises, ·η when it
    sinks, which is a constant part and one of friction's kind. Positive speed lifts. gear: its efficiency η.
    """
    if not 0 < gear <= 1:
        raise ValueError(f"hoist: gear must lie between 0 and 1, got {gear:g}")
    torque = mass_kg * _GRAVITY * drum_m_per_rad
    return Load(
        constant_nm=torque * (1 / gear + gear) / 2, dry_nm=torque * (1 / gear - gear) / 2,
        inertia_kg_m2=inertia_kg_m2 + mass_kg * drum_m_per_rad**2,
    )  # fmt: skip

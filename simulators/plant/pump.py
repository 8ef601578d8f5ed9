"""Centrifugal pump by the affinity laws: flow ∝ n, head ∝ n², power ∝ n³ along similar points (textbook)."""

from __future__ import annotations

import math

from simulators.plant.params import Pump


def head_m(pump: Pump, flow_m3_s: float, speed: float) -> float:
    """Return the head at a flow, m. speed: relative to the pump's reference speed."""
    return pump.head0_m * speed**2 - pump.head_fall * flow_m3_s**2


def power_w(pump: Pump, flow_m3_s: float, speed: float) -> float:
    """Return the shaft power at a flow and relative speed, W; 0 at standstill."""
    if speed <= 0:
        return 0.0
    phi = flow_m3_s / pump.flow_m3_s / speed
    b0, b1, b2 = pump.power_shape
    return pump.power_w * speed**3 * (b0 + b1 * phi + b2 * phi**2)


def speed_for_flow(pump: Pump, flow_m3_s: float) -> float:
    """Return the relative speed for a flow through the open system: H0·n² − a·Q² = Hs + k·Q²."""
    need_m = pump.static_head_m + (pump.pipe + pump.head_fall) * flow_m3_s**2
    return math.sqrt(need_m / pump.head0_m)

"""Centrifugal pump by affinity: flow ∝ n, head ∝ n², power ∝ n³ along similar points (textbook)."""

from __future__ import annotations

import math

from simulators.plant.params import Pump


def head_m(pump: Pump, flow_m3_s: float, speed: float) -> float:
    """Head at a flow; `speed` is relative to the pump's reference speed."""
    return pump.head0_m * speed**2 - pump.head_fall * flow_m3_s**2


def power_w(pump: Pump, flow_m3_s: float, speed: float) -> float:
    """Shaft power at a flow and relative speed; 0 at standstill."""
    if speed <= 0:
        return 0.0
    phi = flow_m3_s / pump.flow_m3_s / speed
    b0, b1, b2 = pump.power_shape
    return pump.power_w * speed**3 * (b0 + b1 * phi + b2 * phi**2)


def speed_for_flow(pump: Pump, flow_m3_s: float) -> float:
    """Relative speed that brings a flow through the open system: H0·n² − a·Q² = Hs + k·Q²."""
    need_m = pump.static_head_m + (pump.pipe + pump.head_fall) * flow_m3_s**2
    return math.sqrt(need_m / pump.head0_m)

"""Affinity laws of the load Flow: along similar points flow ∝ n and power ∝ n³."""

from __future__ import annotations

import math

import pytest

from simulators.scenarios.two_pumps import PUMP

REFERENCE = 1480 * math.pi / 30


@pytest.mark.parametrize("speed", [0.5, 0.75, 1.1])
@pytest.mark.parametrize("share", [0.3, 0.72, 1.02])
def test_affinity(speed: float, share: float) -> None:
    expected = PUMP.throttled_w(share, REFERENCE) * speed**3
    assert PUMP.throttled_w(share * speed, speed * REFERENCE) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.48, 0.9])
def test_speed_control_operates_on_the_pipe_curve(share: float) -> None:
    """The design point, 25 m at 600 m³/h: H = 32 m·n² − 252·Q² meets a pipe of 8 m + 612·Q²."""
    flow_m3_s = share * 600 / 3600
    n = PUMP.driven(share).speed_rad_s / REFERENCE
    assert 32 * n**2 - 252 * flow_m3_s**2 == pytest.approx(8 + 612 * flow_m3_s**2, rel=1e-12)


def test_speed_control_needs_less_than_a_valve() -> None:
    demand = PUMP.driven(0.7)
    assert demand.speed_rad_s * demand.torque_nm < 0.6 * PUMP.throttled_w(0.7, REFERENCE)


@pytest.mark.parametrize("share", [0.4, 0.7, 1.0, 1.1])
def test_pump_efficiency_is_below_one(share: float) -> None:
    flow_m3_s = share * 600 / 3600
    water_w = 1000 * 9.81 * flow_m3_s * (32 - 252 * flow_m3_s**2)
    assert 0.4 < water_w / PUMP.throttled_w(share, REFERENCE) < 0.88

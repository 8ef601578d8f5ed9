"""Affinity laws: along similar points flow ∝ n, head ∝ n², power ∝ n³."""

from __future__ import annotations

import pytest

from simulators.plant import pump
from simulators.plant.params import COOLING_PUMP as PUMP


@pytest.mark.parametrize("speed", [0.5, 0.75, 1.1])
@pytest.mark.parametrize("flow", [0.05, 0.12, 0.17])
def test_affinity(speed: float, flow: float) -> None:
    assert pump.head_m(PUMP, flow * speed, speed) == pytest.approx(pump.head_m(PUMP, flow, 1.0) * speed**2, rel=1e-12)
    assert pump.power_w(PUMP, flow * speed, speed) == pytest.approx(pump.power_w(PUMP, flow, 1.0) * speed**3, rel=1e-12)


@pytest.mark.parametrize("flow", [0.0, 0.08, 0.15])
def test_speed_control_meets_the_pipe(flow: float) -> None:
    speed = pump.speed_for_flow(PUMP, flow)
    pipe_m = PUMP.static_head_m + PUMP.pipe * flow**2
    assert pump.head_m(PUMP, flow, speed) == pytest.approx(pipe_m, rel=1e-12)


def test_speed_control_needs_less_than_a_valve() -> None:
    flow = 0.7 * PUMP.flow_m3_s
    assert pump.power_w(PUMP, flow, pump.speed_for_flow(PUMP, flow)) < 0.6 * pump.power_w(PUMP, flow, 1.0)


@pytest.mark.parametrize("share", [0.4, 0.7, 1.0, 1.1])
def test_the_pump_gives_no_more_than_it_gets(share: float) -> None:
    flow = share * PUMP.flow_m3_s
    water_w = 1000 * 9.81 * flow * pump.head_m(PUMP, flow, 1.0)
    assert 0.4 < water_w / pump.power_w(PUMP, flow, 1.0) < 0.88

"""Lines of a cage motor against closed forms, and the slope of the circle diagram against T circuits."""

from __future__ import annotations

import numpy as np
import pytest
from support.condition.cage_machine import random_machine

from dsp.condition.cage import (
    Slope,
    active_line,
    clipped_share,
    load_slope,
    longest_complete,
    rotor_line,
    span,
    supply_line,
    without_line,
)
from dsp.condition.spectrum import PAD, Modulation

CELL_HZ, N = 1 / 16, 4000
SLOPE = Slope(0.2, 0.1)


def spectrum(lines: list[tuple[float, complex, complex, float]]) -> Modulation:
    """Noise of amplitude 1e-5 and lines (Hz, p, q, u) of the width of a Blackman window."""
    rng = np.random.default_rng(4)
    hz = np.arange(N) * CELL_HZ / PAD
    p, q, u = (1e-5 * (rng.standard_normal(N) + 1j * rng.standard_normal(N)) for _ in range(3))
    for line_hz, line_p, line_q, line_u in lines:
        x = np.clip((hz - line_hz) / CELL_HZ / 3, -1, 1)
        shape = 0.42 + 0.5 * np.cos(np.pi * x) + 0.08 * np.cos(2 * np.pi * x)
        p, q, u = p + line_p * shape, q + line_q * shape, u + line_u * shape
    return Modulation(hz, p, q, u, CELL_HZ)


def test_what_follows_the_slope_of_the_load_leaves_no_rest() -> None:
    m = spectrum([(1.5, 0.1, 0.02 + 0.004j, 0)])
    line = rotor_line(m, 1, 2, SLOPE)
    assert line is None or line.rest < 0


def test_rotor_is_found_at_its_size_next_to_a_larger_load_oscillation() -> None:
    m = spectrum([(1.25, 0.1, 0.02, 0), (2.0, -0.002, 0.02, 0)])
    line = rotor_line(m, 1, 2.5, SLOPE)
    assert line is not None
    assert line.hz == pytest.approx(2.0, abs=CELL_HZ / 4)  # a step of the grid that the test made
    assert line.rest == pytest.approx(0.0204 - 0.0002, abs=1e-4)
    assert line.sidebands == pytest.approx(0.0201, abs=2e-4)  # both halves of √(p² + q²)


def test_active_line_is_the_load_and_supply_line_that_of_the_voltage() -> None:
    m = spectrum([(1.25, 0.1, 0.02, 0), (2.0, 0, 0.03, 0), (7.0, 0, 0, 0.004)])
    line, supply = active_line(m, 0, 20, SLOPE), supply_line(m, 0, 20)
    assert line is not None
    assert (line.hz, line.p) == pytest.approx((1.25, 0.1), abs=1e-3)
    assert supply == pytest.approx((7.0, 0.004), abs=1e-4)


def test_no_line_in_noise_or_next_to_zero() -> None:
    assert rotor_line(spectrum([]), 0, 5, SLOPE) is None
    assert active_line(spectrum([(2 * CELL_HZ, 0.1, 0, 0)]), 0, 5, SLOPE) is None


def test_slope_contains_the_circle_diagrams_of_t_circuits() -> None:
    """dQ/dP of machines at three loads and three voltages, by a small change of slip."""
    rng = np.random.default_rng(11)
    outside = []
    for _ in range(6):
        machine = random_machine(rng)
        _, rated_nm, _ = machine.rated()
        for u in (0.92, 1.0, 1.08):
            for load in (0.25, 0.6, 1.0):
                volts = u * machine.volts / np.sqrt(3)
                slip = machine.slip_at(load * rated_nm, volts, machine.hz)
                change = machine.steady(1.01 * slip, volts, machine.hz) - machine.steady(0.99 * slip, volts, machine.hz)
                slope = load_slope(load, u)
                outside.append(abs(-change.imag / change.real - slope.mean) - slope.radius)
    assert max(outside) < 0


def test_small_helpers() -> None:
    t = np.arange(2000) / 100
    x = 3 + 0.5 * np.sin(2 * np.pi * 0.3 * t)
    assert span(without_line(x, 100, 0.3), 100) < 1e-9
    assert span(x, 100) > 0.5
    sine = np.sin(2 * np.pi * np.arange(4000) / 80)[None]
    assert clipped_share(sine) < 0.08
    assert clipped_share(np.clip(sine, -0.97, 0.97)) > 0.15
    x = np.ones((6, 100))
    x[2, 30] = x[4, 35] = np.nan
    assert longest_complete(list(x)) == slice(36, 100)

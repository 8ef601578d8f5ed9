"""Lines of the rotor and swings of the power: a model of single magnets and coils, and closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from support.condition.magnet_machine import POINTS, Machine, flux_table
from support.condition.magnet_steady import steady

from dsp.condition_magnet_rotor import order_lines, power_swing
from dsp.condition_phasors import follow

FS = 4000.0
MACHINE = Machine(slots=9, pairs=4, rated_hz=100.0)


def lines_of(machine, seconds=2.4, add=None):
    u, i = steady(machine, seconds, FS, np.random.default_rng(4))
    u -= u.mean(axis=0)
    noise = np.random.default_rng(5)
    u, i = u + noise.normal(0, 0.1, u.shape), i + noise.normal(0, 0.01, i.shape)
    if add is not None:
        u[0] += add(np.arange(u.shape[1]) / FS)
    found = order_lines(u, i, follow(u, FS), FS, machine.pairs, machine.resistance_ohm, machine.lq_h)
    return {line.order: line for line in found}


def test_one_weak_magnet_shows_the_lines_of_its_flux_linkage():
    machine = replace(MACHINE, weak={2: 0.2})
    table = flux_table(machine)
    # orders 3 and 6 of nine coils are a zero sequence, which an artificial star point does not show
    spectrum = np.abs(np.fft.rfft(table[0] - table.mean(axis=0))) / POINTS
    lines = lines_of(machine)
    for order, line in lines.items():
        expected = spectrum[order] * order / (spectrum[4] * 4)  # the EMF is the flux linkage times its frequency
        assert line.emf == pytest.approx(expected, rel=0.03, abs=2e-4), order  # noise of 0.1 V on 250 V
    assert max(lines.values(), key=lambda line: line.emf).order == 5


def test_a_sound_rotor_has_no_line():
    assert all(line.emf < 10 * line.emf_floor and line.emf < 3e-4 for line in lines_of(MACHINE).values())


def test_torque_once_per_turn_lies_in_the_positive_sequence_beside_the_fundamental():
    lines = lines_of(replace(MACHINE, once=0.1))
    strongest = sorted(lines.values(), key=lambda line: -line.emf)[:2]
    assert {line.order for line in strongest} == {3, 5}
    assert all(line.emf_common > 0.9 * line.emf for line in strongest)


def test_a_weak_magnet_shows_outside_the_positive_sequence():
    weak = lines_of(replace(MACHINE, weak={2: 0.2}))
    assert weak[5].emf_common < 0.1 * weak[5].emf


@pytest.mark.parametrize("aside_hz", [0.0, 0.3])
def test_a_line_that_does_not_turn_with_the_rotor_is_left_out(aside_hz):
    """0.3 Hz are less than a bin of 2.5 s; the wander of the speed by 0.02 % does not part them either."""
    hz = 125.0 + aside_hz
    found = lines_of(MACHINE, add=lambda t: 3.0 * np.cos(2 * math.pi * hz * t))[5]
    assert (found.emf > 5e-3) == (aside_hz == 0.0)


def test_too_short_to_part_the_lines():
    assert lines_of(replace(MACHINE, speed=0.3), seconds=1.0) == {}


def test_swings_of_the_power():
    t = np.arange(int(4 * FS)) / FS
    angle = 2 * math.pi * 60 * t - np.array([0.0, 2 * math.pi / 3, -2 * math.pi / 3])[:, None]
    u = 300 * np.cos(angle)
    line = power_swing(u, 20 * (1 + 0.08 * np.cos(2 * math.pi * 3 * t)) * np.cos(angle), FS)
    assert (line.hz, line.depth) == pytest.approx((3.0, 0.08), rel=1e-2)
    assert line.share > 0.95
    assert line.unsteady == pytest.approx(0.08 / math.sqrt(2), rel=0.03)
    rng = np.random.default_rng(8)
    slow = np.interp(t, np.arange(0, 4.1, 0.02), rng.normal(0, 0.1, 205))
    noise = power_swing(u, 20 * (1 + slow) * np.cos(angle), FS)
    assert noise.share < 0.5
    assert 0.04 < noise.unsteady < 0.1

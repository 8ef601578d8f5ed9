"""The supply in time: each component, interharmonic, flicker and dip has its set value, across blocks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulators.plant.faults import Dip
from simulators.plant.phasors import PhasorComponent
from simulators.plant.supply_wave import SupplyWave

RATE = 10240
U = 230.0
SINE = [PhasorComponent(1, 1, complex(U))]


def one_second(supply: SupplyWave, parts: list[PhasorComponent], hz: float = 50.0, blocks: int = 8) -> np.ndarray:
    """Return vectors at whole steps from several blocks; the two vectors at each boundary are equal."""
    steps, found, last = RATE // blocks, [], None
    for _ in range(blocks):
        u = supply.block(parts, hz, steps, 1 / RATE)
        if last is not None:
            assert u[0] == pytest.approx(last, rel=1e-9)
        last = u[-1]
        found.append(u[:-1:2])
    return np.concatenate(found)


def amplitude(u: np.ndarray, hz: int) -> complex:
    """Return the amplitude of the space vector at a signed frequency."""
    return complex(np.fft.fft(u)[hz % len(u)] / len(u))


def test_components_have_their_sequence_and_phase() -> None:
    """A positive sequence turns forwards, a negative one backwards; a zero sequence does not appear."""
    parts = [
        *SINE,
        PhasorComponent(1, -1, 3 - 2j),
        PhasorComponent(5, -1, 4 + 1j),
        PhasorComponent(7, 1, 2j),
        PhasorComponent(3, 0, 9 + 0j),
    ]
    u = one_second(SupplyWave(), parts)
    root = math.sqrt(2)
    expected = {50: root * U, -50: root * (3 + 2j), -250: root * (4 - 1j), 350: root * 2j, 150: 0, -150: 0}
    for hz, value in expected.items():
        assert amplitude(u, hz) == pytest.approx(value, abs=1e-9), hz


def test_a_wandering_frequency_never_jumps() -> None:
    """Another frequency in each block: the angle is its integral."""
    supply, turned = SupplyWave(), 0.0
    for hz in (50.0, 49.8, 50.3, 45.0):
        u = supply.block(SINE, hz, 1000, 1 / RATE)
        assert np.angle(u[0]) == pytest.approx(math.remainder(turned, 2 * math.pi), abs=1e-9)
        turned += 2 * math.pi * hz * 1000 / RATE


def test_dips_repeat_with_a_phase_jump() -> None:
    """Every quarter of a second for 40 ms, to 60 % and −20°."""
    u = one_second(SupplyWave(dips=[Dip(0.1, 0.04, 0.6, every_s=0.25, jump_degrees=-20.0)]), SINE)
    t = np.arange(RATE) / RATE
    against = u / (math.sqrt(2) * U * np.exp(2j * math.pi * 50 * t))
    inside = (t >= 0.1) & ((t - 0.1) % 0.25 < 0.04 - 1e-9)
    assert inside.sum() == pytest.approx(4 * 0.04 * RATE, abs=2)
    assert np.abs(against[inside]) == pytest.approx(0.6)
    assert np.degrees(np.angle(against[inside])) == pytest.approx(-20)
    outside = ~inside & ((t - 0.1) % 0.25 > 0.0401)
    assert against[outside] == pytest.approx(1)

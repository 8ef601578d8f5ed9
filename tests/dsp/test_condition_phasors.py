"""Phasors in the frame that follows the fundamental: closed forms."""

from __future__ import annotations

import cmath

import numpy as np
import pytest

from dsp.condition_phasors import follow, is_clipped, longest_gapless, phasors, sequences, spread

FS = 4000.0
TIME = np.arange(16000) / FS
SHIFTS = np.array([0.0, 2 * np.pi / 3, -2 * np.pi / 3])[:, None]


def three(amplitude, angle, order=1):
    return amplitude * np.cos(angle - order * SHIFTS)


def test_phasors_do_not_shrink_when_the_frequency_wanders():
    """±0.1 % at 0.4 Hz turns a phasor of 150 Hz by ±0.4 rad, which a transform at one frequency loses by 4 %."""
    angle = 2 * np.pi * 150 * TIME + 0.375 * np.sin(2 * np.pi * 0.4 * TIME)
    u, i = three(300.0, angle), three(10.0, angle - 0.3)
    frame = follow(u, FS)
    one, other = sequences(phasors(u, frame)), sequences(phasors(i, frame))
    assert abs(one.positive) == pytest.approx(300.0, rel=2e-4)  # means over 4 periods, twice, of an angle that bends
    assert other.positive / one.positive == pytest.approx(cmath.rect(1 / 30, -0.3), rel=1e-9)
    assert frame.hz == pytest.approx(150.0, abs=0.1)
    assert 5e-4 < spread(frame.hz_each_s) < 1.5e-3


def test_reversed_order_has_a_negative_frequency_and_a_frame_of_its_own():
    u = three(100.0, 2 * np.pi * 40 * TIME, order=-1)
    frame = follow(u, FS)
    assert frame.hz == pytest.approx(-40.0, rel=1e-6)
    exchanged = sequences(phasors(u[[0, 2, 1]], frame.reversed()))
    assert abs(exchanged.positive) == pytest.approx(100.0, rel=1e-6)
    assert abs(exchanged.negative) < 1e-6


def test_sequences_of_an_unbalanced_set():
    angle = 2 * np.pi * 50 * TIME
    u = three(100.0, angle) + three(3.0, angle + 0.7, order=-1) + 2.0 * np.cos(angle - 0.2)
    found = sequences(phasors(u, follow(u, FS)))
    assert found.negative / found.positive == pytest.approx(cmath.rect(0.03, 0.7), rel=1e-3)
    assert found.zero / found.positive == pytest.approx(cmath.rect(0.02, -0.2), rel=1e-3)


@pytest.mark.parametrize("wave", [np.zeros((3, 4000)), np.ones((3, 4000)), np.zeros((3, 8))])
def test_nothing_rotates(wave):
    assert follow(wave, FS) is None


def test_longest_stretch_without_a_gap():
    wave = np.ones((2, 100))
    wave[0, 10:12] = wave[1, 70] = np.nan
    assert longest_gapless(wave) == slice(12, 70)
    assert longest_gapless(np.full((2, 5), np.nan)) == slice(0, 0)


@pytest.mark.parametrize("steps", [0.0, 0.02])
@pytest.mark.parametrize("level", [0.6, 0.85, 1.0])
def test_clipped_waves(level, steps):
    rng = np.random.default_rng(3)
    wave = 10 * np.cos(2 * np.pi * 53.1 * TIME) * (1 + 0.003 * np.sin(3 * TIME)) + rng.normal(0, 0.02, TIME.size)
    wave = np.round(wave / steps) * steps if steps else wave
    assert is_clipped(np.clip(wave, -10 * level, 10 * level)) == (level < 1)

"""The transform compared with closed forms: sums of cosines with known bins, for every number of cycles."""

from __future__ import annotations

import numpy as np
import pytest

from dsp import transform
from dsp._simd import rows

# numbers of points of real windows: powers of two, also with factors 3 and 5
POINTS = (32, 40, 48, 64, 96, 128, 160, 192, 256)
# a window of a drive has up to 64 cycles; 59 and 61 are prime, 49 is seven squared
CYCLES = range(1, 65)
# rounding error of a sum of N terms, with margin
EXACT = 1e-12


def cosines(cycles, points, bins, seed=1):
    """Six channels, each a sum of cosines at `bins` with random amplitudes and angles; and the exact bins."""
    n = cycles * points
    rng = np.random.default_rng(seed)
    bins = np.asarray(bins)
    amplitude = rng.uniform(0.1, 1.0, (len(bins), 6))
    angle = rng.uniform(-np.pi, np.pi, (len(bins), 6))
    ends = (bins == 0) | (2 * bins == n)  # these bins are real
    angle[ends] = 0.0
    turns = np.outer(np.arange(n), bins) % n / n  # reduced first: the argument of the cosine stays exact
    x = (np.exp(2j * np.pi * turns) @ (amplitude * np.exp(1j * angle))).real
    want = np.zeros((n // 2 + 1, 6), dtype=complex)
    want[bins] = n * np.where(ends, 1.0, 0.5)[:, None] * amplitude * np.exp(1j * angle)
    return x, want


def lowest_bins(x, cycles, points, top, dtype=np.float64):
    plan = transform.plan(cycles, points, dtype)
    work = rows(len(x), dtype)
    work[:, :6] = x
    lines = rows(2 * (top + 1), dtype)
    transform.lowest_bins(
        work, len(x), top, plan.roots, plan.radices, plan.places, rows(2 * cycles + 2, dtype), lines
    )  # fmt: skip
    return (lines[::2] + 1j * lines[1::2])[:, :6]


@pytest.mark.parametrize("points", POINTS)
def test_every_bin_of_every_number_of_cycles(points):
    rng = np.random.default_rng(points)
    for cycles in CYCLES:
        n = cycles * points
        bins = np.unique(np.concatenate(([0, n // 2], rng.integers(0, n // 2, 6))))
        x, want = cosines(cycles, points, bins, seed=cycles)
        got = lowest_bins(x, cycles, points, n // 2)
        assert np.abs(got - want).max() < EXACT * np.abs(want).max(), (cycles, points)


@pytest.mark.parametrize(("cycles", "points"), [(10, 256), (10, 512), (10, 1024), (12, 1280), (1, 2048), (61, 1024)])
def test_long_windows(cycles, points):
    n = cycles * points
    x, want = cosines(cycles, points, np.random.default_rng(2).integers(1, n // 2, 20))
    assert np.abs(lowest_bins(x, cycles, points, n // 2) - want).max() < EXACT * np.abs(want).max()


@pytest.mark.parametrize(("cycles", "points"), [(10, 256), (10, 512), (10, 1024), (12, 1280), (3, 96)])
def test_single_precision(cycles, points):
    """1e-6 of the largest bin; a step of a 16-bit converter is 1.5e-5 of its range, and class I allows 5e-4 of Unom."""
    n = cycles * points
    x, want = cosines(cycles, points, np.arange(1, n // 2, 7))
    got = lowest_bins(x, cycles, points, n // 2, np.float32)
    assert np.abs(got - want).max() < 1e-6 * np.abs(want).max()


@pytest.mark.parametrize("top", [0, 1, 505, 639, 640, 641, 1000])
def test_a_part_of_the_bins_is_that_part(top):
    x, want = cosines(10, 256, np.arange(0, 1281, 5))
    got = lowest_bins(x, 10, 256, top)
    assert np.abs(got - want[: top + 1]).max() < EXACT * np.abs(want).max()


def test_numpy_agrees_on_noise():
    x = np.random.default_rng(3).standard_normal((7 * 96, 6))
    want = np.fft.rfft(x, axis=0)
    assert np.abs(lowest_bins(x, 7, 96, len(want) - 1) - want).max() < EXACT * np.abs(want).max()


@pytest.mark.parametrize(("cycles", "points"), [(0, 32), (10, 4), (10, 36), (10, 56), (10, 0)])
def test_unsupported_sizes_are_rejected(cycles, points):
    with pytest.raises(ValueError, match=f"got {cycles} and {points}"):
        transform.plan(cycles, points)

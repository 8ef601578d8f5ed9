"""Decimation against closed forms: sinusoids whose filtered size and place are known."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.condition.decimation import LOBES, WIDE_CUTOFF, WIDE_LOBES, decimated, fast_length, low_pass, mixed

FACTOR, N = 20, 20000
STOPPED = 1e-4  # 80 dB
FILTERS = {"narrow": (low_pass(FACTOR), 0.47), "wide": (low_pass(FACTOR, WIDE_LOBES, WIDE_CUTOFF), 0.64)}


def centres(count: int, lobes: int) -> np.ndarray:
    """Samples at which the outputs of a symmetric filter are centred."""
    return np.arange(count) * FACTOR + (lobes * FACTOR - 1) / 2


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("relative", [0.01, 0.13, 0.25])
def test_what_passes_keeps_size_and_place(name: str, relative: float) -> None:
    """relative: frequency over the output rate; up to a quarter of it the filter is flat."""
    weights, _ = FILTERS[name]
    rad = 2 * np.pi * relative / FACTOR
    rows = np.stack([np.cos(rad * np.arange(N)), 3 * np.sin(rad * np.arange(N))])
    found = decimated(rows, weights)
    at = centres(found.shape[1], len(weights))
    np.testing.assert_allclose(found, [np.cos(rad * at), 3 * np.sin(rad * at)], atol=1e-3)


@pytest.mark.parametrize("name", FILTERS)
def test_what_would_fold_is_stopped(name: str) -> None:
    weights, edge = FILTERS[name]
    for relative in (edge, 1.0, 3.3):
        rows = np.sin(2 * np.pi * relative / FACTOR * np.arange(N))[None]
        assert np.abs(decimated(rows, weights)).max() < 2 * STOPPED


def test_a_line_next_to_the_mixing_frequency_becomes_slow() -> None:
    """cos(ω t) has half its size at each of ±ω; the other half is far from the band."""
    rad, near = 0.9, 0.9 + 2 * np.pi * 0.1 / FACTOR
    found = mixed(np.cos(near * np.arange(N))[None], low_pass(FACTOR), rad)
    at = centres(found.shape[1], LOBES)
    np.testing.assert_allclose(found[0], np.exp(1j * (near - rad) * at) / 2, atol=1e-3)


def test_samples_of_single_precision_lose_nothing_that_counts() -> None:
    rows = np.sin(0.003 * np.arange(N))[None]
    exact, single = decimated(rows, low_pass(FACTOR)), decimated(rows.astype(np.float32), low_pass(FACTOR))
    assert np.abs(exact - single).max() < 1e-6  # 24 bits, and sums of 480 products
    assert single.dtype == np.float64


@pytest.mark.parametrize(("n", "length"), [(1, 1), (13, 12), (4096, 4096), (4099, 4096), (1439, 1408)])
def test_fast_length_has_small_prime_factors_only(n: int, length: int) -> None:
    assert fast_length(n) == length

"""Indices of a window: K factor, TDD, crest factor, groups, and power by order."""

from __future__ import annotations

import numpy as np
import pytest
from support.power import means, window

from dsp import distortion_indices, segment


def spectrum_of(orders):
    h = np.zeros((3, 51))
    for order, value in orders.items():
        h[:, order] = value
    return h


def test_k_factor_of_a_rectifier(cases):
    h = spectrum_of({n: 1.0 / n for n in (1, 5, 7, 11, 13, 17, 19, 23, 25)})
    h[:, 30:] = np.nan  # above the band
    out = np.zeros(3)
    distortion_indices.k_factor(h, out)
    want = {e["q"]: e["value"] for e in cases["D-A01"]["expected"]}
    assert out == pytest.approx(want["K-factor with I_h=1/h, h=1,5,7,11,13,17,19,23,25"], rel=1e-9)
    distortion_indices.k_factor(np.zeros((3, 51)), out)
    assert np.isnan(out).all()


def test_tdd_refers_to_the_demand():
    out = np.zeros(3)
    distortion_indices.tdd(spectrum_of({1: 40.0, 5: 3.0, 7: 4.0}), 100.0, out)
    assert out == pytest.approx(5.0)
    for demand in (np.nan, 0.0):
        distortion_indices.tdd(spectrum_of({1: 40.0, 5: 3.0}), demand, out)
        assert np.isnan(out).all()
    distortion_indices.tdd(np.full((3, 51), np.nan), 100.0, out)  # a gap must not look like an undistorted current
    assert np.isnan(out).all()


def test_hvf_takes_odd_orders_but_triplen():
    out = np.zeros(3)
    distortion_indices.hvf(spectrum_of({1: 100.0, 2: 50.0, 3: 50.0, 5: 10.0, 7: 5.0, 9: 50.0}), out)
    assert out == pytest.approx(np.sqrt(0.01 / 5 + 0.0025 / 7))


@pytest.mark.parametrize("n", [2, 3, 4, 5, 7, 400])
def test_the_crest_factor_finds_the_peak_at_any_position(n):
    x = np.random.default_rng(n).standard_normal((6, n + 2))
    out = np.zeros(6)
    segment.peaks(x, 1, n, out)
    assert out.tolist() == np.abs(x[:, 1 : n + 1]).max(axis=1).tolist()
    segment.clipped(x, 1, n, np.full(6, np.nan), np.zeros(6, dtype=np.uint8), peaks := np.zeros(6))
    assert peaks.tolist() == out.tolist()


@pytest.mark.parametrize("shape", ["square", "sine", "triangle", "ideal 6-pulse current"])
def test_crest_factors(shape, cases):
    """Closed forms; the grid of 12,000 points contains the peaks of all four signals."""
    n = 12000
    t = (np.arange(n) + 0.5) / n
    wave = {
        "square": np.sign(t - 0.5),
        "sine": np.sin(2 * np.pi * t),
        "triangle": 1 - 4 * np.abs(t - 0.5),
        "ideal 6-pulse current": np.where((t * 6) % 3 < 2, 1.0, 0.0) * np.sign(0.5 - t),
    }[shape]
    x = np.tile(wave, (6, 1))
    peaks, out, none = np.zeros(6), np.zeros(21), np.full((6, 51), np.nan)
    segment.peaks(x, 0, n - 1, peaks)
    distortion_indices.ratios(none, none, np.sqrt(means(window(x, n))[6:12]), peaks, np.nan, 0, out)
    assert np.isnan(out[:15]).all()  # without synchronisation there are no harmonics
    out = out[15:]
    want = {e["q"]: e["value"] for e in cases["D-A01"]["expected"]}[f"crest {shape}"]
    assert out == pytest.approx(np.full(6, want), rel=2e-4)

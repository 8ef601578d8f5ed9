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


def lines_of(bins, points, top):
    """Bins of a transform of `points` points, 6 channels, from {bin: six complex rms phasors}."""
    lines = np.zeros((2 * top, 8))
    for b, values in bins.items():
        z = np.asarray(values, dtype=complex) * (points / np.sqrt(2) if b else points)
        lines[2 * b, :6], lines[2 * b + 1, :6] = z.real, z.imag
    return lines


def between(lines, points, cycles, samples=1e6):
    isg, g, p = np.zeros((6, 51)), np.zeros((6, 51)), np.zeros((3, 51))
    distortion_indices.between(lines, points, cycles, samples, 0.45, np.ones(1025), isg, g, p)
    return isg, g, p


def test_the_sign_of_harmonic_power_is_the_direction_of_flow(cases):
    """D-P01 by hand: sum over h of U_h I_h cos; the 5th comes from the load, the fundamental flows into it."""
    terms = {k: {t["h"]: t for t in c["terms"]} for k, c in cases["D-P01"]["recipe"]["channels"].items()}
    bins = {0: [2.0, 0, 0, 3.0, 0, 0]}
    for h in terms["u1"]:
        u, i = (terms[k][h]["rms"] * np.exp(1j * np.deg2rad(terms[k][h]["deg"])) for k in ("u1", "i1"))
        bins[12 * h] = [u, 0, 0, i, 0, 0]
    _, _, p = between(lines_of(bins, 4096, 620), 4096, 12)
    want = {e["q"]: e["value"] for e in cases["D-P01"]["expected"]}
    assert p[0, 0] == pytest.approx(6.0)
    assert p[0, 1] == pytest.approx(want["1459.P1"])
    assert p[0, 2:].sum() == pytest.approx(want["1459.PH"])
    assert p[0, 5] < 0.0 < p[0, 1]
    assert not p[1:].any()


@pytest.mark.parametrize("cycles", [3, 4, 9, 10, 12])
def test_groups_contain_each_bin_once(cycles):
    """One bin after the other, compared with the sums of IEC 61000-4-7, implemented here as sets of bins."""
    rng = np.random.default_rng(cycles)
    top = 12 * cycles
    values = {b: rng.uniform(1.0, 2.0, 6) for b in range(1, top)}
    isg, g, _ = between(lines_of(values, 4096, 60 * cycles), 4096, cycles)
    y2 = np.array([values.get(b, np.zeros(6)) ** 2 for b in range(60 * cycles)])
    for h in range(11):
        bins = [cycles * h + k for k in range(2, cycles - 1)]
        if cycles < 4:
            assert np.isnan(isg[:, h]).all()
        else:
            assert isg[:, h] == pytest.approx(np.sqrt(y2[bins].sum(axis=0)))
        if h == 0:
            assert np.isnan(g[:, 0]).all()
            continue
        total = sum(y2[cycles * h + k] for k in range(-((cycles - 1) // 2), (cycles - 1) // 2 + 1))
        if cycles % 2 == 0:
            total = total + 0.5 * (y2[cycles * h - cycles // 2] + y2[cycles * h + cycles // 2])
        assert g[:, h] == pytest.approx(np.sqrt(total))


def test_groups_end_with_the_band():
    """1000 samples, ten cycles, 0.45 of the rate: bin 450. Order 44 is complete, the group of order 45 is truncated."""
    isg, g, p = between(lines_of({440: [1.0] * 6}, 1000, 520), 1000, 10, samples=1000.0)
    assert g[0, 44] == pytest.approx(1.0)
    assert np.isnan(g[:, 45:]).all()
    assert np.isnan(isg[:, 45:]).all()
    assert not np.isnan(isg[:, 44]).any()
    assert not np.isnan(p[:, 45]).any()
    assert np.isnan(p[:, 46:]).all()

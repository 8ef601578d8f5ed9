"""Components, groups and powers from the bins of a window, compared with sums that are written out here."""

from __future__ import annotations

import numpy as np
import pytest

from dsp import spectrum
from dsp._simd import rows


def lines_of(bins, points, top):
    """Bins of a transform of `points` points, 6 channels, from {bin: six complex rms phasors}."""
    lines = rows(2 * top)
    for b, values in bins.items():
        z = np.asarray(values, dtype=complex) * (points / np.sqrt(2) if b else points)
        lines[2 * b, :6], lines[2 * b + 1, :6] = z.real, z.imag
    return lines


def between(lines, points, cycles, samples=1e6):
    top = len(lines) // 2 - 1
    isg, g, p, squares = np.zeros((6, 51)), np.zeros((6, 51)), np.zeros((3, 51)), rows(top + 1)
    spectrum.to_rms(lines, points, samples, top, np.ones(1025), squares)
    spectrum.between(lines, squares, cycles, samples, 0.45, rows(2), isg, g, p)
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

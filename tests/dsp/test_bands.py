"""Bands of 200 Hz between 2 and 9 kHz, compared with numpy's transform of exact windows, with tones, and by energy."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.stream import Stream

CENTRES_HZ = 2100 + 200 * np.arange(35)


def run(x, rate_hz, **options):
    return Stream(rate_hz, **options).push(x)[1]


def carrier(three, rate_hz, f_hz, tones):
    """Mains with tones of (frequency in Hz, volts); the currents contain 0.7 of their values."""
    x = three(f_hz, rate_hz, int(rate_hz))
    t = np.arange(x.shape[1]) / rate_hz
    for k, (hertz, volts) in enumerate(tones):
        x += np.sqrt(2) * volts * np.cos(2 * np.pi * hertz * t + k) * np.array([[1.0]] * 3 + [[0.7]] * 3)
    return x


@pytest.mark.parametrize(("rate_hz", "f_hz"), [(10240.0, 50.0), (25600.0, 50.0), (51200.0, 50.0), (24000.0, 60.0)])
def test_bands_are_the_sums_of_the_bins_of_numpy(rate_hz, f_hz, three):
    """A random line every 15 Hz; windows last exactly 0.2 s, so both spectra have the same 5 Hz bins."""
    rng = np.random.default_rng(int(rate_hz))
    lines = [(hz, rng.uniform(0.1, 2.0)) for hz in np.arange(1900.0, min(9100.0, 0.45 * rate_hz), 15.0)]
    x = carrier(three, rate_hz, f_hz, lines)
    w = run(x, rate_hz)
    n = round(0.2 * rate_hz)
    rms = np.abs(np.fft.rfft(x[:, round(w.start_index) : round(w.start_index) + n], axis=1)) * np.sqrt(2) / n
    got = np.concatenate((w.band_u_v, w.band_i_a))
    for k, centre in enumerate(CENTRES_HZ):
        if centre + 100 > 0.45 * rate_hz:
            assert np.isnan(got[:, k]).all()
            continue
        want = np.sqrt((rms[:, (centre - 95) // 5 : (centre + 100) // 5 + 1] ** 2).sum(axis=1))
        # 0.1 % up to 0.40 of the rate; up to 0.45 the gain corrects a droop of a factor of four: 0.5 %
        assert got[:, k] == pytest.approx(want, rel=1e-3 if centre < 0.4 * rate_hz else 5e-3)


@pytest.mark.parametrize("f_hz", [47.3, 49.97, 50.0, 63.1, 17.4, 122.0])
def test_a_tone_is_in_its_band_whatever_the_fundamental(f_hz, three):
    """A tone in the middle of a band, at worst between two bins.

    The rectangular window leaves 2 / (20 pi^2) of its energy (0.5 % of its voltage) more than 20 bins away, and
    sqrt(1/20 - 1/60) / pi = 5.8 % in each neighbouring band.
    """
    w = run(carrier(three, 25600.0, f_hz, [(4100.0, 3.0), (8900.0, 5.0)]), 25600.0)
    assert w.band_u_v[:, [10, 34]] == pytest.approx(np.tile([3.0, 5.0], (3, 1)), rel=6e-3)
    assert w.band_i_a[:, 10] == pytest.approx(2.1, rel=6e-3)
    assert np.delete(w.band_u_v, [10, 34], axis=1).max() < 0.06 * 5.0


def test_bands_leave_out_no_energy(three):
    """Tones at any frequency, also on boundaries: the squares of all bands add up to those of the tones."""
    tones = [(2400.0, 3.0), (3333.3, 2.0), (5000.1, 4.0), (7799.9, 1.0)]
    w = run(carrier(three, 25600.0, 50.03, tones), 25600.0)
    assert np.sqrt((w.band_u_v**2).sum(axis=1)) == pytest.approx([np.sqrt(30.0)] * 3, rel=2e-3)


def test_no_bands_below_their_rate(three):
    w = run(three(50.0, 4800.0, 4800), 4800.0)
    assert np.isnan(w.band_u_v).all()
    assert np.isfinite(w.h_u_v[:, :40]).all()
    w = run(three(50.0, 5000.0, 5000), 5000.0)
    assert np.isfinite(w.band_u_v[:, 0]).all()
    assert np.isnan(w.band_u_v[:, 1:]).all()


def test_a_gap_withholds_the_bands_of_its_channel(three):
    x = carrier(three, 10240.0, 50.0, [(2100.0, 3.0)])
    x[4, 2500] = np.nan
    w = run(x, 10240.0)
    assert np.isnan(w.band_i_a[1]).all()
    assert w.band_i_a[[0, 2], 0] == pytest.approx(2.1, rel=1e-3)
    assert w.band_u_v[:, 0] == pytest.approx(3.0, rel=1e-3)

"""Accuracy goals of the spectral analysis, with closed-form signals whose windows end between samples."""

from __future__ import annotations

import numpy as np
import pytest

from dsp import resample, transform
from dsp._simd import rows
from dsp.stream import Stream
from dsp.windows import cycles_for

RATES_HZ = (5760.0, 10240.0, 25600.0, 51200.0)
FREQUENCIES_HZ = (5.3, 17.0, 49.7, 50.0, 60.2, 87.0, 118.0, 251.0)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("f_hz", FREQUENCIES_HZ)
def test_harmonics_to_0_40_of_the_rate(rate_hz, f_hz):
    """Within max(0.1 % of reading, 0.01 % of the fundamental), and within 0.05 degrees times the order."""
    rng = np.random.default_rng(int(rate_hz + 10 * f_hz))
    cycles = cycles_for(f_hz, "auto")
    samples, start = cycles * rate_hz / f_hz, 20.37
    k = np.arange(int(samples) + 60)
    top = min(50, int(0.40 * rate_hz / f_hz))
    orders = np.arange(1, top + 1)
    peak = np.where(orders == 1, 1.0, rng.uniform(0.0005, 0.1, (6, top)))
    angle = rng.uniform(-np.pi, np.pi, (6, top))
    x = np.zeros((6, len(k)))
    for h in orders:
        x += peak[:, h - 1, None] * np.cos(2 * np.pi * h * f_hz / rate_hz * k + angle[:, h - 1, None])

    plan = transform.plan(cycles, resample.points_for(samples, cycles))
    n = cycles * plan.points
    frames, points, work, lines = rows(len(k)), rows(n), rows(n), rows(2 * (cycles * top + 2))
    resample.frames(x, 0, len(k), frames)
    resample.resample(frames, start, samples / n, n, resample.taps(), work, points)
    transform.lowest_bins(points, n, cycles * top, plan.roots, plan.radices, plan.places, work, lines)
    gain = np.interp(orders * f_hz / rate_hz, np.linspace(0.0, 0.5, len(resample.gain())), resample.gain())
    got = (lines[2 * cycles * orders, :6] + 1j * lines[2 * cycles * orders + 1, :6]).T * gain * 2 / n
    assert np.all(np.abs(np.abs(got) - peak) < np.maximum(1e-3 * peak, 1e-4))
    want = angle + 2 * np.pi * orders * f_hz * start / rate_hz
    assert np.all(np.abs(np.degrees(np.angle(got * np.exp(-1j * want)))) < 0.05 * orders)


@pytest.mark.parametrize("rate_hz", RATES_HZ[:2])
@pytest.mark.parametrize("f_hz", FREQUENCIES_HZ)
def test_frequency_clean_and_at_40_db(rate_hz, f_hz):
    """1 mHz in every window of a clean signal, 5 mHz with white noise of 1 % of the fundamental on each channel."""
    t = np.arange(int(3 * rate_hz)) / rate_hz
    x = np.sqrt(2) * 230.0 * np.cos(2 * np.pi * (f_hz * t - np.arange(6)[:, None] / 3))
    noise = 2.3 * np.random.default_rng(int(f_hz)).standard_normal(x.shape)
    for y, allowed in ((x, 1e-3), (x + noise, 5e-3)):
        windows = Stream(rate_hz).push(y)
        assert len(windows) > 5
        assert all(abs(w.frequency_hz - f_hz) < allowed for w in windows)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("f_hz", [17.0, 49.7, 60.2, 118.0])
def test_a_records_first_and_last_window_are_as_good_as_the_others(rate_hz, f_hz):
    """Harmonics depend on samples outside the record; the goal remains max(0.1 %, 0.01 % of the fundamental)."""
    rng = np.random.default_rng(int(rate_hz + 10 * f_hz))
    orders = np.arange(1, min(50, int(0.40 * rate_hz / f_hz)) + 1)
    rms = np.where(orders == 1, 100.0, rng.uniform(1.0, 8.0, (6, len(orders))))
    angle = rng.uniform(-np.pi, np.pi, (6, len(orders)))
    angle[:, 0] = -2 * np.pi / 3 * np.arange(6)
    cycles = cycles_for(f_hz, "auto")
    n = int(np.ceil(3 * cycles * rate_hz / f_hz))  # the last window ends with the record
    t = np.arange(n) / rate_hz
    x = np.zeros((6, n))
    for k, h in enumerate(orders):
        x += np.sqrt(2) * rms[:, k, None] * np.cos(2 * np.pi * h * f_hz * t + angle[:, k, None])
    stream = Stream(rate_hz)
    windows = stream.push(x) + stream.finish()
    assert len(windows) == 3
    for w in windows:
        got = np.concatenate((w.h_u_v, w.h_i_a))[:, orders]
        assert np.all(np.abs(got - rms) < np.maximum(1e-3 * rms, 1e-2))

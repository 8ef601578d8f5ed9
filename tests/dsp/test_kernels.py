"""Individual kernels compared with numpy."""

from __future__ import annotations

import numpy as np
import pytest

from dsp import power, resample, segment, transform, windows
from dsp._simd import rows
from dsp.stream import Stream


@pytest.mark.parametrize("f", [0.001, 0.1, 0.3, 0.4])
@pytest.mark.parametrize("step", [0.8, 1.0, 1.313])
def test_resampler_keeps_a_tone_and_gain_undoes_its_droop(f, step):
    """Any fractional position; linear interpolation between phases gives 5e-5 at 0.4 of the rate; limit 1e-4."""
    rng = np.random.default_rng(1)
    k = np.arange(3000)
    phase = rng.uniform(0, 2 * np.pi, (6, 1))
    seg = np.cos(2 * np.pi * f * k + phase)
    frames, got = rows(3000), rows(2048)
    resample.frames(seg, 0, 3000, frames)
    assert np.array_equal(frames[:, :6], seg.T)
    start = 20.37
    resample.resample(frames, start, step, 2048, resample.taps(), rows(7), got)
    gain = resample.gain()
    g = np.interp(2 * f * (len(gain) - 1), np.arange(len(gain)), gain)
    want = np.cos(2 * np.pi * f * (start + step * np.arange(2048)) + phase)
    assert np.abs(g * got[:, :6].T - want).max() < 1e-4
    assert not got[:, 6:].any()


def test_gain_starts_at_one_and_rises():
    gain = resample.gain()
    assert gain[0] == pytest.approx(1.0, abs=1e-12)
    assert np.all(np.abs(gain[:420] - 1.0) < 1e-4)  # flat to 0.2 of the rate
    assert np.all(np.diff(gain[450:]) > 0)
    assert gain[round(2 * resample.CUTOFF * 1024)] == pytest.approx(
        2.0, rel=1e-2
    )  # one half at the cut-off of any windowed sinc


@pytest.mark.parametrize("cycles", [1, 3, 10, 12, 60])
@pytest.mark.parametrize("rate", [1000.0, 10240.0, 25600.0, 51200.0])
def test_points_for_a_window(cycles, rate):
    samples = 0.2 * rate
    points = resample.points_for(samples, cycles)
    transform.plan(cycles, points)  # raises ValueError for unsupported numbers
    top = min(50 * cycles, 0.45 * samples)
    assert points * cycles > 2 * (top + 1)
    # a residue of the taps at a bin b above half the points aliases to N - b: never into a reported subgroup
    assert points * cycles - 0.6 * samples > top + 1
    assert points * cycles <= resample.most_points(samples, cycles)


@pytest.mark.parametrize("rate", [10240.0, 25600.0])
def test_tones_beyond_the_band_do_not_fold_into_the_orders(rate, three):
    x = three(50.0, rate, int(rate))
    t = np.arange(x.shape[1]) / rate
    for f in (0.46, 0.48, 0.499):
        y = x.copy()
        y[:3] += 23.0 * np.sqrt(2) * np.cos(2 * np.pi * f * rate * t)
        w = Stream(rate).push(y)[1]
        # 10 % of the fundamental above the band; its residue in any order is below 0.01 %
        assert np.nanmax(w.h_u_v[:, 2:]) < 0.023
        assert w.u_rms_v == pytest.approx(np.hypot(230.0, 23.0), rel=1e-4)  # but its energy is included


def test_sums_weigh_the_end_cells():
    seg = np.random.default_rng(2).standard_normal((6, 50))
    out = np.zeros(power.SUMS)
    power.sums(seg, 10, 30, 0.25, 0.6, out)
    weight = np.ones(21)
    weight[0], weight[-1] = 0.25, 0.6
    part = seg[:, 10:31]
    mean = lambda y: float((y * weight).sum() / weight.sum())  # noqa: E731
    want = [mean(a) for a in part] + [mean(a * a) for a in part] + [mean(part[k] * part[k + 3]) for k in range(3)]
    want += [mean(part[k] * part[(k + 1) % 3]) for k in range(3)]
    want += [mean(part[3 + k] * part[3 + (k + 1) % 3]) for k in range(3)]
    assert out == pytest.approx(want, rel=1e-12)


def test_clean_holds_the_last_good_value():
    x = np.tile(np.arange(8.0), (6, 1))
    x[0, [0, 3, 4]] = np.nan, np.inf, 1e200
    x[5] = np.nan
    bad = np.full((6, 8), 7, dtype=np.uint8)
    held, last = np.full(6, 9.0), np.full(6, -1, dtype=np.int64)
    segment.clean(x, bad, held, last, np.array([1, 1, 1, 1, 1, 0], dtype=np.uint8), 0, 8, 100)
    assert x[0].tolist() == [9.0, 1.0, 2.0, 2.0, 2.0, 5.0, 6.0, 7.0]
    assert bad[0].tolist() == [1, 0, 0, 1, 1, 0, 0, 0]
    assert not bad[1:].any()
    assert last.tolist() == [104, -1, -1, -1, -1, -1]
    assert x[5].tolist() == [0.0] * 8
    assert held[:2].tolist() == [7.0, 7.0]


@pytest.mark.parametrize("f_hz", [5.2, -5.2, 50.0, -64.3, 310.0, -310.0])
def test_coarse_search_finds_size_and_sign(f_hz):
    t = np.arange(4096) / 10240.0
    x = 100.0 * np.cos(2 * np.pi * f_hz * t - 2 * np.pi / 3 * np.arange(3)[:, None])
    x += 5.0 * np.random.default_rng(3).standard_normal(x.shape) + 3.0
    found = windows.coarse(x, np.ones(3, dtype=np.uint8), 10240.0, 5.0, 320.0)
    # bins are 2.5 Hz wide; a fifth of a bin is accurate enough as a start
    assert found == pytest.approx(f_hz, abs=0.5)

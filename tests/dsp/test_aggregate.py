"""Aggregation compared with numpy over the same windows, and alignment with the clock."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.aggregate import AggregationInterval, Aggregator, Frequency, columns, is_flagged, percentile, row_of
from dsp.stream import Stream
from dsp.supply import Supply

T0 = 1_800_000_000.0  # a multiple of 7200 s: 250,000 of them


def run(rows, length=0.2, begin=T0, magnitudes=2, flagged=(), resync=False):
    """Aggregate consecutive windows; with resync a new window begins at each tick and overlaps the previous one."""
    a = Aggregator(rows.shape[1], magnitudes)
    out, t = [], begin
    used = []
    for k, row in enumerate(rows):
        out += a.add(row, t, t + length, k in flagged)
        used.append(t)
        tick = math.floor(t / 600) * 600 + 600
        t = float(tick) if resync and t < tick < t + length else t + length
    return out, a, np.array(used)


def rms(x):
    return np.sqrt((x**2).mean(axis=0))


def test_aggregates_of_three_seconds_ten_minutes_and_two_hours_agree_with_numpy():
    rng = np.random.default_rng(1)
    rows = rng.uniform(1.0, 2.0, (36050, 3))
    out, _, t = run(rows)
    short = [v for v in out if v.seconds == 3]
    assert short[0].values == pytest.approx([*rms(rows[:15, :2]), rows[:15, 2].mean()], rel=1e-12)
    assert short[7].start_s == pytest.approx(T0 + 21.0)
    assert short[7].values[:2] == pytest.approx(rms(rows[105:120, :2]), rel=1e-12)
    assert short[7].low == pytest.approx(rows[105:120].min(axis=0))
    assert short[7].high == pytest.approx(rows[105:120].max(axis=0))
    ten = [v for v in out if v.seconds == 600]
    assert [v.start_s for v in ten] == [T0 + 600.0 * k for k in range(12)]
    for k, v in enumerate(ten):
        part = rows[(t >= T0 + 600 * k - 1e-5) & (t < T0 + 600 * (k + 1) - 1e-5)]
        assert v.windows == len(part) == 3000
        assert v.values == pytest.approx([*rms(part[:, :2]), part[:, 2].mean()], rel=1e-12)
        assert v.complete
        assert not v.flagged
    (two_hours,) = [v for v in out if v.seconds == 7200]
    assert two_hours.values == pytest.approx([*rms(rows[:36000, :2]), rows[:36000, 2].mean()], rel=1e-12)
    assert two_hours.complete
    assert (two_hours.start_s, two_hours.end_s) == (T0, T0 + 7200.0)


@pytest.mark.parametrize("f_hz", [49.71, 50.0, 50.32])
def test_new_windows_begin_at_the_tick(f_hz):
    """Overlap 1 and 2: the current window and 3 s interval are completed; new ones begin exactly at the tick."""
    rows = np.arange(1.0, 6501.0)[:, None] * np.ones(3)
    out, _, t = run(rows, length=10 / f_hz, begin=T0 + 300.1, resync=True)
    ten = [v for v in out if v.seconds == 600]
    first = int(np.flatnonzero(t == T0 + 600.0)[0])
    assert ten[0].windows == first
    assert not ten[0].complete  # it began in the middle
    assert ten[1].complete
    assert ten[1].windows == math.ceil(600 * f_hz / 10 - 1e-3)
    assert ten[1].values[2] == pytest.approx(rows[first : first + ten[1].windows, 2].mean())
    short = [v for v in out if v.seconds == 3]
    starts = [v.start_s for v in short]
    assert T0 + 600.0 in starts
    assert T0 + 1200.0 in starts
    assert all(v.windows == 15 for v in short[:-1])
    before = max((v for v in short if v.start_s < T0 + 600.0), key=lambda v: v.start_s)
    if (first % 15) != 0:
        assert before.end_s > T0 + 600.0  # it continues in parallel with the new one
    # each window is in one 3 s interval, those of the overlap in two
    overlap = -first % 15
    assert sum(v.windows for v in short if v.start_s < T0 + 1190) >= first + overlap


def test_a_flag_affects_only_the_intervals_that_contain_it():
    out, _, _ = run(np.ones((6100, 3)), flagged={100})
    short = [v for v in out if v.seconds == 3]
    assert [k for k, v in enumerate(short) if v.flagged] == [6]
    assert [v.flagged for v in out if v.seconds == 600] == [True, False]


def test_nan_is_excluded_and_counted():
    rows = np.ones((3010, 3))
    rows[10:25, 0] = np.nan
    rows[:, 1] = np.nan
    rows[:, 2] = -np.arange(3010.0)
    out, _, _ = run(rows)
    short = [v for v in out if v.seconds == 3]
    assert short[0].values[0] == 1.0
    assert not short[0].complete
    assert not short[1].complete
    assert short[2].complete
    (ten,) = [v for v in out if v.seconds == 600]
    assert ten.values[0] == 1.0
    assert np.isnan([ten.values[1], ten.low[1], ten.high[1]]).all()
    assert ten.values[2] == pytest.approx(-1499.5)  # powers keep their sign
    assert ten.complete  # 15 of 3000 windows are less than 5 %
    empty = run(np.full((20, 3), np.nan))[0][0]
    assert np.isnan(empty.values).all()
    assert not empty.complete


def test_no_three_second_value_spans_a_gap():
    a = Aggregator(1, 1)
    out = []
    for k in range(20):
        t = T0 + 0.2 * k + (50.0 if k >= 7 else 0.0)
        out += a.add(np.array([1.0 if k < 7 else 3.0]), t, t + 0.2, False)
    assert [(v.values[0], v.windows, v.complete) for v in out] == [(1.0, 7, False)]
    out += a.finish()
    assert [(v.seconds, v.windows) for v in out] == [(3, 7), (3, 13), (600, 20), (7200, 1)]
    assert not out[2].complete
    assert out[2].values[0] == pytest.approx(math.sqrt((7 + 13 * 9) / 20))


def test_missing_ten_minutes_do_not_move_the_two_hours():
    a = Aggregator(1, 1)
    out = []
    for t in (T0 + 10.0, T0 + 3000.0, T0 + 7190.0, T0 + 7210.0, T0 + 30000.0):
        out += a.add(np.ones(1), t, t + 0.2, False)
    assert [v.start_s for v in out if v.seconds == 7200] == [T0, T0 + 7200.0]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.01, 100.0))
def test_aggregates_scale_and_are_between_minimum_and_maximum(seed, scale):
    rows = np.random.default_rng(seed).uniform(0.0, 1.0, (3100, 4))
    one, two = (run(r)[0] for r in (rows, scale * rows))
    assert len(one) == len(two) > 200
    for a, b in zip(one, two, strict=True):
        assert b.values == pytest.approx(scale * a.values, rel=1e-12)
        assert (a.low <= a.values + 1e-12).all()
        assert (a.values <= a.high + 1e-12).all()


def test_rows_of_a_wrong_shape_are_rejected():
    with pytest.raises(ValueError, match="shape"):
        Aggregator(3, 2).add(np.ones(2), 0.0, 0.2, False)
    with pytest.raises(ValueError, match="magnitudes"):
        Aggregator(3, 4)


def test_an_interval_does_not_share_memory():
    """A returned interval does not change when the next one is aggregated."""
    out, a, _ = run(np.ones((15, 2)))
    (first,) = out
    for k in range(15):
        a.add(np.full(2, 7.0), T0 + 3 + 0.2 * k, T0 + 3.2 + 0.2 * k, False)
    assert isinstance(first, AggregationInterval)
    assert first.values.tolist() == [1.0, 1.0]


# --- frequency


@pytest.mark.parametrize("f_hz", [49.7, 50.0, 59.95])
def test_ten_second_frequency(f_hz):
    """Class A: 10 mHz; complete cycles over their duration are exact."""
    f, out, t, n = Frequency(), [], T0 + 3.3, 10 if f_hz < 55 else 12
    for _ in range(200):
        out += f.add(n, t, n / f_hz)
        t += n / f_hz
    assert [start for start, _ in out] == [T0, T0 + 10, T0 + 20, T0 + 30]
    assert [value for _, value in out] == pytest.approx([f_hz] * 4, abs=1e-6)


def test_ten_seconds_without_half_of_it_have_no_frequency():
    f, out = Frequency(), []
    for k in range(101):
        out += f.add(10 if k % 50 < 20 else 0, T0 + 0.2 * k, 0.2)
    assert len(out) == 2
    assert np.isnan([value for _, value in out]).all()


# --- percentiles


def test_percentile_of_a_week():
    assert percentile(np.arange(1.0, 1009.0), 95) == 958.0  # 957.6 values: the 958th
    assert percentile([3.0, np.nan, 1.0], 100) == 3.0
    assert math.isnan(percentile([], 95))


# --- of a stream


def test_ten_minutes_tick_inside_a_stream(three):
    """Stream that begins 4 s before the tick: windows and 3 s intervals overlap there; energy and time count once."""
    rate, f = 3200.0, 50.11
    x = three(f, rate, int(8 * rate), deg=-30.0)
    x[:, int(5.0 * rate) : int(5.1 * rate)] *= 0.5  # 50 %: all phases
    tick = int(4 * rate)
    stream = Stream(rate, supply=Supply(voltage_v=230.0))
    stream.tick(tick)
    windows = stream.push(x) + stream.finish()
    starts = [w.start_index for w in windows]
    k = starts.index(float(tick))
    assert windows[k - 1].start_index < tick < windows[k - 1].end_index
    assert windows[k].h_u_v[:, 1] == pytest.approx(230.0, rel=1e-4)
    # all other windows begin where the previous one ended
    gaps = [b.start_index - a.end_index for a, b in pairwise(windows)]
    assert [g != 0.0 for g in gaps] == [i == k - 1 for i in range(len(gaps))]
    e, end = (x[:3] * x[3:]).sum(axis=0), windows[-1].end_index
    want = e[: int(end) + 1].sum() - 0.5 * e[0] - e[int(end)] * (int(end) + 0.5 - end)  # partial cells at both ends
    assert sum(w.energy_j for w in windows) == pytest.approx(want / rate, rel=2e-6)
    a, out = Aggregator.of_windows(), []
    for w in windows:
        t = T0 + 596.0 + w.start_index / rate
        out += a.add(row_of(w), t, t + (w.end_index - w.start_index) / rate, is_flagged(w))
    out += a.finish()
    at = columns()
    first, second = (v for v in out if v.seconds == 600)
    assert (first.flagged, second.flagged) == (False, True)
    assert first.values[at["u_rms_v"]] == pytest.approx(230.0, rel=1e-5)
    assert first.values[at["frequency_hz"]] == pytest.approx(f, abs=1e-4)
    assert first.values[at["p_w"]] == pytest.approx(3 * 2300 * math.cos(math.pi / 6), rel=1e-5)
    assert first.values[at["sg_u_v"]].reshape(3, 51)[:, 1] == pytest.approx(230.0, rel=1e-4)
    short = [v for v in out if v.seconds == 3]
    assert short[0].windows == 15
    assert any(v.start_s == pytest.approx(T0 + 600.0, abs=1e-6) for v in short)


def test_a_tick_that_windows_have_passed_is_left_out(three):
    stream = Stream(3200.0)
    windows = stream.push(three(50.0, 3200.0, 6400))
    stream.tick(100)
    windows += stream.push(three(50.0, 3200.0, 6400)) + stream.finish()
    assert all(b.start_index == a.end_index for a, b in pairwise(windows))


def test_an_order_on_the_edge_of_the_band_keeps_an_interval_complete(three):
    """0.45 of 1000 S/s is order 9 of 50 Hz: if the frequency varies, about every second window contains it."""
    rate = 1000.0
    t = np.arange(int(7 * rate)) / rate
    windows = Stream(rate).push(three(50.0 + 0.02 * np.sin(2 * np.pi * t / 1.3), rate, len(t)))
    carried = [bool(np.isfinite(w.sg_u_v[0, 9])) for w in windows[:30]]
    assert 3 < sum(carried) < 27
    a, out = Aggregator.of_windows(), []
    for w in windows[:30]:
        out += a.add(row_of(w), T0 + w.start_index / rate, T0 + w.end_index / rate, False)
    assert [v.complete for v in out if v.seconds == 3] == [True, True]
    assert np.isfinite(out[0].values[columns()["sg_u_v"]].reshape(3, 51)[:, :9]).all()


def test_a_lost_voltage_makes_an_interval_incomplete(three):
    rate = 1000.0
    x = three(50.0, rate, 3600)
    x[1, 1000:1300] = np.nan
    a, out = Aggregator.of_windows(), []
    for w in Stream(rate).push(x)[:15]:
        out += a.add(row_of(w), T0 + w.start_index / rate, T0 + w.end_index / rate, False)
    assert [v.complete for v in out] == [False]

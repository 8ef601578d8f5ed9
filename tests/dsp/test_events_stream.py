"""Events through the complete chain: blocks, gaps, losses, wirings, and a recording of a generator."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.supply import UDIN, mains, scale

from dsp.events import Kind
from dsp.stream import Flag, Stream
from dsp.supply import Supply


def stream_of(x, rate, sizes=(1 << 30,), **options):
    stream = Stream(rate, **{"supply": Supply(voltage_v=UDIN, current_a=10.0), **options})
    windows, at, k = [], 0, 0
    while at < x.shape[1]:
        n = sizes[k % len(sizes)]
        windows += stream.push(x[:, at : at + n])
        at, k = at + n, k + 1
    windows += stream.finish()
    if left := stream.cut_short():
        windows[-1] = windows[-1]._replace(events=(*windows[-1].events, *left))
    return windows


def events_of(windows):
    return [event for w in windows for event in w.events]


def same_event(a, b):
    for name in a._fields:
        assert np.array_equal(getattr(a, name), getattr(b, name), equal_nan=name not in ("kind", "phases")), name


@pytest.mark.parametrize("name", ["D-E01", "D-E02", "D-E03"])
def test_case_through_a_stream(name, cases, generate):
    case = cases[name]
    x, present = generate(case)
    rate = case["recipe"]["fs"]
    windows = stream_of(x, rate, present=present, supply=Supply(voltage_v=UDIN))
    want = {e["q"]: e for e in case["expected"]}
    (event,) = events_of(windows)
    assert event.kind == (Kind.SWELL if name == "D-E03" else Kind.DIP)
    assert event.extreme_pct == pytest.approx(want["extreme Urms(1/2) in % Udin"]["value"], abs=0.2)
    assert event.duration_s == pytest.approx(want["duration_s"]["value"], abs=want["duration_s"]["abs"])
    assert event.start_index / rate == pytest.approx(want["start_s"]["value"], abs=want["start_s"]["abs"])
    assert event.phases == (1,)
    begin, end, _ = case["recipe"]["channels"]["u1"]["env"][0]
    for w in windows:  # frequency errors around the event displace the windows: tolerance of a quarter cycle
        inside = begin < w.end_index / rate - 0.005 and end > w.start_index / rate + 0.005
        outside = begin > w.end_index / rate + 0.005 or end < w.start_index / rate - 0.005
        if inside or outside:
            assert bool(w.flags & Flag.EVENT) == inside
    (windows_with_events,) = [w for w in windows if w.events]
    assert windows_with_events.start_index <= event.end_index < windows_with_events.end_index


@pytest.fixture(scope="module")
def troubled():
    """Dip of all phases with a phase jump, swell of one phase, inrush, rapid change and gaps: 5 s at 3200 S/s."""
    rate = 3200.0
    x = mains(5.0, rate, 50.07)
    x[3:] *= np.where(np.arange(x.shape[1]) / rate < 2.5, 0.0, 4.0)
    x = scale(x, rate, 0.713, 0.9, 0.3, range(3))
    x = scale(x, rate, 1.6, 1.75, 1.25, [1])
    x = scale(x, rate, 3.0, 9.0, 0.94, range(3))
    x[0, 2400:2420] = np.nan
    x[4, 9000] = np.inf
    return x + 0.2 * np.random.default_rng(1).standard_normal(x.shape)


def test_block_sizes_change_nothing(troubled):
    want = stream_of(troubled, 3200.0, (100_000,))
    assert {e.kind for e in events_of(want)} >= {Kind.DIP, Kind.SWELL, Kind.INRUSH, Kind.RAPID_CHANGE}
    for sizes in ((1,), (7,), (64,), (640, 641), (3, 5000)):
        got = stream_of(troubled, 3200.0, sizes)
        assert [w.flags for w in got] == [w.flags for w in want]
        assert [w.end_index for w in got] == [w.end_index for w in want]
        assert [len(w.events) for w in got] == [len(w.events) for w in want]
        for a, b in zip(events_of(got), events_of(want), strict=True):
            same_event(a, b)


def test_three_phases_commute(troubled):
    one = events_of(stream_of(troubled, 3200.0))
    two = events_of(stream_of(troubled[[1, 2, 0, 4, 5, 3]], 3200.0))
    assert [e.kind for e in one] == [e.kind for e in two]
    for a, b in zip(one, two, strict=True):
        assert sorted(p % 3 + 1 for p in b.phases) == sorted(a.phases)
        assert b.extreme == pytest.approx(a.extreme, rel=1e-6)
        assert b.duration_s == pytest.approx(a.duration_s, abs=1e-6)


@pytest.mark.parametrize("shift", [1, 37, 511])
def test_later_is_the_same(troubled, shift):
    """Additional clean samples before the signal displace the windows; the events remain the same."""
    before = mains(1.0, 3200.0, 50.07, deg=-360 * 50.07 * 1.0)[:, -shift:]
    before[3:] = 0.0
    one = events_of(stream_of(troubled, 3200.0))
    two = events_of(stream_of(np.concatenate((before, troubled), axis=1), 3200.0))
    assert [e.kind for e in one] == [e.kind for e in two]
    for a, b in zip(one, two, strict=True):
        assert b.start_index - shift == pytest.approx(a.start_index, abs=64.0)
        assert b.extreme_pct == pytest.approx(a.extreme_pct, abs=0.3)


def test_scaling_scales_and_percentages_stay(troubled):
    one = events_of(stream_of(troubled, 3200.0))
    two = events_of(stream_of(3.0 * troubled, 3200.0, supply=Supply(voltage_v=3 * UDIN, current_a=30.0)))
    for a, b in zip(one, two, strict=True):
        assert b.extreme == pytest.approx(3 * a.extreme, rel=1e-6)
        assert b.extreme_pct == pytest.approx(a.extreme_pct, rel=1e-6)
        assert b.duration_s == pytest.approx(a.duration_s, abs=1e-6)


@pytest.mark.parametrize("residual", [0.0, 0.5])
def test_an_event_in_progress_at_the_end_is_marked_as_truncated(residual):
    x = scale(mains(3.0, 3200.0), 3200.0, 1.5, 9.0, residual, range(3))
    windows = stream_of(x, 3200.0)
    (event,) = events_of(windows)
    assert event.gap
    assert event.kind == (Kind.DIP if residual else Kind.INTERRUPTION)
    assert event.duration_s == pytest.approx(1.5, abs=0.25)
    assert all(w.flags & Flag.EVENT for w in windows if w.start_index > 1.5 * 3200)
    assert not any(w.flags & Flag.EVENT for w in windows if w.end_index < 1.48 * 3200)


def test_a_blackout_of_seconds_and_the_return():
    """Without any voltage there is no frequency; half cycles continue with the previous one."""
    x = scale(mains(6.0, 3200.0), 3200.0, 1.53, 3.71, 0.0, range(6))
    windows = stream_of(x, 3200.0)
    (event,) = [e for e in events_of(windows) if e.kind != Kind.RAPID_CHANGE]
    assert event.kind == Kind.INTERRUPTION
    assert not event.gap
    assert event.duration_s == pytest.approx(2.18, abs=0.03)
    assert event.interruption_s == pytest.approx(2.18, abs=0.03)
    assert not windows[-1].flags


def test_a_gap_of_seconds_ends_events_and_a_short_one_does_not():
    x = scale(mains(4.0, 3200.0), 3200.0, 1.0, 3.0, 0.5, [0])
    for hole, count in ((0.3, 1), (1.5, 2)):
        stream = Stream(3200.0, supply=Supply(voltage_v=UDIN, rapid_change_pct=0.0))
        windows = stream.push(x[:, :4800])
        stream.lost(int(hole * 3200))
        windows += stream.push(x[:, 4800 + int(hole * 3200) :]) + stream.finish()
        found = events_of(windows)
        # after the long loss u1 is low from the first value on: no event begins there
        assert len(found) == 1
        assert found[0].gap
        assert (found[0].duration_s > 1.9) == (count == 1)


def test_two_line_voltages_have_events_too():
    """Two-wattmeter connection: u12 and u32 are evaluated as they are measured."""
    rate = 3200.0
    x = mains(3.0, rate)
    low = scale(x, rate, 1.0, 1.3, 0.5, [0])  # phase 1 falls to half: u12 to 76.4 %, u32 unchanged
    y = np.full_like(x, np.nan)
    y[0], y[2], y[3], y[5] = low[0] - low[1], low[2] - low[1], low[3], low[5]
    line = UDIN * np.sqrt(3)
    (event,) = events_of(stream_of(y, rate, wiring="3P3W-2", supply=Supply(voltage_v=line, rapid_change_pct=0.0)))
    assert event.phases == (1,)
    # the jump of its angle is within a half cycle: the cycle that contains it reads slightly less than the next one
    assert event.extreme_pct == pytest.approx(100 * np.sqrt(0.25 + 0.5 + 1.0) / np.sqrt(3), abs=0.5)


piece = st.tuples(
    st.sampled_from(["mains", "dip", "zero", "nan", "noise", "constant", "huge", "tiny", "steps", "lost", "drive"]),
    st.integers(1, 3000),
    st.floats(44.0, 66.0),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    pieces=st.lists(piece, min_size=1, max_size=7),
    seed=st.integers(0, 2**32 - 1),
    present=st.lists(st.booleans(), min_size=6, max_size=6),
    declared=st.sampled_from([None, 230.0]),
    wiring=st.sampled_from(["3P4W", "3P3W"]),
)
def test_any_input_gives_plausible_events_and_no_exception(pieces, seed, present, declared, wiring):
    rate, rng = 3200.0, np.random.default_rng(seed)
    supply = Supply(voltage_v=declared, current_a=10.0, demand_a=10.0, lamp="230V")
    stream = Stream(rate, present=present, supply=supply, wiring=wiring)
    windows = []
    for kind, n, f in pieces:
        x = mains(1.0, rate, f)[:, :n] if kind != "drive" else mains(1.0, rate, 3.0 * f)[:, :n]
        n = x.shape[1]
        if kind == "lost":
            stream.lost(n)
            continue
        if kind == "nan":
            x = np.where(rng.random(x.shape) < 0.01, np.nan, x)
        factor = {"dip": 0.6, "zero": 0.0, "huge": 1e27, "tiny": 1e-300}.get(kind, 1.0)
        extra = {"noise": 300 * rng.standard_normal(x.shape), "constant": np.full(x.shape, 12.3)}.get(kind)
        stream.tick(int(rng.integers(0, 20000)))
        windows += stream.push(np.sign(x) if kind == "steps" else extra if extra is not None else factor * x)
    windows += stream.finish()
    for w in windows:
        for e in w.events:
            assert e.duration_s >= 0.0
            assert e.duration_s == pytest.approx((e.end_index - e.start_index) / rate)
            assert np.isfinite(e.extreme)
            assert e.phases
            assert e.snapshot.shape[1] <= 0.5 * rate + 1
            assert 0.0 <= e.interruption_s <= e.duration_s + 1e-9
        assert not np.isinf(w.pinst).any()
        assert not any(np.isinf(v) for v in w.named_1459().values())
        mapped = np.array(present[:3])
        if w.n_cycles and not w.flags & (Flag.GAP | Flag.NO_SIGNAL | Flag.CONSTANT_SIGNAL):
            assert np.isfinite(w.u_rms_v[mapped]).all()


def test_the_fault_on_a_real_generator(data_file):
    """13.8 kV record with a fault before its trigger at 0.3 s; truth: one-cycle rms at every sample, with numpy."""
    rate, u = 5760.0, 13.8 / np.sqrt(3)
    folder = "recordings/pycomtrade_gen/test_data2/test2"
    raw = np.fromfile(data_file(f"{folder}.dat"), dtype=np.uint8).reshape(-1, 62)[:, 8:].copy().view("<i2")
    lines = data_file(f"{folder}.cfg").read_text().splitlines()
    channels = (0, 1, 2, 4, 5, 6)
    x = raw[:, channels].T * np.array([[float(lines[2 + k].split(",")[5])] for k in channels])
    windows = stream_of(x, rate, supply=Supply(voltage_v=u, current_a=1000.0))
    (dip,) = [e for e in events_of(windows) if e.kind == Kind.DIP]
    cycle = round(rate / 60)
    sliding = np.sqrt([np.convolve(row**2, np.ones(cycle) / cycle, "valid") for row in x[:3]]) / u * 100
    # half-cycle values show a steep change up to a quarter cycle late
    assert sliding.min() - 0.2 <= dip.extreme_pct <= sliding.min() + 1.5
    first = np.flatnonzero((sliding < 90.0).any(axis=0))[0]
    last = np.flatnonzero((sliding < 92.0).any(axis=0))[-1]  # threshold plus hysteresis
    begin, end = (first + 0.5 * cycle) / rate, (last + 0.5 * cycle) / rate
    assert dip.start_index / rate == pytest.approx(begin, abs=1 / 60)
    assert dip.end_index / rate == pytest.approx(end, abs=1 / 60)
    assert dip.phases == tuple(c + 1 for c in range(3) if sliding[c].min() < 90.0)
    assert [bool(w.flags & Flag.EVENT) for w in windows] == [k == 1 for k in range(len(windows))]


def test_a_drives_output_has_no_events():
    with pytest.raises(ValueError, match="drive"):
        Stream(10000.0, nominal="drive", supply=Supply())
    x = scale(mains(2.0, 3200.0), 3200.0, 1.0, 1.2, 0.2, range(3))
    assert not any(w.events or w.flags & Flag.EVENT for w in stream_of(x, 3200.0, supply=None))

"""Any output of a faulty converter: no exception, no warning, no unflagged wrong value, no lost or doubled time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.stream import Flag, Stream

RATE = 3200.0

piece = st.tuples(
    st.sampled_from(["field", "zero", "nan", "inf", "noise", "constant", "huge", "tiny", "steps", "lost"]),
    st.integers(1, 3000),
    st.floats(4.0, 400.0),
)


def samples(kind, n, f_hz, rng):
    t = np.arange(n) / RATE
    shift = 2 * np.pi / 3 * np.array([[0.0], [1.0], [2.0], [0.2], [1.2], [2.2]])
    wave = np.cos(2 * np.pi * f_hz * t - shift)
    if kind == "field":
        return 300.0 * wave
    if kind in ("nan", "inf"):
        hit = rng.random((6, n)) < 0.01
        return np.where(hit, np.nan if kind == "nan" else -np.inf, wave)
    return {
        "zero": np.zeros((6, n)),
        "noise": rng.standard_normal((6, n)),
        "constant": np.full((6, n), 12.3),
        "huge": 1e300 * wave,
        "tiny": 1e-300 * wave,
        "steps": np.sign(wave),
    }[kind]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    pieces=st.lists(piece, min_size=1, max_size=6),
    seed=st.integers(0, 2**32 - 1),
    nominal=st.sampled_from(["auto", "50", "60", "drive"]),
    present=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_any_input_gives_a_result(pieces, seed, nominal, present):
    rng = np.random.default_rng(seed)
    stream = Stream(RATE, nominal=nominal, present=present)
    windows = []
    taken = 0
    restarts = 0
    for kind, n, f_hz in pieces:
        taken += n
        if kind == "lost":
            stream.lost(n)
        else:
            windows += stream.push(samples(kind, n, f_hz, rng))
    windows += stream.finish()
    restarts = sum(kind == "lost" and n > RATE for kind, n, _ in pieces)
    jumps = sum(a.end_index != b.start_index for a, b in pairwise(windows))
    assert jumps <= restarts
    assert all(w.start_index < w.end_index <= taken + 0.25 for w in windows)
    for w in windows:
        assert len(w.channel_flags) == 6
        known = np.concatenate((w.u_rms_v, w.i_rms_a))
        for c in range(6):
            if not present[c] or w.channel_flags[c] & (Flag.GAP | Flag.CONSTANT_SIGNAL):
                assert np.isnan(known[c])
            else:
                assert known[c] >= 0.0
        assert not np.isinf(w.thd_u_pct).any()
        assert not np.isinf(w.thd_i_pct).any()
        if w.flags & (Flag.SYNC_LOST | Flag.NO_SIGNAL):
            assert np.isnan(w.frequency_hz)
            assert np.isnan(w.u1_v)
        else:
            assert 4.9 < w.frequency_hz < 324.0


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), holes=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 12000)), max_size=8))
def test_gaps_invalidate_only_what_they_overlap(seed, holes):
    """Windows keep their positions; channels without a gap keep their values, the others are withheld."""
    rng = np.random.default_rng(seed)
    x = samples("field", 12800, 48.3, rng) * rng.uniform(0.5, 1.0, (6, 1))
    broken = x.copy()
    for c, at in holes:
        broken[c, at : at + 3] = np.nan
    clean, hit = Stream(RATE), Stream(RATE)
    for a, b in zip(clean.push(x), hit.push(broken), strict=True):
        # a missing channel changes the space vector, but not the frequency of a pure sine
        assert b.start_index == pytest.approx(a.start_index, abs=1e-3)
        assert b.frequency_hz == pytest.approx(a.frequency_hz, rel=1e-6)
        for c in range(6):
            touched = any(h == c and b.start_index < at + 2.5 and b.end_index > at - 0.5 for h, at in holes)
            assert bool(b.channel_flags[c] & Flag.GAP) == touched
            got = np.concatenate((b.u_rms_v, b.i_rms_a))[c]
            if touched:
                assert np.isnan(got)
            else:
                assert got == pytest.approx(np.concatenate((a.u_rms_v, a.i_rms_a))[c], rel=1e-5)

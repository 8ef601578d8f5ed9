"""Power, groups and energy through the complete chain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.power import laws, seeds

from dsp.stream import Flag, Stream
from dsp.supply import Supply


@pytest.mark.parametrize("name", ["D-P01", "D-P02", "D-P03", "D-P04"])
def test_ieee_1459_through_a_stream(name, cases, generate):
    case = cases[name]
    x, present = generate(case)
    wiring = "3P3W" if case["wires"] == 3 else "3P4W"
    stream = Stream(case["recipe"]["fs"], present=present, wiring=wiring)
    windows = stream.push(x) + stream.finish()
    assert len(windows) >= 9
    for w in windows:
        got = w.named_1459()
        got["S_arithmetic"] = got.get("SA")
        for e in case["expected"]:
            key = e["q"].removeprefix("1459.")
            if key in got:
                allowed = e["abs"] if "abs" in e else e["rel"] * abs(e["value"])
                assert abs(got[key] - e["value"]) <= allowed, (key, got[key], e)


@pytest.mark.parametrize("phase", [0, 1, 2])
@pytest.mark.parametrize("alone", [True, False])
def test_ieee_1459_of_one_phase_in_closed_form(phase, alone):
    """Clause 3.1.2, fundamental and orders 3 and 5, alone or next to two other phases."""
    rate, w = 10_000.0, 2.0 * np.pi * 50.0 * np.arange(10_000) / 10_000.0
    u1, u5, i1, i3, i5 = 230.0, 14.0, 10.0, 1.5, 2.0
    u = np.sqrt(2.0) * (u1 * np.sin(w) + u5 * np.sin(5 * w + 0.4))
    i = np.sqrt(2.0) * (i1 * np.sin(w - 0.5) + i3 * np.sin(3 * w) + i5 * np.sin(5 * w + 1.2))
    x = np.full((6, len(w)), np.nan) if alone else np.array([np.sin(w), np.sin(w), np.sin(w)] * 2)
    x[phase], x[phase + 3] = u, i
    stream = Stream(rate, present=[not alone or c % 3 == phase for c in range(6)])
    windows = stream.push(x) + stream.finish()
    ih, vh = np.hypot(i3, i5), u5
    p1, ph = u1 * i1 * np.cos(0.5), u5 * i5 * np.cos(0.8)
    s, s1 = np.hypot(u1, vh) * np.hypot(i1, ih), u1 * i1
    expected = {
        "P": p1 + ph, "P1": p1, "PH": ph, "Q1": u1 * i1 * np.sin(0.5), "S": s, "S1": s1, "SN": np.sqrt(s**2 - s1**2),
        "DI": u1 * ih, "DV": vh * i1, "SH": vh * ih, "DH": np.sqrt((vh * ih) ** 2 - ph**2),
        "N": np.sqrt(s**2 - (p1 + ph) ** 2), "PF": (p1 + ph) / s, "PF1": np.cos(0.5),
        "SN/S1": np.sqrt(s**2 - s1**2) / s1,
    }  # fmt: skip
    assert len(windows) == 5
    for window in windows:
        assert window.phase_1459(phase) == pytest.approx(expected, rel=2e-4)
        if alone:
            assert window.named_1459() == pytest.approx(expected, rel=2e-4)
            assert not window.phase_1459((phase + 1) % 3)


@pytest.mark.parametrize("name", ["D-G01", "D-G02", "D-G03"])
def test_groups_through_a_stream(name, cases, generate):
    case = cases[name]
    x, present = generate(case)
    stream = Stream(case["recipe"]["fs"], present=present)
    windows = stream.push(x) + stream.finish()
    checked = 0
    for e in case["expected"]:
        kind, _, rest = e["q"].partition(".u*[")
        if kind not in ("isg", "g"):
            continue
        for w in windows:
            table = w.isg_u_v if kind == "isg" else w.g_u_v
            assert table[:, int(rest[:-1])] == pytest.approx(e["value"], abs=e["abs"])
        checked += 1
    assert checked >= 5


def test_two_wattmeters_through_a_stream(cases, generate):
    """D-P04 from u12, u32, i1, i3: same powers for all three phases; gaps and clipping of each are flagged."""
    case = cases["D-P04"]
    x, _ = generate(case)
    y = np.full_like(x, np.nan)
    y[0], y[2], y[3], y[5] = x[0] - x[1], x[2] - x[1], x[3], x[5]
    y[5, 10000] = np.nan
    limits = [float("nan")] * 6
    limits[0] = 300.0  # u12 has a peak of 311 V
    stream = Stream(case["recipe"]["fs"], wiring="3P3W-2", limits=limits)
    windows = stream.push(y) + stream.finish()
    for w in windows:
        assert w.u_rms_v == pytest.approx(127.0, rel=2e-4)
        assert w.u2_pct == pytest.approx(0.0, abs=0.05)
        assert w.rotation == 1
        assert w.channel_flags[1] & Flag.CLIPPED
        if w.start_index <= 10000.5 and w.end_index >= 9999.5:
            assert np.isnan(w.p_w)
            assert np.isnan(w.i_rms_a).all()
            continue
        assert w.p_w == pytest.approx(4999.328, rel=5e-4)
        assert w.i_rms_a == pytest.approx([22.727, 22.727, 0.0], abs=0.01)
        assert w.named_1459()["PFe"] == pytest.approx(np.sqrt(0.5), abs=1e-3)
    assert sum(np.isnan(w.p_w) for w in windows) == 1


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"wiring": "delta"}, "wiring"),
        ({"wiring": "3P3W-2", "present": (True, True, False, True, True, False)}, "3P3W-2"),
        ({"nominal": "drive", "supply": Supply()}, "drive"),
    ],
)
def test_wrong_connections_are_rejected(options, word):
    with pytest.raises(ValueError, match=word):
        Stream(10000.0, **options)


def test_energy_of_windows_is_that_of_the_samples(three):
    """Every cell counts exactly once at any frequency, except for the partial cells at both ends of the record."""
    for f in (47.3, 50.0, 61.9):
        x = three(f, 3200.0, 9000) * np.linspace(0.5, 1.5, 9000)
        stream = Stream(3200.0)
        windows = stream.push(x) + stream.finish()
        last = int(windows[-1].end_index)
        e = (x[:3] * x[3:]).sum(axis=0)
        want = e[: last + 1].sum() - e[0] * 0.5 - e[last] * (last + 0.5 - windows[-1].end_index)
        assert sum(w.energy_j for w in windows) == pytest.approx(want / 3200.0, rel=2e-6)
        by_power = sum(w.p_w * (w.end_index - w.start_index) for w in windows)
        assert by_power == pytest.approx(want, rel=2e-6)


def test_a_gap_makes_what_depends_on_it_nan_and_nothing_else(three):
    x = three(50.0, 6400.0, 9600)
    x[1, 3000] = np.nan
    windows = Stream(6400.0, supply=Supply(demand_a=20.0)).push(x)
    hit = windows[2]
    assert hit.start_index <= 3000 < hit.end_index
    for values in (hit.p_h_w, hit.g_u_v, hit.isg_u_v, hit.hvf[:, None], hit.u_crest[:, None], hit.pf_phase[:, None]):
        assert np.isnan(values[1]).all()
        assert np.isfinite(values[[0, 2]]).any()
    assert np.isfinite(hit.k_factor).all()
    assert hit.tdd_pct == pytest.approx(0.0, abs=0.01)
    assert not hit.named_1459()
    for w in (windows[1], windows[3]):
        assert not w.flags
        assert np.isfinite(w.p_h_w[:, 1]).all()
        assert w.dpf == pytest.approx(np.cos(np.pi / 6), abs=1e-6)
        assert w.u_crest == pytest.approx(np.sqrt(2), abs=1e-3)
        assert w.u_sequence_v == pytest.approx([0.0, 230.0, 0.0], abs=0.01)
        assert (w.u_nema_pct, w.i_nema_pct) == pytest.approx((0.0, 0.0), abs=1e-3)


@laws
@given(seed=seeds, f=st.one_of(st.floats(42.6, 53.9), st.floats(54.1, 60.0)))
def test_subgroups_and_interharmonics_contain_all_energy(seed, f):
    """Parseval: rms^2 = DC^2 + subgroups^2 + interharmonic subgroups^2, for lines on bins 2 .. 400 of a window."""
    rng, rate = np.random.default_rng(seed), 12800.0
    n_cycles = 10 if f < 54.0 else 12
    t = np.arange(int(1.0 * rate)) / rate
    x = np.sqrt(2) * 100.0 * np.cos(2 * np.pi * f * t + np.array([[0.0], [-2.1], [2.1], [0.4], [-1.6], [2.5]]))
    for b in rng.integers(2, 400, 12):
        x += rng.uniform(0.0, 3.0, (6, 1)) * np.cos(2 * np.pi * b * f / n_cycles * t + rng.uniform(0, 7, (6, 1)))
    x += rng.uniform(-5.0, 5.0, (6, 1))
    for w in Stream(rate).push(x)[1:3]:
        assert w.n_cycles == n_cycles
        for rms, dc, sg, isg in (
            (w.u_rms_v, w.u_dc_v, w.sg_u_v, w.isg_u_v),
            (w.i_rms_a, w.i_dc_a, w.sg_i_a, w.isg_i_a),
        ):
            total = dc**2 + (sg[:, 1:] ** 2).sum(axis=1) + (isg[:, :50] ** 2).sum(axis=1)
            assert np.sqrt(total) == pytest.approx(rms, rel=2e-5)


def test_blocks_change_nothing_in_any_field(three):
    """All values of all windows are identical to the last bit, with a supply, a tick and a gap."""
    rate = 3200.0
    x = three(50.07, rate, 8000) + 0.5 * np.random.default_rng(2).standard_normal((6, 8000))
    x[:, 3000:3300] *= 0.4
    x[2, 5000] = np.nan

    def run(size):
        stream = Stream(rate, supply=Supply(230.0, 10.0, 10.0, lamp="230V"))
        stream.tick(4321)
        windows = [w for at in range(0, 8000, size) for w in stream.push(x[:, at : at + size])]
        return windows + stream.finish()

    want = run(100_000)
    assert any(w.events for w in want)
    for size in (1, 7, 64):
        got = run(size)
        assert len(got) == len(want)
        for a, b in zip(got, want, strict=True):
            for name in a._fields:
                if name == "events":
                    assert [(e.kind, *e[1:5]) for e in a.events] == [(e.kind, *e[1:5]) for e in b.events]
                else:
                    assert np.array_equal(getattr(a, name), getattr(b, name), equal_nan=name != "channel_flags"), name

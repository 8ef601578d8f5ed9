"""Bad samples, dead channels, silence, clipping, lost and reversed fields: flagged or withheld, no exception."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.stream import Flag, Stream


def contains(w, first, last):
    """True if the samples first .. last overlap the window."""
    return w.start_index < last + 0.5 and w.end_index > first - 0.5


def test_missing_phase_is_named_and_has_no_thd(cases, generate, analyse):
    case = cases["D-Q02"]
    x, present = generate(case)
    for w in analyse(x, case["recipe"]["fs"], present=present):
        assert w.channel_flags[0] == Flag.MISSING_PHASE
        assert w.flags == Flag.MISSING_PHASE
        assert np.isnan(w.thd_u_pct[0])
        assert np.all(np.isfinite(w.thd_u_pct[1:]))


def test_one_nan_invalidates_one_window_of_one_channel(cases, generate, analyse):
    case = cases["D-Q03"]
    x, present = generate(case)
    windows = analyse(x, case["recipe"]["fs"], present=present)
    assert sum(contains(w, 25600, 25600) for w in windows) == 1
    for w in windows:
        if contains(w, 25600, 25600):
            assert w.flags == Flag.GAP
            assert [bool(f & Flag.GAP) for f in w.channel_flags] == [True] + [False] * 5
            for field in (w.u_rms_v, w.u_dc_v, w.p_phase_w, w.thd_u_pct, w.h_u_v[:, 1], w.sg_u_v[:, 5]):
                assert np.isnan(field).tolist() == [True, False, False]
            assert all(np.isnan(v) for v in (w.p_w, w.q1_var, w.s_va, w.pf, w.u1_v, w.u2_pct, w.u0_pct))
            assert w.u_rms_v[1:] == pytest.approx(230.287321, rel=2e-4)
            assert w.i2_pct == pytest.approx(0.0, abs=1e-3)
            assert w.frequency_hz == pytest.approx(50.0, abs=0.001)
        else:
            assert w.flags == Flag.GOOD
            assert w.u_rms_v == pytest.approx(230.287321, rel=2e-4)


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [6130, 6143, 6144, 6145, 6160])
def test_neighbours_of_a_gap_are_unaffected(hole, at, three, analyse):
    """A window boundary is at 6144: the taps of the resampler extend beyond it, the error must not."""
    x = three(50.0, 10240.0, 12288)
    x[1, at] = hole
    for w in analyse(x, 10240.0):
        if contains(w, at, at):
            assert w.channel_flags[1] == Flag.GAP
        else:
            assert w.flags == Flag.GOOD
            assert w.h_u_v[1, 1] == pytest.approx(230.0, rel=2e-4)
            assert w.thd_u_pct[1] < 0.02  # the gap holds a value: two points of 2048 are off by a few volts


def test_lost_samples_are_gaps_and_the_frequency_is_held(three):
    x = three(50.0, 10240.0, 20480)
    stream = Stream(10240.0)
    windows = stream.push(x[:, :9000])
    stream.lost(500)
    windows += stream.push(x[:, 9500:])
    windows += stream.finish()
    assert len(windows) == 10
    for w in windows:
        hit = contains(w, 9000, 9499)
        assert w.flags == (Flag.GAP | Flag.FREQUENCY_HELD if hit else Flag.GOOD)
        assert np.isnan(w.p_w) == hit
        assert w.frequency_hz == pytest.approx(50.0, abs=1e-6)


def test_a_gap_in_the_voltages_of_an_idle_motor_is_not_a_loss_of_sync(three, analyse):
    x = three(50.0, 10240.0, 20480, i_rms=0.0)
    x[:3, 9000:9100] = np.nan
    for w in analyse(x, 10240.0):
        hit = contains(w, 9000, 9099)
        assert w.flags == (Flag.GAP | Flag.FREQUENCY_HELD if hit else Flag.GOOD)
        assert w.frequency_hz == pytest.approx(50.0, abs=1e-6)


def test_a_long_loss_restarts_and_keeps_the_index(three):
    x = three(50.0, 10240.0, 10240)
    stream = Stream(10240.0)
    before = stream.push(x)
    stream.lost(20000)
    after = stream.push(three(47.0, 10240.0, 10240)) + stream.finish()
    assert before[-1].end_index <= 10240.0
    assert after[0].start_index == 30240.0
    assert all(w.frequency_hz == pytest.approx(47.0, abs=1e-6) for w in after)
    assert all(w.flags == Flag.GOOD for w in after)


def test_zero_input_is_not_a_signal(analyse):
    windows = analyse(np.zeros((6, 10240)), 10240.0)
    assert [w.end_index - w.start_index for w in windows] == [2048.0] * 5
    for w in windows:
        assert w.flags == Flag.NO_SIGNAL
        assert w.u_rms_v.tolist() == [0.0] * 3
        assert w.p_w == 0.0
        assert np.isnan(w.pf)
        assert np.isnan(w.thd_u_pct).all()
        assert np.isnan(w.frequency_hz)


def test_noise_has_no_frequency(analyse):
    x = 0.01 * np.random.default_rng(5).standard_normal((6, 20480))
    windows = analyse(x, 10240.0)
    assert len(windows) == 10
    assert all(w.flags == Flag.SYNC_LOST for w in windows)
    # 2048 normal deviates: the rms has a standard error of 1.6 %
    assert all(w.u_rms_v == pytest.approx(0.01, rel=0.08) for w in windows)


def test_nothing_but_gaps_raises_nothing(analyse):
    for w in analyse(np.full((6, 20480), np.nan), 10240.0):
        assert w.flags & Flag.GAP
        assert np.isnan(w.u_rms_v).all()
        assert np.isnan(w.p_w)


def test_lost_sync_gives_rms_and_power_and_locks_again(three, analyse):
    """A drive that stops for 0.5 s and restarts with another frequency."""
    x = np.concatenate((three(50.0, 10240.0, 20480), np.zeros((6, 5120)), three(35.0, 10240.0, 20480)), axis=1)
    windows = analyse(x, 10240.0)
    assert {w.frequency_hz.__round__(3) for w in windows if w.end_index <= 20480.0} == {50.0}
    assert {w.frequency_hz.__round__(3) for w in windows if w.start_index > 25600.0 + 4096.0} == {35.0}
    assert any(w.flags & (Flag.NO_SIGNAL | Flag.SYNC_LOST) for w in windows)
    assert all(np.isfinite(w.p_w) for w in windows)
    for w in windows:
        if w.flags & (Flag.SYNC_LOST | Flag.NO_SIGNAL):
            assert w.n_cycles == 0
            assert np.isnan(w.h_u_v).all()
            assert w.end_index - w.start_index == pytest.approx(2048.0)
    # energy is complete with any windows: P is 3 * 230 * 10 * cos 30 deg while the drive runs
    ran = 20480 + windows[-1].end_index - 25600
    energy = sum(w.energy_j for w in windows) * 10240.0
    assert energy == pytest.approx(3 * 230 * 10 * np.cos(np.pi / 6) * ran, rel=1e-4)  # one sample more or less of 20480


def test_reversal(three, analyse):
    f = np.concatenate((np.full(20000, 40.0), np.linspace(40.0, -40.0, 8000), np.full(20000, -40.0)))
    windows = analyse(three(f, 10240.0, len(f)), 10240.0)
    early = [w for w in windows if w.end_index < 20000]
    late = [w for w in windows if w.start_index > 28000 + 2048]
    assert {w.rotation for w in early} == {1}
    assert {w.rotation for w in late} == {-1}
    for w in early + late:
        assert w.frequency_hz == pytest.approx(40.0, abs=1e-3)
        assert w.u2_pct == pytest.approx(0.0, abs=1e-3)  # positive is the direction of the field
        assert w.u1_v == pytest.approx(230.0, rel=1e-4)


@pytest.mark.parametrize("case", ["two", "one", "currents", "i only one"])
def test_few_channels_are_enough(case, three, analyse):
    keep = {"two": (0, 2), "one": (1,), "currents": (3, 4, 5), "i only one": (4,)}[case]
    x = three(43.7, 10240.0, 20480)
    present = tuple(c in keep for c in range(6))
    for c in range(6):
        if c not in keep:
            x[c] = np.nan  # samples of absent channels are ignored
    windows = analyse(x, 10240.0, present=present)
    assert len(windows) >= 8
    for w in windows:
        assert w.flags == Flag.GOOD
        assert w.frequency_hz == pytest.approx(43.7, abs=1e-5)
        assert np.isnan(np.concatenate((w.u_rms_v, w.i_rms_a))).tolist() == [not p for p in present]
        assert np.isnan(w.p_w)


def test_totals_run_over_complete_phases_only(three, analyse):
    x = three(50.0, 10240.0, 10240)
    for w in analyse(x, 10240.0, present=(True, True, True, True, False, True)):
        assert w.p_w == pytest.approx(2 * 2300 * np.cos(np.pi / 6), rel=1e-5)
        assert w.s_va == pytest.approx(2 * 2300, rel=1e-5)
        assert w.q1_var == pytest.approx(2 * 2300 * 0.5, rel=1e-5)


def test_zero_voltages_do_not_affect_the_currents(three, analyse):
    x = three(50.0, 10240.0, 20480)
    x[:3] = 0.0
    for w in analyse(x, 10240.0):
        assert w.frequency_hz == pytest.approx(50.0, abs=1e-6)
        assert w.p_w == 0.0
        assert np.isnan(w.pf)
        assert np.isnan(w.thd_u_pct).all()
        assert np.isnan(w.u2_pct)
        assert w.i2_pct == pytest.approx(0.0, abs=1e-4)  # the taps leave 1e-5 of a tone at other frequencies


# --- clipping


def test_a_clipped_current_is_detected(cases, generate, analyse):
    case = cases["D-Q04"]
    x, present = generate(case)
    for w in analyse(x, case["recipe"]["fs"], present=present):
        assert [bool(f & Flag.CLIPPED) for f in w.channel_flags] == [False] * 3 + [True] + [False] * 2
        assert w.flags & Flag.CLIPPED
        assert w.h_u_v[0, 1] == pytest.approx(230.0, abs=0.05)


def test_quantised_peak_is_not_clipped(three, analyse):
    """Eight bits: dozens of equal samples at each peak, one step away from the neighbouring values."""
    lsb = 2 * 400.0 / 256
    x = np.round(three(10.0, 10240.0, 20480) / lsb) * lsb
    assert not any(w.flags & Flag.CLIPPED for w in analyse(x, 10240.0))


def test_pulse_trains_are_not_clipped(analyse):
    """A two-level output remains at its extreme for many samples and reaches it in one step."""
    t = np.arange(20480) / 10240.0
    level = np.sin(2 * np.pi * 50 * t - 2 * np.pi / 3 * np.arange(3)[:, None])
    carrier = 2 / np.pi * np.arcsin(np.sin(2 * np.pi * 450 * t))
    u = np.where(0.8 * level > carrier, 300.0, -300.0)
    assert not any(w.flags & Flag.CLIPPED for w in analyse(np.concatenate((u, level)), 10240.0))


def test_a_rectified_current_at_zero_is_not_clipped(three, analyse):
    x = three(50.0, 10240.0, 10240)
    x[3:] = np.maximum(np.round(x[3:] - 3.0, 1), 0.0)
    assert not any(w.flags & Flag.CLIPPED for w in analyse(x, 10240.0))


def test_configured_limits_determine_clipping(three, analyse):
    x = three(50.0, 10240.0, 10240)
    peak = 230.0 * np.sqrt(2.0)
    near = analyse(x, 10240.0, limits=(peak * 1.0005,) + (np.nan,) * 5)
    far = analyse(x, 10240.0, limits=(peak * 1.01,) * 3 + (100.0,) * 3)
    assert all(w.channel_flags[0] == Flag.CLIPPED for w in near)
    assert not any(w.flags for w in far)


# --- short records and invalid arguments


def test_a_scope_capture_of_three_cycles_gives_one_window(three, analyse):
    (w,) = analyse(three(60.02, 50000.0, 2500), 50000.0)
    assert w.n_cycles == 3
    assert w.flags == Flag.FEW_CYCLES
    assert w.frequency_hz == pytest.approx(60.02, abs=1e-3)
    assert w.u_rms_v == pytest.approx(230.0, rel=1e-4)
    assert w.p_w == pytest.approx(6900 * np.cos(np.pi / 6), rel=1e-4)


@pytest.mark.parametrize(("seconds", "cycles", "flags"), [(0.25, 10, 0), (0.195, 9, Flag.FEW_CYCLES)])
def test_a_record_of_one_window_or_a_little_less(seconds, cycles, flags, three, analyse):
    (w,) = analyse(three(50.0, 10240.0, int(seconds * 10240)), 10240.0)
    assert w.n_cycles == cycles
    assert w.flags == flags
    assert w.frequency_hz == pytest.approx(50.0, abs=1e-3)
    assert w.h_u_v[:, 1] == pytest.approx(230.0, rel=2e-4)
    assert np.isfinite(w.sg_u_v[:, 1:50]).all()


@pytest.mark.parametrize(("samples", "cycles"), [(1720, 2), (2300, 2), (2499, 2), (2530, 3)])
def test_two_or_three_cycles_give_a_flagged_window(samples, cycles, three, analyse):
    """With 10 % of the seventh harmonic in the current, which must not shift the frequency."""
    x = three(60.0, 50000.0, samples)
    x[3:] += three(420.0, 50000.0, samples, i_rms=1.0)[3:]
    (w,) = analyse(x, 50000.0)
    assert w.n_cycles == cycles
    assert w.flags == Flag.FEW_CYCLES
    assert w.frequency_hz == pytest.approx(60.0, abs=1e-3)
    assert w.u_rms_v == pytest.approx(230.0, rel=1e-4)
    assert w.h_i_a[:, 7] == pytest.approx(1.0, rel=1e-3)
    assert w.p_w == pytest.approx(6900 * np.cos(np.pi / 6), rel=1e-4)


def test_no_cycles_are_found_in_noise_or_a_ramp(analyse):
    noise = np.random.default_rng(3).normal(0.0, 100.0, (6, 2300))
    assert analyse(noise, 50000.0) == []
    assert analyse(np.tile(np.linspace(0.0, 100.0, 2300), (6, 1)), 50000.0) == []


def test_less_than_two_cycles_give_nothing(three, analyse):
    assert analyse(three(60.0, 50000.0, 1600), 50000.0) == []
    assert analyse(np.zeros((6, 0)), 50000.0) == []
    assert analyse(np.zeros((6, 3)), 50000.0) == []


@pytest.mark.parametrize(("f_hz", "cycles"), [(5.0, 1), (5.5, 2), (9.9, 2)])
def test_few_cycles_are_flagged_and_have_no_subgroups(f_hz, cycles, three, analyse):
    windows = analyse(three(f_hz, 12800.0, 38400), 12800.0, nominal="drive")
    assert len(windows) >= 6
    for w in windows:
        assert w.flags == Flag.FEW_CYCLES
        assert w.n_cycles == cycles
        assert w.frequency_hz == pytest.approx(f_hz, rel=1e-6)
        assert np.isnan(w.sg_u_v[:, 1:]).all()
        assert w.h_u_v[:, 1] == pytest.approx(230.0, rel=2e-4)
        assert np.isfinite(w.thd_u_pct).all()


def test_wrong_arguments_are_rejected_with_their_values(three):
    with pytest.raises(ValueError, match=r"\(3, 10\)"):
        Stream(10240.0).push(np.zeros((3, 10)))
    with pytest.raises(ValueError, match="'51'"):
        Stream(10240.0, nominal="51")
    with pytest.raises(ValueError, match="rate_hz"):
        Stream(float("nan"))
    with pytest.raises(ValueError, match="6 entries"):
        Stream(10240.0, present=(True,) * 3)
    with pytest.raises(ValueError, match="-1"):
        Stream(10240.0).lost(-1)

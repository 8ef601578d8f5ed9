"""Closed-form developer cases: every window of every stationary case is within the tolerance of the case."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

STATIONARY = [f"D-H{k:02}" for k in range(1, 11)] + ["D-H20", "D-G01", "D-G02", "D-G03", "D-Q01", "D-Q02"]
STATIONARY += ["D-P01", "D-P02", "D-P03", "D-P04", "D-W01", "D-W02", "D-T01", "D-T02"]
# modulated cases: compare the mean over at least 3 s
AVERAGED = ["D-TS1", "D-TS2"]
# quantities that this package does not report, or that other tests cover
ELSEWHERE = re.compile(
    r"^(isg|g)\.|rms\.in|S_arith|speed_rpm|air_gap|copper|flux|null"
    r"|1459\.(Ve|Ie|S1|SN|De|D|N|SeH|PH|SeN|Se1|SU1|PF1|SH|S1plus|P1plus|Q1plus|SN/S1)"
)


def value(window, q):
    """Value of a quantity of the cases in a window, or None if this test does not cover the quantity."""
    if m := re.fullmatch(r"(h_rms|sg)\.([ui])([123*])\[(\d+)\]", q):
        table = getattr(window, {"h_rms": "h", "sg": "sg"}[m[1]] + {"u": "_u_v", "i": "_i_a"}[m[2]])[:, int(m[4])]
        return table if m[3] == "*" else table[int(m[3]) - 1]
    if m := re.fullmatch(r"(rms|dc|thd_s40|thd)\.([ui])([123*])(?:_percent)?", q):
        unit = {"u": "_v", "i": "_a"}[m[2]]
        name = {"rms": f"{m[2]}_rms{unit}", "dc": f"{m[2]}_dc{unit}"}.get(m[1], f"thd_{m[2]}_pct")
        return getattr(window, name) if m[3] == "*" else getattr(window, name)[int(m[3]) - 1]
    if q == "k_factor.i*":
        h = np.arange(1, 51)
        i2 = np.nan_to_num(window.h_i_a[:, 1:]) ** 2
        return (h**2 * i2).sum(axis=1) / i2.sum(axis=1)
    p1 = np.nansum((window.phasor_u_v * window.phasor_i_a.conj()).real)
    return {
        "frequency_hz": window.frequency_hz,
        "p_total_w": window.p_w,
        "p1_total_w": p1,
        "q1_total_var": window.q1_var,
        "unbalance_u2_percent": window.u2_pct,
        "unbalance_u0_percent": window.u0_pct,
        "unbalance_i2_percent": window.i2_pct,
        "u_fund line-line": window.u1_v * np.sqrt(3.0),
        "1459.P": window.p_w,
        "1459.P1": p1,
        "1459.Q1": window.q1_var,
        "1459.S": window.s_va,
        "1459.Se": window.s_va,
        "component at fc-2f0 = 1900.0 Hz": window.h_u_v[:, 38],  # of 50 Hz
        "component at fc-2f0 = 3980.0 Hz": window.band_u_v[:, 9],  # the line between 3800 and 4000 Hz
        "1459.PF": window.pf,
        "1459.PFe": window.pf,
    }.get(q)


def check(windows, case):
    checked = 0
    for expected in case["expected"]:
        q = expected["q"]
        if isinstance(expected["value"], str):
            continue
        got = value(windows[0], q)
        if got is None:
            assert ELSEWHERE.match(q), f"{q} is not tested"
            continue
        every = np.array([value(w, q) for w in windows])
        if case["id"] in AVERAGED:
            every = every.mean(axis=0)
        allowed = expected["abs"] if "abs" in expected else expected["rel"] * abs(expected["value"])
        # cases without phases 2 and 3 have NaN there; NaN must not pass
        assert np.all(np.abs(every - expected["value"]) <= allowed), (q, expected, every.min(), every.max())
        checked += 1
    assert checked >= 2


@pytest.mark.parametrize("name", STATIONARY + AVERAGED)
def test_case_meets_its_closed_form(name, cases, generate, analyse):
    case = cases[name]
    x, present = generate(case)
    windows = analyse(x, case["recipe"]["fs"], present=present)
    seconds = x.shape[1] / case["recipe"]["fs"]
    # no gaps: the record is covered except for less than one window
    assert windows[0].start_index == 0.0
    assert all(a.end_index == b.start_index for a, b in pairwise(windows))
    assert seconds - windows[-1].end_index / case["recipe"]["fs"] < 0.4
    check(windows, case)
    cycles = case.get("cycles_per_window")
    if isinstance(cycles, int):
        assert {w.n_cycles for w in windows} == {cycles}


def test_drifting_frequency_is_followed(cases, generate, analyse):
    """D-F01: frequency ramp of 0.2 Hz/s."""
    case = cases["D-F01"]
    x, present = generate(case)
    fs = case["recipe"]["fs"]
    for w in analyse(x, fs, present=present):
        centre_s = (w.start_index + w.end_index) / 2.0 / fs
        assert w.frequency_hz == pytest.approx(49.0 + 0.2 * centre_s, abs=0.005)
        assert w.h_u_v[:, 5] == pytest.approx(11.5, rel=2e-3)
        assert w.u_rms_v == pytest.approx(230.3906682, rel=2e-4)


def test_frequency_step_settles_without_losing_a_window(cases, generate, analyse):
    """D-F02: step from 50 to 50.5 Hz at 3 s."""
    case = cases["D-F02"]
    x, present = generate(case)
    fs = case["recipe"]["fs"]
    windows = analyse(x, fs, present=present)
    assert sum(w.n_cycles for w in windows) == pytest.approx(50.0 * 3.0 + 50.5 * 3.0, abs=10)
    for w in windows:
        if w.end_index < 2.8 * fs:
            assert w.frequency_hz == pytest.approx(50.0, abs=0.001)
        if w.start_index > 3.4 * fs:
            assert w.frequency_hz == pytest.approx(50.5, abs=0.001)


def test_an_interharmonic_does_not_affect_the_frequency(cases, generate, analyse):
    """D-F03: interharmonic of 8 % at 32 Hz on one phase.

    Each window is within 2 mHz; the notes of the reference measured 0.35 mHz.
    """
    case = cases["D-F03"]
    x, present = generate(case)
    f = np.array([w.frequency_hz for w in analyse(x, case["recipe"]["fs"], present=present)])
    assert len(f) == 30
    assert f == pytest.approx(50.0, abs=0.002)
    assert f.mean() == pytest.approx(50.0, abs=0.01)

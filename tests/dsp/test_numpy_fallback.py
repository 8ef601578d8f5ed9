"""The numpy method that is used while kernels are compiled: closed forms, gaps, and no call of a kernel."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from dsp.numpy_fallback import STRETCH_S, plain

ORDERS = ((1, 1.0), (2, 0.01), (5, 0.06), (11, 0.03), (25, 0.02), (40, 0.01))


def motor(rate_hz, f_hz, turn=1):
    """230 V and 10 A with the same harmonics, currents lagging by 30 degrees at each order, 1 V of DC."""
    t = np.arange(round(STRETCH_S * rate_hz)) / rate_hz
    x = np.zeros((6, len(t)))
    for order, part in ORDERS:
        if order * f_hz < 0.45 * rate_hz:
            for c in range(6):
                angle = order * (2 * np.pi * f_hz * t - turn * 2 * np.pi / 3 * (c % 3)) - (np.pi / 6 if c > 2 else 0.0)
                x[c] += np.sqrt(2) * (230.0 if c < 3 else 10.0) * part * np.cos(angle)
    return x


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize(("rate_hz", "f_hz"), [(10240.0, 49.7), (10240.0, 50.0), (25600.0, 87.3), (6400.0, 60.2),
                                               (10240.0, 12.5)])  # fmt: skip
def test_a_steady_signal_is_its_closed_form(rate_hz, f_hz, turn):
    """Goals of the regular analysis: 1 mHz, 0.02 %, 0.05 % of S, harmonics to 0.01 % of the fundamental.

    Harmonics to 0.1 % if orders are only 7.5 bins of the stretch apart: this is the level of the Hann side lobes there.
    """
    w = plain(motor(rate_hz, f_hz, turn), rate_hz, demand_a=20.0)
    carried = [part for order, part in ORDERS if order * f_hz < 0.45 * rate_hz]
    rms = np.sqrt(sum(part**2 for part in carried))
    assert w.frequency_hz == pytest.approx(f_hz, abs=1e-3)
    assert w.u_rms_v == pytest.approx([230.0 * rms] * 3, rel=2e-4)
    assert w.i_rms_a == pytest.approx([10.0 * rms] * 3, rel=2e-4)
    assert w.p_w == pytest.approx(6900.0 * rms**2 * np.cos(np.pi / 6), rel=5e-4)
    assert w.q1_var == pytest.approx(3450.0, rel=5e-4)
    assert (w.u1_v, w.u2_pct, w.i2_pct) == pytest.approx((230.0, 0.0, 0.0), abs=0.05)
    for order, part in ORDERS:
        want = 230.0 * part if order * f_hz < 0.45 * rate_hz else np.nan
        assert w.h_u_v[:, order] == pytest.approx(want, abs=0.023 if f_hz > 40.0 else 0.23, nan_ok=True)
    above = np.sqrt(sum(part**2 for part in carried[1:]))
    assert w.thd_i_pct == pytest.approx([100.0 * above] * 3, abs=0.02)
    assert w.tdd_pct == pytest.approx([50.0 * above] * 3, abs=0.02)
    k = sum((o * p) ** 2 for o, p in ORDERS if o * f_hz < 0.45 * rate_hz) / rms**2
    assert w.k_factor == pytest.approx([k] * 3, rel=1e-3)


@pytest.mark.parametrize("wires", [3, 4])
def test_apparent_power_is_that_of_ieee_1459(wires):
    """Compared with the definition, on samples of an unbalanced load."""
    x = motor(10240.0, 50.0)
    x[3] *= 1.5
    if wires == 3:
        x[5] = -(x[3] + x[4])
    n = 10240 // 2  # 25 cycles
    u, i = x[:3, :n], x[3:, :n]
    uab = sum(((u[k] - u[(k + 1) % 3]) ** 2).mean() for k in range(3))
    ve = np.sqrt((3 * (u**2).mean(axis=1).sum() + uab) / 18)
    ie = np.sqrt(((i**2).mean(axis=1).sum() + (i.sum(axis=0) ** 2).mean()) / 3)
    assert plain(x, 10240.0).s_va == pytest.approx(3 * ve * ie, rel=2e-4)


def test_gaps_silence_and_absent_channels_are_nan_and_nothing_raises():
    x = motor(10240.0, 50.0)
    x[1, 77], x[5] = np.inf, np.nan
    w = plain(x, 10240.0)
    assert np.isnan(w.u_rms_v).tolist() == [False, True, False]
    assert np.isnan(w.i_rms_a).tolist() == [False, False, True]
    assert np.isnan([w.p_w, w.s_va, w.u2_pct, w.i2_pct]).all()
    assert w.frequency_hz == pytest.approx(50.0, abs=1e-3)
    for nothing in (np.zeros((6, 6144)), np.full((6, 6144), np.nan), np.zeros((6, 60))):
        w = plain(nothing, 10240.0 if nothing.shape[1] > 100 else 100.0)
        assert np.isnan(w.frequency_hz)
        assert np.isnan(w.thd_u_pct).all()
        assert np.isnan(w.pf)


def test_the_fallback_compiles_no_kernel():
    code = (
        "import numpy as np; from dsp import _jit; from dsp.numpy_fallback import plain; "
        "plain(np.random.default_rng(1).standard_normal((6, 6144)), 10240.0); "
        "plain(np.cos(np.arange(6144) * 0.03) * np.ones((6, 1)), 10240.0); "
        "print(sum(len(d.signatures) for d in _jit.dispatchers))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=180, check=True)
    assert done.stdout.strip() == "0"

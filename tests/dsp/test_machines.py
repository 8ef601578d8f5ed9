"""Waveforms of two independent motor simulators: power at the terminals and electrical frequency."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

STEADY = ["im2k2_dol_100", "im2k2_dol_50", "im2k2_dol_10", "im160k_dol_osc", "im2k2_vhz_diode_40hz"]
STEADY += ["pm2k2_diode_rated", "pm2k2_half", "gem_pmsm_75hz", "pm2k2_deadtime", "afe_motoring"]
TRANSIENT = ["im2k2_dol_start", "pm2k2_cycle"]


def load(data_file, name):
    truth = json.loads(data_file("machines/truth.json").read_text())[name]
    with np.load(data_file(f"machines/{name}.npz")) as z:
        x = np.concatenate((z["u_abc"], z["i_abc"])).astype(np.float64)
        return x, float(z["fs"]), truth


def mean_power(windows):
    length = [w.end_index - w.start_index for w in windows]
    return np.average([w.p_w for w in windows], weights=length)


@pytest.mark.parametrize("name", STEADY)
def test_power_of_a_steady_machine(name, data_file, analyse):
    x, fs, truth = load(data_file, name)
    windows = analyse(x, fs, nominal="drive")
    assert len(windows) >= 2
    # the true value covers the complete file, the windows omit up to one window; with PWM ripple this gives 0.01 %
    assert mean_power(windows) == pytest.approx(truth["P_from_samples_W"], rel=1e-4)
    for w in windows:
        assert w.frequency_hz == pytest.approx(truth["f_e_hz"], rel=1e-5)
        assert 0.0 < w.pf <= 1.0
        assert w.p_phase_w.sum() == pytest.approx(w.p_w, rel=1e-9)


@pytest.mark.parametrize("name", TRANSIENT)
def test_energy_of_a_transient(name, data_file, analyse):
    """Changing frequency, synchronisation lost and found: energy of the covered part is complete and counted once."""
    x, fs, _ = load(data_file, name)
    windows = analyse(x, fs, nominal="drive")
    assert all(a.end_index == b.start_index for a, b in pairwise(windows))
    covered = int(windows[-1].end_index + 0.5)
    assert covered > 0.7 * x.shape[1]
    p = np.append((x[:3] * x[3:]).sum(axis=0), 0.0)
    # sample k is the cell k - 0.5 .. k + 0.5: half of the first and a part of the last cell count
    want_j = (p[:covered].sum() - 0.5 * p[0] + p[covered] * (windows[-1].end_index - covered + 0.5)) / fs
    # tolerance for the slope within these two of about ten thousand cells
    assert sum(w.energy_j for w in windows) == pytest.approx(want_j, abs=1e-5 * np.abs(p).sum() / fs)

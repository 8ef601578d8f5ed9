"""Air-gap torque from waveforms of machines of an independent simulator (motulator): within the bound of the method."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from dsp.efficiency_airgap import gap_torque_nm, whole_cycles


@pytest.mark.parametrize("name", ["im2k2_dol_100", "im2k2_dol_50", "im2k2_dol_10", "im160k_dol_osc"])
def test_torque_of_machines_on_the_mains(data: Path, name: str) -> None:
    """The air-gap torque includes the core loss, which is in parallel with the terminals here: it is subtracted."""
    truth = json.loads((data / "machines" / "truth.json").read_text())[name]
    with np.load(data / "machines" / f"{name}.npz") as file:
        u, i, rate_hz = file["u_abc"].astype(float), file["i_abc"].astype(float), float(file["fs"])
    cut = whole_cycles(u)
    assert cut is not None
    u, i = u[:, cut[0] : cut[1]], i[:, cut[0] : cut[1]]
    torque = gap_torque_nm(u, i, rate_hz, truth["R_s"], 2 * truth["n_p"])
    core_nm = truth["P_core_W"] / (2 * math.pi * 50 / truth["n_p"])
    assert torque == pytest.approx(truth["tau_em_mean"] + core_nm, rel=0.0225)  # bound of Lu, Cao and Habetler


def test_a_gap_is_nan_and_a_wrong_shape_an_error() -> None:
    angle = 2 * np.pi * np.arange(256) / 256 - np.array([[0], [2.094], [-2.094]])
    u, i = 325 * np.cos(angle), 10 * np.cos(angle - 0.5)
    assert gap_torque_nm(u, i, 12800, 0.1, 4) > 0
    assert gap_torque_nm(u, -i, 12800, 0.1, 4) < 0, "the machine brakes"
    u[1, 7] = np.nan
    assert math.isnan(gap_torque_nm(u, i, 12800, 0.1, 4))
    with pytest.raises(ValueError, match="shape"):
        gap_torque_nm(u[:2], i, 12800, 0.1, 4)


def test_torque_of_a_sine_in_closed_form() -> None:
    """(P − 3·R·I²)/ω_mech for sinusoidal voltages and currents at any phase angle."""
    n, rate = 25600, 25600.0
    for phi in (0.2, 0.9, 1.5):
        angle = 2 * np.pi * 50 * np.arange(n) / rate - np.array([[0], [2 * np.pi / 3], [-2 * np.pi / 3]])
        u, i = 325.0 * np.cos(angle), 20.0 * np.cos(angle - phi)
        power_w = 1.5 * 325 * 20 * math.cos(phi) - 1.5 * 20**2 * 0.3
        assert gap_torque_nm(u, i, rate, 0.3, 4) == pytest.approx(power_w / (2 * math.pi * 50 / 2), rel=1e-4)

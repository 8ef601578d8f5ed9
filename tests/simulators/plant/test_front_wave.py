"""The active front end in time: against another code base, and its power in both directions."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from support.front_wave import ActiveFront
from support.plant import machine_truth

from simulators.plant import space_vectors

Vectors = npt.NDArray[np.complex128]
RATE = 51200


def one_second(front: ActiveFront, power_w: float, rate: int = RATE) -> tuple[Vectors, Vectors, dict[str, float]]:
    front.run(rate, rate, power_w)
    before = front.energy
    wave = front.run(rate, rate, power_w)
    return wave.u, wave.i, {name: value - before[name] for name, value in front.energy.items()}


def test_against_the_other_code_base(data_file) -> None:
    """6.5 kW from the grid, 4 kHz: powers, and the switching harmonics."""
    truth = machine_truth(data_file, "afe_motoring")
    with np.load(data_file("machines/afe_motoring.npz")) as file:
        theirs = space_vectors.vector(file["i_abc"].astype(float))
    front = ActiveFront(filter_h=truth["L_f"], filter_ohm=truth["R_f"], dc_v=truth["u_dc_mean"])
    _, i, power = one_second(front, truth["P_grid_W"])
    assert power["dc"] == pytest.approx(truth["P_dc_W"], rel=2e-4)
    assert power["filter"] == pytest.approx(truth["P_filter_W"], rel=1e-3)
    # amplitudes in A at 4 kHz ± 2 and ± 4 times the grid's frequency; the reference lasts 600 ms
    ours, other = np.abs(np.fft.rfft(i.real)) / (RATE / 2), np.abs(np.fft.rfft(theirs.real)) / (len(theirs) / 2)
    for hz in (3800, 3900, 4100, 4200):
        assert ours[hz] == pytest.approx(float(other[round(hz * 0.6)]), rel=0.02)
    assert math.sqrt(float((ours[100:2501:50] ** 2).sum())) / ours[50] < 2 * truth["thd50_pct"] / 100


@pytest.mark.parametrize("power_w", [6000.0, -6000.0, 600.0])
def test_draws_and_returns_power_at_unity_power_factor(power_w: float) -> None:
    """I = P/(√3·U) in phase or opposite; the DC bus gets the power less R·I².

    The means of 10.24 kHz samples are 8e-5 lower, and the controller does not act between its instants: 3e-4.
    """
    u, i, power = one_second(ActiveFront(filter_h=0.0076, filter_ohm=0.1, averaged=True), power_w, 10240)
    rms_a = abs(power_w) / (math.sqrt(3) * 400)
    assert space_vectors.power_w(u, i).mean() == pytest.approx(power_w, rel=4e-4)
    assert np.abs(i).mean() / math.sqrt(2) == pytest.approx(rms_a, rel=4e-4)
    assert power["filter"] == pytest.approx(3 * 0.1 * rms_a**2, rel=1e-3)
    assert power["dc"] == pytest.approx(power_w - 3 * 0.1 * rms_a**2, rel=4e-4)


def test_a_dc_voltage_below_the_peak_of_the_grid_is_rejected() -> None:
    with pytest.raises(
        ValueError, match="active front end: dc_v must be above the peak of the grid voltage, got 540 V"
    ):
        ActiveFront(filter_h=0.0076, filter_ohm=0.1, dc_v=540.0)

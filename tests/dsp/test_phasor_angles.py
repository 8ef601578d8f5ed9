"""Angles of a phasor diagram against closed forms: known shifts, both phase orders, missing channels, any frequency."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.phasor_angles import mean_angles_deg
from dsp.stream import Stream

RATE_HZ = 10240.0
U_V = 230.0 * np.exp(1j * np.radians([0.0, -121.0, 118.5]))
I_A = 40.0 * np.exp(1j * np.radians([-18.2, -140.3, 99.9]))
WANT_DEG = [0.0, -121.0, 118.5, -18.2, -140.3, 99.9]


def samples(phasors, f_hz, seconds=3.4, start_deg=77.0):
    """Cosines with these rms phasors, 8 % fifth harmonic and 1 % DC; the record begins anywhere in the cycle."""
    turn = 2 * np.pi * f_hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ + np.radians(start_deg)
    rows = [np.sqrt(2) * abs(z) * (np.cos(turn + np.angle(z)) + 0.08 * np.cos(5 * turn) + 0.01) for z in phasors]
    return np.array(rows)


def angles_of(windows):
    return mean_angles_deg(np.array([(*window.phasor_u_v, *window.phasor_i_a) for window in windows]))


@pytest.mark.parametrize("f_hz", [50.0, 49.63, 61.7, 87.3, 12.5])
def test_known_shifts_at_any_frequency(f_hz):
    stream = Stream(RATE_HZ, nominal="drive" if not 45 < f_hz < 65 else "auto")
    windows = stream.push(samples([*U_V, *I_A], f_hz))[:15]
    # one sample is 1.8 degrees: the angle depends on the position of the window between samples only by rounding
    assert angles_of(windows) == pytest.approx(WANT_DEG, abs=0.002)


def test_the_other_phase_order_has_u2_in_front():
    windows = Stream(RATE_HZ).push(samples([*U_V.conj(), *I_A], 50.0))
    assert angles_of(windows)[:3] == pytest.approx([0.0, 121.0, -118.5], abs=0.002)
    assert windows[0].rotation == -1


def test_an_inductive_load_follows_and_a_generator_is_opposite():
    current = 40.0 * np.exp(1j * np.radians([-30.0, 59.0, 60.0]))
    windows = Stream(RATE_HZ).push(samples([*U_V, *current], 50.0))
    assert angles_of(windows)[3:] == pytest.approx([-30.0, 59.0, 60.0], abs=0.002)
    assert windows[0].q1_phase_var[0] > 0  # lags by 30 degrees
    assert windows[0].p_phase_w[1] == pytest.approx(-230.0 * 40.0, rel=0.01)  # 180 degrees from its voltage


def test_channels_that_are_missing_have_no_angle():
    x = samples([*U_V, *I_A], 50.0)
    x[[2, 4]] = 0.0  # dead, but connected
    found = angles_of(Stream(RATE_HZ, present=(True, True, True, True, True, False)).push(x))
    assert found[[0, 1, 3]] == pytest.approx([0.0, -121.0, -18.2], abs=0.002)
    assert np.isnan(found[[2, 4, 5]]).all()
    assert np.isnan(angles_of(Stream(RATE_HZ, present=(False, *[True] * 5)).push(x))).all()


def test_noise_of_an_open_channel_has_no_angle():
    x = samples([*U_V, *I_A], 50.0)
    x[4] = np.random.default_rng(3).normal(0.0, 0.05, x.shape[1])
    found = angles_of(Stream(RATE_HZ).push(x)[:15])
    assert np.isnan(found[4])
    assert found[3] == pytest.approx(-18.2, abs=0.002)


def test_the_mean_is_one_of_vectors():
    """Closed forms: angles around 180 degrees, windows of different reference, a weight by size, a window left out."""
    ends = 10.0 * np.exp(1j * np.radians([179.0, -179.0, 178.0, -178.0]))
    turned = np.exp(1j * np.radians([0.0, 90.0, -33.0, 170.0]))[:, None]
    rows = np.column_stack([np.full(4, 230.0), ends, np.full(4, 230.0), ends * 3, ends, ends]).astype(complex) * turned
    assert abs(mean_angles_deg(rows)[1]) == pytest.approx(180.0)
    two = np.array([[1, 1, 1, 3, 1, 1j], [1, 1, 1, 1j, 1, 1j], [np.nan, 1, 1, 1, 1, 1]], dtype=complex)
    found = mean_angles_deg(two[[0, 0, 0, 0, 1, 2]])
    assert found[3] == pytest.approx(np.degrees(np.arctan2(1.0, 12.0)))
    assert found[5] == pytest.approx(90.0)
    assert np.isnan(mean_angles_deg(two)[3])  # 90 degrees apart: no mean
    assert np.isnan(mean_angles_deg(np.zeros((2, 6), dtype=complex))).all()
    assert mean_angles_deg(np.array([[1, -1, complex(-1, -0.0), 1, 1, 1]], dtype=complex))[1:3].tolist() == [180, 180]

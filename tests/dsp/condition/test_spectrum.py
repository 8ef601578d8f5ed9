"""Baseband and modulation against closed forms: sums of sinusoids."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.condition.decimation import space_vector
from dsp.condition.spectrum import above_floor, baseband, cycle_rms, frequency_hz, modulation, noise_floor, peaks

FILTER = 1e-3  # ripple of the decimation filter near the fundamental, and 80 dB of what it stops


def phases(fs_hz: float, n: int, f_hz: float, positive: complex, negative: complex = 0) -> np.ndarray:
    """Three phases from the phasors (peak) of both sequences."""
    turn = np.exp(2j * np.pi * f_hz / fs_hz * np.arange(n))
    a = np.exp(2j * np.pi / 3 * np.arange(3))[:, None]
    return np.real((positive / a + negative * a) * turn)


@pytest.mark.parametrize("fs_hz", [2000.0, 4000.0, 20000.0])
@pytest.mark.parametrize("f_hz", [49.93, 60.07])
def test_baseband_returns_the_phasors_of_both_sequences(fs_hz: float, f_hz: float) -> None:
    n = int(3 * fs_hz)
    i1, i2 = 10 * np.exp(-0.6j), 0.3 * np.exp(1.1j)
    base = baseband(phases(fs_hz, n, f_hz, 325, 4), phases(fs_hz, n, f_hz, i1, i2), fs_hz)
    unit = np.conj(base.u) / np.abs(base.u)
    assert base.f_hz == pytest.approx(f_hz, abs=1e-3)
    assert (base.i * unit).mean() == pytest.approx(i1, rel=FILTER)
    assert (base.u2 * unit).mean() == pytest.approx(4, rel=FILTER, abs=0.03)
    assert (base.i2 * unit).mean() == pytest.approx(i2, rel=FILTER, abs=0.01)


def test_phases_in_reverse_order_give_the_same_phasors() -> None:
    u, i = phases(4000, 8000, 50, 325, 4), phases(4000, 8000, 50, 10 * np.exp(-0.6j), 0.3j)
    base, swapped = baseband(u, i, 4000), baseband(u[[0, 2, 1]], i[[0, 2, 1]], 4000)
    assert swapped.reversed_order
    assert not base.reversed_order
    np.testing.assert_allclose(swapped.i, base.i, atol=1e-9)
    np.testing.assert_allclose(swapped.u2, base.u2, atol=1e-9)


def test_first_point_of_the_baseband_is_at_its_time() -> None:
    """A current that grows by 1 A in a second has its size at the time of each point."""
    fs_hz, n = 10000.0, 30000
    t = np.arange(n) / fs_hz
    base = baseband(phases(fs_hz, n, 50.0, 325), (10 + t) * phases(fs_hz, n, 50.0, 1.0), fs_hz)
    times = base.first_s + np.arange(len(base.i)) / base.rate_hz
    np.testing.assert_allclose(np.abs(base.i), 10 + times, rtol=FILTER / 10)


@pytest.mark.parametrize(("p", "q"), [(0.01, 0.0), (0.0, 0.02), (0.004, 0.013)])
def test_modulation_of_both_parts_is_a_peak_of_its_amplitude(p: float, q: float) -> None:
    fs_hz, n, f_hz, line_hz = 4000.0, 40000, 50.0, 1.23
    t = np.arange(n) / fs_hz
    swing = np.cos(2 * np.pi * line_hz * t)
    current = 10 * ((1 + p * swing) - 1j * (0.5 + q * swing))
    turn = np.exp(2j * np.pi * f_hz * t)
    a = np.exp(2j * np.pi / 3 * np.arange(3))[:, None]
    m = modulation(baseband(phases(fs_hz, n, f_hz, 325), np.real(current * turn / a), fs_hz))
    near = np.abs(m.hz - line_hz) < 0.05
    assert np.abs(m.p[near]).max() == pytest.approx(p, abs=1e-4)
    assert np.abs(m.q[near]).max() == pytest.approx(q, abs=1e-4)


def test_wander_of_the_supply_does_not_appear_in_the_frame_of_the_voltage() -> None:
    """A motor that follows its supply without delay has a constant current in the frame of the voltage."""
    t = np.arange(64000) / 4000
    angle = 2 * np.pi * 50 * t + 0.3 * np.sin(2 * np.pi * 0.2 * t)
    a = np.exp(2j * np.pi / 3 * np.arange(3))[:, None]
    u, i = np.real(325 * np.exp(1j * angle) / a), np.real(10 * np.exp(1j * (angle - 0.5)) / a)
    m = modulation(baseband(u, i, 4000))
    # an average over 0.1 s (Hann: variance 0.0013 s²) leaves 0.3 rad · (2π · 0.2 Hz)² · 0.0013 s² / 2 = 3.1e-4,
    # the discrete Hann window of 41 points 10 % more
    assert np.abs(m.q[(m.hz > 0.15) & (m.hz < 5)]).max() < 3.5e-4


def test_noise_floor_is_the_median_beside_a_line() -> None:
    amplitude = np.ones(2000)
    amplitude[990:1011] = 50
    assert noise_floor(amplitude, 1000) == 1.0


def test_bins_above_their_floor_are_those_of_each_bin_alone() -> None:
    rng = np.random.default_rng(3)
    amplitude = np.abs(rng.standard_normal(3000) + 1j * rng.standard_normal(3000)) * np.linspace(9, 1, 3000)
    amplitude[[2, 70, 700, 1500, 2990]] *= 12
    at = peaks(amplitude)
    alone = [k for k in at if amplitude[k] > 4 * noise_floor(amplitude, int(k))]
    assert above_floor(amplitude, at, 4.0).tolist() == alone
    assert set(alone) >= {700, 1500}
    assert len(at) > 500


def test_rms_of_cycles_shows_a_dip_where_it_is() -> None:
    u = phases(4000, 4000, 50, 325)
    u[1, 2000:2400] *= 0.6
    rms = cycle_rms(u, 4000, 50) / (325 / np.sqrt(2))
    assert rms[1, 51:58] == pytest.approx(0.6, abs=1e-9)
    assert rms[0] == pytest.approx(1, abs=1e-9)


def test_frequency_is_negative_for_the_reverse_order() -> None:
    vector = space_vector(phases(5000, 10000, 59.87, 1.0))
    assert frequency_hz(vector, 5000) == pytest.approx(59.87, abs=1e-6)
    assert frequency_hz(np.conj(vector), 5000) == pytest.approx(-59.87, abs=1e-6)

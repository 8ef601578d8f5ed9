"""Half waves of currents and the drive of each diode against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.condition.rectifier import ORDERS, supply_angle
from dsp.condition.rectifier_halves import half_waves, uneven_drive

FS, HZ = 2000.0, 50.1
ANGLE = 2 * np.pi * HZ * np.arange(round(0.5 * FS)) / FS
SHIFTS = 2 * np.pi / 3 * np.arange(3)[:, None]
U = 325 * np.cos(ANGLE - SHIFTS)


def six_step(missing: tuple[int, int] | None = None) -> np.ndarray:
    """Currents of 10 A for 120° each way; a phase and direction (+1, −1) may be missing, its pair with it."""
    around = (ANGLE - SHIFTS + np.pi) % (2 * np.pi) - np.pi
    i = np.where(np.abs(around) < np.pi / 3, 10.0, 0.0) - np.where(np.abs(around) > 2 * np.pi / 3, 10.0, 0.0)
    if missing is not None:
        i = np.where(np.sign(i[missing[0]]) == missing[1], 0.0, i)
    return i


def shares(i: np.ndarray, u: np.ndarray | None = U) -> np.ndarray:
    supply = supply_angle(i if u is None else u, FS)
    assert supply is not None
    found = half_waves(i, supply, of_voltage=u is not None)
    return found.mean(axis=0)


def test_half_waves_of_six_steps_are_a_third_of_their_height() -> None:
    # a sample more or less at each of two edges, of 13 in a half wave and 40 in a cycle, averaged over ten cycles
    assert shares(six_step()) == pytest.approx(np.full((2, 3), 10 / 3), rel=0.03)


@pytest.mark.parametrize("phase", [0, 1, 2])
@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("transformer", [False, True])
@pytest.mark.parametrize("with_voltage", [False, True])
def test_the_missing_half_wave_is_that_of_its_diode(
    phase: int, direction: int, transformer: bool, with_voltage: bool
) -> None:
    i = six_step((phase, direction)) + 0.05
    if transformer:
        i = i - i.mean(axis=1, keepdims=True)
    found = shares(i, U if with_voltage else None)
    side = 0 if direction > 0 else 1
    assert found[side, phase] == pytest.approx(0, abs=1e-9)
    assert np.delete(found.ravel(), 3 * side + phase).min() > 1, "the others carry 10 A for 60° at least: 1.67 A"


@pytest.mark.parametrize("missing", [None, (2, -1)])
def test_the_current_of_filter_capacitors_is_no_half_wave(missing: tuple[int, int] | None) -> None:
    # half an ampere leading by 90° would put 0.16 A, a twentieth of the others, into the missing half wave
    i = six_step(missing)
    found = shares(i - 0.5 * np.sin(ANGLE - SHIFTS))
    # 4 % of its amplitude: the samples of a bin of 15° are some degrees from its centre on average
    assert found == pytest.approx(shares(i), abs=0.02)


def test_exchanged_phases_and_noise_do_not_hide_it() -> None:
    order = [0, 2, 1]
    noise = 0.1 * np.random.default_rng(1).standard_normal(U.shape)
    found = shares((six_step((1, 1)) + noise)[order], U[order])
    assert np.unravel_index(found.argmin(), found.shape) == (0, 2)
    # the mean over 16 samples has noise of 0.025 A, of which the rectified mean is 0.4 times, and that of the guard
    assert found.min() < 0.05


def test_a_missing_sample_spoils_its_windows_only() -> None:
    i = six_step()
    i[2, 30] = np.nan
    supply = supply_angle(U, FS)
    assert supply is not None
    found = half_waves(i, supply, of_voltage=True)
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1:]).all()


def orders(**sizes: complex) -> np.ndarray:
    """Phasors of three phases: the fundamental of positive sequence, and phase 1 of the orders given."""
    found = np.zeros((3, ORDERS), dtype=complex)
    found[:, 1] = 325 * np.exp(-1j * SHIFTS[:, 0])
    for name, size in sizes.items():
        found[0, int(name[1:])] = size
    return found


def test_odd_orders_unbalance_gains_and_offsets_drive_both_diodes_alike() -> None:
    u = orders(h5=12.0, h7=9j)
    u[:, 1] += 6 * np.exp(1j * SHIFTS[:, 0])
    u[1] *= 1.01
    u[:, 0] = 3.0
    assert uneven_drive(u, np.zeros_like(u)) == pytest.approx(0, abs=1e-12)


def test_a_second_order_in_one_phase_drives_one_diode_more() -> None:
    # line voltages 1-2 and 1-3 peak at ±30°, where the second order has half its size, +1 % and −1 % of 325 V in 563 V
    found = uneven_drive(orders(h2=6.5), np.zeros((3, ORDERS)))
    assert found == pytest.approx(6.5 / 563, rel=0.1), "the peak moves by some degrees"


def test_what_the_current_causes_at_the_inductance_of_the_supply_explains_nothing() -> None:
    i = np.zeros((3, ORDERS), dtype=complex)
    i[:, 2], i[:, 4] = [4.0, -1 - 2j, -3 + 2j], [1j, 2.0, -2 - 1j]
    drop = -1j * np.arange(ORDERS) * 2.5 * i
    assert uneven_drive(orders() + drop, np.zeros_like(i)) > 0.05
    assert uneven_drive(orders() + drop, i) == pytest.approx(0, abs=1e-12)
    assert uneven_drive(orders() - drop, i) > 0.05, "a source would have to be a negative inductance"

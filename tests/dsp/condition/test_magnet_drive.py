"""Whether a drive drives: closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.condition.magnet_drive import current_gone

FS = 4000.0
TIME = np.arange(int(2 * FS)) / FS
SHIFTS = np.array([0.0, 2 * np.pi / 3, -2 * np.pi / 3])[:, None]
EMF = 300 * np.cos(2 * np.pi * 80 * TIME - SHIFTS)
NOISE = np.random.default_rng(1).normal(0, 0.05, (3, TIME.size)) + np.array([[0.3], [-0.2], [0.1]])


def wave(amplitude, hz=80.0):
    return amplitude * np.cos(2 * np.pi * hz * TIME - SHIFTS) + NOISE


def test_current_gone_at_the_end_with_the_voltage_between_terminals():
    gone = current_gone(EMF, wave(20.0 * (TIME < 1.2)), FS, 0.3)
    assert gone[:2] == (pytest.approx(1.2, abs=0.02), pytest.approx(2.0))
    assert gone.voltage_v == pytest.approx(300 * np.sqrt(3 / 2), rel=0.03)  # of 1.6 periods: sin(ωT)/(2ωT) = 0.029


@pytest.mark.parametrize("hz", [1.0, 80.0])
def test_idling_drive_carries_current(hz):
    assert current_gone(EMF, wave(1.5, hz), FS, 0.3) is None


def test_holding_at_standstill_is_not_without_current():
    assert current_gone(0 * EMF, np.array([[10.0], [-5.0], [-5.0]]) + NOISE, FS, 0.3) is None


def test_no_value_is_not_no_current():
    current = wave(0.0)
    current[:, -400:] = np.nan
    assert current_gone(EMF, current, FS, 0.3).to_s == pytest.approx(1.9)
    assert current_gone(EMF, np.full_like(current, np.nan), FS, 0.3) is None


def test_voltage_that_was_not_recorded_is_not_zero():
    assert np.isnan(current_gone(np.full_like(EMF, np.nan), wave(0.0), FS, 0.3).voltage_v)

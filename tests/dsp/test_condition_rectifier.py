"""Orders of a supply against closed forms; capacitance and inductance of a DC link against those of a model."""

from __future__ import annotations

import numpy as np
import pytest
from support.condition.bridge import Bridge
from support.condition.bridge_recording import Instrument, steady_record

from dsp.condition_rectifier import clipped_share, cycle_levels, order_windows, sequences, supply_angle
from dsp.condition_rectifier_link import link_ripple, loop_inductance_h

FS = 4000.0
T = np.arange(round(2 * FS)) / FS
THIRDS = 2 * np.pi / 3 * np.arange(3)[:, None]


def phases(angle: np.ndarray, peak: float = 1.0, order: int = 1) -> np.ndarray:
    """Three phases of positive sequence at this angle of the first."""
    return peak * np.cos(order * (angle - THIRDS))


def test_orders_follow_a_wandering_supply() -> None:
    angle = 2 * np.pi * 50 * T + 0.3 * np.sin(2 * np.pi * 0.4 * T)
    u = phases(angle, 325.0)
    i = phases(angle, 10.0) + phases(angle, 0.5, 2) + np.array([[0.2], [-0.2], [0.0]])
    supply = supply_angle(u, FS)
    assert supply is not None
    found = order_windows(u, i, FS, supply)
    # the window's mean of the angle's wander leaves less than 1e-3 of the fundamental in the neighbouring orders
    assert np.abs(found.i[:, :, 1]) == pytest.approx(np.full(found.i.shape[:2], 10.0), abs=0.02)
    assert np.abs(found.i[:, :, 2]) == pytest.approx(np.full(found.i.shape[:2], 0.5), abs=0.02)
    assert found.i[:, 0, 0].real == pytest.approx(np.full(len(found.t_s), 0.2), abs=0.01)
    assert found.p_w == pytest.approx(np.full(len(found.t_s), 1.5 * 325 * 10), rel=1e-3)


@pytest.mark.parametrize("swapped", [False, True])
def test_the_negative_sequence_does_not_depend_on_the_order_of_the_phases(swapped: bool) -> None:
    angle = 2 * np.pi * 60 * T
    u = phases(angle, 325.0) + phases(-angle, 6.5)
    u = u[[0, 2, 1]] if swapped else u
    supply = supply_angle(u, FS)
    assert supply is not None
    assert supply.swapped is swapped
    assert supply.hz == pytest.approx(60, abs=1e-3)
    found = np.abs(sequences(order_windows(u, u, FS, supply).u[:, :, 1], supply.swapped))
    assert found[:, 2] / found[:, 1] == pytest.approx(np.full(len(found), 0.02), abs=1e-5)


def test_a_missing_sample_spoils_its_windows_only() -> None:
    u = phases(2 * np.pi * 50 * T, 325.0)
    u[1, 3000:3010] = np.nan
    supply = supply_angle(u, FS)
    assert supply is not None
    found = order_windows(u, u, FS, supply)
    near = np.abs(found.t_s - 3005 / FS) < 0.1
    assert np.isnan(found.u[near, 1, 1]).all()
    assert np.abs(found.u[~near, 1, 1]) == pytest.approx(np.full((~near).sum(), 325.0), rel=1e-4)
    levels = cycle_levels(u, u, FS, 50)
    assert np.isnan(levels.u_v[1]).sum() <= 3


@pytest.mark.parametrize("signal", [np.zeros((3, 8000)), np.full((3, 8000), np.nan), phases(2 * np.pi * 200 * T)])
def test_without_a_fundamental_of_the_mains_there_is_no_angle(signal: np.ndarray) -> None:
    assert supply_angle(signal, FS) is None


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("noise", [0.0, 0.45])
def test_only_a_clipped_channel_is_called_clipped(bits: int, noise: float) -> None:
    step = 2.0 / 2**bits
    sine = np.cos(2 * np.pi * 50.3 * T) + noise * step * np.random.default_rng(1).standard_normal(len(T))
    assert clipped_share(np.round(sine / step) * step) == 0
    assert clipped_share(np.clip(np.round(sine / step) * step, -0.9, 0.9)) > 0.1
    assert clipped_share(np.full(8000, 3.2)) == 1, "a channel that never changes"


@pytest.mark.parametrize("hz", [50.0, 60.0])
@pytest.mark.parametrize(("line_h", "choke_h"), [(0.8e-3, 0.0), (0.2e-3, 2e-3)])
def test_capacitance_and_inductance_are_those_of_the_model(hz: float, line_h: float, choke_h: float) -> None:
    bridge = Bridge(hz=hz, line_h=line_h, choke_h=choke_h, c_f=450e-6, esr_ohm=0.05, unbalance=0.01)
    record = steady_record(bridge, Instrument(seconds=1.5, gain=0, offset=0), np.random.default_rng(2))
    assert record.u_dc_v is not None
    assert record.u_dc_hz is not None
    supply = supply_angle(record.u_v, record.fs_hz)
    assert supply is not None
    found = link_ripple(record.i_a, record.fs_hz, record.u_dc_v, record.u_dc_hz, supply)
    # ESR of 6 % of the reactance adds 0.2 %, linear interpolation of the model's currents takes up to 1 %
    assert float(np.nanmedian(found.c_f)) == pytest.approx(450e-6, rel=0.015)
    loop_h = loop_inductance_h(record.u_v, record.i_a, record.fs_hz, record.u_dc_v, record.u_dc_hz)
    assert loop_h == pytest.approx(2 * line_h + choke_h, rel=0.05)

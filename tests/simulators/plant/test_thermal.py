"""Heat in = heat stored + heat out; resistances in series; exact in time."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from simulators.plant.thermal import Heat, Network, Thermal, heat_of, network_of
from simulators.plant.train import TrainLosses

RATED = heat_of(TrainLosses(1065.0, 639.0, 255.6, 170.4))
SETTLED_S = 1e6  # many time constants of each network here


def test_rated_losses_give_the_rated_rise() -> None:
    settled_kelvin = Thermal(network_of(RATED, 70.0), 30.0).step(RATED, SETTLED_S)
    assert settled_kelvin == pytest.approx((100.0, 30 + 0.75 * 70, 30 + 0.55 * 70))


def test_the_steady_state_is_that_of_resistances_in_series() -> None:
    n = Network(50.0, 20.0, 40.0, 1e4, 2e4, 1e5)
    settled_kelvin = Thermal(n, 20.0).step(Heat(1000.0, 200.0, 400.0), SETTLED_S)
    frame = 20 + 1600 / 40
    assert settled_kelvin == pytest.approx((frame + 1000 / 50, frame + 200 / 20, frame))


def test_a_step_equals_several_shorter_ones() -> None:
    whole, cut = Thermal(network_of(RATED, 70.0)), Thermal(network_of(RATED, 70.0))
    whole.step(RATED, 600.0)
    for _ in range(7):
        cut.step(RATED, 600 / 7)
    assert cut.degc == pytest.approx(whole.degc, rel=1e-12)


def test_heat_is_conserved() -> None:
    """The heat output is the temperature rise of the frame times its conductance over time: trapezoidal rule of 1 s."""
    thermal = Thermal(network_of(RATED, 70.0))
    out_j = 0.0
    before = thermal.degc.frame
    for _ in range(3600):
        now = thermal.step(RATED, 1.0).frame
        out_j += ((before + now) / 2 - 25) * thermal.network.frame_w_k
        before = now
    n, rise = thermal.network, [degc - 25 for degc in thermal.degc]
    stored_j = n.winding_j_k * rise[0] + n.rotor_j_k * rise[1] + n.frame_j_k * rise[2]
    assert stored_j + out_j == pytest.approx(3600 * sum(RATED), rel=1e-8)


def test_first_seconds_of_a_stall_are_adiabatic() -> None:
    """dT/dt = P/C of the winding."""
    n = network_of(RATED, 70.0)
    thermal = Thermal(n)
    thermal.step(RATED._replace(winding_w=30e3), 1.0)
    assert thermal.degc.winding - 25 == pytest.approx(30e3 / n.winding_j_k, rel=3e-3)


def test_one_capacity_alone_follows_its_exponential() -> None:
    n = Network(1e4, 1e4, 40.0, 1.0, 1.0, 1e5)
    thermal = Thermal(n, 0.0)
    assert thermal.step(Heat(0.0, 0.0, 400.0), 2500.0).frame == pytest.approx(10 * (1 - math.exp(-1)), rel=1e-4)


def test_less_cooling_raises_all_temperatures_by_the_rise_of_the_frame() -> None:
    """0.4 of the conductance: the frame's rise is 1/0.4 of the former one, the drops to it stay."""
    thermal = Thermal(network_of(RATED, 70.0), 30.0)
    sound = thermal.step(RATED, SETTLED_S)
    thermal.cool(0.4)
    hot = thermal.step(RATED, SETTLED_S)
    more_k = 0.55 * 70 * (1 / 0.4 - 1)
    assert hot == pytest.approx(tuple(degc + more_k for degc in sound))
    thermal.cool(1.0)
    assert thermal.step(RATED, SETTLED_S) == pytest.approx(sound)


def test_an_impossible_network_is_rejected() -> None:
    with pytest.raises(ValueError, match="thermal network: frame_w_k: "):
        replace(network_of(RATED, 70.0), frame_w_k=0.0)

"""The steady supply: its components, its dips by Bollen's phase voltages, its standard deviations."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from support.plant import dip_phases

from simulators.plant.faults import Dip
from simulators.plant.grid import GridSupply
from simulators.plant.params import BUSBAR
from simulators.plant.phasors import phasors

STILL = replace(BUSBAR, volts_sigma=0.0, frequency_sigma_hz=0.0, negative=0j, harmonics=())


def test_components_have_their_shares() -> None:
    supply = GridSupply(BUSBAR, Random(1))
    u = phasors(supply.components())
    for order, share, degrees in BUSBAR.harmonics:
        assert abs(u[0, order]) == pytest.approx(share * supply.volts_v)
        assert math.degrees(np.angle(u[0, order])) == pytest.approx(degrees)
    turn = np.exp(2j * math.pi / 3)
    negative = (u[0, 1] + turn.conjugate() * u[1, 1] + turn * u[2, 1]) / 3
    assert negative / supply.volts_v == pytest.approx(BUSBAR.negative)


@pytest.mark.parametrize("kind", ["A", "B", "C", "D"])
def test_dips_leave_the_phases_that_they_should(kind: str) -> None:
    """Magnitudes of the three phases without zero sequence; residual voltage 0.4, phase-angle jump 30°."""
    abc = dip_phases(kind, 0.4 * np.exp(1j * math.radians(-30)))
    supply = GridSupply(STILL, Random(1))
    whole = supply.volts_v
    supply.apply_dips([Dip(0.0, 1.0, 0.9), Dip(0.0, 1.0, 0.4, kind=kind, jump_degrees=-30.0)], 0.5)
    supply.step(1.0)
    seen = np.abs(phasors(supply.components())[:, 1]) / whole
    assert seen == pytest.approx([abs(value) for value in abc])
    lines = [abs(abc[k] - abc[k - 1]) / math.sqrt(3) for k in range(3)]
    assert supply.line_share == pytest.approx(max(lines)), "the voltage that supplies a bridge"
    supply.apply_dips([], 2.0)
    assert supply.line_share == pytest.approx(1.0)
    supply.step(1.0)
    assert np.abs(phasors(supply.components())[:, 1]) == pytest.approx(whole)


def test_an_interruption_leaves_nothing() -> None:
    supply = GridSupply(STILL, Random(1))
    supply.apply_dips([Dip(0.0, 1.0, 0.0)], 0.5)
    supply.step(0.0)
    assert np.abs(phasors(supply.components())).max() == 0


def test_voltage_and_frequency_keep_their_spread() -> None:
    """Standard deviations of the record over 200 time constants, within the scatter of such a sample."""
    supply = GridSupply(BUSBAR, Random(4))
    seen = np.empty((2, 12000))
    for k in range(seen.shape[1]):
        supply.step(1.0)
        seen[:, k] = supply.volts_v, supply.frequency_hz
    mean = BUSBAR.volts_v / math.sqrt(3)
    assert seen[0].std() / mean == pytest.approx(BUSBAR.volts_sigma, rel=0.2)
    assert seen[1].std() == pytest.approx(BUSBAR.frequency_sigma_hz, rel=0.2)
    assert seen.mean(axis=1) == pytest.approx([mean, 50.0], rel=2e-3)


def test_a_contact_takes_its_voltage_from_l2_alone() -> None:
    """The drop of a current in phase with L2: the line voltages are those of the phases."""
    supply = GridSupply(replace(STILL, negative=0.004 + 0.003j), Random(1))
    before = phasors(supply.components())[:, 1]
    drop_v = 7.0 * np.exp(-2j * math.pi / 3)
    behind = phasors(supply.after_contact(complex(drop_v)).components())[:, 1]
    wanted = before - np.array([0, drop_v, 0])
    for one, other in ((0, 1), (1, 2), (2, 0)):
        assert abs(behind[one] - behind[other]) == pytest.approx(abs(wanted[one] - wanted[other]), rel=1e-9)
    assert phasors(supply.components())[:, 1] == pytest.approx(before), "the supply itself is unchanged"


def test_a_lasting_unbalance_adds_to_that_of_the_record() -> None:
    supply = GridSupply(replace(STILL, negative=0.01 + 0j), Random(1))
    supply.unbalance = 0.02j
    u, turn = phasors(supply.components())[:, 1], np.exp(2j * math.pi / 3)
    negative = (u[0] + turn.conjugate() * u[1] + turn * u[2]) / 3
    assert negative / supply.volts_v == pytest.approx(0.01 + 0.02j)

"""Source of negative sequence in a winding: gains cancel, and its growth with the current tells a resistance."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest

from dsp.condition_magnet_winding import winding_source
from dsp.condition_phasors import follow

FS, HZ, R, L = 4000.0, 80.0, 0.3, 0.004
Z = complex(R, 2 * math.pi * HZ * L)
TIME = np.arange(int(4 * FS)) / FS
SHIFTS = np.array([0.0, 2 * math.pi / 3, -2 * math.pi / 3])[:, None]


def recording(extra_ohm=0.0, turns=0j, phase=0, u_gains=(1, 1, 1), i_gains=(1, 1, 1), drive=(1, 1, 1)):
    """Phase currents with 1 % of noise at 0.5 Hz; a resistance or a source of the flux in one phase.

    turns: phasor of that source relative to the current's mean amplitude.
    """
    angle = 2 * math.pi * HZ * TIME - SHIFTS
    size = 20 * (1 + 0.01 * np.sin(2 * math.pi * 0.5 * TIME))
    i = np.array(drive)[:, None] * size * np.cos(angle)
    i -= i.mean(axis=0)
    quarter = np.array(drive)[:, None] * size * np.cos(angle + math.pi / 2)
    quarter -= quarter.mean(axis=0)
    u = R * i + 2 * math.pi * HZ * L * quarter + 120 * np.cos(angle + 0.1)
    u[phase] += extra_ohm * i[phase] + (turns * 20 * np.exp(1j * angle[phase])).real
    u -= u.mean(axis=0)  # an artificial star point
    noise = np.random.default_rng(1)
    u, i = u * np.array(u_gains)[:, None], i * np.array(i_gains)[:, None]
    return u + noise.normal(0, 0.02, u.shape), i + noise.normal(0, 0.005, i.shape)


def source(**kw):
    u, i = recording(**kw)
    return winding_source(u, i, follow(u, FS), FS, Z)


def test_unequal_gains_and_an_unequal_drive_are_no_source():
    found = source(u_gains=(1.003, 0.998, 1.001), i_gains=(0.997, 1.002, 1.003), drive=(1.004, 0.997, 1.0))
    assert abs(found.source) < 3e-5  # noise; the gains alone make 0.2 %
    assert abs(found.measured) > 1e-3
    assert abs(found.source) < 2 * found.u


@pytest.mark.parametrize(("phase", "degrees"), [(0, 0.0), (1, 120.0), (2, -120.0)])
def test_resistance_lies_at_the_current_of_its_phase_and_grows_with_it(phase, degrees):
    found = source(extra_ohm=0.15, phase=phase, u_gains=(1.002, 0.999, 1.0))
    assert math.degrees(cmath.phase(found.source * found.to_current)) == pytest.approx(degrees, abs=1.0)
    u1 = abs(cmath.rect(120, 0.1) + 20 * (Z + 0.05))  # the third part of 0.15 Ω is in the positive sequence
    assert abs(found.source) == pytest.approx(0.05 * 20 / u1, rel=5e-3)
    assert abs(found.slope - 1) < found.slope_u < 0.3


def test_source_of_the_flux_does_not_grow_with_the_current():
    found = source(turns=cmath.rect(0.15, -1.8))
    assert abs(found.slope) < found.slope_u < 0.3
    assert math.degrees(cmath.phase(found.source * found.to_current)) == pytest.approx(math.degrees(-1.8), abs=1.0)


def test_growth_is_unknown_where_the_current_does_not_vary():
    angle = 2 * math.pi * HZ * TIME - SHIFTS
    i = 20 * np.cos(angle)
    u = 120 * np.cos(angle + 0.2)
    u[0] += 0.15 * i[0]
    noise = np.random.default_rng(1)
    u, i = u - u.mean(axis=0) + noise.normal(0, 0.05, u.shape), i + noise.normal(0, 0.01, i.shape)
    assert winding_source(u, i, follow(u, FS), FS, 0j).slope_u > 1

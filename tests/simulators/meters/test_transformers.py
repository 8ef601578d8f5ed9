"""Errors of simulated current transformers against the printed table of IEC 61869-2."""

from __future__ import annotations

import cmath
import math
from random import Random

import numpy as np
import pytest

from simulators.meters.meter import EXACT, SimulatedMeter
from simulators.meters.transformers import CurrentTransformers, draw_transformers
from simulators.plant.phasors import PhasorComponent, phasors

RATED_A = 150.0


def primary(percent: float) -> np.ndarray:
    return phasors([PhasorComponent(1, 1, complex(RATED_A * percent / 100))])


# class, % of rated current, ratio error in %, displacement in minutes: table 201, and the middle between two points
@pytest.mark.parametrize(
    ("name", "percent", "ratio_pct", "minutes"),
    [
        ("0.5", 5, 1.5, 90), ("0.5", 20, 0.75, 45), ("0.5", 60, 0.625, 37.5), ("0.5", 100, 0.5, 30),
        ("0.5", 120, 0.5, 30),
        ("0.5S", 1, 1.5, 90), ("0.5S", 5, 0.75, 45), ("0.5S", 20, 0.5, 30), ("0.5S", 100, 0.5, 30),
        ("0.2S", 1, 0.75, 30), ("0.2S", 5, 0.35, 15), ("0.2S", 20, 0.2, 10), ("0.2S", 100, 0.2, 10),
        ("1", 5, 3.0, 180), ("1", 20, 1.5, 90), ("1", 100, 1.0, 60),
    ],
)  # fmt: skip
def test_the_largest_errors_are_the_limits_of_the_table(
    name: str, percent: float, ratio_pct: float, minutes: float
) -> None:
    at_limit = CurrentTransformers(name, RATED_A, np.ones(3), np.ones(3))
    factors = (at_limit.secondary(primary(percent)) / np.where(primary(percent) == 0, 1, primary(percent)))[:, 1]
    for factor in factors.tolist():
        assert abs(factor) - 1 == pytest.approx(ratio_pct / 100)
        assert math.degrees(cmath.phase(factor)) * 60 == pytest.approx(minutes)


def test_draws_are_spread_over_the_limits_and_one_error_holds_at_all_currents() -> None:
    found = [draw_transformers(Random(seed), RATED_A) for seed in range(300)]
    for errors in (np.concatenate([item.ratio for item in found]), np.concatenate([item.phase for item in found])):
        assert np.abs(errors).max() < 1
        assert np.std(errors) == pytest.approx(1 / math.sqrt(3), abs=0.03)  # 900 draws: 4 standard errors
    equal = draw_transformers(Random(1), RATED_A, equal=True)
    assert np.ptp(equal.ratio) == np.ptp(equal.phase) == 0
    one, two = (found[0].secondary(primary(x))[:, 1] / (RATED_A * x / 100) for x in (20, 100))
    shares = [(np.abs(item) - 1) / limit for item, limit in ((one, 0.0075), (two, 0.005))]
    assert shares[0] == pytest.approx(shares[1], rel=1e-9)


def test_a_meter_behind_transformers_counts_their_error() -> None:
    """Ratio +0.5 % and no displacement at rated current."""
    transformers = CurrentTransformers("0.5", RATED_A, np.ones(3), np.zeros(3))
    meter = SimulatedMeter(EXACT, transformers=transformers)
    meter.step(phasors([PhasorComponent(1, 1, 230 + 0j)]), primary(100), 50.0, 3600.0)
    assert meter.values["energy_import"] == pytest.approx(1.005 * 3 * 230 * RATED_A / 1000)
    assert meter.values["current_l1"] == pytest.approx(1.005 * RATED_A)

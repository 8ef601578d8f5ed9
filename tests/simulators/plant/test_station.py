"""Two pumps through time: slow changes, exact energies, and the same result for the same seed."""

from __future__ import annotations

import math
from random import Random

import pytest

from simulators.plant.phasors import active_w
from simulators.plant.random_walk import RandomWalk
from simulators.scenarios.two_pumps import DOL, DRIVEN, TwoPumps


def test_energy_is_the_sum_of_power_times_time() -> None:
    station, sums = TwoPumps(Random(1)), {DOL: 0.0, DRIVEN: 0.0}
    for dt_s in (0.2, 0.2, 1.0, 60.0, 0.05):
        station.step(dt_s)
        for name, train in station.trains.items():
            sums[name] += train.input_w * dt_s / 3.6e6
    assert station.energy_kwh == pytest.approx(sums, rel=1e-12)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_train_balances_within_its_range(seed: int) -> None:
    station = TwoPumps(Random(seed))
    for _ in range(150):
        station.step(20.0)
        for train in station.trains.values():
            losses = sum(train.motor_losses)
            assert train.input_w == pytest.approx(train.shaft_w + losses + train.drive_losses_w, rel=1e-9)
            assert train.input_w == pytest.approx(float(active_w(train.u_v, train.i_a).sum()), rel=1e-9)
            assert 20_000 < train.input_w < 60_000 or train is station.trains[DRIVEN]
        assert 0.60 < station.trains[DRIVEN].speed_rpm / 1500 < 0.95
        assert 1475 < station.trains[DOL].speed_rpm < 1500
        assert 40 < (station.trains[DRIVEN].winding_degc or 0) < 110


def test_powers_vary_without_jumps() -> None:
    station, before = TwoPumps(Random(4)), {DOL: 0.0, DRIVEN: 0.0}
    moved = 0.0
    for k in range(600):
        station.step(0.2)
        for name, train in station.trains.items():
            if k:
                change = abs(train.input_w / before[name] - 1)
                moved = max(moved, change)
                assert change < 0.01 * 0.2  # 1 % per second
            before[name] = train.input_w
    assert moved > 1e-4


def test_same_seed_same_plant() -> None:
    one, two, other = TwoPumps(Random(7)), TwoPumps(Random(7)), TwoPumps(Random(8))
    for station in (one, two, other):
        for _ in range(20):
            station.step(0.2)
    assert one.energy_kwh == two.energy_kwh
    assert one.energy_kwh != other.energy_kwh


@pytest.mark.parametrize("dt_s", [0.2, 5.0, 60.0])
def test_random_variation_has_the_same_spread_at_any_step(dt_s: float) -> None:
    """Standard deviation over samples of 20000 time constants; 3 % covers the correlation."""
    wander = RandomWalk(Random(1), 2.0, 1.0)
    values = [wander.step(dt_s) for _ in range(60_000)]
    spread = (sum(value**2 for value in values) / len(values)) ** 0.5
    assert spread == pytest.approx(2.0, rel=0.03)


@pytest.mark.parametrize(("dt_s", "share"), [(0.05, math.sqrt(1 / 1.5)), (60.0, 1.0)])
def test_a_lag_smooths_where_steps_are_finer(dt_s: float, share: float) -> None:
    """3000 time constants, so 2.6 % of scatter in the first case."""
    wander = RandomWalk(Random(1), 2.0, 1.0, 0.5)
    values = [wander.step(dt_s) for _ in range(60_000)]
    spread = (sum(value**2 for value in values) / len(values)) ** 0.5
    assert spread == pytest.approx(2.0 * share, rel=0.05)

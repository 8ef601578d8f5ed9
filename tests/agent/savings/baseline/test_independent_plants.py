"""U95 in mills that it was not tuned on (tests/support/independent_plants.py). Long form: `python -m benchmarks.savings
300 worlds`."""

from __future__ import annotations

import numpy as np
import pytest
from support.independent_plant_cases import CLASSES, COVERED_CASES, WORLDS, both, intervals, learned, meter_errors
from support.independent_plants import live_in

from agent.savings.baseline.baseline import learn
from agent.savings.reasons import AUTOCORRELATED_RESIDUALS


@pytest.mark.parametrize("name", [name for name in WORLDS if not name.endswith(" days")])
def test_a_baseline_with_the_true_driver_is_learned_from_four_days_of_each_mill(name: str) -> None:
    world, rng = WORLDS[name], np.random.default_rng(4)
    before, _ = live_in(world.lasting(4, 1), rng)
    measured = intervals(world, before, *meter_errors(rng), new=False, first=0)
    assert world.driver in learn("mill", measured, drivers=world.insisted or None, classes=CLASSES).drivers


@pytest.mark.parametrize(("name", "seeds", "missed_most"), [("steady", 6, 1), ("memory of a day, 7 + 7 days", 20, 3)])
def test_intermittent_loads_are_covered_by_u95(name: str, seeds: int, missed_most: int) -> None:
    """Baseline of one week, time constant of one day: U95 from the first two lags alone missed 7 of these 20."""
    outcomes = [both(name, seed)[0] for seed in range(seeds)]
    assert sum(not item.covered for item in outcomes) <= missed_most
    assert np.mean([item.saving.u95_wh / item.true_wh for item in outcomes]) < 0.25


def test_autocorrelation_over_days_is_reported_and_over_an_hour_is_not() -> None:
    slow, quick = both("memory of a day, 60 + 7 days", 0)[0], both("steady, 7 + 7 days", 0)[0]
    slow_codes, quick_codes = ([caveat.code for caveat in item.saving.caveats] for item in (slow, quick))
    assert slow_codes.count(AUTOCORRELATED_RESIDUALS) == 1
    assert AUTOCORRELATED_RESIDUALS not in quick_codes


def test_u_is_never_a_thousand_times_the_saving() -> None:
    """Residuals autocorrelated over days support few coefficients: with n' − p near 0, U95 was 655 times the saving."""
    found = [learned("memory of three days, 7 + 7 days", seed)[0] for seed in range(20)]
    assert all(item.n_effective - len(item.coefficients) >= 3 for item in found)


@pytest.mark.soak
@pytest.mark.parametrize("name", COVERED_CASES)
def test_u95_covers_where_it_is_required(name: str) -> None:
    """300 seeds each. "Limits" of docs/explanation/savings.md lists the mills without this requirement."""
    outcomes = [both(name, seed) for seed in range(300)]
    for half in zip(*outcomes, strict=True):
        assert sum(item.covered for item in half) >= 0.93 * len(half)

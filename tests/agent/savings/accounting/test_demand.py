"""The demand of measured energy and of a model: complete windows only, and the scatter of one month on both sides.

The truth is drawn: months of intervals that deviate from the model, normal, with the correlation of an AR(1).
"""

from __future__ import annotations

import numpy as np
import pytest

from agent.config.tariff import DemandCharge
from agent.savings.accounting.demand import BilledInterval, Scatter, demand_of

INTERVALS, MONTHS = 2880, 400
PROFILES = {
    "flat": np.full(INTERVALS, 25_000.0),
    "daily": 25_000.0 - 8000 * np.cos(2 * np.pi * np.arange(INTERVALS) / 96),
    "one peak": np.where(np.arange(INTERVALS) == 1000, 40_000.0, 20_000.0),
}
SIGMA_WH = 1000.0


def rows_of(wh: np.ndarray, length_s: int = 900) -> list[BilledInterval]:
    return [BilledInterval(1000 * length_s * k, float(each), None, length_s) for k, each in enumerate(wh)]


def months(rng: np.random.Generator, rho: float) -> np.ndarray:
    noise = rng.standard_normal((MONTHS, INTERVALS))
    for k in range(1, INTERVALS):
        noise[:, k] = rho * noise[:, k - 1] + np.sqrt(1 - rho * rho) * noise[:, k]
    return noise * SIGMA_WH


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("rho", "window_s"), [(0.0, 900), (0.7, 900), (0.9, 900), (0.7, 1800)])
def test_the_demand_of_a_model_is_that_of_months_that_deviate_from_it(profile: str, rho: float, window_s: int) -> None:
    """Mean within half a standard deviation of an interval, inside U95 in at least 93 % of the months; the model alone
    is three standard deviations too low on a flat load."""
    model = PROFILES[profile]
    found = demand_of(DemandCharge(1.0, window_s=window_s), rows_of(model), Scatter(SIGMA_WH, 900, rho))
    assert found is not None
    size = window_s // 900
    drawn = model + months(np.random.default_rng(17), rho)
    truth_kw = drawn.reshape(MONTHS, -1, size).sum(axis=2).max(axis=1) * 3.6 / window_s
    sigma_kw = SIGMA_WH * 3.6 / 900
    assert found.kw == pytest.approx(truth_kw.mean(), abs=0.5 * sigma_kw)
    assert np.mean(np.abs(truth_kw - found.kw) < found.u95_kw) >= 0.93
    alone = demand_of(DemandCharge(1.0, window_s=window_s), rows_of(model))
    assert alone is not None
    assert alone.u95_kw == 0
    if profile == "flat":
        assert truth_kw.mean() - alone.kw > 2.5 * sigma_kw


def test_an_incomplete_window_does_not_count() -> None:
    """10, 10 and 30 kWh: the half hour of the last lacks an interval."""
    rows = rows_of(np.array([10_000.0, 10_000.0, 30_000.0]))
    found = demand_of(DemandCharge(1.0, window_s=1800), rows)
    assert found is not None
    assert (found.kw, found.start_ms, found.end_ms) == (40, 0, 1_800_000)
    assert demand_of(DemandCharge(1.0, window_s=1800), rows[2:]) is None


def test_an_interval_longer_than_the_window_is_its_own_window() -> None:
    """60 kWh in an hour are 60 kW, not 240 kW in a quarter of an hour."""
    found = demand_of(DemandCharge(1.0), rows_of(np.array([60_000.0, 50_000.0]), 3600))
    assert found is not None
    assert found.kw == 60


def test_a_model_learnt_from_hours_scatters_as_hours() -> None:
    """Quarter hours of one hour share its deviation: the largest of 720 hours, not of 2880 quarter hours."""
    quarters = demand_of(DemandCharge(1.0), rows_of(PROFILES["flat"]), Scatter(4 * SIGMA_WH, 3600, 0.0))
    hours = demand_of(DemandCharge(1.0), rows_of(np.full(720, 100_000.0), 3600), Scatter(4 * SIGMA_WH, 3600, 0.0))
    assert quarters is not None
    assert hours is not None
    assert quarters.kw == pytest.approx(hours.kw)
    assert quarters.u95_kw == pytest.approx(hours.u95_kw)

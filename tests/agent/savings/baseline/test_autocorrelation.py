"""Autocorrelation of residuals, compared with closed forms of generated processes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.independent_plants import Array, decaying

from agent.savings.baseline.autocorrelation import autocorrelation_of, slow_component
from agent.savings.baseline.coverage_factors import student_t
from agent.savings.baseline.regression import design, least_squares


def made(seed: int, n: int, hours: float, share: float) -> Array:
    """n quarter hours of an AR(1) process plus white noise.

    hours: time constant of the process.
    share: its share of the variance.
    """
    rng = np.random.default_rng(seed)
    found: Array = math.sqrt(share) * decaying(rng, n, hours) + math.sqrt(1 - share) * rng.normal(0, 1, n)
    return found


def closed_form(hours: float, share: float) -> float:
    phi = math.exp(-0.25 / hours)
    return 1 + 2 * share * phi / (1 - phi)


@pytest.mark.parametrize(("hours", "share"), [(0.5, 1.0), (1, 1.0), (4, 0.5)])
def test_a_short_memory_is_estimated_without_inflation(hours: float, share: float) -> None:
    """Two weeks have 80 and more of these times: the uncertainty of long memory must not widen U95 here by more than a
    tenth, the root of 1.2.
    """
    found = [autocorrelation_of(made(seed, 1344, hours, share))[1] for seed in range(60)]
    assert 0.9 < np.median(found) / closed_form(hours, share) < 1.2


@pytest.mark.parametrize(
    ("days", "hours", "share"), [(14, 1, 1.0), (14, 24, 0.5), (14, 50, 0.5), (60, 24, 0.5), (60, 72, 0.5)]
)
def test_u95_of_a_difference_of_two_periods_covers(days: int, hours: float, share: float) -> None:
    """The true difference is zero. u² = variance of the mean of the baseline + s²·τ/n of the reporting period.

    Single estimates of a memory of days scatter by a factor; what counts is that U95 contains the truth in 93 to 98 of
    100 cases.
    """
    n, covered = 96 * days, []
    for seed in range(200):
        both = made(seed, 2 * n, hours, share)
        fit = least_squares(np.ones((n, 1)), both[:n])
        u = math.sqrt(fit.covariance[0, 0] + fit.residual**2 * fit.tau / n)
        covered.append(abs(both[n:].mean() - fit.coefficients[0]) <= student_t(fit.n_effective - 1) * u)
    assert 0.93 <= np.mean(covered) <= 0.985


def test_share_and_time_constant_are_estimated_from_much_data() -> None:
    found = [slow_component(made(seed, 96 * 365, 12.0, 0.3)) for seed in range(5)]
    assert np.mean([slow.share for slow in found]) == pytest.approx(0.3, abs=0.03)
    assert np.median([slow.time for slow in found]) == pytest.approx(48, rel=0.15)


def test_white_residuals_are_all_independent() -> None:
    found = [autocorrelation_of(np.random.default_rng(seed).normal(0, 1, 1344))[1] for seed in range(60)]
    assert np.median(found) == pytest.approx(1, abs=0.05)
    assert max(found) < 1.6


def test_unit_mean_and_direction_of_time_do_not_matter() -> None:
    left = made(3, 1344, 24, 0.5)
    for other in (1000 * left, left + 5, -left, left[::-1]):
        assert autocorrelation_of(other)[1] == pytest.approx(autocorrelation_of(left)[1], rel=1e-6)


def test_few_residuals_have_the_number_of_the_guideline() -> None:
    left = made(1, 150, 1, 1.0)
    rho, tau = autocorrelation_of(left)
    assert rho == pytest.approx(np.corrcoef(left[1:], left[:-1])[0, 1])
    assert tau == pytest.approx((1 + rho) / (1 - rho))


def test_at_least_eight_independent_samples_are_assumed() -> None:
    assert autocorrelation_of(np.cumsum(np.random.default_rng(0).normal(0, 1, 1344)))[1] == 1344 / 8


def test_no_residuals_have_no_autocorrelation() -> None:
    assert autocorrelation_of(np.zeros(500)) == (0.0, 1.0)
    assert autocorrelation_of(np.array([1.0, -1.0, 1.0])) == (0.0, 1.0)


def test_a_model_with_too_many_coefficients_for_the_data_is_rejected() -> None:
    """Eight independent samples support five coefficients; with eight, U95 would be a thousand times the saving."""
    left = np.cumsum(np.random.default_rng(0).normal(0, 1, 1344))
    x = np.random.default_rng(1).uniform(0, 1, 1344)
    assert least_squares(design("polynomial", {"degree": 3}, x[:, None]), left).n_effective == 8
    with pytest.raises(ValueError, match="too few independent samples"):
        least_squares(x[:, None] ** np.arange(6), left)


@pytest.mark.parametrize("odd", [0, -1])
def test_an_outlier_at_an_end_is_not_autocorrelation(odd: int) -> None:
    """The other residuals are constant: their correlation would be 0/0, and U95 NaN."""
    left = np.zeros(60)
    left[odd] = 1.0
    assert autocorrelation_of(left) == (0.0, 1.0)


def test_five_samples_count_as_five() -> None:
    assert autocorrelation_of(np.array([1.0, 2.0, -1.0, 4.0, 3.0]))[1] == 1.0

"""Half-widths with 95 % coverage, compared with tables, closed forms and random samples."""

from __future__ import annotations

import math
import random

import pytest

from agent.savings.baseline.coverage_factors import half_width, spread_of_sum, student_t


@pytest.mark.parametrize(("freedom", "t"), [(1, 12.7062047), (2, 4.3026527), (10, 2.2281389), (30, 2.0422725)])
def test_student_quantiles_agree_with_the_tables(freedom: float, t: float) -> None:
    assert student_t(freedom) == pytest.approx(t, rel=1e-7)


def test_two_degrees_of_freedom_have_a_closed_form() -> None:
    p = 0.9
    assert student_t(2, p) == pytest.approx((2 * p - 1) / math.sqrt(2 * p * (1 - p)), rel=1e-9)


@pytest.mark.parametrize(
    ("freedom", "t"), [(0.3, 6582.0356994), (0.6, 67.844395330), (1.5, 6.0166631044), (1e5, 1.9599877075)]
)
def test_any_freedom_has_its_quantile(freedom: float, t: float) -> None:
    """Expected values: scipy 1.17, stats.t.ppf(0.975, freedom)."""
    assert student_t(freedom) == pytest.approx(t, rel=1e-9)


def test_zero_degrees_of_freedom_are_rejected() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        student_t(0)


@pytest.mark.parametrize("rho", [0.0, 0.6, 0.95])
@pytest.mark.parametrize("n", [1, 2, 5, 50, 5000])
def test_the_spread_of_a_sum_is_never_below_that_of_an_autoregressive_series(n: int, rho: float) -> None:
    """Exact for one value and for long sums: Var Σx = n + 2·Σ(n−k)·ρᵏ."""
    exact = math.sqrt(n + 2 * sum((n - lag) * rho**lag for lag in range(1, n)))
    found = spread_of_sum(n, (1 + rho) / (1 - rho))
    assert found >= exact * (1 - 1e-12)
    if n in (1, 5000):
        assert found == pytest.approx(exact, rel=0.01)


def test_the_limits_are_the_normal_and_the_uniform_distribution() -> None:
    assert half_width(2.0, 0.0) == pytest.approx(2 * 1.959964)
    assert half_width(0.0, 2.0) == pytest.approx(1.9)
    assert half_width(0.0, 0.0) == 0


@pytest.mark.parametrize("limit", [0.3, 1.0, 3.0, 10.0])
def test_the_interval_contains_95_of_100(limit: float) -> None:
    rng = random.Random(4)
    width, n = half_width(1.0, limit), 200_000
    inside = sum(abs(rng.gauss(0, 1) + rng.uniform(-limit, limit)) <= width for _ in range(n))
    assert inside / n == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / n))


@pytest.mark.parametrize(
    ("probability", "normal", "t5"),
    [(0.80, 1.2815516, 1.4758840), (0.90, 1.6448536, 2.0150484), (0.95, 1.9599640, 2.5705818)],
)
def test_each_probability_has_its_quantile(probability: float, normal: float, t5: float) -> None:
    """Tables of the normal distribution and of Student's t with 5 degrees of freedom; a rectangular one is linear."""
    assert half_width(3.0, 0.0, probability=probability) == pytest.approx(3 * normal, rel=1e-6)
    assert half_width(3.0, 0.0, freedom=5, probability=probability) == pytest.approx(3 * t5, rel=1e-6)
    assert half_width(0.0, 3.0, probability=probability) == pytest.approx(3 * probability, rel=1e-9)


def test_two_equal_parts_have_a_closed_form_where_the_normal_one_is_narrow() -> None:
    """A normal part that is small against the limit leaves the rectangular quantile: the correction is of second
    order, because both ends of the interval are inside the rectangle.
    """
    assert half_width(0.01, 1.0, probability=0.8) == pytest.approx(0.8, rel=1e-6)


@pytest.mark.parametrize("probability", [0.80, 0.90])
def test_the_interval_contains_its_probability(probability: float) -> None:
    rng = random.Random(5)
    width, n = half_width(1.0, 2.0, probability=probability), 200_000
    inside = sum(abs(rng.gauss(0, 1) + rng.uniform(-2, 2)) <= width for _ in range(n))
    assert inside / n == pytest.approx(probability, abs=4 * math.sqrt(probability * (1 - probability) / n))


@pytest.mark.parametrize("probability", [0.0, 1.0, 95.0])
def test_a_probability_is_between_zero_and_one(probability: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        half_width(1.0, 1.0, probability=probability)

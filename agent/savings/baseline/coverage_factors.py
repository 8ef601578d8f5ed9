"""Half-widths that contain a share of a distribution: Student's t, and the sum of a normal and a rectangular error."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

P95 = 0.975
FAR = 1e15  # the quantile of a tenth of a degree of freedom, the lowest that is needed


@lru_cache(maxsize=256)
def student_t(freedom: float, p: float = P95) -> float:
    """Quantile p > 0.5 of Student's t; freedom can be fractional. Raises ValueError unless freedom is positive."""
    if freedom <= 0:
        raise ValueError(f"degrees of freedom: must be positive, got {freedom:g}")
    freedom = min(freedom, 1e6)

    def below(t: float) -> bool:
        return 1 - 0.5 * _beta_share(freedom / 2, 0.5, freedom / (freedom + t * t)) < p

    high = 1e3
    while below(high) and high < FAR:  # half a degree of freedom and less
        high *= 10
    return _bisected(below, high, 1e-13)


def spread_of_sum(n: float, tau: float) -> float:
    """Standard deviation of the sum of n values, divided by that of one: √(n·τ), and at most n, as of equal values.

    tau: 1 + twice the sum of the autocorrelations. n below 1: a part of one value, as if it were independent.
    """
    return math.sqrt(n * min(tau, max(n, 1.0)))


def half_width(u_normal: float, limit: float, *, freedom: float = math.inf, probability: float = 0.95) -> float:
    """Half-width that contains the sum of a normal error (standard uncertainty u_normal) and an independent rectangular
    one over ±limit with this probability (two-sided; 0.95: U95).

    freedom: degrees of freedom of the normal part, which Student's t widens. Without a normal part: the probability
    times the limit. Not the root sum of squares of both expanded uncertainties (GUM 4.3.7): a rectangular distribution
    has no tails (JCGM 101, 6.4.2). Raises ValueError unless freedom is positive and the probability between 0 and 1.
    """
    if not 0 < probability < 1:
        raise ValueError(f"probability: must be between 0 and 1, got {probability:g}")
    quantile = (1 + probability) / 2
    normal = _normal_quantile(quantile)
    t = student_t(freedom, quantile) if math.isfinite(freedom) else normal
    sigma, limit = u_normal * t / normal, abs(limit)
    if limit < 1e-9 * sigma or limit == 0:
        return normal * sigma
    if sigma < 1e-9 * limit:
        return probability * limit

    def below(width: float) -> bool:
        """P(|normal + even| ≤ width) = [G(w+a) − G(w−a)]/a − 1 with G the integral of the normal distribution."""
        a, b = (width + limit) / sigma, (width - limit) / sigma
        return sigma * (_normal_integral(a) - _normal_integral(b)) / limit - 1 < probability

    return _bisected(below, limit + (normal + 1) * sigma, 1e-9)


def _bisected(below: Callable[[float], bool], high: float, resolution: float) -> float:
    """The limit between 0 and `high` up to which `below` holds, with a relative resolution."""
    low = 0.0
    while high - low > resolution * high:
        mid = (low + high) / 2
        low, high = (mid, high) if below(mid) else (low, mid)
    return (low + high) / 2


@lru_cache(maxsize=16)
def _normal_quantile(p: float) -> float:
    """Quantile p > 0.5 of the standard normal distribution."""
    return _bisected(lambda x: 0.5 * math.erfc(-x / math.sqrt(2)) < p, 40.0, 1e-13)


def _normal_integral(x: float) -> float:
    """∫ Φ to x: x·Φ(x) + φ(x)."""
    return x * 0.5 * math.erfc(-x / math.sqrt(2)) + math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _beta_share(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function, by its continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return min(max(x, 0.0), 1.0)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x > (a + 1) / (a + b + 2):
        return 1 - front * _fraction(b, a, 1 - x) / b
    return front * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1 / max(1 - (a + b) * x / (a + 1), tiny)
    found = d
    for m in range(1, 500):
        for upper in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + upper * d
            d = 1 / (d if abs(d) > tiny else tiny)
            c = 1 + upper / (c if abs(c) > tiny else tiny)
            found *= c * d
        if abs(c * d - 1) < 1e-15:
            return found
    return found

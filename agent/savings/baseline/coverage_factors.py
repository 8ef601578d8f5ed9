"""Half-widths that contain 95 % of a distribution: Student's t, and the sum of a normal and a rectangular error."""

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


def half_width(u_normal: float, limit: float, t: float = 1.959964) -> float:
    """U95 of a normal error (standard uncertainty u_normal) plus an independent rectangular one over ±limit.

    t widens the normal part for few degrees of freedom. Without a normal part: 0.95 of the limit. Not the root sum of
    squares of both expanded uncertainties (GUM 4.3.7): a rectangular distribution has no tails (JCGM 101, 6.4.2).
    """
    sigma, limit = u_normal * t / 1.959964, abs(limit)
    if limit < 1e-9 * sigma or limit == 0:
        return 1.959964 * sigma
    if sigma < 1e-9 * limit:
        return 0.95 * limit

    def below(width: float) -> bool:
        """P(|normal + even| ≤ width) = [G(w+a) − G(w−a)]/a − 1 with G the integral of the normal distribution."""
        a, b = (width + limit) / sigma, (width - limit) / sigma
        return sigma * (_normal_integral(a) - _normal_integral(b)) / limit - 1 < 0.95

    return _bisected(below, 0.95 * limit + 3 * sigma, 1e-9)


def _bisected(below: Callable[[float], bool], high: float, resolution: float) -> float:
    """The limit between 0 and `high` up to which `below` holds, with a relative resolution."""
    low = 0.0
    while high - low > resolution * high:
        mid = (low + high) / 2
        low, high = (mid, high) if below(mid) else (low, mid)
    return (low + high) / 2


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
